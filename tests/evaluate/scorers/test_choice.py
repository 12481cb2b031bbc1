"""A choice is recognised in the ways people write one, and nothing is guessed where two could be meant."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentkit.evaluate.item import Item, Reply
from agentkit.evaluate.scorers.choice import ChoiceScorer, chosen
from agentkit.evaluate.tasks.choices import options

YES_NO = ("yes", "no")
CITIES = ("Paris", "London", "New York", "York")
QUESTION = options("Which?", CITIES)


LONG = "One might well have thought so at first sight, but in the end the answer is yes"


@pytest.mark.parametrize(
    "text",
    [
        "yes",
        "Yes.",
        " YES ",
        '"yes"',
        "**yes**",
        "Yes, as it is.",
        "Yes. No doubt!",
        "The answer is yes.",
        "yes - it does",
    ],
)
def test_yes(text: str):
    assert chosen(text, YES_NO) == "yes"


@pytest.mark.parametrize("text", ["", "yes or no", "maybe", "yesterday", "nothing", "\0", "B", LONG])
def test_neither(text: str):
    assert chosen(text, YES_NO) is None


@pytest.mark.parametrize(
    "text",
    [
        "New York",
        "new york.",
        "(C)",
        "C",
        "c",
        "C.",
        "C)",
        "(C) New York",
        "C: new york",
        "It's New York",
        "New York, no?",
    ],
)
def test_a_choice_by_its_text_or_its_letter(text: str):
    assert chosen(text, CITIES, QUESTION) == "New York"


@pytest.mark.parametrize("text", ["(C) Paris", "C or D", "(E)", "Paris or London", "A, B", "a city"])
def test_two_or_none(text: str):
    assert chosen(text, CITIES, QUESTION) is None


def test_a_letter_counts_only_if_the_question_lists_it():
    assert chosen("C", CITIES, "Which?") is None
    assert chosen("B", ("A", "B"), "Which?") == "B"


def test_a_part_of_a_longer_choice_does_not_count_beside_it():
    assert chosen("It is New York", CITIES) == "New York"
    assert chosen("It is York", CITIES) == "York"
    assert chosen("New York, not York", CITIES) == "New York"
    assert chosen("neither New York nor York", CITIES) is None


def test_step_numbers():
    steps = ("1", "2", "3", "none")
    assert chosen("Step 3", steps) == "3"
    assert chosen("None.", steps) == "none"
    assert chosen("Step 3 has 2 errors", steps) is None
    assert chosen("13", steps) is None


def test_scores():
    def judge(text: str | None, *, answerable: bool = True) -> tuple[bool, float, str]:
        item = Item(id="1", question="Is it?", gold="yes", choices=YES_NO, answerable=answerable)
        reply = Reply(status="abstained" if text is None else "unchecked", text=text)
        score = asyncio.run(ChoiceScorer()(item, reply))
        return score.right, score.value, score.reason

    assert judge("Yes.") == (True, 1, "'Yes.' for 'yes'")
    assert judge("no") == (False, 0, "'no' for 'yes'")
    assert judge("who knows") == (False, 0, "none of the choices, or several: 'who knows' for 'yes'")
    assert judge(None) == (False, 0, "no answer: abstained")
    assert judge(None, answerable=False)[0]
    assert judge("yes", answerable=False) == (False, 0, "answered the unanswerable")


@given(st.text(max_size=200), st.lists(st.text(min_size=1, max_size=10), min_size=2, max_size=5, unique=True))
def test_no_text_at_all_makes_it_raise(text: str, choices: list[str]):
    assert chosen(text, choices, options("?", choices)) in (None, *choices)


@given(st.lists(st.text(min_size=1, max_size=10), min_size=2, max_size=5, unique=True))
def test_every_choice_names_itself(choices: list[str]):
    assert [chosen(choice, choices) for choice in choices] == choices
