"""Numbers in words, and times of day."""

from fractions import Fraction

import pytest

from agentkit.checks.spelled import spelled, without
from agentkit.checks.times import times_in


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("twenty-four bottles", [24]),
        ("one hundred and twenty", [120]),
        ("two thousand and five", [2005]),
        ("one million two hundred thousand and one", [1_200_001]),
        ("twelve hundred", [1200]),
        ("two dozen", [24]),
        ("a million", [1_000_000]),
        ("half a million", [500_000]),
        ("half a dozen", [6]),
        ("two and a half hours", [Fraction(5, 2)]),
        ("one half", [Fraction(1, 2)]),
        ("five and six", [5, 6]),
        ("two, three or twenty", [2, 3, 20]),
        ("nineteen fifty", [19, 50]),
        ("both of the two", [2, 2]),
        ("halved", [Fraction(1, 2)]),
        ("someone often weighs", []),
    ],
)
def test_a_number_in_words_has_its_value(text: str, values: list[Fraction]) -> None:
    assert [number.value for number in spelled(text)] == values


def test_one_and_twice_do_not_count_as_digits_do() -> None:
    assert [n.counts for n in spelled("one eats twice, two eat half")] == [False, False, True, True]


def test_what_is_counted_is_left_without_the_numbers() -> None:
    text = "twenty-four beds and six tables"
    assert without(text, spelled(text)).split() == ["beds", "and", "tables"]
    assert len(without(text, spelled(text))) == len(text)


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("9:00-17:00", [540, 1020]),
        ("9:00–17:00", [540, 1020]),
        ("from 9 am to 5 p.m.", [540, 1020]),
        ("5pm, 2:30 PM, 12 am, 12 p.m.", [1020, 870, 0, 720]),
        ("07:40:30, 25:10, 5 a man, version 3.5.1, 8,500 m", []),
    ],
)
def test_a_time_of_day_is_read_however_it_is_written(text: str, minutes: list[int]) -> None:
    assert [time for _, time in times_in(text)] == minutes
