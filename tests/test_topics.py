"""Questions that an assistant refuses, told before any model is asked."""

from collections.abc import Sequence

import pytest
from pydantic import ValidationError

from agentkit.errors import ConfigurationError
from agentkit.topics import ALIKE, Topic, TopicGuard

KEYS = Topic(topic="picking locks", say="No locks.", like=["open a lock"], unlike=["buy a lock"])
WORDS = Topic(topic="weapons", say="No weapons.", words=["bomb", "do I have"])


def similarity(a: Sequence[str], b: Sequence[str]) -> list[list[float]]:
    """The share of words that two texts have in common."""
    rows = [[(set(x.lower().split()), set(y.split())) for y in b] for x in a]
    return [[len(one & other) / len(one | other) for one, other in row] for row in rows]


@pytest.mark.parametrize("question", ["How is a bomb made?", "Are BOMBS heavy?", "Do I have one?"])
def test_a_phrase_refuses_whatever_else_is_said(question: str) -> None:
    assert TopicGuard([WORDS])(question) == "No weapons."


@pytest.mark.parametrize("question", ["How is a bombardier paid?", "Have I to do it?", "Who has one?", "?"])
def test_what_only_has_parts_of_a_phrase_is_taken(question: str) -> None:
    assert TopicGuard([WORDS])(question) == ""


def test_what_is_like_a_listed_question_is_refused() -> None:
    guard = TopicGuard([WORDS, KEYS], similarity=similarity)
    assert guard("open a big lock") == "No locks."
    assert guard("paint a big wall") == ""


def test_the_closest_question_decides() -> None:
    assert similarity(["buy a lock"], ["open a lock"])[0][0] >= ALIKE
    assert TopicGuard([KEYS], similarity=similarity)("buy a lock") == ""


def test_a_sentence_does_not_hide_among_others() -> None:
    hidden = "The weather was fine on the day we met at the river last year. Open a lock"
    assert similarity([hidden], KEYS.like)[0][0] < ALIKE
    assert TopicGuard([KEYS], similarity=similarity)(hidden) == "No locks."


def test_questions_to_compare_with_need_something_that_compares() -> None:
    with pytest.raises(ConfigurationError, match="needs an embedder; pass one, or use `words`"):
        TopicGuard([KEYS])


@pytest.mark.parametrize("words", [[], ["!"]])
def test_a_topic_that_could_refuse_nothing_is_a_mistake(words: list[str]) -> None:
    with pytest.raises(ValidationError, match="`words`"):
        Topic(topic="x", say="x", words=words)
