"""Texts are compared by their words, as SQuAD's official script does."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentkit.evaluate.item import Item, Reply, Score
from agentkit.evaluate.scorers.text import ExactScorer, TextScorer, overlap, tokens


def judge(
    text: str | None,
    *answers: str,
    answerable: bool = True,
    found: tuple[str, ...] = (),
    gold: dict[str, Any] | None = None,
) -> Score:
    item = Item(id="1", question="Who?", gold={"answers": list(answers), **(gold or {})}, answerable=answerable)
    reply = Reply(status="abstained" if text is None else "unchecked", text=text, sources=found)
    return asyncio.run(TextScorer()(item, reply))


def exact(text: str, gold: str) -> bool:
    return asyncio.run(ExactScorer()(Item(id="1", question="?", gold=gold), Reply(status="unchecked", text=text))).right


def test_case_punctuation_and_articles_do_not_count():
    assert tokens("The  Cat's “hat”, a dog-leash!") == ["cats", "hat", "dogleash"]
    assert tokens("The The") == ["the", "the"]
    assert tokens("Cafe\u0301") == tokens("café")


@pytest.mark.parametrize(
    ("text", "answer", "f1"),
    [
        ("Denver Broncos", "Denver Broncos", 1.0),
        ("the Denver Broncos won", "Denver Broncos", 0.8),  # precision 2/3, recall 1
        ("Broncos", "Denver Broncos", 2 / 3),  # precision 1, recall 1/2
        ("Denver Denver", "Denver Broncos", 0.5),  # a word counts as often as both have it
        ("Panthers", "Denver Broncos", 0.0),
        ("", "Denver Broncos", 0.0),
    ],
)
def test_the_value_is_token_f1(text: str, answer: str, f1: float):
    assert overlap(text, answer) == pytest.approx(f1)
    assert judge(text, "something else", answer).value == pytest.approx(f1)


def test_a_gold_answer_must_stand_in_the_reply_word_for_word():
    assert judge("It was the Denver Broncos, of course.", "Denver Broncos").right
    assert judge("It was the Broncos.", "Denver Broncos", "the Broncos").right
    assert not judge("Broncos of Denver", "Denver Broncos").right
    assert not judge("308 points", "30").right
    assert not judge("anything", "").right


def test_a_long_reply_is_no_answer_unless_the_gold_one_is_as_long():
    long = "word " * 50
    assert not judge(f"Paris {long}", "Paris").right
    assert judge(f"Paris {'word ' * 39}", "Paris").right
    assert judge(long, long).right


@pytest.mark.parametrize(
    ("text", "gold", "right"),
    [
        ("Yes, both were.", "yes", True),
        ("no", "no", True),
        ("No, yes", "yes", False),
        ("Both: yes", "yes", False),
        ("yes", "no", False),
    ],
)
def test_the_first_word_decides_between_yes_and_no(text: str, gold: str, right: bool):
    score = judge(text, gold)
    assert (score.right, score.value) == (right, float(right))


@pytest.mark.parametrize(
    ("gold", "missing", "found", "details"),
    [
        (["A", "B"], 0, ("A", "C"), {"recall": 0.5, "reachable": 1.0}),
        (["A"], 1, ("A",), {"recall": 1.0, "reachable": 0.5}),
        (["A", "B"], 0, (), {"recall": 0.0, "reachable": 1.0}),
        ([], 2, ("A",), {"reachable": 0.0}),
    ],
)
def test_recall_counts_the_gold_sources_that_can_be_found(
    gold: list[str], missing: int, found: tuple[str, ...], details: dict[str, float]
):
    for text in ("x", None):
        assert judge(text, "x", found=found, gold={"sources": gold, "missing": missing}).details == details


def test_abstaining_is_right_only_where_there_is_no_answer():
    assert judge(None, answerable=False).right
    assert not judge(None, "x").right
    assert judge("x", answerable=False).reason == "answered the unanswerable"


def test_a_list_of_words_is_exact_however_it_is_set_apart():
    assert exact("barn damp dot", "barn damp dot")
    assert exact("Barn, damp,\ndot.", "barn damp dot")
    assert not exact("damp barn dot", "barn damp dot")
    assert not exact("barn damp", "barn damp dot")
    assert not exact("The words are barn damp dot", "barn damp dot")


@given(st.text(max_size=100), st.text(max_size=100))
def test_no_text_at_all_makes_it_raise(text: str, answer: str):
    judge(text, answer).model_dump_json()
    exact(text, answer)
