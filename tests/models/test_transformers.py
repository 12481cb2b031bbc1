"""The torch engine on a tiny model: what it writes, what it computes and keeps, its limits, its end."""

import asyncio
import threading
import time
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from agentkit.agent import Agent
from agentkit.errors import ContextOverflow, GrammarError, ModelError
from agentkit.limits import Limits
from agentkit.models.choosing import choose as choose_token
from agentkit.models.grammar import admits
from agentkit.models.loops import SPAN
from agentkit.models.model import Completion, Grammar, Message, Sampling
from agentkit.models.network import CHUNK, Network, Stopped, Wanted
from agentkit.models.scheduler import Steps
from agentkit.models.transformers import Transformers

from .conversation import choose, converse, say

RULES = Message(role="system", content="You answer questions about rivers. " * 60)
NUMBERS = Grammar(json_schema={"type": "array", "items": {"type": "integer"}, "minItems": 400})


@pytest.fixture(scope="module")
def model(tiny_llama: Path) -> Iterator[Transformers]:
    loaded = asyncio.run(Transformers.load(tiny_llama, context=2048, parallel=2, threads=1))
    yield loaded
    asyncio.run(loaded.aclose())


def ask(model: Transformers, messages: Sequence[Message], *, repeatable: bool = False, **options: Any) -> Completion:
    async def asked() -> Completion:
        async with model.session(repeatable=repeatable) as session:
            return await session.generate(messages, **options)

    return asyncio.run(asked())


def engine(model: Transformers) -> Any:
    return model._engine  # pyright: ignore[reportPrivateUsage]


# What it writes


def test_without_a_grammar_it_writes_what_transformers_itself_would(model: Transformers) -> None:
    messages = say("Be brief.", "Name a river.")
    torch, network = engine(model).network.torch, engine(model).network._model
    prompt = torch.tensor([model.session().prompt(messages)])
    expected = network.generate(prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=20, do_sample=False)
    text = ask(model, messages, sampling=Sampling(max_tokens=20)).text
    written = expected[0, prompt.shape[1] :].tolist()
    assert text == b"".join(map(engine(model).written, written)).decode(errors="replace")


def test_a_grammar_binds_and_ends_the_generation(model: Transformers) -> None:
    for options in (("zebra",), ("apple", "pear"), ("ᚠᛇᚻ🦄🧬",)):
        completion = ask(model, say("", "Choose."), grammar=choose(*options), sampling=Sampling(max_tokens=120))
        assert completion.text in [f'{{"choice":"{option}"}}' for option in options]
        assert completion.finish == "stop"


@pytest.mark.parametrize("temperature", [0.0, 1.5])
@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array", "items": {"type": "integer", "minimum": 3, "maximum": 40}, "minItems": 2, "maxItems": 3},
        {"type": "string", "pattern": "^[A-Z]{2}-[0-9]{3}$"},
        {"type": "string", "maxLength": 12},
        {"anyOf": [{"type": "boolean"}, {"const": "none <|im_end|>"}]},
    ],
)
def test_what_is_written_under_a_schema_is_of_the_schema(
    model: Transformers, schema: dict[str, Any], temperature: float
) -> None:
    grammar = Grammar(json_schema=schema)
    for seed in range(3):
        sampling = Sampling(max_tokens=80, temperature=temperature, seed=seed)
        completion = ask(model, say("", "Write something."), grammar=grammar, sampling=sampling)
        assert completion.finish == "stop"
        assert admits(grammar, completion.text)


def test_control_tokens_that_a_grammar_forces_are_text(model: Transformers) -> None:
    text = "a <|im_end|> <tool_call> b"
    session = model.session()
    messages = say("", "Choose.")

    async def run() -> Completion:
        return await session.generate(messages, grammar=Grammar(json_schema={"const": text}))

    assert asyncio.run(run()).text == f'"{text}"'
    prompt = session.prompt([*messages, Message(role="assistant", content=f'"{text}"'), *say("", "V")[1:]])
    control = engine(model).tokenizer.control_ids()
    assert sum(token in control for token in prompt) == 9  # four turns that are closed, and one that is opened


def test_what_is_cut_off_says_so_and_what_is_complete_does_not(model: Transformers) -> None:
    story = ask(model, say("", "A story."), sampling=Sampling(max_tokens=4))
    assert (story.finish, story.usage.generated) == ("length", 4)
    full = ask(model, say("", "Choose."), grammar=choose("a"))
    for spare, finish in ((1, "stop"), (2, "length")):
        sampling = Sampling(max_tokens=full.usage.generated - spare)
        assert ask(model, say("", "Choose."), grammar=choose("a"), sampling=sampling).finish == finish


def test_the_same_seed_gives_the_same_text_and_another_seed_another(model: Transformers) -> None:
    texts = [
        ask(model, say("", "A story."), sampling=Sampling(max_tokens=16, temperature=1.0, seed=seed)).text
        for seed in (7, 7, 8)
    ]
    assert texts[0] == texts[1] != texts[2]


def test_chance_chooses_among_the_likely_only_and_by_their_weight() -> None:
    import random

    import torch

    logits: Any = torch.tensor([0.0, 5.0, 4.0, -1.0, 5.0 - 3.1, float("-inf")])
    source = random.Random(0)
    drawn = [choose_token(logits, temperature=1.0, source=source) for _ in range(2000)]
    assert set(drawn) == {1, 2}  # e⁻³·¹ is less than a twentieth of the likeliest
    assert 2000 * 0.269 - 80 < drawn.count(2) < 2000 * 0.269 + 80
    assert choose_token(logits, temperature=0, source=source) == 1
    flat: Any = torch.zeros(1000)
    assert len({choose_token(flat, temperature=1.0, source=source) for _ in range(2000)}) == 38  # 95 % of forty


@pytest.mark.parametrize("grammar", [None, choose("zebra", "apple and pear"), choose("zebra")])
def test_log_probabilities_are_the_models_own_also_of_what_is_forced(
    model: Transformers, grammar: Grammar | None
) -> None:
    messages = say("", "Say yes.")
    session = model.session()
    sampling = Sampling(max_tokens=60, logprobs=3)
    completion = asyncio.run(session.generate(messages, grammar=grammar, sampling=sampling))
    told = completion.logprobs
    assert "".join(token.token for token in told) == completion.text
    after = [*messages, Message(role="assistant", content=completion.text), *say("", "Go on.")[1:]]
    prompt = session.prompt(messages)
    whole = session.prompt(after)[: len(prompt) + len(told)]
    torch, network = engine(model).network.torch, engine(model).network._model
    with torch.inference_mode():
        natural = network(torch.tensor([whole])).logits[0].float().log_softmax(-1)
    for at, token in enumerate(told, len(prompt)):
        assert token.logprob == pytest.approx(float(natural[at - 1, whole[at]]), abs=1e-3)
        assert token.alternatives[0][1] == pytest.approx(float(natural[at - 1].max()), abs=1e-3)
        assert len(token.alternatives) == 3
    assert ask(model, messages, grammar=grammar, sampling=Sampling(max_tokens=60)).text == completion.text


# What it computes, and keeps


def test_what_is_forced_is_not_computed_token_by_token(model: Transformers, monkeypatch: pytest.MonkeyPatch) -> None:
    passes: list[int] = []
    forward = Network.forward

    def count(self: Network, ids: Sequence[Sequence[int]], cache: Any, rows: int) -> Any:
        passes.append(len(ids[0]))
        return forward(self, ids, cache, rows)

    monkeypatch.setattr(Network, "forward", count)
    session = model.session()

    async def run() -> tuple[Completion, Completion]:
        messages = say("", "Choose.")
        one = await session.generate(messages, grammar=choose("a choice that takes many tokens"))
        assert passes == []  # there was nothing to ask
        messages += [Message(role="assistant", content=one.text), Message(role="user", content="Again.")]
        return one, await session.generate(messages, grammar=choose("zebra and so on", "apple and so on"))

    one, two = asyncio.run(run())
    assert one.usage.generated > 20
    assert len(passes) < 8 < two.usage.generated


def test_a_run_computes_each_token_of_its_transcript_once(model: Transformers) -> None:
    async def run() -> tuple[list[Completion], int]:
        async with model.session() as session:
            messages, completions = await converse(session, 4, topic="glaciers")
            return completions, len(session.prompt(messages))

    completions, distinct = asyncio.run(run())
    assert sum(c.usage.prefilled for c in completions) <= 1.1 * distinct
    for before, after in pairwise(completions):
        assert after.usage.cached >= before.usage.prompt


def test_what_is_kept_changes_no_answer(model: Transformers) -> None:
    async def run() -> list[Completion]:
        short = Sampling(max_tokens=12)
        async with model.session() as session:
            messages, _ = await converse(session, 3, topic="tides")
            kept = await session.generate(messages, sampling=short)
            branch = await session.generate(say("", "Another thing."), sampling=short)
            engine(model).kept.clear()
            return [
                kept,
                branch,
                *[await session.generate(m, sampling=short) for m in (messages, say("", "Another thing."))],
            ]

    kept, branch, anew, branched = asyncio.run(run())
    assert kept.usage.cached > 100 > anew.usage.cached == 0
    assert (kept.text, branch.text) == (anew.text, branched.text)


def test_no_more_transcripts_are_kept_than_asked_for(model: Transformers) -> None:
    async def run() -> None:
        sessions = [model.session() for _ in range(4)]
        for session in sessions:
            await session.generate(say("", "Hi"), sampling=Sampling(max_tokens=2))

    asyncio.run(run())
    assert len(engine(model).kept) <= 2


def test_sessions_side_by_side_do_not_mix(model: Transformers) -> None:
    topics = ["glaciers", "violins", "volcanoes"]

    async def run(topic: str) -> list[str]:
        async with model.session() as session:
            return [c.text for c in (await converse(session, 2, topic=topic))[1]]

    async def together() -> list[list[str]]:
        return await asyncio.gather(*(run(topic) for topic in topics))

    assert asyncio.run(together()) == [asyncio.run(run(topic)) for topic in topics]


# Repeatable


def probabilities(folder: Path, order: Sequence[str], *, repeatable: bool) -> dict[str, tuple[list[float], int]]:
    async def run() -> dict[str, tuple[list[float], int]]:
        told: dict[str, tuple[list[float], int]] = {}
        async with await Transformers.load(folder, parallel=1, threads=1) as model:
            for question in order:
                async with model.session(repeatable=repeatable) as session:
                    messages = [RULES, Message(role="user", content=question)]
                    done = await session.generate(messages, sampling=Sampling(max_tokens=6, logprobs=1))
                    told[question] = [token.logprob for token in done.logprobs], done.usage.cached
        return told

    return asyncio.run(run())


def test_a_repeatable_session_computes_the_same_whatever_ran_before_and_reuses_whole_chunks(tiny_llama: Path) -> None:
    questions = ("How long is the Nile?", "How long is the Rhine, and why?")
    one = probabilities(tiny_llama, questions, repeatable=True)
    other = probabilities(tiny_llama, questions[::-1], repeatable=True)
    for question in questions:
        assert one[question][0] == other[question][0]
    assert sorted(cached for _, cached in one.values()) == [0, CHUNK]
    shared = probabilities(tiny_llama, questions, repeatable=False)
    assert max(cached for _, cached in shared.values()) > CHUNK


# Limits


def test_what_does_not_fit_the_context_is_refused_before_it_is_computed(model: Transformers) -> None:
    assert model.context == 2048
    with pytest.raises(ContextOverflow) as raised:
        ask(model, say("", "word " * 3000))
    assert raised.value.context == 2048
    with pytest.raises(ContextOverflow):
        ask(model, say("", "Hi"), sampling=Sampling(max_tokens=2048))


def test_the_context_is_no_larger_than_the_model_was_trained_for(tiny_llama: Path) -> None:
    async def context() -> int | None:
        async with await Transformers.load(tiny_llama, context=10**6) as model:
            return model.context

    assert asyncio.run(context()) == 8192


def test_a_model_that_goes_round_in_circles_is_cut_off(model: Transformers) -> None:
    grammar = Grammar(json_schema={"type": "array", "items": {"enum": [7, 77777]}, "minItems": 400})
    completion = ask(model, say("", "Hi"), grammar=grammar, sampling=Sampling(max_tokens=1500))
    assert completion.finish == "length"
    assert SPAN <= completion.usage.generated < 3 * SPAN


def test_a_grammar_that_does_not_compile_never_reaches_the_model(model: Transformers) -> None:
    with pytest.raises(GrammarError, match="Invalid type: nope"):
        ask(model, say("", "Hi"), grammar=Grammar(json_schema={"type": "nope"}))


def test_cancelling_stops_the_generation_and_the_loop_is_free_meanwhile(model: Transformers) -> None:
    async def run() -> tuple[int, float, Completion]:
        session = model.session()
        sampling = Sampling(max_tokens=1800, temperature=1.5)
        busy = asyncio.create_task(session.generate(say("", "Count."), grammar=NUMBERS, sampling=sampling))
        waiting = asyncio.create_task(model.session().generate(say("", "Hi")))
        ticks = 0
        for _ in range(10):
            await asyncio.sleep(0.01)
            ticks += not busy.done()
        start = time.monotonic()
        for task in (waiting, busy):
            task.cancel()
            await asyncio.wait([task])
        assert busy.cancelled()
        assert waiting.cancelled()
        return ticks, time.monotonic() - start, await session.generate(say("", "Count."), grammar=choose("fine"))

    ticks, _, completion = asyncio.run(run())
    assert ticks == 10
    assert completion.text == '{"choice":"fine"}'


def test_a_long_prompt_can_be_cancelled_while_it_is_being_read(model: Transformers) -> None:
    network: Network = engine(model).network
    kept = network.fresh()
    asked: list[int] = []

    def stopped() -> bool:
        asked.append(len(kept.tokens))
        return len(asked) == 3

    def reading() -> Steps:
        yield Wanted(kept, (5,) * (CHUNK * 6))

    with pytest.raises(Stopped):
        engine(model).scheduler.run(reading(), stopped=stopped, alone=False)
    assert asked == [0, CHUNK, 2 * CHUNK]
    assert len(kept.tokens) == kept.whole == 2 * CHUNK


def test_what_torch_cannot_compute_is_one_clear_line_and_leaves_nothing_half_computed(
    model: Transformers, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> Any:
        raise RuntimeError("CUDA out of memory.\nTried to allocate 20.00 MiB")

    session = model.session()
    engine(model).kept.clear()
    with monkeypatch.context() as patched:
        patched.setattr(engine(model).network._model, "forward", full)
        with pytest.raises(ModelError, match=r"torch can't compute \d+ tokens: CUDA out of memory\. Tried"):
            asyncio.run(session.generate(say("", "Hi"), sampling=Sampling(max_tokens=2)))
    again = asyncio.run(session.generate(say("", "Hi"), sampling=Sampling(max_tokens=2)))
    assert again.usage.cached == 0


def test_closing_stops_what_runs_and_leaves_nothing_behind(tiny_llama: Path) -> None:
    async def run() -> BaseException | None:
        model = await Transformers.load(tiny_llama, parallel=1)
        sampling = Sampling(max_tokens=1800, temperature=1.5)
        task = asyncio.create_task(model.session().generate(say("", "Count."), grammar=NUMBERS, sampling=sampling))
        await asyncio.sleep(0.1)
        await model.aclose()
        await model.aclose()
        await asyncio.wait([task])
        with pytest.raises(ModelError, match="closed"):
            await model.session().generate(say("", "Hi"))
        return task.exception()

    before = {thread.name for thread in threading.enumerate()}
    error = asyncio.run(run())
    assert isinstance(error, ModelError)
    assert "was closed while it was generating" in str(error)
    assert not {t.name for t in threading.enumerate() if t.name.startswith("agentkit-torch")} - before


# In the loop


def test_an_agent_runs_on_a_folder(tiny_llama: Path) -> None:
    """It decides at random, but by the grammar: the run ends as a run does."""
    agent = Agent(str(tiny_llama), tools=["calculator"], limits=Limits(steps=3, decision_tokens=60))
    answer = agent.run("What is 15% of 80?")
    assert answer.status in ("supported", "unchecked", "abstained", "exhausted")
    assert answer.usage.cached > answer.usage.prompt / 3
