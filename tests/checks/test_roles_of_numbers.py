"""What stands beside a number tells what it is of: labels, rows, periods, names, powers of ten."""

import pytest

from .test_numbers import NOTICE, judge
from .test_numbers_told_otherwise import DAYS


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
CONTRACTS = "| Country | Contracts |\n|---|---|\n| France | 2 132 |\n| Spain | 1 418 |"
LESS = "Children under 6 pay 50 % less, people over 65 pay 20 % less."
PRICED = "| Article | Euros |\n|---|---|\n| Bean seed | 2 |\n| Trowel | 9 |"
HEAVY = "| Parcel | Price |\n|---|---|\n| under 5 kg | 4 euros |\n| over 5 kg | 9 euros |"
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
        (CONTRACTS, "How many contracts has France?", "France has 2,132 contracts.", "France has 132 contracts."),
        (LESS, "How much less does a man of 70 pay?", "20 % less.", "50 % less."),
        (PRICED, "What does a trowel cost?", "It costs 9 euros.", "It costs 2 euros."),
        (HEAVY, "What does a parcel over 5 kg cost?", "It costs 9 euros.", "It costs 4 euros."),
        (HEAVY, "What does a parcel under 5 kg cost?", "It costs 4 euros.", "It costs 9 euros."),
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


AGES = "Children of 3–5 years pay 4 euros, children of 6–11 years 7 euros, adults 12 euros."
AGE_TABLE = "| Age | Price |\n|---|---|\n| 3-5 | 4 euros |\n| 6-11 | 7 euros |"
WEIGHTS = "| Weight | Price |\n|---|---|\n| under 5 kg | 4 euros |\n| 5 kg or more | 9 euros |"
AGE_FEES = "| Age | Fee |\n|---|---|\n| under 6 | 0 euros |\n| 6–17 | 5 euros |\n| 18 or older | 12 euros |"
FARES = "Children under 6 pay 2 euros, children of 6–11 years pay 5 euros, people over 11 pay 8 euros."
PARCELS = "Parcels of 0–2 kg cost 4 euros, parcels of 2–5 kg cost 7 euros."


@pytest.mark.parametrize(
    ("passage", "task", "right", "wrong"),
    [
        ("Children of 3–5 years pay 4 euros, 6–11 pay 7.", "What does a child of 4 pay?", "4 euros.", "7 euros."),
        (AGES, "What does a child of 8 years pay?", "It pays 7 euros.", "A child of 8 years pays 4 euros."),
        (AGES, "What does a 4-year-old pay?", "4 euros.", "7 euros."),
        (AGES, "What does an adult of 40 pay?", "12 euros.", "7 euros."),
        (CHILDREN, "What dose for a child of 14 years?", "500 mg.", "250 mg."),
        (AGE_TABLE, "What does a child of 9 pay?", "7 euros.", "4 euros."),
        (PARCELS, "What does a parcel of 1500 g cost?", "4 euros.", "7 euros."),
        (WEIGHTS, "What does a parcel of 3 kg cost?", "It costs 4 euros.", "It costs 9 euros."),
        (WEIGHTS, "What does a parcel of 7,000 g cost?", "It costs 9 euros.", "It costs 4 euros."),
        (AGE_FEES, "What does a child of 4 pay?", "0 euros.", "5 euros."),
        (AGE_FEES, "What does a man of 40 pay?", "He pays 12 euros.", "He pays 5 euros."),
        (FARES, "What does a child of 3 pay?", "It pays 2 euros.", "It pays 5 euros."),
        (FARES, "What does a woman of 30 years pay?", "She pays 8 euros.", "She pays 2 euros."),
        ("Orders over $50 cost $5, others $9.", "What does an order of $70 cost to ship?", "$5.", "$9."),
    ],
)
def test_a_value_within_a_band_tells_which_number_is_meant(passage: str, task: str, right: str, wrong: str) -> None:
    assert [f.reason for f in judge(right, [passage], task)] == [""]
    assert judge(wrong, [passage], task)[0].verdict == "failed"


ROOMS = "Room 1 has 8 beds and room 2 has 6."
TANKS = "Tank 1 holds 500 litres. Tank 2 holds 300 litres."


@pytest.mark.parametrize(
    ("passage", "task", "right", "wrong"),
    [
        (ROOMS, "How many beds are in room 1?", "8 beds.", "6 beds."),
        (ROOMS, "How many beds are in room 2?", "6 beds.", "8 beds."),
        (ROOMS, "How many beds does room 2 have?", "Room 2 has 6 beds.", "Room 2 has 8 beds."),
        (ROOMS, "Which has more beds, room 1 or room 2?", "Room 1 has 8 beds.", "Room 2 has 8 beds."),
        (TANKS, "How much does tank 2 hold?", "300 litres.", "500 litres."),
        (NOTICE, "How much notice does section 6 require?", "30 days.", "14 days."),
    ],
)
def test_a_numbered_name_in_the_question_tells_which_number_is_meant(
    passage: str, task: str, right: str, wrong: str
) -> None:
    assert [f.reason for f in judge(right, [passage], task)] == [""]
    assert judge(wrong, [passage], task)[0].verdict == "failed"


def test_a_topic_with_a_number_claims_no_other_number() -> None:
    passage = "Gemini 12 was a 1966 flight. It achieved the fifth rendezvous and fourth docking."
    [finding] = judge("It achieved the fifth rendezvous.", [passage], "Tell me about Gemini 12.")
    assert (finding.verdict, finding.reason) == ("supported", "")


@pytest.mark.parametrize(
    ("task", "right", "wrong"),
    [
        ("When does it close on Tuesday?", "At 19:00.", "At 10:00."),
        ("When does it close on Tuesday?", "It closes at 7 pm.", "It closes at 17:00."),
        ("When does it open on Monday?", "It opens at 9:00.", "It opens at 17:00."),
    ],
)
def test_a_column_tells_what_a_time_of_day_is_of(task: str, right: str, wrong: str) -> None:
    assert [f.reason for f in judge(right, [DAYS], task)] == [""]
    assert judge(wrong, [DAYS], task)[0].verdict == "failed"


SCHOOL = "The school was founded on 3 May 1901 and moved on 7 June 1923."
SCHOOL_US = "The school was founded on May 3, 1901, and moved on June 7, 1923."
ANNA = "Anna was born on 3 May 1901. She died on 7 June 1923."
EVENTS = "| Event | Date |\n|---|---|\n| Sale | 3 May 2024 |\n| Fair | 20 June 2024 |"
SALE = "The sale starts on 3 May 2024 and ends on 20 May 2024."


@pytest.mark.parametrize(
    ("passage", "task", "right", "wrong"),
    [
        ("It was founded in 1901 and moved in 1923.", "When did it move?", "In 1923.", "It moved in 1901."),
        (SCHOOL, "When did the school move?", "On 7 June 1923.", "It moved on 3 May 1901."),
        (SCHOOL, "When did the school move?", "In 1923.", "In 1901."),
        (SCHOOL, "When was the school founded?", "In May 1901.", "In June 1923."),
        (SCHOOL_US, "When did the school move?", "June 7, 1923.", "On 3 May 1901."),
        (SCHOOL_US, "When did the school move?", "In 1923.", "In 1901."),
        (ANNA, "When did Anna die?", "On 7 June 1923.", "On 3 May 1901."),
        (EVENTS, "When is the fair?", "It is on 20 June.", "The fair is on 3 May 2024."),
        (SALE, "When does the sale end?", "It ends on 20 May.", "On 3 May."),
    ],
)
def test_a_date_is_told_as_that_of_what_it_is_of(passage: str, task: str, right: str, wrong: str) -> None:
    assert [f.reason for f in judge(right, [passage], task)] == [""]
    assert judge(wrong, [passage], task)[0].verdict == "failed"


def test_a_date_of_a_life_in_brackets_may_be_either() -> None:
    passage = "Anna (May 3, 1901 – June 7, 1923) was a singer."
    assert judge("She died on June 7, 1923.", [passage], "When did Anna die?")[0].reason == ""


@pytest.mark.parametrize(
    ("passage", "task", "right"),
    [
        ("Anna was born in 1901. She passed away in 1923.", "When did Anna die?", "In 1923."),
        ("The pact was signed on 3 May 1901. It took effect on 7 June 1923.", "When was it in force?", "7 June 1923."),
    ],
)
def test_a_sentence_that_begins_with_a_pronoun_speaks_of_the_subject_of_the_one_before(
    passage: str, task: str, right: str
) -> None:
    assert judge(right, [passage], task)[0].reason == ""


def test_a_sentence_that_tells_two_dates_word_for_word_tells_each_as_what_it_is() -> None:
    assert judge(SCHOOL, [SCHOOL], "When did the school move?")[0].reason == ""


def test_a_date_of_the_task_may_be_repeated() -> None:
    task = "Did the school move on 3 May 1901?"
    assert judge("No, not on 3 May 1901 but on 7 June 1923.", [SCHOOL], task)[0].reason == ""


def test_what_a_clause_leaves_out_is_taken_from_the_one_before() -> None:
    shifts = "In the early shift there are 7 nurses on the ward, at night only 3. The rota hangs in the tea room."
    task = "How many nurses work at night?"
    assert judge("At night there are 3 nurses on the ward.", [shifts], task)[0].verdict == "supported"
    assert judge("At night there are 7 nurses on the ward.", [shifts], task)[0].verdict == "failed"
    prices = "Adults pay 12 euros, children 5. The ride takes 20 minutes."
    assert judge("Children pay 5 euros.", [prices], "What do children pay?")[0].verdict == "supported"
    assert judge("Children pay 12 euros.", [prices], "What do children pay?")[0].verdict == "failed"
