"""Function calls are judged as the official checker of BFCL judges them; what was wrong is told in one of few words.

`bfcl_verdicts.jsonl` was written by `tests/benchmarks/bfcl_agreement.py --record`: a sample of some 90,000 verdicts of
the package bfcl-eval 2026.3.23 on changed gold answers (BFCL v4, Apache-2.0).
"""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from bfcl_agreement import Verdict

from agentkit.evaluate.item import Called, Function, Item, Reply, Score
from agentkit.evaluate.scorers.calls import score_calls

VERDICTS = [
    Verdict.model_validate_json(line)
    for line in (Path(__file__).with_name("bfcl_verdicts.jsonl")).read_text("utf-8").splitlines()
]

PARAMETERS = {
    "type": "object",
    "properties": {
        "city": {"type": "string"},
        "days": {"type": "integer"},
        "units": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["city"],
}
WEATHER = Function(name="weather.get", description="", parameters=PARAMETERS)
TIME = Function(name="time", description="", parameters=PARAMETERS)
BERLIN = {"weather.get": {"city": ["Berlin", "Berlin, DE"], "days": [3, ""]}}
PARIS = {"weather.get": {"city": ["Paris"], "days": ["", 3]}}


def judge(gold: list[Any], *calls: Called, **reply: Any) -> Score:
    item = Item(id="1", question="", gold=gold, functions=(WEATHER, TIME), answerable=bool(gold))
    return asyncio.run(score_calls(item, Reply(status="unchecked", text="", calls=calls, **reply)))


def call(name: str = "weather.get", /, **arguments: Any) -> Called:
    return Called(name=name, arguments=arguments)


def test_the_sample_holds_right_and_wrong_calls_of_many_kinds():
    kinds = {verdict.kind for verdict in VERDICTS}
    outcomes = Counter(verdict.right for verdict in VERDICTS)
    assert len(kinds) > 80
    assert min(outcomes.values()) > 80


@pytest.mark.parametrize("kind", sorted({verdict.kind for verdict in VERDICTS}))
def test_verdicts_are_those_of_the_official_checker(kind: str):
    for verdict in VERDICTS:
        if verdict.kind == kind:
            item = Item(id=verdict.id, question="", gold=verdict.gold, functions=verdict.functions)
            score = asyncio.run(score_calls(item, Reply(status="unchecked", text="", calls=verdict.calls)))
            assert score.right == verdict.right, (verdict, score)


@pytest.mark.parametrize(
    ("calls", "reason"),
    [
        ([call(city="berlin de")], "right"),
        ([call(city="Berlin", days=3)], "right"),
        ([], "no call"),
        ([call("time", city="Berlin")], "wrong tool: time instead of weather.get"),
        ([call(days=3)], "wrong arguments: city is missing"),
        ([call(city="Rome")], 'wrong arguments: city is "Rome", not one of ["Berlin", "Berlin, DE"]'),
        ([call(city="Berlin", days=3.0)], 'wrong arguments: days is 3.0, not one of [3, ""]'),
        ([call(city="Berlin", days=True)], 'wrong arguments: days is true, not one of [3, ""]'),
        ([call(city="Berlin", units=["C"])], "wrong arguments: units is not asked for"),
        ([call(city="Berlin"), call(city="Berlin", days=3)], "too many calls: 2 made, 1 asked for"),
    ],
)
def test_the_reason_begins_with_the_kind_of_mistake(calls: list[Called], reason: str):
    score = judge([BERLIN], *calls)
    assert score == Score(right=reason == "right", value=float(reason == "right"), reason=reason)


@pytest.mark.parametrize(
    ("calls", "reason"),
    [
        ([call(city="Berlin"), call(city="Paris")], "right"),
        ([call(city="Paris"), call(city="Berlin")], "right"),
        ([call(city="Paris")], "no call: 1 made, 2 asked for"),
        ([call(city="Paris"), call(city="Paris")], 'wrong arguments: city is "Paris", not one of'),
        ([call(city="Paris"), call("time", city="Berlin")], "wrong tool: time instead of weather.get"),
        ([call(city="Berlin"), call(city="Paris"), call(city="Rome")], "too many calls"),
    ],
)
def test_several_calls_are_right_in_any_order_all_and_no_more(calls: list[Called], reason: str):
    assert judge([BERLIN, PARIS], *calls).reason.startswith(reason)


def test_where_no_function_is_of_use_only_no_call_is_right():
    assert judge([]) == Score(right=True, value=1, reason="right")
    assert judge([], call(city="Berlin")).reason == "called the irrelevant: weather.get"
    assert judge([], malformed=1, completions=1).right


def test_a_reply_without_calls_that_could_not_be_read_is_malformed():
    score = judge([BERLIN], malformed=1, completions=2)
    assert score.reason == "malformed: no call among 2 completions, 1 couldn't be read"
    assert judge([BERLIN], call(city="Berlin"), malformed=1, completions=2).right


def test_a_call_that_was_answered_from_memory_is_not_judged():
    again = call(city="Berlin").model_copy(update={"repeated": True})
    assert judge([BERLIN], call(city="Berlin"), again).right


def test_odd_values_are_wrong_and_nothing_more():
    objects: dict[str, Any] = {"type": "array", "items": {"type": "object"}}
    parameters: dict[str, Any] = {"type": "object", "properties": {"rows": objects, "any": {}}, "required": []}
    function = Function(name="f", description="", parameters=parameters)
    gold: list[Any] = [{"f": {"rows": [[{"a": [1]}], ""], "any": [5, ""]}}]
    item = Item(id="1", question="", gold=gold, functions=(function,))
    odd: list[Any] = [None, 1, "x", [1], [None], [[]], {"a": 1}, [{"a": [1]}], [{"b": 1}], [{"a": 1}, {"a": 1}]]
    for value in odd:
        reply = Reply(status="unchecked", text="", calls=(Called(name="f", arguments={"rows": value}),))
        assert not asyncio.run(score_calls(item, reply)).right, value
    right: list[Any] = [[{"a": 1}], []]
    for value in right:
        reply = Reply(status="unchecked", text="", calls=(Called(name="f", arguments={"rows": value, "any": 5}),))
        assert asyncio.run(score_calls(item, reply)).right, value
