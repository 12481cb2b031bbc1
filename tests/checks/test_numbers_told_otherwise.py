"""A number may be told otherwise than the evidence has it: rounded, in cents, in other signs, worked out from times."""

import pytest

from agentkit.answer import Evidence
from agentkit.arithmetic import quantities
from agentkit.checks import Draft
from agentkit.checks.numbers import numbers
from agentkit.checks.quantities import numbers_in
from agentkit.events import Called

from .test_numbers import judge

MOON = "The Moon is 384,400 km away from the Earth. It is 3,474 km across."
CITY = "The city has 1,234,567 inhabitants."
PRICES = "A cup costs 0.30 euros, a plate 0.50 euros."
CENTS = "A cup costs 30 cents, a plate 50 cents."
POWER = "Electricity costs 0.30 euros per kWh, gas 0.10 euros per kWh."
TOWN = "The town has 12 500 inhabitants and 340 shops."
FLOUR = "Use 1 1/2 cups of flour and 3/4 cup of sugar."
SHOP = "The shop opens at 9:00 and closes at 17:00. A tour of the shop takes 3 hours."
DAYS = "| Day | Opens | Closes |\n|---|---|---|\n| Monday | 9:00 | 17:00 |\n| Tuesday | 10:00 | 19:00 |"
BAR = "The bar is open from 20:00 to 2:00."

OTHERWISE = [
    (MOON, "How far is the Moon?", "It is about 384,000 km away.", "It is about 385,000 km away."),
    (MOON, "How far is the Moon?", "It is roughly 380,000 km away.", "It is roughly 370,000 km away."),
    (MOON, "How far is the Moon?", "The Moon is nearly 400,000 km away.", "The Moon is nearly 500,000 km away."),
    (MOON, "How far is the Moon?", "It is 384,400 km away.", "It is 384,000 km away."),
    (MOON, "How far is the Moon?", "About 384 thousand km.", "The Moon is about 3,500 km away."),
    (CITY, "How many inhabitants?", "It has about 1.2 million inhabitants.", "It has 1.2 million inhabitants."),
    (CITY, "How many inhabitants?", "Approximately 1,230,000.", "It has about 1.3 million inhabitants."),
    ("The bridge is 1,280.2 m long.", "How long is it?", "About 1.28 km.", "About 1.29 km."),
    ("60 people came.", "How many people came?", "60 people.", "About 100 people came."),
    ("It was built in 1923.", "When was it built?", "In 1923.", "Around 1920."),
    (PRICES, "What does a cup cost?", "A cup costs 30 cents.", "A cup costs 50 cents."),
    (PRICES, "What does a cup cost?", "30 cents.", "3 cents."),
    (CENTS, "What does a cup cost in euros?", "A cup costs 0.30 euros.", "A cup costs 0.50 euros."),
    (CENTS, "What does a cup cost in euros?", "€0.30.", "30 euros."),
    (POWER, "What does electricity cost?", "30 cents per kWh.", "10 cents per kWh."),
    ("The film takes 1.5 hours.", "How long is it?", "90 minutes.", "80 minutes."),
    (TOWN, "How many inhabitants?", "It has 12,500 inhabitants.", "It has 500 inhabitants."),
    (TOWN, "How many inhabitants?", "12500.", "It has 12 inhabitants."),
    (
        TOWN.replace("12 500", "12,500"),
        "How many inhabitants?",
        "It has 12 500 inhabitants.",
        "It has 340 inhabitants.",
    ),
    ("It covers 1 234 567 square metres.", "How large is it?", "1,234,567 square metres.", "567 square metres."),
    (FLOUR, "How much flour?", "Use 1.5 cups of flour.", "Use 1 cup of flour."),
    (FLOUR, "How much flour?", "Use one and a half cups of flour.", "Use 1/2 cup of flour."),
    (FLOUR, "How much flour?", "1½ cups.", "Use 0.75 cups of flour."),
    ("Use one and a half cups of flour.", "How much flour?", "1 1/2 cups.", "2 1/2 cups."),
    (SHOP, "How long is the shop open?", "It is open for 8 hours.", "It is open for 9 hours."),
    (SHOP, "How long is a tour of the shop?", "3 hours.", "A tour takes 8 hours."),
    ("The shop is open 9:00-17:30.", "How long is it open?", "8 hours 30 minutes.", "8 hours."),
    ("The film begins at 20:00 and ends at 22:10.", "How long is it?", "130 minutes.", "2 hours."),
    ("The tour takes 90 minutes.", "How long is it?", "An hour and a half.", "Two hours and a half."),
    ("It takes two years and a half.", "How long does it take?", "2.5 years.", "1.5 years."),
    (FLOUR, "How much sugar?", "Three quarters of a cup of sugar.", "Two thirds of a cup of sugar."),
    ("Two thirds of the 90 members came.", "How many came?", "Two thirds of the members.", "Three quarters of them."),
    (BAR, "How long is the bar open?", "6 hours.", "18 hours."),
    (DAYS, "How long is it open on Tuesday?", "9 hours.", "8 hours."),
]


@pytest.mark.parametrize(("passage", "task", "right", "wrong"), OTHERWISE, ids=[o[2] for o in OTHERWISE])
def test_a_number_may_be_told_otherwise_but_not_another(passage: str, task: str, right: str, wrong: str) -> None:
    assert [f.reason for f in judge(right, [passage], task)] == [""]
    assert judge(wrong, [passage], task)[0].verdict == "failed"


def test_what_is_between_two_times_is_no_count() -> None:
    passage = "The shop opens at 9:00 and closes at 17:00. It has several doors."
    assert judge("It has 8 doors.", [passage], "How many doors has it?")[0].verdict == "failed"


@pytest.mark.parametrize("text", ["Zone A 12 500 340", "In 2012 500 people came.", "a 3 100-metre race"])
def test_numbers_in_a_row_are_none_with_thousands_set_apart(text: str) -> None:
    assert [n.written for n in numbers_in(text)] == [text[m.start : m.end] for m in quantities(text)]


def test_the_parts_of_a_mixed_fraction_may_go_into_a_computation() -> None:
    task = "How many cups of flour are 4 times as much?"
    [finding] = judge("It takes 9 cups.", ["Use 2 1/4 cups of flour."], task, calls=[("(2 + 1/4) * 4", "9")])
    assert (finding.verdict, finding.reason) == ("supported", "")


@pytest.mark.parametrize("share", ["three quarters", "three-quarters", "3/4"])
@pytest.mark.parametrize("expression", ["40 * 3/4", "40 * 0.75", "40 / 4 * 3"])
def test_so_many_parts_are_computed_with_as_one_number_or_as_two(share: str, expression: str) -> None:
    task = f"Tom ate {share} of the 40 apples. How many apples did he eat?"
    [finding] = judge("He ate 30 apples.", [], task, calls=[(expression, "40 * 3/4 = 30")])
    assert (finding.verdict, finding.reason) == ("supported", "")


@pytest.mark.parametrize(
    ("task", "result", "right"),
    [
        ("What weekday is 28 May 2047?", "Tuesday", "28 May 2047 falls on a Tuesday."),
        ("What weekday is May 27 in the year 2002?", "Monday", "27 May 2002 falls on a Monday."),
        ("What do the odd numbers from 48 to 428 come to?", "45220", "The odd numbers from 48 to 428 sum to 45220."),
    ],
)
def test_numbers_of_the_task_may_stand_beside_what_was_worked_out(task: str, result: str, right: str) -> None:
    call = Called(call=1, tool="python", arguments={"code": f"print(answer({task!r}))"})
    found = Evidence(id=1, tool="python", call=1, text=result)
    [finding] = numbers(Draft(text=right, cited=(1,), task=task, evidence=(found,), calls=(call,)))
    assert finding.verdict == "supported", finding.reason


def test_numbers_of_the_task_alone_answer_nothing() -> None:
    [finding] = numbers(Draft(text="28 May 2047.", cited=(), task="What weekday is 28 May 2047?", evidence=()))
    assert finding.reason == "it only repeats numbers of the task"
