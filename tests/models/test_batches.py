"""Sessions of a torch model that generate at the same time: each writes what it would write by itself."""

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from agentkit.errors import ModelError
from agentkit.models.choosing import Guide
from agentkit.models.model import Completion, Grammar, Message, Sampling
from agentkit.models.network import Network
from agentkit.models.padded import Padded
from agentkit.models.transformers import Transformers

from .conversation import choose, converse, say

NUMBERS = Grammar(json_schema={"type": "array", "items": {"type": "integer"}, "minItems": 400})
ENTRY = Grammar(
    json_schema={
        "type": "object",
        "properties": {"tool": {"enum": ["calculator", "python"]}, "input": {"type": "string", "maxLength": 20}},
        "required": ["tool", "input"],
        "additionalProperties": False,
    }
)


@pytest.fixture(scope="module", params=["llama", "qwen2"])
def model(request: pytest.FixtureRequest, tiny_llama: Path, tiny_qwen: Path) -> Iterator[Transformers]:
    folder = tiny_llama if request.param == "llama" else tiny_qwen
    loaded = asyncio.run(Transformers.load(folder, context=2048, parallel=4, threads=1))
    yield loaded
    asyncio.run(loaded.aclose())


class Passes:
    """How many transcripts each run of the network was for; somebody may wait for one."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.rows: list[int] = []
        self._changed = threading.Condition()
        forward = Network.forward

        def counted(network: Network, ids: Sequence[Sequence[int]], cache: Any, rows: int, **places: Any) -> Any:
            with self._changed:
                self.rows.append(len(ids))
                self._changed.notify_all()
            return forward(network, ids, cache, rows, **places)

        monkeypatch.setattr(Network, "forward", counted)

    async def until(self, reached: Callable[[list[int]], bool]) -> None:
        """Wait until the passes so far are so."""

        def wait() -> None:
            with self._changed:
                assert self._changed.wait_for(lambda: reached(self.rows), timeout=300)

        await asyncio.to_thread(wait)


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> Passes:
    return Passes(monkeypatch)


def engine(model: Transformers) -> Any:
    return model._engine  # pyright: ignore[reportPrivateUsage]


async def ask(model: Transformers, messages: Sequence[Message], **options: Any) -> Completion:
    async with model.session(repeatable=options.pop("repeatable", False)) as session:
        return await session.generate(messages, **options)


def questions() -> list[tuple[list[Message], dict[str, Any]]]:
    """Of many lengths, with and without grammars, greedy and not, with and without probabilities."""
    asked: list[tuple[list[Message], dict[str, Any]]] = []
    for number in range(12):
        messages = say("Be brief. " * (1, 40, 7, 150)[number % 4], f"Name river {number} and say why. " * (number + 1))
        grammar = (None, choose("olive", f"a river of {number} miles", "neither"), ENTRY)[number % 3]
        temperature = 1.0 if number % 5 == 4 else 0.0
        sampling = Sampling(max_tokens=16 + number, temperature=temperature, seed=number, logprobs=2 * (number % 2))
        asked.append((messages, {"grammar": grammar, "sampling": sampling}))
    return asked


def alike(one: Completion, other: Completion) -> None:
    assert (one.text, one.finish) == (other.text, other.finish)
    assert (one.usage.prompt, one.usage.generated) == (other.usage.prompt, other.usage.generated)
    assert [token.token for token in one.logprobs] == [token.token for token in other.logprobs]
    assert [t.logprob for t in one.logprobs] == pytest.approx([t.logprob for t in other.logprobs], abs=1e-3)


def test_many_at_once_write_what_each_writes_alone(model: Transformers, passes: Passes) -> None:
    """More of them than there are slots, each with a grammar, a temperature and an end of its own."""

    async def run() -> tuple[list[Completion], list[Completion]]:
        alone = [await ask(model, messages, **how) for messages, how in questions()]
        assert set(passes.rows) == {1}
        engine(model).kept.clear()
        return alone, await asyncio.gather(*(ask(model, messages, **how) for messages, how in questions()))

    for one, other in zip(*asyncio.run(run()), strict=True):
        alike(one, other)
    assert max(passes.rows) == 4


def test_each_goes_on_from_what_it_computed_with_others(model: Transformers, passes: Passes) -> None:
    topics = ["glaciers", "violins", "volcanoes", "tides"]

    async def run(topic: str) -> list[Completion]:
        async with model.session() as session:
            return (await converse(session, 4, topic=topic))[1]

    async def together() -> list[list[Completion]]:
        return await asyncio.gather(*(run(topic) for topic in topics))

    conversations = asyncio.run(together())
    assert max(passes.rows) > 1
    for topic, completions in zip(topics, conversations, strict=True):
        for before, after in pairwise(completions):
            assert after.usage.cached >= before.usage.prompt
        for one, other in zip(completions, asyncio.run(run(topic)), strict=True):
            alike(one, other)


def test_one_that_comes_while_others_write_joins_them_and_one_that_is_cancelled_leaves_them(
    model: Transformers, passes: Passes
) -> None:
    sampling = Sampling(max_tokens=90, temperature=0.7)
    messages = [say("", f"Count {what}.") for what in ("sheep", "all the stars of the sky", "us")]

    async def run() -> tuple[list[Completion], list[Completion]]:
        alone = [await ask(model, m, grammar=NUMBERS, sampling=sampling) for m in messages]
        passes.rows.clear()
        sessions = [model.session() for _ in messages]

        def begin(number: int) -> asyncio.Task[Completion]:
            asked = sessions[number].generate(messages[number], grammar=NUMBERS, sampling=sampling)
            return asyncio.create_task(asked)

        first = begin(0)
        await passes.until(lambda rows: len(rows) > 3)
        second = begin(1)
        await passes.until(lambda rows: 2 in rows)
        third = begin(2)
        await passes.until(lambda rows: 3 in rows)
        second.cancel()
        await asyncio.wait([second])
        assert second.cancelled()
        assert not first.done()
        again = begin(1)  # from where it was
        return alone, [await first, await again, await third]

    alone, together = asyncio.run(run())
    for one, other in zip(alone, together, strict=True):
        alike(one, other)
    assert together[1].usage.cached > 0


def test_a_repeatable_session_computes_the_same_bit_by_bit_whoever_else_writes(
    model: Transformers, passes: Passes
) -> None:
    sampling = Sampling(max_tokens=30, logprobs=3)
    asked = [say("Be brief. " * 50, f"Name river {number}.") for number in range(3)]

    async def run() -> tuple[list[Completion], list[Completion]]:
        engine(model).kept.clear()
        alone = [await ask(model, m, repeatable=True, sampling=sampling) for m in asked]
        engine(model).kept.clear()
        passes.rows.clear()
        others = asyncio.create_task(ask(model, say("", "Count."), grammar=NUMBERS, sampling=Sampling(max_tokens=60)))
        together = await asyncio.gather(*(ask(model, m, repeatable=True, sampling=sampling) for m in asked))
        await others
        return alone, together

    alone, together = asyncio.run(run())
    assert [completion.logprobs for completion in alone] == [completion.logprobs for completion in together]
    assert set(passes.rows) == {1}


def test_what_goes_wrong_for_one_is_not_the_others_business(
    model: Transformers, passes: Passes, monkeypatch: pytest.MonkeyPatch
) -> None:
    allowed = Guide.allowed
    broken: list[Guide] = []

    def breaking(guide: Guide, *options: Any) -> Any:
        if not broken and passes.rows[-1] == 3:
            broken.append(guide)
        if guide in broken:
            raise ModelError("llguidance gave up on the grammar")
        return allowed(guide, *options)

    async def run() -> tuple[list[Completion], list[Completion | BaseException]]:
        asked = [(say("", f"Count {what}."), Sampling(max_tokens=40, logprobs=1)) for what in ("sheep", "stars", "us")]
        alone = [await ask(model, m, grammar=NUMBERS, sampling=sampling) for m, sampling in asked]
        monkeypatch.setattr(Guide, "allowed", breaking)
        running = (ask(model, m, grammar=NUMBERS, sampling=sampling) for m, sampling in asked)
        return alone, await asyncio.gather(*running, return_exceptions=True)

    alone, together = asyncio.run(run())
    assert [str(error) for error in together if isinstance(error, BaseException)] == [
        "llguidance gave up on the grammar"
    ]
    for one, other in zip(alone, together, strict=True):
        if isinstance(other, Completion):
            alike(one, other)


def test_a_batch_that_takes_too_much_memory_is_computed_one_by_one(
    model: Transformers, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[int] = []
    forward = Network.forward

    def limited(network: Network, ids: Sequence[Sequence[int]], cache: Any, rows: int, **places: Any) -> Any:
        if len(ids) > 1:
            tried.append(len(ids))
            raise RuntimeError("CUDA out of memory")
        return forward(network, ids, cache, rows, **places)

    async def run() -> tuple[list[Completion], list[Completion]]:
        asked = [(messages, how) for messages, how in questions()[:3]]
        alone = [await ask(model, messages, **how) for messages, how in asked]
        monkeypatch.setattr(Network, "forward", limited)
        return alone, await asyncio.gather(*(ask(model, messages, **how) for messages, how in asked))

    for one, other in zip(*asyncio.run(run()), strict=True):
        alike(one, other)
    assert tried


def test_nobody_is_left_waiting_when_computing_breaks_down(
    model: Transformers, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Any:
        raise RuntimeError("an illegal memory access\nwas encountered")

    async def run() -> list[Completion | BaseException]:
        running = [ask(model, messages, **how) for messages, how in questions()[:3]]
        return await asyncio.gather(*running, return_exceptions=True)

    expected = asyncio.run(run())
    with monkeypatch.context() as patched:
        patched.setattr(Padded, "keep_only", broken)
        for error in asyncio.run(run()):
            assert isinstance(error, ModelError)
            assert "torch can't compute any further: an illegal memory access was encountered" in str(error)
    assert [getattr(c, "text", c) for c in asyncio.run(run())] == [getattr(c, "text", c) for c in expected]


def test_closing_stops_all_that_run_and_all_that_wait(tiny_llama: Path, passes: Passes) -> None:
    async def run() -> list[Completion | BaseException]:
        model = await Transformers.load(tiny_llama, parallel=2)
        sampling = Sampling(max_tokens=1800, temperature=1.5)
        asked = [ask(model, say("", f"Count {n}."), grammar=NUMBERS, sampling=sampling) for n in range(4)]
        running = asyncio.gather(*asked, return_exceptions=True)
        await passes.until(lambda rows: 2 in rows)
        await model.aclose()
        return await running

    before = {thread.name for thread in threading.enumerate()}
    for error in asyncio.run(run()):
        assert isinstance(error, ModelError)
        assert "closed" in str(error)
    assert not {t.name for t in threading.enumerate() if t.name.startswith("agentkit-torch")} - before
