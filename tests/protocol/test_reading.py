"""How what a model wrote is read back, and what a corrected answer may contain."""

import json
import re
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentkit import grammars, protocol
from agentkit.decision import written as write
from agentkit.events import Step
from agentkit.models.grammar import admits
from agentkit.models.model import Grammar
from agentkit.protocol import Call, Decision, GiveUp, Malformed, Plan, Proposal

from .house import (
    TOOLS,
    find,
    written,
)

# Numbers that a corrected answer may contain


def allowed(numbers: Sequence[str] | None, text: str) -> bool:
    return admits(Grammar(json_schema=grammars.text_schema(numbers)), written(text))


NUMBERS = ("12", "3.5", "8,500", "2026")


@pytest.mark.parametrize(
    "text",
    [
        "Nobody knows.",
        "12",
        "It is 12.",
        "8,500 litres, 3.5 of them in 2026",
        "12 and 12, again 12",
        "\u00dcber 3.5 \u00b0C \u201csicher\u201d",
        'He said "12".',
    ],
)
def test_a_corrected_text_may_have_the_numbers_of_the_evidence(text: str) -> None:
    assert allowed(NUMBERS, text)


@pytest.mark.parametrize("text", ["13", "It is 1.", "It is 120.", "212 litres", "8500", "85,00", "It is 8 500."])
def test_a_corrected_text_has_no_other_digits(text: str) -> None:
    assert not allowed(NUMBERS, text)


@pytest.mark.parametrize(("text", "admitted"), [("Nobody knows.", True), ("12", False), ("Room 1", False), ("", False)])
def test_without_numbers_in_the_evidence_a_corrected_text_has_no_digits(text: str, admitted: bool) -> None:
    assert allowed([], text) is admitted


def test_a_first_draft_may_say_anything_that_is_not_too_long() -> None:
    assert allowed(None, "It is 13, 14 or 15.")
    assert allowed(None, "x" * grammars.ANSWER_CHARS)
    assert not allowed(None, "x" * (grammars.ANSWER_CHARS + 1))


@given(numbers=st.lists(st.from_regex(r"[0-9]{1,3}([.,][0-9]{1,2})?", fullmatch=True), max_size=5), data=st.data())
def test_the_digits_of_a_corrected_text_are_those_of_the_evidence(numbers: list[str], data: st.DataObject) -> None:
    pieces = st.sampled_from([*numbers, " ", " and ", "7", "0", "."])
    text = "".join(data.draw(st.lists(pieces, max_size=6)))
    runs = re.findall(r"[0-9]+", text)
    known = {run for number in numbers for run in re.findall(r"[0-9]+", number)}
    if allowed(numbers, text):
        assert set(runs) <= known


# Reading


@pytest.mark.parametrize(
    "text",
    [
        "",
        "It is in the hall.",
        '{"tool":"ring","arguments":{}',
        '{"tool":"ring","arguments":{}}{"tool":"ring","arguments":{}}',
        '{"tool":"ring"}',
        "[]",
        "{}",
        "null",
        "12",
        '"ring"',
        '{"ring":{}}',
        '{"tool":"open","arguments":{}}',
        '{"tool":"ring","arguments":5}',
        '{"tool":"ring","arguments":null}',
        '{"tool":"ring","arguments":[]}',
        '{"plan":5}',
        '{"plan":["find"]}',
        '{"plan":{"find":"x"}}',
        '{"plan":[{}]}',
        '{"answer":"It is in the hall."}',
        '{"answer":{"text":"x"}}',
        '{"answer":{"evidence":[1]}}',
        '{"answer":{"evidence":1,"text":"x"}}',
        '{"answer":{"evidence":[[1]],"text":"x"}}',
        '{"answer":{"evidence":["one"],"text":"x"}}',
        '{"answer":{"evidence":[1],"text":5}}',
        '{"answer":null}',
        '{"give_up":{}}',
        '{"give_up":"x"}',
        '{"give_up":{"reason":5}}',
    ],
)
def test_what_is_no_decision_is_malformed_and_says_why_on_one_line(text: str) -> None:
    with pytest.raises(Malformed) as raised:
        protocol.read(text, TOOLS)
    assert str(raised.value)
    assert "\n" not in str(raised.value)


def test_an_answer_is_read_without_white_space_around_it_and_cites_each_number_once() -> None:
    text = written({"answer": {"evidence": [2, 1, 2], "text": " It is in the hall.\n"}})
    assert protocol.read(text, TOOLS) == Proposal(text="It is in the hall.", cited=(2, 1))


def test_only_tools_that_were_given_can_be_called() -> None:
    with pytest.raises(Malformed, match="'ring'"):
        protocol.read('{"tool":"ring","arguments":{}}', [find])


# A structured answer


def test_a_structured_answer_is_checked_leaf_by_leaf() -> None:
    value = {"name": "Tank B", "size": {"litres": 8500, "full": True}, "built": None, "rooms": ["hall", {"no": 2}]}
    assert protocol.leaves(json.dumps(value)) == [
        "name: Tank B",
        "size litres: 8500",
        "size full: true",
        "rooms: hall",
        "rooms no: 2",
    ]


@pytest.mark.parametrize(("value", "lines"), [('"a\\nb  c"', ["a b c"]), ("3.50", ["3.5"]), ("[]", []), ("null", [])])
def test_leaves_of_what_is_no_object(value: str, lines: list[str]) -> None:
    assert protocol.leaves(value) == lines


# What is written is what is read


@pytest.mark.parametrize(
    ("decision", "typed"),
    [
        (Plan(steps=(Step(tool="find", purpose="the lamp"),)), False),
        (Call(tool="find", arguments={"words": ["lamp"], "limit": 2, "kind": "room"}), False),
        (Proposal(text='It is in the "h\u00e4ll".', cited=(1,)), False),
        (Proposal(text="[1.5,2]", cited=(1,)), True),
        (GiveUp(reason=grammars.GIVE_UP[1]), False),
    ],
)
def test_a_decision_is_written_as_it_is_read(decision: Decision, typed: bool) -> None:
    assert protocol.read(write(decision, TOOLS, typed=typed), TOOLS) == decision


def test_arguments_are_written_in_the_order_that_the_grammar_has() -> None:
    text = write(Call(tool="find", arguments={"kind": "room", "words": ["lamp"]}), TOOLS)
    assert text == '{"tool":"find","arguments":{"words":["lamp"],"kind":"room"}}'
    assert admits(grammars.act_grammar([find], []), text)
