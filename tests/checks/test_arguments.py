"""Calls with numbers that nobody said are refused, those with numbers that follow from what was said aren't."""

from collections.abc import Mapping
from typing import Any

import pytest

from agentkit.answer import Evidence
from agentkit.checks import Draft, made_up
from agentkit.tools import Tool


def needing(*required: str, own_numbers: bool = False, about: str = "", **properties: Mapping[str, Any]) -> Tool:
    schema = {"type": "object", "properties": properties, "required": list(required)}
    return Tool(name="f", description=about, parameters=schema, function=str, own_numbers=own_numbers)


def said(task: str, *evidence: str) -> Draft:
    found = tuple(Evidence(id=n, tool="t", call=n, text=text, source="s") for n, text in enumerate(evidence, start=1))
    return Draft(text="", value="", cited=(), task=task, evidence=found, calls=(), history=())


@pytest.mark.parametrize(
    ("task", "value"),
    [
        ("What is 825 km/h in knots?", 825),
        ("A coil of 50 mH and a capacitor of 100 µF: at what frequency do they resonate?", 0.05),
        ("What do 5000 euros at 6 percent bring?", 0.06),
        ("Put 2 adults and 3 children on the list.", 5),
        ("How long is a film of 1.5 hours?", 90),
        ("Heat it to -18 degrees.", -18),
        ("It has 1,250,000 inhabitants.", 1250000),
        ("Sort 4, 8 and 15.", [4, 8, 15]),
        ("Is it on?", True),
        ("Begin with nothing.", 0),
    ],
)
def test_what_was_said_may_be_passed_in_another_unit_or_form(task: str, value: Any) -> None:
    assert made_up(said(task), needing("x", x={}), {"x": value}) == ""


def test_what_nobody_said_is_named() -> None:
    tool = needing("player", "season", player={"type": "string"}, season={"type": "integer"})
    found = made_up(said("Who scored most for the Lakers?"), tool, {"player": "Lakers", "season": 2020})
    assert found == "season = 2020 stands neither in the task nor in the evidence"


def test_evidence_tells_as_well_as_the_task() -> None:
    tool = needing("height", height={"type": "number"})
    assert made_up(said("How heavy is the tower?"), tool, {"height": 324})
    assert not made_up(said("How heavy is the tower?", "The tower is 324 metres high."), tool, {"height": 324})


def test_what_a_call_need_not_have_and_what_can_only_be_chosen_is_left_alone() -> None:
    assert made_up(said("List them."), needing(limit={}), {"limit": 10}) == ""
    assert made_up(said("List them."), needing("size", size={"enum": [10, 50]}), {"size": 10}) == ""
    assert made_up(said("Roll dice."), needing("sides", own_numbers=True, sides={}), {"sides": 20}) == ""


def test_what_the_description_or_the_instructions_name_was_said() -> None:
    level = {"type": "integer", "description": "From 1, hardly any, to 7, all there is."}
    assert made_up(said("Heat it as much as you can."), needing("level", level=level), {"level": 7}) == ""
    assert made_up(said("Heat it."), needing("level", about="Most take 7.", level={}), {"level": 7}) == ""
    task = said("Close the shop.")
    assert made_up(task, needing("shop", shop={}), {"shop": 17}, instructions="You work for shop 17.") == ""
    assert made_up(task, needing("shop", shop={}), {"shop": 17}, instructions="You work for shop 18.")


@pytest.mark.parametrize("description", ["The year, e.g. 2020.", "The year (for example 2020)", "A year such as 2020"])
def test_an_example_in_the_description_was_not_said(description: str) -> None:
    assert made_up(said("Who won?"), needing("year", year={"description": description}), {"year": 2020})


def test_a_number_beyond_all_bounds_is_left_to_the_tool() -> None:
    assert made_up(said("Heat it."), needing("x", x={}), {"x": float("inf")}) == ""


COMPUTING = Tool(name="python", description="", parameters={}, function=str, grounded=True)
DAYS = "import datetime\nprint((datetime.date(2020, {}, {}) - datetime.date(2020, 3, 17)).days)"


def test_a_program_may_know_the_calendar() -> None:
    task = said("In 2020, how many days pass from March 17 to November 7?")
    assert made_up(task, COMPUTING, {"code": DAYS.format(11, 7)}) == ""
    assert made_up(task, COMPUTING, {"code": DAYS.format(11, 29)}).startswith("29 stands neither")
    leap = "print(sum(y % 4 == 0 and (y % 100 != 0 or y % 400 == 0) for y in range({}, 2021)))"
    between = said("Count the leap years between the years 1987 and 2020.")
    assert made_up(between, COMPUTING, {"code": leap.format(1987)}) == ""
    assert made_up(between, COMPUTING, {"code": leap.format(1970)}).startswith("1970 stands neither")


@pytest.mark.parametrize("task", ["What are 198 metres in feet?", "Express 198 m in feet."])
def test_what_is_to_be_converted_was_said(task: str) -> None:
    calculator = Tool(name="calculator", description="", parameters={}, function=str, grounded=True)
    assert made_up(said(task), calculator, {"expression": "198 m to feet"}) == ""
    assert made_up(said(task), calculator, {"expression": "189 m to feet"})


def test_a_comma_in_a_call_or_a_list_joins_no_numbers() -> None:
    count = "print(len([n for n in range({}) if all(n % d for d in range(2, n))]))"
    primes = said("How many primes are between 200 and 850?")
    assert made_up(primes, COMPUTING, {"code": count.format("200,850")}) == ""
    assert made_up(primes, COMPUTING, {"code": count.format("200,950")}).startswith("950 stands neither")
    assert made_up(said("Add 12, 450, 7 and 320."), COMPUTING, {"code": "print(sum([12,450,7,320]))"}) == ""
    halves = said("What is half of the sum of 1,200 and 300?")
    assert made_up(halves, COMPUTING, {"code": "print((1,200 + 300) / 2)"}) == ""


def test_what_lies_between_two_units_is_known() -> None:
    assert made_up(said("How many seconds are there in a week?"), COMPUTING, {"code": "print(7 * 24 * 3600)"}) == ""
    heat = said("What is 20 degrees Celsius in Fahrenheit?")
    assert made_up(heat, COMPUTING, {"code": "print(20 * 9 / 5 + 32)"}) == ""
    assert made_up(heat, COMPUTING, {"code": "print(20 * 9 / 5 + 23)"})


def test_parts_of_a_date_or_a_time_were_said() -> None:
    alarm = needing("hour", hour={"type": "integer"})
    assert made_up(said("Set an alarm for 14:30."), alarm, {"hour": 14}) == ""
    assert made_up(said("Set an alarm for 14:30."), alarm, {"hour": 15})


def test_what_only_programs_may_know_is_no_reason_to_compute_or_to_call() -> None:
    assert made_up(said("Book 1 room for the year."), needing("price", price={}), {"price": 400})
    assert made_up(said("What do 3000 a year make?"), COMPUTING, {"code": "print(3000*400)"})
    assert made_up(said("3 million people drink 5 litres each."), COMPUTING, {"code": "print(3*5)"})
