"""A result is derived twice, and an answer on which the two disagree is withheld."""

import asyncio
from typing import Any

import pytest

from agentkit import Agent
from agentkit.answer import Answer
from agentkit.checks import agreement, load_checks, numbers
from agentkit.events import Asked
from agentkit.models.scripted import Reply, ScriptedModel

TASK = "A shelf holds 12 books. How many books do 5 such shelves hold?"
PLAN: Reply = {"plan": [{"for": "books on all shelves", "tool": "calculator"}]}
GIVE_UP: Reply = {"give_up": {"reason": "the tools failed"}}


def computes(expression: str) -> Reply:
    return {"tool": "calculator", "arguments": {"expression": expression}}


def runs(code: str) -> Reply:
    return {"tool": "python", "arguments": {"code": code}}


def says(text: str, *evidence: int) -> Reply:
    return {"answer": {"evidence": list(evidence), "text": text}}


def answer(*replies: Reply, tools: tuple[str, ...] = ("calculator", "python")) -> Answer[Any]:
    return Agent(ScriptedModel([PLAN, *replies]), tools=tools, checks=[numbers, agreement]).run(TASK)


def test_what_two_tools_derive_alike_is_supported_by_both() -> None:
    found = answer(computes("12 * 5"), says("They hold 60 books.", 1), runs("print(12 * 5)"))
    assert (found.status, found.checks, found.cited) == ("supported", ("agreement", "numbers"), (1, 2))


def test_the_second_derivation_may_only_use_another_tool() -> None:
    asked: list[Asked] = []
    agent: Agent[str] = Agent(
        ScriptedModel([PLAN, computes("12 * 5"), says("60 books.", 1), runs("print(60)"), GIVE_UP], lenient=True),
        tools=["calculator", "python"],
        checks=[numbers, agreement],
    )

    async def collect() -> None:
        asked.extend([e async for e in agent.stream(TASK) if isinstance(e, Asked)])

    asyncio.run(collect())
    [again] = [e for e in asked if e.kind == "again"]
    tools = [o["properties"]["tool"]["const"] for o in again.schema_["anyOf"] if "tool" in o["properties"]]
    assert tools == ["python"]
    assert again.suffix[-1].content == "Check it another way: solve the task again with python."


@pytest.mark.parametrize("redrafted", ["They hold 60 books.", "They hold 17 books."])
def test_whatever_is_answered_then_a_disagreement_is_withheld(redrafted: str) -> None:
    found = answer(computes("12 * 5"), says("They hold 60 books.", 1), runs("print(12 + 5)"), says(redrafted, 1, 2))
    assert (found.status, found.text) == ("abstained", None)
    assert "derived again, by python, it is 17" in found.reason


def test_a_derivation_that_fails_agrees_with_nothing() -> None:
    found = answer(
        computes("12 * 5"), says("They hold 60 books.", 1), runs("print(12 * five)"), says("They hold 60 books.", 1)
    )
    assert found.status == "abstained"
    assert "could not derive it a second time" in found.reason


def test_who_gives_up_the_second_derivation_gives_no_answer() -> None:
    found = answer(computes("12 * 5"), says("They hold 60 books.", 1), GIVE_UP)
    assert (found.status, found.text) == ("abstained", None)
    assert found.reason == "not derived a second time: the tools failed"


def test_without_another_tool_that_computes_the_check_does_not_apply() -> None:
    found = answer(computes("12 * 5"), says("They hold 60 books.", 1), tools=("calculator",))
    assert (found.status, found.checks) == ("supported", ("numbers",))


def test_it_is_no_default_and_found_by_its_name() -> None:
    assert load_checks(["agreement"]) == [agreement]
    model = ScriptedModel([PLAN, computes("12 * 5"), says("They hold 60 books.", 1)])
    assert Agent(model, tools=["calculator", "python"]).run(TASK).status == "supported"
