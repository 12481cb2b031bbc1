"""A number is read wherever a reply puts it, and compared exactly."""

import asyncio
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentkit.evaluate.item import Item, Reply, Score
from agentkit.evaluate.scorers.numbers import NumberScorer, stated, written


def judge(text: str | None, gold: str, *, answerable: bool = True) -> Score:
    item = Item(id="1", question="How many?", gold=gold, answerable=answerable)
    reply = Reply(status="abstained" if text is None else "unchecked", text=text)
    return asyncio.run(NumberScorer()(item, reply))


@pytest.mark.parametrize(
    ("text", "gold"),
    [
        ("51.0", "51"),
        ("51", "51.0"),
        ("$1,234.50", "1234.5"),
        ("18 dollars", "18"),
        ("The answer is 18.", "18"),
        ("The answer is 18 (see step 3).", "18"),
        ("16 - 3 - 4 = 9 eggs, so 9 * 2 = **$18**", "18"),
        ("She sells 9.\n#### 9 * 2 = 18\nThat took 3 steps.", "18"),
        (r"So it's \boxed{18} after 2 steps", "18"),
        ("3/4", "0.75"),
        ("3 1/2", "3.5"),
        (r"\frac{3}{4}", "0.75"),
        (r"-2\frac{1}{2}", "-2.5"),
        (r"\$18{,}000", "18000"),
        ("15%", "15"),
        ("15 percent", "0.15"),
        ("0.15", "15%"),
        ("3 million", "3000000"),
        ("2 dozen", "24"),
        ("-$5", "-5"),
        ("$-5", "-5"),
        ("−7", "-7"),
        ("1.8e1", "18"),
        ("18.000000000000004", "18"),
        ("33.3333", "33.33"),
        ("10-15", "15"),
        ("x" * 100_000 + " 18", "18"),
    ],
)
def test_right(text: str, gold: str):
    score = judge(text, gold)
    assert score.right
    assert score.value == 1


@pytest.mark.parametrize(
    ("text", "gold"),
    [
        ("18.5", "18"),
        ("17.9999", "18"),
        ("33.3", "33"),
        ("0.52", "0.5"),
        ("33.3", "33.33"),
        ("33.34", "33.33"),
        ("5", "-5"),
        ("0.15", "15"),
        ("1000000001", "1000000000"),
        ("18 or 19", "18"),
        ("eighteen", "18"),
        ("H2O", "2"),
        ("1/0", "1"),
        ("", "0"),
        ("9" * 5000, "9"),
        ("1e999999999", "1"),
        ("\0\ud800", "0"),
    ],
)
def test_wrong(text: str, gold: str):
    assert not judge(text, gold).right


def test_a_gold_answer_that_is_no_number_is_never_matched():
    assert not judge("18", "eighteen").right


def test_abstaining_is_right_only_where_there_is_no_answer():
    assert not judge(None, "18").right
    assert judge(None, "", answerable=False).right
    score = judge("18", "18", answerable=False)
    assert (score.right, score.value, score.reason) == (False, 0, "answered the unanswerable")


numbers = st.decimals(min_value=-(10**12), max_value=10**12, places=2).map(abs)
sentences = st.sampled_from(
    ["{}", "The answer is {}.", "So in all that makes {} eggs", "2 + 2 = 4, hence {}", "**{}**", "= {}", "({})", "${}"]
)
formats = st.sampled_from(["{:f}", "{:,f}"])


@given(numbers, sentences, formats, st.booleans())
def test_any_number_is_read_back_from_any_sentence(number: Decimal, sentence: str, form: str, negative: bool):
    number = -number if negative and number else number
    found = stated(sentence.format(form.format(number)))
    assert found is not None
    assert found.value == Fraction(number)
    assert found.places == 2


@given(st.integers(0, 10**30), st.integers(1, 10**9))
def test_a_fraction_is_exact(above: int, below: int):
    found = written(f"{above}/{below}")
    assert found is not None
    assert found.value == Fraction(above, below)


@given(st.text(max_size=200), st.text(max_size=20))
def test_no_text_at_all_makes_it_raise(text: str, gold: str):
    score = judge(text, gold)
    assert score.value == float(score.right)
    score.model_dump_json()


@given(st.from_regex(r"[0-9$.,/%e ()\\{}=#-]{0,60}", fullmatch=True))
def test_nor_does_any_mix_of_digits_and_signs(text: str):
    judge(text, "1")
