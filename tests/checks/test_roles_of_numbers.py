"""What stands beside a number tells what it is of: labels, rows, periods, names, powers of ten."""

import pytest

from .test_numbers import judge


def test_a_sentence_told_word_for_word_tells_each_of_its_numbers_as_what_it_is() -> None:
    task = "How many more votes did Studdard have?"
    passage = "Out of 24 million votes, Studdard finished 134,000 votes ahead."
    assert judge(passage, [passage], task)[0].verdict == "supported"
    assert judge("Studdard finished 24 million votes ahead.", [passage], task)[0].verdict == "failed"


def test_a_sentence_told_word_for_word_may_be_of_something_else() -> None:
    task = "What does entry cost for residents with a guide?"
    told = "Entry costs 12 euros and 30 euros with a guide."
    [finding] = judge(told, [f"{told} Entry for residents with a guide costs 36 euros."], task)
    assert finding.reason == "12 euros stands for something else in the evidence; [1] has 36 euros"


CHILDREN = "Children aged 6 to 11 years: 250 mg. Children aged 12 to 17 years: 500 mg. Adults: 1,000 mg."
ZONES = """\
| Zone | Single ticket | Day ticket |
|---|---|---|
| 2 | 3.60 € | 9.00 € |
| 3 | 5.10 € | 12.50 € |"""
LEAVE = "Employees get 28 days of leave after 5 years and 30 days after 10 years."
TAX = "Income up to 10,000 euros is taxed at 10 %, income up to 40,000 euros at 22 %, and income above that at 35 %."
ALLOWANCES = "Daily allowances - meals: 28 euros, hotel: 120 euros, laundry: 15 euros."
OPEN = "Reception: 8:00-18:00, canteen: 11:30-14:00, gym: 6:00-22:00."
FEES = "In 2022 the fee was 10 euros; in 2023 it is 12 euros."
LANDLORD = (
    "(1) The tenant may terminate the lease with three months' notice. (2) The landlord may terminate with six months' "
    "notice if the tenant has lived there for more than five years, and nine months' notice after eight years."
)
RETURNS = "Goods can be returned within 30 days (software: 14 days)."
ENTRY = "Entry costs 20 euros for members or 35 euros for guests."
FINE = "A fine of not more than 10 per cent of turnover may be imposed."


@pytest.mark.parametrize(
    ("passage", "task", "right", "wrong"),
    [
        (
            CHILDREN,
            "What dose for children aged 6 to 11?",
            "They take 250 mg.",
            "Children aged 6 to 11 years take 500 mg.",
        ),
        (ZONES, "What does a day ticket for zone 2 cost?", "9.00 €.", "A day ticket for zone 2 costs 12.50 €."),
        (LEAVE, "How many days of leave after 10 years?", "After 10 years they get 30 days.", "They get 28 days."),
        (TAX, "How is income up to 40,000 euros taxed?", "It is taxed at 22 %.", "It is taxed at 10 %."),
        (ALLOWANCES, "What is the hotel allowance?", "It is 120 euros.", "The hotel allowance is 28 euros."),
        (OPEN, "When is the gym open?", "From 6:00 to 22:00.", "The gym is open from 8:00 to 18:00."),
        (FEES, "What is the fee in 2023?", "The fee is 12 euros.", "The fee is 10 euros."),
        (LANDLORD, "With what notice can the landlord terminate after eight years?", "Nine months.", "Six months."),
        (RETURNS, "What is the return period for software?", "Software: 14 days.", "Software: within 30 days."),
        (ENTRY, "What do guests pay?", "Guests pay 35 euros.", "Guests pay 20 euros."),
        (FINE, "What is the maximum fine?", "It is at most 10 % of turnover.", "It is at most 15 per cent."),
    ],
)
def test_the_values_and_labels_beside_a_number_tell_what_it_is_of(
    passage: str, task: str, right: str, wrong: str
) -> None:
    assert [f.reason for f in judge(right, [passage], task)] == [""]
    assert judge(wrong, [passage], task)[0].verdict == "failed"


def test_a_name_of_the_same_kind_may_have_been_meant() -> None:
    task, passage = "Which section governs fines?", "Section 5 governs appeals. Section 7 governs fines."
    assert (
        judge("Section 5 governs fines.", [passage], task)[0].reason == "section 5 is something else; [1] has section 7"
    )
    assert judge("Section 7.", [passage], task)[0].verdict == "supported"
    task, passage = "Which is the reserve?", "Generator 2 delivers 25 kW and starts when Generator 1 fails."
    assert judge("Generator 2 starts when Generator 1 fails.", [passage], task)[0].verdict == "supported"


INTERNET = "Staff work from home 2 days a week. The company pays 40 euros a month for internet."
MAINTENANCE = "Maintenance is done every 6 months and costs 120 euros a year. Filters are changed 2 times a month."
PLANS = "| Plan | Price per month |\n|---|---|\n| Small | 12 euros |\n| Large | 20 euros |"


@pytest.mark.parametrize(
    ("passage", "task", "right", "wrong"),
    [
        (INTERNET, "What is paid for internet?", "40 euros monthly.", "The company pays 40 euros a week."),
        (MAINTENANCE, "What does maintenance cost?", "120 euros annually.", "It costs 120 euros per month."),
        ("Take 2 tablets a day for one week.", "How many?", "Take 2 tablets daily.", "Take 2 tablets a week."),
        ("Take it twice a day.", "How often?", "Take it twice daily.", "Take it twice a week."),
        ("Interest is 3 % per year.", "What is the interest?", "3 % per annum.", "It is 3 % per month."),
        (PLANS, "What does Small cost?", "Small costs 12 euros a month.", "Small costs 12 euros per year."),
    ],
)
def test_so_much_a_week_is_not_so_much_a_month(passage: str, task: str, right: str, wrong: str) -> None:
    assert [f.reason for f in judge(right, [passage], task)] == [""]
    assert judge(wrong, [passage], task)[0].verdict == "failed"


LIGHT = "The speed of light is 3.00 × 10⁸ m/s."
PROTON = "The electron has a mass of 9.109 × 10⁻³¹ kg and the proton a mass of 1.673 × 10⁻²⁷ kg."
MOON = "The mean distance to the Moon is 384\u202f400 km."


@pytest.mark.parametrize(
    ("passage", "right", "wrong"),
    [
        (LIGHT, "It is 3.00 × 10^8 m/s.", "It is 3.00 × 10⁶ m/s."),
        (LIGHT, "It is 300,000,000 m/s.", "It is 3.00 m/s."),
        (PROTON, "The mass of the proton is 1.673e-27 kg.", "The mass of the proton is 1.673 × 10⁻³¹ kg."),
        (MOON, "The Moon is 384,400 km away.", "The Moon is 400 km away."),
    ],
)
def test_powers_of_ten_and_grouped_digits_are_one_number(passage: str, right: str, wrong: str) -> None:
    assert [f.reason for f in judge(right, [passage], "How much is it?")] == [""]
    assert judge(wrong, [passage], "How much is it?")[0].verdict == "failed"
