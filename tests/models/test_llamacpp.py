"""llama.cpp in this process, with a real model: loading it, what it writes, its limits, its end."""

import asyncio
import math
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from agentkit.errors import ConfigurationError, ContextOverflow, GrammarError, ModelError
from agentkit.models.gguf_header import trained_context
from agentkit.models.grammar import admits
from agentkit.models.llamacpp import LlamaCpp
from agentkit.models.loops import SPAN
from agentkit.models.model import Completion, Grammar, Sampling

from .conversation import ask, choose, say

pytestmark = pytest.mark.model


# Loading


NESTED = struct.pack("<4sIQQQI", b"GGUF", 3, 0, 1, 0, 9) + struct.pack("<IQ", 9, 1) * 5000
"""A header of one key, whose value is a list in a list in a list …"""


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is not a GGUF file"),
        (b"hello world", "is not a GGUF file: it begins with b'hell'"),
        (b"GGUF", "header is cut off or damaged"),
        (b"GGUF" + bytes(range(256)) * 40, "header is cut off or damaged"),
        (NESTED, "header is cut off or damaged"),
        (b"GGUF\3\0\0\0" + bytes(16), "can't be loaded"),  # a whole header, of nothing
    ],
)
def test_what_is_no_model_is_refused_on_one_line(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "broken.gguf"
    path.write_bytes(content)
    with pytest.raises(ModelError) as raised:
        asyncio.run(LlamaCpp.load(path))
    assert said in str(raised.value)
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_truncated_model_is_refused(tmp_path: Path, model_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "half.gguf"
    with model_path.open("rb") as file:
        path.write_bytes(file.read(20_000_000))
    with pytest.raises(ModelError, match="cut off or damaged"):
        asyncio.run(LlamaCpp.load(path))
    assert capfd.readouterr().err == ""


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="No such file"):
        asyncio.run(LlamaCpp.load(tmp_path / "none.gguf"))
    with pytest.raises(ModelError, match="Is a directory"):
        asyncio.run(LlamaCpp.load(tmp_path))


def test_the_context_is_no_larger_than_the_model_was_trained_for(model_path: Path) -> None:
    async def context(asked: int) -> int | None:
        async with await LlamaCpp.load(model_path, context=asked, parallel=1) as model:
            return model.context

    assert asyncio.run(context(1000)) == 1024  # llama.cpp rounds up to whole blocks of 256
    assert asyncio.run(context(10**12)) == trained_context(model_path)


@pytest.mark.parametrize("option", ["context", "parallel", "threads"])
def test_an_option_of_zero_is_refused(model_path: Path, option: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{option} is 0 but must be at least 1"):
        asyncio.run(LlamaCpp.load(model_path, **{option: 0}))  # pyright: ignore[reportArgumentType]  # options vary


# Isolation from the rest of the machine


def test_nobody_gets_an_answer_without_the_key(model: LlamaCpp) -> None:
    server = model._server  # pyright: ignore[reportPrivateUsage]  # there is no public way in: that is the point
    transport = httpx.HTTPTransport(uds=str(server.socket)) if server.socket else None
    with httpx.Client(transport=transport, base_url=server.url) as stranger:
        for method, path in [("POST", "/tokenize"), ("POST", "/completion"), ("GET", "/props"), ("GET", "/slots")]:
            assert stranger.request(method, path, json={"content": "x", "prompt": "x"}).status_code == 401
    if server.socket:
        assert server.socket.parent.stat().st_mode & 0o077 == 0


def test_without_unix_sockets_it_listens_on_loopback_with_a_key(
    model_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("long" * 30)
    deep.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(deep))

    async def run() -> tuple[str, int, str]:
        async with await LlamaCpp.load(model_path, context=512, parallel=1) as model:
            url = model._server.url  # pyright: ignore[reportPrivateUsage]
            async with httpx.AsyncClient() as stranger:
                status = (await stranger.post(f"{url}/tokenize", json={"content": "x"})).status_code
            completion = await model.session().generate(say("", "Hello"), grammar=choose("yes"))
            return url, status, completion.text

    url, status, text = asyncio.run(run())
    assert url.startswith("http://127.0.0.1:")
    assert (status, text) == (401, '{"choice":"yes"}')
    assert list(deep.iterdir()) == []


# What the model writes


def test_a_grammar_binds_against_the_models_will(model: LlamaCpp) -> None:
    messages = say("You repeat words exactly.", 'Reply with {"choice":"apple"} and nothing else.')
    completion = ask(model, messages, grammar=choose("zebra"))
    assert completion.text == '{"choice":"zebra"}'


def test_a_generation_ends_where_its_grammar_does(model: LlamaCpp) -> None:
    completion = ask(model, say("", "Choose."), grammar=choose("a", "b"), sampling=Sampling(max_tokens=200))
    assert completion.finish == "stop"
    assert completion.usage.generated < 20


def test_a_complete_value_is_not_cut_off_though_its_last_token_was_the_last_allowed(model: LlamaCpp) -> None:
    full = ask(model, say("", "Choose."), grammar=choose("a"))
    exact = ask(model, say("", "Choose."), grammar=choose("a"), sampling=Sampling(max_tokens=full.usage.generated - 1))
    assert (exact.text, exact.finish) == (full.text, "stop")


def test_a_model_that_goes_round_in_circles_is_cut_off(model: LlamaCpp) -> None:
    messages = say("", "Write the word no again and again: no no no no no no no no no no no no no no no no no no no no")
    grammar = Grammar(json_schema={"type": "string", "pattern": "^(no )*$"})
    completion = ask(model, messages, grammar=grammar, sampling=Sampling(max_tokens=1000))
    assert completion.finish == "length"
    assert SPAN <= completion.usage.generated < SPAN + 20
    again = ask(model, messages, grammar=choose("yes"))
    assert again.text == '{"choice":"yes"}'


def test_what_is_cut_off_says_so(model: LlamaCpp) -> None:
    for grammar in (None, choose("a long choice that takes many tokens to write down in full")):
        completion = ask(model, say("", "Tell me a story."), grammar=grammar, sampling=Sampling(max_tokens=4))
        assert completion.finish == "length"
        assert completion.usage.generated == 4


@pytest.mark.parametrize(
    "schema",
    [
        {"enum": ["ᚠᛇᚻ 🦄🧬"]},
        {"type": "array", "items": {"type": "integer", "minimum": 3, "maximum": 40}, "minItems": 2, "maxItems": 3},
        {"type": "string", "pattern": "^[A-Z]{2}-[0-9]{3}$"},
        {"anyOf": [{"type": "boolean"}, {"type": "null"}]},
        {
            "$defs": {"P": {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}},
            "type": "object",
            "properties": {"at": {"$ref": "#/$defs/P"}, "kind": {"const": "point"}},
            "required": ["at", "kind"],
            "additionalProperties": False,
        },
    ],
)
def test_what_is_written_under_a_schema_is_of_the_schema(model: LlamaCpp, schema: dict[str, Any]) -> None:
    grammar = Grammar(json_schema=schema)
    for seed in range(3):
        sampling = Sampling(max_tokens=80, temperature=1.5, seed=seed)
        completion = ask(model, say("", "Write something."), grammar=grammar, sampling=sampling)
        assert completion.finish == "length" or admits(grammar, completion.text)


def test_a_grammar_that_does_not_compile_never_reaches_the_model(model: LlamaCpp) -> None:
    with pytest.raises(GrammarError, match="Invalid type: nope"):
        ask(model, say("", "Hi"), grammar=Grammar(json_schema={"type": "nope"}))


def test_the_same_seed_gives_the_same_text_and_another_seed_another(model: LlamaCpp) -> None:
    texts = [
        ask(model, say("", "Tell me a story."), sampling=Sampling(max_tokens=24, temperature=1.0, seed=seed)).text
        for seed in (7, 7, 8)
    ]
    assert texts[0] == texts[1] != texts[2]


def test_log_probabilities_are_natural_and_the_models_own(model: LlamaCpp) -> None:
    messages = say("", "Say yes.")
    free = ask(model, messages, sampling=Sampling(max_tokens=5, logprobs=3))
    assert "".join(token.token for token in free.logprobs) == free.text
    for token in free.logprobs:
        assert len(token.alternatives) == 3
        assert token.logprob == pytest.approx(max(p for _, p in token.alternatives))  # greedy takes the likeliest
        assert sum(math.exp(p) for _, p in token.alternatives) <= 1.0001
    # A forced token keeps the probability that the model would have given it by itself.
    forced = ask(model, messages, grammar=choose("zebra"), sampling=Sampling(logprobs=1))
    assert min(token.logprob for token in forced.logprobs) < -1


def test_without_asking_there_are_no_log_probabilities(model: LlamaCpp) -> None:
    assert ask(model, say("", "Hi"), sampling=Sampling(max_tokens=3)).logprobs == ()


# Limits


def test_what_does_not_fit_the_context_is_refused_before_it_is_computed(model: LlamaCpp) -> None:
    with pytest.raises(ContextOverflow) as raised:
        ask(model, say("", "word " * 5000))
    assert raised.value.context == model.context
    assert raised.value.needed > 5000
    with pytest.raises(ContextOverflow):
        ask(model, say("", "Hi"), sampling=Sampling(max_tokens=4096))


def test_cancelling_stops_the_generation_and_frees_the_slot(model: LlamaCpp) -> None:
    async def run() -> tuple[float, Completion]:
        session = model.session()
        messages = say("", "Count from one to a thousand.")
        endless = Grammar(json_schema={"type": "array", "items": {"type": "integer"}, "minItems": 2000})
        task = asyncio.create_task(
            session.generate(messages, grammar=endless, sampling=Sampling(max_tokens=3000, temperature=1.5))
        )
        await asyncio.sleep(0.5)
        start = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return time.monotonic() - start, await session.generate(messages, grammar=choose("fine"))

    seconds, completion = asyncio.run(run())
    assert seconds < 5  # a token's time; the whole would take a minute
    assert completion.text == '{"choice":"fine"}'


def test_a_long_prompt_can_be_cancelled_while_it_is_being_read(model: LlamaCpp) -> None:
    server = model._server  # pyright: ignore[reportPrivateUsage]
    prompt = server.tokenize("many different words " * 1200, control=False)
    stop = threading.Event()
    threading.Timer(0.1, stop.set).start()
    result = server.complete({"prompt": list(prompt), "n_predict": 1, "cache_prompt": False}, stop)
    assert result.finish is None
    assert result.read < len(prompt)


def test_what_still_waits_for_a_slot_can_be_cancelled_at_once(model: LlamaCpp) -> None:
    async def run() -> bool:
        story = Grammar(json_schema={"type": "array", "items": {"type": "integer"}, "minItems": 2000})
        sampling = Sampling(max_tokens=2000, temperature=1.5)
        busy = [
            asyncio.create_task(model.session().generate(say("", "Count."), grammar=story, sampling=sampling))
            for _ in range(2)
        ]
        await asyncio.sleep(0.2)
        waiting = asyncio.create_task(model.session().generate(say("", "Hi")))
        await asyncio.sleep(0.1)
        waiting.cancel()
        await asyncio.wait([waiting])
        alone = waiting.cancelled() and not any(task.done() for task in busy)
        for task in busy:
            task.cancel()
        await asyncio.wait(busy)
        return alone

    assert asyncio.run(run())


# Shutting down


def test_closing_stops_what_runs_and_leaves_nothing_behind(model_path: Path) -> None:
    async def run() -> tuple[LlamaCpp, BaseException | None]:
        model = await LlamaCpp.load(model_path, context=2048, parallel=1)
        task = asyncio.create_task(
            model.session().generate(
                say("", "Count."),
                grammar=Grammar(json_schema={"type": "array", "items": {"type": "integer"}, "minItems": 900}),
                sampling=Sampling(max_tokens=1800, temperature=1.5),
            )
        )
        await asyncio.sleep(0.3)
        await model.aclose()
        await model.aclose()
        await asyncio.wait([task])
        with pytest.raises(ModelError, match="closed"):
            await model.session().generate(say("", "Hi"))
        return model, task.exception()

    before = {thread.name for thread in threading.enumerate()}
    model, error = asyncio.run(run())
    assert isinstance(error, ModelError)
    assert "closed" in str(error)
    assert {thread.name for thread in threading.enumerate()} <= before
    assert not model._server.folder.exists()  # pyright: ignore[reportPrivateUsage]


@pytest.mark.parametrize("ending", ["pass", "raise SystemExit(3)", "raise KeyboardInterrupt", "del model"])
def test_a_process_that_forgets_to_close_ends_cleanly(model_path: Path, ending: str) -> None:
    program = f"""
import asyncio
from agentkit.models.llamacpp import LlamaCpp
from agentkit.models.model import Message, Sampling
model = asyncio.run(LlamaCpp.load({str(model_path)!r}, context=512, parallel=1))
async def main():
    task = asyncio.create_task(model.session().generate(
        [Message(role="user", content="A story.")], sampling=Sampling(max_tokens=400)))
    await asyncio.sleep(0.2)
asyncio.run(main())
{ending}
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    expected = {"raise SystemExit(3)": 3, "raise KeyboardInterrupt": -2}.get(ending, 0)
    assert done.returncode == expected, done.stderr
    assert done.stdout == ""
    assert done.stderr == "" or "KeyboardInterrupt" in done.stderr.splitlines()[-1]


def test_a_fresh_process_writes_the_same(model_path: Path) -> None:
    program = f"""
import asyncio
from agentkit.models.llamacpp import LlamaCpp
from agentkit.models.model import Message, Sampling
async def main():
    async with await LlamaCpp.load({str(model_path)!r}, context=1024, parallel=1) as model:
        messages = [Message(role="user", content="Tell me about rivers.")]
        async with model.session() as session:
            for _ in range(3):
                sampling = Sampling(max_tokens=16, temperature=0.9, seed=11)
                text = (await session.generate(messages, sampling=sampling)).text
                print(ascii(text))
                messages += [Message(role="assistant", content=text), Message(role="user", content="Go on.")]
asyncio.run(main())
"""
    outputs = [
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True).stdout
        for _ in range(2)
    ]
    assert outputs[0].count("\n") == 3
    assert outputs[0] == outputs[1]
