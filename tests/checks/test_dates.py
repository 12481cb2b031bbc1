"""Dates in prose."""

import pytest

from agentkit.checks.dates import Date, dates_in, without_dates


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("29 June 2007", Date(2007, 6, 29)),
        ("June 29, 2007", Date(2007, 6, 29)),
        ("the 29th of June, 2007", Date(2007, 6, 29)),
        ("on 2007-06-29 at 9", Date(2007, 6, 29)),
        ("29.06.2007", Date(2007, 6, 29)),
        ("Sept. 11, 2001", Date(2001, 9, 11)),
        ("in May 1998", Date(1998, 5, None)),
        ("December 25th", Date(None, 12, 25)),
        ("2 may 1998", Date(1998, 5, 2)),
    ],
)
def test_a_date_is_read_however_it_is_written(text: str, date: Date) -> None:
    assert [found for _, found in dates_in(text)] == [date]


def test_of_an_ambiguous_date_both_are_meant() -> None:
    assert {date for _, date in dates_in("3/4/2007")} == {Date(2007, 3, 4), Date(2007, 4, 3)}


@pytest.mark.parametrize(
    "text", ["You may 12 times a year.", "version 3.11.2", "at 9:30", "8,500 litres", "Chapter 4", "2007", "99/99/2007"]
)
def test_what_is_none_is_left(text: str) -> None:
    assert list(dates_in(text)) == []


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("It opens on 18 May 2024 at 9.", "It opens on at 9."),
        ("Nobody under 18 may use it.", "Nobody under 18 may use it."),
        ("from January 1–2, 2006", "from 2, 2006"),
        ("3/4/2007 or 5", "or 5"),
    ],
)
def test_numbers_are_what_is_left_without_dates(text: str, left: str) -> None:
    assert " ".join(without_dates(text).split()) == left


def test_a_part_of_a_date_is_covered_by_the_whole() -> None:
    assert Date(2007, 6, None).covers(Date(2007, 6, 29))
    assert not Date(2007, 6, 29).covers(Date(2007, 6, None))
    assert not Date(None, 7, 29).covers(Date(2007, 6, 29))
