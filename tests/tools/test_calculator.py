"""The calculator as a tool."""

import asyncio

from agentkit.tools import Outcome, load_tools
from agentkit_tools.calculator import calculator


def _call(expression: str) -> Outcome:
    return asyncio.run(calculator.invoke({"expression": expression}))


def test_answers_with_the_exact_value_and_its_decimal() -> None:
    assert [part.text for part in _call("0.1+0.2").parts] == ["3/10 = 0.3"]
    assert [part.text for part in _call("15% of $80").parts] == ["$12"]


def test_a_mistake_is_an_observation_with_a_hint() -> None:
    outcome = _call("9**9**9")
    assert not outcome.parts
    assert "more than 1233 digits" in outcome.error
    assert "one expression" in outcome.hint


def test_evaluates_no_python() -> None:
    for attack in (
        "().__class__",
        "__import__('os').getcwd()",
        "[x for x in (1,)]",
        "lambda: 1",
        "f'{1}'",
        "1 if 1 else 2",
    ):
        assert _call(attack).error


def test_is_found_by_its_entry_point_and_costs_few_words_of_a_prompt() -> None:
    (found,) = load_tools(["calculator"])
    assert found is calculator
    assert found.pure
    assert len(found.description.split()) <= 20
