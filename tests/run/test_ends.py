"""Limits, and decisions that can't be read."""

import asyncio
import time
from collections.abc import Iterator

import pytest

from agentkit.agent import Agent
from agentkit.answer import Finding
from agentkit.checks import Draft
from agentkit.events import Asked, Called, Decided
from agentkit.limits import Limits
from agentkit.models.scripted import ScriptedModel

from .making import GIVE_UP, answer, call, double, of, plan, run


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (Limits(steps=1), "1 steps"),
        (Limits(tokens=1), "1 tokens"),
        (Limits(seconds=1e-9), "1e-09 seconds"),
    ],
)
def test_a_limit_ends_the_run_without_a_text(limits: Limits, reason: str) -> None:
    result, _ = run([plan("double"), call("double", number=1)], limits=limits, lenient=True)
    assert (result.status, result.text) == ("exhausted", None)
    assert reason in result.reason


def test_the_limit_of_time_ends_a_check_too_and_nothing_else_waits_for_it() -> None:
    """A plain function, as most checks are, of which the event loop must know nothing."""

    begun: list[str] = []

    def slow(draft: Draft) -> Iterator[Finding]:
        begun.append(draft.text)
        time.sleep(5)
        yield Finding(check="slow", claim=draft.text, verdict="supported", reason="")

    replies = [plan("double"), call("double", number=21), answer("Twice 21 is 42.", 1)]
    run(replies)  # what a first run imports isn't to count
    agent = Agent(ScriptedModel(replies), tools=[double], checks=[slow], limits=Limits(seconds=1.5))

    async def beside() -> tuple[str, float]:
        running = asyncio.create_task(agent.arun("What is twice 21?"))
        longest, last = 0.0, time.monotonic()
        while not running.done():
            await asyncio.sleep(0.01)
            longest, last = max(longest, time.monotonic() - last), time.monotonic()
        return (await running).reason, longest

    reason, longest = asyncio.run(beside())
    assert begun
    assert "1.5 seconds" in reason
    assert longest < 3


def test_when_the_calls_are_used_up_the_model_must_end_the_run() -> None:
    replies = [plan("double"), call("double", number=21), answer("Twice 21 is 42.", 1)]
    result, events = run(replies, limits=Limits(tool_calls=1))
    assert result.status == "supported"
    assert "double" not in str(of(Asked, events)[-1].schema_)


def test_an_unreadable_decision_is_counted_and_asked_for_again() -> None:
    replies = [
        plan("double"),
        '{"tool":"double","arguments":{"number":',
        call("double", number=21),
        answer("Twice 21 is 42.", 1),
    ]
    result, events = run(replies, lenient=True)
    assert [bool(d.malformed) for d in of(Decided, events)] == [False, True, False, False]
    assert result.status == "supported"


def test_a_model_that_writes_only_nonsense_ends_in_an_abstention() -> None:
    result, _ = run(["nonsense"] * 4, lenient=True)
    assert result.status == "abstained"
    assert "could not be read" in result.reason


def test_a_call_of_a_tool_that_is_not_offered_is_malformed() -> None:
    _, events = run([plan("double"), call("rm", path="/"), GIVE_UP], lenient=True)
    assert of(Decided, events)[1].malformed
    assert not of(Called, events)
