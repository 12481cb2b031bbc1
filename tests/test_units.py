"""Units: exact factors, offsets, currencies, dimension errors."""

import subprocess
import sys
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentkit.arithmetic import DimensionError, Unit, convert, evaluate
from agentkit.errors import ExpressionError


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("3 km + 200 m to cm", "320000 cm"),
        ("5 ft to m", "381/250 = 1.524 m"),
        ("1 inch to m", "127/5000 = 0.0254 m"),
        ("12 in to cm", "762/25 = 30.48 cm"),
        ("12 inches in feet", "1 feet"),
        ("5 ft 3 in to in", "63 in"),
        ("2 h 30 min to min", "150 min"),
        ("2 hours + 30 minutes", "5/2 = 2.5 hours"),
        ("60 mph * 30 min in miles", "30 miles"),
        ("100 km/h to m/s", "250/9 ≈ 27.777778 m/s"),
        ("3 GB / 2 MB/s", "1500 s"),
        ("8 hours per day * 5 days", "40 hours"),
        ("90 km / 1.5 h", "60 km/h"),
        ("3/4 km to m", "750 m"),
        ("4 per hour * 2 hours", "8"),
        ("3 / 4 km", "3/4 = 0.75 /km"),
        ("1 acre to square feet", "43560 feet^2"),
        ("9 m² to cm²", "90000 cm^2"),
        ("2 nautical miles to km", "463/125 = 3.704 km"),
        ("2 N * 3 m to J", "6 J"),
        ("2 kWh to J", "7200000 J"),
        ("1 KB to bytes", "1000 bytes"),
        ("100 Mbps * 8 s to MB", "100 MB"),
        ("7 h mod 2 h", "1 h"),
        ("sqrt(9 m^2)", "3 m"),
        ("90 degrees to radians", "≈ 1.570796 radians"),
        ("sin(30 degrees)", "≈ 0.5"),
        ("12/80 as a percentage", "15%"),
        ("max(3 km, 4000 m)", "4000 m"),
    ],
)
def test_units_convert_exactly(expression: str, text: str) -> None:
    assert str(evaluate(expression)) == text


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("20 °C to °F", "68 °F"),
        ("68 F to C", "20 °C"),
        ("20 degrees Celsius to K", "5863/20 = 293.15 K"),
        ("-40 °C to °F", "-40 °F"),
        ("25 °C - 20 °C", "5 °C"),
        ("(25 °C - 20 °C) to °F", "9 °F"),
        ("20 °C + (25 °C - 20 °C)", "25 °C"),
        ("mean(20 °C, 25 °C)", "45/2 = 22.5 °C"),
    ],
)
def test_temperatures_are_readings_with_a_zero_point(expression: str, text: str) -> None:
    assert str(evaluate(expression)) == text


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("$3.50 * 4", "$14"),
        ("$80 - 15%", "$68"),
        ("$12/hour * 8 hours", "$96"),
        ("3 $/kg * 2 kg", "$6"),
        ("5 dollars + 50 cents", "11/2 = $5.50"),
        ("USD 5 + $1", "$6"),
        ("€3 million / 4", "€750000"),
        ("$10 / $4", "5/2 = 2.5"),
    ],
)
def test_money_is_a_dimension_of_its_own(expression: str, text: str) -> None:
    assert str(evaluate(expression)) == text


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("3 kg + 2 m", "at 6: can't add kg and m"),
        ("3 kg + 2", "can't add kg and a plain number; give both a unit or neither"),
        ("$3 + €2", "can't add [$] and €: no exchange rate is known"),
        ("3 km to kg", "can't convert 3 km to kg"),
        ("3 GB + 2", "can't add GB and a plain number"),
        ("20 °C * 2", "its zero is arbitrary"),
        ("20 °C + 5 °F", "convert both to one temperature scale"),
        ("2 ^ (3 km)", "an exponent has no unit"),
        ("sqrt(2 m)", "no unit is m to the power 1/2"),
        ("sin(2 m)", "can't convert 2 m to a plain number"),
    ],
)
def test_dimensions_that_do_not_fit_are_refused(expression: str, says: str) -> None:
    with pytest.raises(DimensionError, match=says):
        evaluate(expression)


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("5 furlogs to km", "at 3: unknown unit 'furlogs'; did you mean furlong"),
        ("5 kilometrs to m", "did you mean kilometer"),
        ("3 apples + 2", "unknown unit 'apples'; leave the word out"),
        ("3 units", "unknown unit 'units'"),
        ("5 speed_of_light", "unknown unit"),
        ("3 dB", "unknown unit 'dB'"),
        ("5 m^1000", "the power of a unit is a whole number up to 99"),
        ("(5 m)^1000", "the power 1000 of a unit is too large|digits"),
    ],
)
def test_unknown_units_are_refused_with_the_nearest_names(expression: str, says: str) -> None:
    with pytest.raises(ExpressionError, match=says):
        evaluate(expression)


def test_everyday_words_are_no_units_by_accident() -> None:
    for word in "units bags cats hats pins apples points has are at boxes students am".split():
        with pytest.raises(ExpressionError):
            Unit.of(word)


_LENGTHS = ["m", "km", "cm", "mm", "inch", "ft", "yards", "miles", "nautical miles", "light years"]


@given(st.fractions(max_denominator=1000), st.sampled_from(_LENGTHS), st.sampled_from(_LENGTHS))
def test_converting_there_and_back_changes_nothing(value: Fraction, one: str, other: str) -> None:
    quantity = evaluate(f"({value}) {one}")
    assert convert(convert(quantity, other), one) == quantity


def test_pint_is_loaded_only_when_a_unit_is_used() -> None:
    code = (
        "import sys; from agentkit.arithmetic import evaluate, equations; evaluate('15% of $80 * 1.5');"
        "equations('$3 * 4 = $12'); assert 'pint' not in sys.modules; evaluate('5 ft'); assert 'pint' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
