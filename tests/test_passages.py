"""Passages that come with a task: its first evidence."""

import asyncio
from collections.abc import Sequence
from typing import Any

from agentkit.agent import Agent
from agentkit.answer import Answer, Passage
from agentkit.checks import default_checks
from agentkit.events import Asked, Finished
from agentkit.limits import Limits
from agentkit.models.scripted import Reply, ScriptedModel
from agentkit.tools import tool

TANKS = Passage(text="Tank A holds 500 litres.\nTank B holds 800 litres.", source="water.md", heading="Tanks")


@tool(pure=True)
def double(number: float) -> str:
    """Twice a number."""
    return f"{number * 2:g}"


def run(replies: Sequence[Reply], task: str, passage: Passage, **options: Any) -> tuple[Answer[Any], str]:
    """The answer, and the message that the task stands in."""
    options.setdefault("checks", [c for c in default_checks() if "citations" not in str(c)])

    async def collect() -> tuple[Answer[Any], str]:
        agent: Agent[Any] = Agent(ScriptedModel(replies), **options)
        events = [event async for event in agent.stream(task, passages=[passage])]
        asked, last = next(e for e in events if isinstance(e, Asked)), events[-1]
        assert isinstance(last, Finished)
        return last.answer, asked.suffix[-1].content

    return asyncio.run(collect())


def answer(text: str, *evidence: int) -> dict[str, object]:
    return {"answer": {"evidence": list(evidence), "text": text}}


def test_passages_given_with_a_task_are_its_first_evidence() -> None:
    got, asked = run([answer("Tank B holds 800 litres.", 1)], "How much does tank B hold?", TANKS)
    assert (got.status, got.cited, got.evidence[0].source) == ("supported", (1,), "water.md > Tanks")
    assert asked == (
        "[1] given (water.md > Tanks): Tank A holds 500 litres.\n  Tank B holds 800 litres.\n"
        "Task: How much does tank B hold?"
    )


def test_what_a_tool_reports_is_numbered_after_the_given_passages() -> None:
    called = {"tool": "double", "arguments": {"number": 800}}
    planned = {"plan": [{"for": "as asked", "tool": "double"}]}
    got, _ = run([planned, called, answer("That is 1600.", 2)], "Tank B twice?", TANKS, tools=[double])
    assert [(e.id, e.tool, e.call) for e in got.evidence] == [(1, "given", 0), (2, "double", 1)]


def test_a_given_passage_that_is_too_long_is_cut_and_says_so() -> None:
    long = Passage(text="word " * 100, source="long.md")
    _, asked = run([answer("Words.", 1)], "What is there?", long, limits=Limits(passage_chars=80), checks=[])
    assert "…(420 characters left out)" in asked
