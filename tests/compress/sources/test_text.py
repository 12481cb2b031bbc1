"""Lower-cased, tokenized text is written as people write it, and short answers are taken from it where that is safe."""

import pytest

from agentkit.compress.sources.plain import detokenized, truecased
from agentkit.compress.sources.spans import short_answer


@pytest.mark.parametrize(
    ("tokenized", "plain"),
    [
        ("it is -lrb- as he said -rrb- `` here '' , is n't it ? ", 'it is (as he said) "here", isn\'t it?'),
        ("chopin 's music , 1810 -- 1849 .", "chopin's music, 1810–1849."),
        ("it cost $ 5 , or 20 % more", "it cost $5, or 20% more"),
    ],
)
def test_punctuation_stands_where_people_put_it(tokenized: str, plain: str) -> None:
    assert detokenized(tokenized) == plain


def test_names_and_starts_of_sentences_have_capitals() -> None:
    forms = {"paris": "Paris", "york": "York"}
    assert truecased("he left paris. i went to new york.", forms) == "He left Paris. I went to New York."


@pytest.mark.parametrize(
    ("question", "sentence", "answer"),
    [
        ("When was the bridge opened?", "The bridge was opened on May 3, 1932 by the mayor.", "May 3, 1932"),
        ("Who opened the bridge in 1932?", "The bridge was opened in 1932 by Anna Berg.", "Anna Berg"),
        ("How many people live there?", "About 12,500 people live there since 1990.", "12,500"),
        ("How long is the tunnel?", "The tunnel is 57 kilometers long.", "57 kilometers"),
    ],
)
def test_an_answer_is_taken_where_there_is_one_choice(question: str, sentence: str, answer: str) -> None:
    assert short_answer(question, sentence) == answer


@pytest.mark.parametrize(
    ("question", "sentence"),
    [
        ("When was the bridge opened?", "The bridge was begun in 1930 and opened in 1932."),
        ("How many times did he win?", "He won seven times at the age of 20."),
        ("Why was it closed?", "It was closed because of a storm."),
        ("What did she study?", "She studied chemistry in Vienna and law in Graz."),
    ],
)
def test_none_is_taken_where_there_are_several(question: str, sentence: str) -> None:
    assert short_answer(question, sentence) == ""
