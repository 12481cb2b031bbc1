"""Numbers and equations in prose: found, judged exactly, and no false alarms."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentkit.arithmetic import equations, quantities


@pytest.mark.parametrize(
    ("text", "verdicts"),
    [
        ("48/2=24", ["exact"]),
        ("He sold 48/2 = 24 clips in May. Altogether 48+24 = 72 clips.", ["exact", "exact"]),
        ("48/2 = 25", ["wrong"]),
        ("10/3 = 3.33", ["rounded"]),
        ("10/3 ≈ 3", ["rounded"]),
        ("10/3 = 3", ["wrong"]),
        ("10/3 = 3.34", ["wrong"]),
        ("2/3 = 67%", ["rounded"]),
        ("12,345 + 1 ≈ 12,300", ["rounded"]),
        ("sqrt(2) = 1.41", ["rounded"]),
        ("$12.50 * 1.075 = $13.44", ["rounded"]),
        ("1,234 + 1 = 1,235", ["exact"]),
        ("15% of 80 = 12, and 100 - 20% = 80", ["exact", "exact"]),
        ("3 × 4 = 12; 3x4 = 12; 8 ÷ 2 = 4; 5 − 3 = 2", ["exact"] * 4),
        ("3 apples + 4 apples = 7 apples", ["exact"]),
        ("5 boxes * 4 pens per box = 20 pens", ["exact"]),
        ("5 ft = 1.524 m but 5 ft = 1.6 m", ["exact", "wrong"]),
        ("60 mph * 30 min = 30 miles", ["exact"]),
        ("3 km + 200 m = 203 m", ["wrong"]),
        ("3 km + 200 m = 3200", ["numbers"]),
        ("3 hours * $5 = $15", ["numbers"]),
        ("10*.5 = 5 hours per day", ["numbers"]),
        ("84/12 = 7 dozen", ["numbers"]),
        ("5 kg + 3 m = 8", ["undefined"]),
        ("1/0 = 5", ["undefined"]),
        ("2 + 3 = 5 = 10/2 = 6", ["exact", "exact", "wrong"]),
        ("16 - 3 - 4 = 9 eggs * $2 = $18", ["numbers", "exact"]),
        (r"\(48 \times 2 = 96\) and **48/2 = 24**, so 5 + 3 = **8**!", ["exact"] * 3),
        ("- 3 + 4 = 7\n2) 3 + 4 = 7\n* 3 + 4 = 8\n1. -3 + 5 = 2", ["exact", "exact", "wrong", "exact"]),
        ("(3+4)*2 = 14 (as (5 - 2) = 3)", ["exact", "exact"]),
        ("48/2\n = 24", ["exact"]),
        ("20 °C = 68 °F", ["exact"]),
        ("3 in * 2 sq in = 6 cu in.", ["exact"]),
    ],
)
def test_equations_are_found_and_judged(text: str, verdicts: list[str]) -> None:
    assert [equation.verdict for equation in equations(text)] == verdicts


@pytest.mark.parametrize(
    "text",
    [
        "version 1.2.3 = 4",
        "on 2024-01-15 = day 15",
        "at 10:30 = 5",
        "pages 3-5 = 2 groups, 2019-2024 = 4 years",
        "In 2019 sales = 5",
        "x = 5, n = 3, i = i + 1, n += 1, a == b, 5 >= 3, 1 != 2",
        "x + 3 = 5 and x - 3 = 5 and 2x + 3 = 7 and 4x-13 = 7",
        "2g + 4s = 70",
        "1 euro = 1.32 USD",
        r"$4! = 24$ and $1/3 = 0.\overline{3}$ and $90^2 = 8100$",
        "f(3) + 2 = 6",
        "COVID-19 + 1 = 21, GPT-4 = 5",
        "https://example.org/?x=1+1=3",
        "25 classmates + his 1 teacher + 1 himself = 27",
        "(1/2) 278 + 11 = 150",
        "5 * 3 = 16x",
        "1 234 + 5 = 1239",
        "the temperature fell 8 degrees = 2 - 8",
    ],
)
def test_no_false_alarms(text: str) -> None:
    assert not [equation for equation in equations(text) if not equation.holds]


def test_an_equation_knows_its_place_and_why_it_fails() -> None:
    text = "Then 48/2 = 25 clips were sold."
    (equation,) = equations(text)
    assert text[equation.start : equation.end] == equation.text == "48/2 = 25"
    assert equation.reason == "48/2 is 24, not 25"


HALVES = ["1/2 = 0.5 cup", "5/2 = 2.5 cups"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("It costs $1,200 (15% less) for 2 h 30 min.", ["$1200", "15%", "5/2 = 2.5 h"]),
        ("3 million km at -5 °C, 9.8 m/s^2", ["3000000 km", "-5 °C", "49/5 = 9.8 m/s^2"]),
        ("3 in total, 10-20 people, 4 T-shirts, 5 a day", ["3", "10", "20", "4", "5"]),
        ("2–8 °C, 1914–1918, –20 °C, ½ cup, 2½ cups", ["2", "8 °C", "1914", "1918", "-20 °C", *HALVES]),
        ("v1.2.3 on 2024-01-15 at 10:30, H2O, GPT-4", ["4"]),
        ("a 5 ft 3 in tall man, $5/hour, 1.5 kg/m³ and 5km", ["21/4 = 5.25 ft", "$5/hour", "3/2 = 1.5 kg/m^3", "5 km"]),
        ("3.00 × 10⁸ m/s, 2 x 10^3 beds, 5*10**(-2) m", ["300000000 m/s", "2000", "1/20 = 0.05 m"]),
        ("384\u202f400 km and 10 per cent", ["384400 km", "10%"]),
    ],
)
def test_quantities_are_found_in_prose(text: str, found: list[str]) -> None:
    assert [str(mention.quantity) for mention in quantities(text)] == found


SOLUTIONS = Path(__file__).parents[2] / "shared/data/train/gsm8k_train.jsonl"


@pytest.mark.skipif(not SOLUTIONS.exists(), reason="the shared GSM8K solutions aren't on this machine")
def test_the_worked_solutions_of_gsm8k_hold() -> None:
    lines = SOLUTIONS.read_text().splitlines()[:400]
    found = [
        e for line in lines for e in equations(json.loads(line)["solution"].replace("<<", "\n").replace(">>", "\n"))
    ]
    wrong = [e.text for e in found if not e.holds]
    assert len(found) > 1000
    assert len(wrong) <= 2, wrong


@given(st.integers(1, 999), st.integers(1, 999), st.sampled_from("+-*"), st.integers(1, 5))
def test_a_result_that_is_off_is_noticed(a: int, b: int, sign: str, off: int) -> None:
    right = {"+": a + b, "-": a - b, "*": a * b}[sign]
    assert [e.verdict for e in equations(f"So {a} {sign} {b} = {right} in all.")] == ["exact"]
    assert [e.verdict for e in equations(f"So {a} {sign} {b} = {right + off} in all.")] == ["wrong"]


_WORDS = st.sampled_from(
    "1 2.5 1,000 = ≈ == + - * / ^ % ( ) $ km in of x a sqrt( , . \n ** –  dozen ft apples ! \\times".split(" ")
)


@settings(max_examples=200)
@given(st.lists(_WORDS, max_size=25).map(" ".join) | st.lists(_WORDS, max_size=25).map("".join) | st.text(max_size=60))
def test_any_text_can_be_searched(text: str) -> None:
    for found in (*equations(text), *quantities(text)):
        assert 0 <= found.start < found.end <= len(text)
