"""How sure the model was of what it wrote in a run."""

import asyncio
import math
from typing import Any

import pytest

from agentkit.agent import Agent
from agentkit.answer import Answer, Usage
from agentkit.decision import compact
from agentkit.events import Decided, Event, Finished
from agentkit.limits import Limits
from agentkit.models.llamacpp import LlamaCpp
from agentkit.models.model import Completion, Model, TokenLogprob, confidence, overall
from agentkit.replay import reexecute
from tests.run.making import answer, call, double, plan, run


def told(reply: object, sure: float | None, tokens: int = 1) -> Completion:
    return Completion(text=compact(reply), finish="stop", usage=Usage(generated=tokens), confidence=sure)


def test_it_is_the_geometric_mean_of_the_tokens_probabilities() -> None:
    assert confidence([TokenLogprob(token="x", logprob=math.log(p)) for p in (0.25, 1.0)]) == pytest.approx(0.5)
    assert confidence([TokenLogprob(token="x", logprob=1e-9)]) == 1.0
    assert confidence([]) is None


def test_each_token_of_a_run_counts_once() -> None:
    short, long = told({}, 0.5, tokens=1), told({}, 0.9, tokens=3)
    assert overall([short, long]) == pytest.approx((0.5 * 0.9**3) ** 0.25)
    assert overall([short, told({}, None)]) is None
    assert overall([]) is None
    assert overall([told({}, 0.0), short]) == pytest.approx(0.0, abs=1e-100)


def test_an_answer_says_how_sure_the_model_was() -> None:
    script = [told(plan("double"), 0.9), told(call("double", number=21), 0.8), told(answer("It is 42.", 1), 0.7)]
    sure, events = run(script)
    assert sure.status == "supported"
    assert sure.confidence == pytest.approx((0.9 * 0.8 * 0.7) ** (1 / 3))
    assert [e.confidence for e in events if isinstance(e, Decided)] == [0.9, 0.8, 0.7]


def test_an_engine_that_doesnt_tell_leaves_it_open() -> None:
    open_, _ = run([plan("double"), call("double", number=21), answer("It is 42.", 1)])
    assert (open_.status, open_.confidence) == ("supported", None)


@pytest.mark.parametrize(
    ("least", "sure", "status", "reason"),
    [
        (0.85, 0.9, "supported", ""),
        (0.95, 0.9, "abstained", "the model is not sure enough: 0.900, at least 0.95 wanted"),
        (0.1, None, "abstained", "the model doesn't tell how sure it is"),
        (None, None, "supported", ""),
    ],
)
def test_what_it_isnt_sure_enough_of_is_withheld(
    least: float | None, sure: float | None, status: str, reason: str
) -> None:
    script = [told(r, sure) for r in (plan("double"), call("double", number=21), answer("It is 42.", 1))]
    ended, _ = run(script, limits=Limits(confidence=least))
    assert (ended.status, ended.reason) == (status, reason)
    assert ended.text == ("It is 42." if status == "supported" else None)


def test_a_real_model_tells_and_the_run_repeats_itself(model: LlamaCpp) -> None:
    async def collect() -> list[Event]:
        return [event async for event in Agent(model, tools=[double], seed=1).stream("What is twice 21?")]

    events = asyncio.run(collect())
    last = events[-1]
    assert isinstance(last, Finished)
    ended: Answer[Any] = last.answer
    assert ended.confidence is not None
    assert 0 < ended.confidence < 1

    def again(recorded: Model, _started: object) -> Agent[Any]:
        return Agent(recorded, tools=[double], seed=1)

    assert asyncio.run(reexecute(events, again)) == ""
