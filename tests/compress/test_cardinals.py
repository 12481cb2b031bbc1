"""Numbers are read in figures and in words, alone and inside of names."""

from fractions import Fraction

import pytest

from agentkit.compress.cardinals import cardinals


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("3 hens, 1,200 eggs and 2.50 dollars", [3, 1200, Fraction(5, 2)]),
        ("12cm of BA117, .5 litres at -4 degrees, 5-10 people", [12, 117, Fraction(1, 2), -4, 5, 10]),
        ("seven, seventeen, seventy, seventy-seven and Seventy One", [7, 17, 70, 77, 71]),
        ("a hundred, two hundred and ten, three hundred forty", [100, 210, 340]),
        ("two thousand and five, 2.5 million, a million two hundred", [2005, 2_500_000, 1_000_200]),
        ("three million two hundred thousand and nine", [3_200_009]),
        ("a dozen eggs, three dozen, 2 dozen", [12, 36, 24]),
        ("two and three, four five, twenty eleven", [2, 3, 4, 5, 20, 11]),
        ("ones, none, often, tentative, fiver, hundreds, halfway", []),
        ("half of a double room", []),
    ],
)
def test_a_text_has_these_numbers(text: str, values: list[int | Fraction]) -> None:
    assert [number.value for number in cardinals(text)] == values


def test_in_sums_halves_and_doubles_are_numbers_too() -> None:
    found = cardinals("Half of them, two thirds, a quarter, twice 3, a fifth, thrice", sums=True)
    assert [n.value for n in found] == [Fraction(1, 2), 2, Fraction(1, 3), Fraction(1, 4), 2, 3, Fraction(1, 5), 3]


def test_a_number_knows_where_it_stands_and_whether_it_is_a_percentage() -> None:
    text = "Take 5%, five percent or one of 20 per cent"
    found = cardinals(text)
    assert [text[n.start : n.end] for n in found] == [n.written for n in found] == ["5", "five", "one", "20"]
    assert [n.percent for n in found] == [True, True, False, True]
    assert [n.pronoun for n in found] == [False, False, True, False]
