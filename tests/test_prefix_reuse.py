"""What a run has computed once it doesn't compute again: tokens prefilled against tokens of the transcript."""

import asyncio
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import pytest
from prefix_reuse import BOUND, DECISIONS, Led, Reuse, measure

from agentkit import grammars, protocol
from agentkit.agent import Agent
from agentkit.answer import Usage
from agentkit.checks import numbers
from agentkit.events import Corrected, Event, Told
from agentkit.models import catalog
from agentkit.models.llamacpp import LlamaCpp
from agentkit.models.model import Message, Sampling
from agentkit.tools import tool

pytestmark = pytest.mark.model


@tool(pure=True)
def stock(item: Literal["ropes", "lamps", "maps"]) -> str:
    """How many of an item are in stock; ᚠ and 🦄 stand for items that are sold out."""
    return {"ropes": "12 ropes are in stock.", "lamps": "41 lamps are in stock 🦄.", "maps": "ᚠ no maps."}[item]


@tool(pure=True)
def price(item: Literal["ropes", "lamps", "maps"]) -> str:
    """What one of an item costs."""
    return {"ropes": "A rope costs 35 euros.", "lamps": "A lamp costs 18 euros.", "maps": "A map costs 9 euros."}[item]


@pytest.fixture(scope="module")
def weights() -> Path:
    path = catalog.locate("smollm2-135m")
    if path is None:
        pytest.skip("no model on this machine: run `agentkit models pull smollm2-135m`")
    return path


@pytest.fixture
def model(weights: Path) -> Iterator[LlamaCpp]:
    """Loaded for each test: nothing is in its cache."""
    loaded = asyncio.run(LlamaCpp.load(weights, context=4096, parallel=1))
    yield loaded
    asyncio.run(loaded.aclose())


def assert_computed_once(usages: Sequence[Usage]) -> None:
    """Each decision goes on where the last one ended: no token but the last one written is computed again."""
    assert usages[0].cached == 0
    for before, after in pairwise(usages):
        assert after.cached >= before.prompt + before.generated - 2
    distinct = usages[-1].prompt + usages[-1].generated
    assert sum(u.prefilled for u in usages) <= BOUND * distinct
    assert sum(u.prefilled + u.generated for u in usages) <= BOUND * distinct
    assert sum(u.prompt for u in usages) > BOUND * distinct  # else the bound would say nothing


@pytest.mark.slow
def test_a_five_step_run_of_the_quickstart_computes_its_transcript_once(model: LlamaCpp, tmp_path: Path) -> None:
    if catalog.locate(catalog.EMBEDDER) is None:
        pytest.skip(f"no embedder on this machine: run `agentkit models pull {catalog.EMBEDDER}`")
    reuse = Reuse.of(asyncio.run(measure(Led(model, DECISIONS), store=tmp_path)))
    assert reuse.kinds == ("plan", "act", "act", "act", "act")
    assert reuse.prefilled <= BOUND * reuse.distinct
    assert_computed_once(reuse.usages)


def test_a_correction_does_not_break_the_reuse(model: LlamaCpp) -> None:
    decisions = [
        {"plan": [{"for": "how many lamps there are", "tool": "stock"}, {"for": "what they cost", "tool": "price"}]},
        {"tool": "stock", "arguments": {"item": "lamps"}},
        {"tool": "price", "arguments": {"item": "lamps"}},
        {"answer": {"evidence": [1], "text": "44 lamps are in stock."}},
        {"answer": {"evidence": [1], "text": "41 lamps are in stock."}},
    ]
    agent: Agent[Any] = Agent(Led(model, decisions), tools=[stock, price], checks=[numbers])

    async def run() -> list[Event]:
        return [event async for event in agent.stream("How many lamps are in stock, and what does one cost?")]

    events = asyncio.run(run())
    assert [e for e in events if isinstance(e, Corrected)]
    assert Reuse.of(events).kinds == ("plan", "act", "act", "act", "redraft")
    assert_computed_once(Reuse.of(events).usages)


def test_whatever_the_model_decides_and_wherever_it_is_cut_off_is_reused(model: LlamaCpp) -> None:
    """Five decisions of its own under the grammars of a run; the third is cut off in mid-word."""

    async def run() -> list[Usage]:
        told = protocol.opening([stock, price], (), "How many lamps are in stock, and what does one cost?", plan=False)
        usages: list[Usage] = []
        async with model.session() as session:
            for step in range(5):
                grammar = grammars.act_grammar([stock, price], range(1, step + 1), answer=step > 0)
                sampling = Sampling(max_tokens=5 if step == 2 else 200)
                messages = [Message(role=m.role, content=m.content) for m in told]
                written = await session.generate(messages, grammar=grammar, sampling=sampling)
                assert written.finish == ("length" if step == 2 else "stop")
                usages.append(written.usage)
                seen = (
                    protocol.unreadable("cut off") if step == 2 else f"[{step + 1}] stock: 41 lamps 🦄.\n  ᚠ no maps."
                )
                told += [Told(role="assistant", content=written.text), Told(role="user", content=seen)]
        return usages

    assert_computed_once(asyncio.run(run()))
