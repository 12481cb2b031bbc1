"""Quotations stand word for word in what was read."""

import time

import pytest

from agentkit.answer import Evidence
from agentkit.checks import Draft, quotations

SIGN = "The gate closes at dusk.\nDogs must be kept on a lead \u2013 at all times, and bicycles are left at the gate."


def objections(text: str, *, task: str = "What does the sign say?") -> list[str]:
    evidence = Evidence(id=1, tool="retrieval", call=1, text=SIGN, source="sign.md")
    return [f.reason for f in quotations(Draft(text=text, cited=(1,), task=task, evidence=(evidence,)))]


@pytest.mark.parametrize(
    "text",
    [
        'The sign says "Dogs must be kept on a lead".',
        'It says: "dogs must be  kept on a lead - at all times."',
        "It says \u201cThe gate closes at dusk. Dogs must be kept on a lead.\u201d",
        'It says "Dogs must be kept ... at all times".',
        'It says "[They] must be kept on a lead".',
        "It says \u00abbicycles are left at the gate\u00bb.",
        "Dogs must be kept on a lead.",
        'It says "".',
    ],
)
def test_what_stands_in_the_evidence_may_be_quoted(text: str) -> None:
    assert objections(text) == []


@pytest.mark.parametrize(
    ("text", "strange"),
    [
        ('The sign says "Dogs may run free".', "Dogs may run free"),
        ('The sign says "Dogs must be kept on a leash".', "Dogs must be kept on a leash"),
        ('It says "at all times ... Dogs must be kept".', "at all times ... Dogs must be kept"),
        ('It says "gate closes at dus".', "gate closes at dus"),
        ("It says \u201eno dogs\u201c.", "no dogs"),
        ('It says "The gate closes at dawn. Dogs must be kept on a lead."', "The gate closes at dawn. Dogs must be"),
    ],
)
def test_what_stands_nowhere_may_not(text: str, strange: str) -> None:
    [reason] = objections(text)
    assert reason.startswith(f'"{strange}')
    assert "stands nowhere word for word" in reason


def test_the_task_may_be_quoted() -> None:
    assert objections('Nobody is called "Jorge Luis".', task="Who is called Jorge Luis?") == []


def test_each_quotation_is_looked_up() -> None:
    assert len(objections('It says "the gate closes at dusk". It says "the gate opens at dawn".')) == 1


def test_a_quotation_of_many_parts_takes_no_time() -> None:
    """A pattern with a gap between any two parts would try all ways to place them."""
    long = Draft(
        text='"' + "...".join(["the gate"] * 40) + '"',
        cited=(1,),
        task="t",
        evidence=(Evidence(id=1, tool="t", call=1, text="the gate " * 30 + "x" * 5000, source="s"),),
    )
    start = time.process_time()
    assert len(list(quotations(long))) == 1
    assert time.process_time() - start < 5
