"""When a number that a draft has is one that was said."""

import re
from dataclasses import replace
from fractions import Fraction

from agentkit.arithmetic import DimensionError, Quantity, Unit
from agentkit.checks.quantities import Number
from agentkit.checks.spelled import MULTIPLES

YEAR = re.compile(r"1\d{3}|20\d\d")
IN_CENTS = frozenset({"EUR", "USD", "CAD", "AUD"})
"""Currencies of a hundred cents."""


def equal(claimed: Number, number: Number) -> bool:
    """The same quantity or time of day; what isn't one number (a date) must be spelled alike.

    So much a week isn't so much a month.
    """
    other_period = claimed.per and number.per and claimed.per != number.per
    if claimed.time is not None and number.time is not None:
        return claimed.time == number.time
    if is_multiple(claimed) != is_multiple(number) and counts(number if is_multiple(claimed) else claimed):
        return False
    if number.is_span and not unit_of(claimed):  # 8 doors aren't what is between 9:00 and 17:00
        return False
    one, other = claimed.quantity, number.quantity
    if one is None or other is None:
        return one is other and claimed.written == number.written
    one, other = paired(one, other)
    if one.unit and other.unit and one.unit.base == other.unit.base:
        try:
            rate = any(factor.power < 0 for factor in one.unit.factors)  # km per hour become m per second
            return rounds(claimed, one.value, other.to(one.unit).value) and (rate or not other_period)
        except DimensionError:
            return False
    return rounds(claimed, one.value, other.value) and units_agree(one.unit, other.unit) and not other_period


def same_date(claimed: Number, number: Number) -> bool:
    """Whether both are dates, and one says no more than the other: June 2007 and 29 June 2007."""
    one, other = claimed.date, number.date
    return one is not None and other is not None and (one.covers(other) or other.covers(one))


def rounds(claimed: Number, value: Fraction, said: Fraction) -> bool:
    """Whether a claimed value is what was said, or rounds it to the digits shown where it is *about* so much.

    Years aren't rounded, and of one digit no more is believed than a tenth: 60 are not about 100.
    """
    if claimed.about is None or value == said or is_year(claimed):
        return value == said
    return abs(value - said) <= min(Fraction(10) ** -claimed.about / 2, abs(said) / 10)


def paired(one: Quantity, other: Quantity) -> tuple[Quantity, Quantity]:
    """Both, with cents in the currency of the other one: arithmetic takes all for those of a dollar."""
    return in_currency(one, other.unit), in_currency(other, one.unit)


def in_currency(quantity: Quantity, other: Unit) -> Quantity:
    """A quantity with its cents, if it has any, as hundredths of another's currency."""
    money = next((f for f in other.factors if f.meaning.name in IN_CENTS), None)
    cent = next((f for f in quantity.unit.factors if f.meaning.name == "cent"), None) if money else None
    if money is None or cent is None:
        return quantity
    factors = tuple(replace(money, power=cent.power) if f is cent else f for f in quantity.unit.factors)
    return Quantity(quantity.value / Fraction(100) ** cent.power, Unit(factors), quantity.exact)


def is_year(number: Number) -> bool:
    """Whether a number is written as years are: it can't have been meant for the number of atoms, nor the other way."""
    bare = number.quantity is not None and not number.quantity.unit and not number.noun
    return bare and YEAR.fullmatch(number.written) is not None


def is_multiple(number: Number) -> bool:
    """Whether a number multiplies and counts nothing: `doubled` isn't said by `two years`."""
    return number.written.lower() in MULTIPLES


def counts(number: Number) -> bool:
    """Whether something is said to be there so many times."""
    return bool(number.noun or unit_of(number))


def converted(claimed: Number, number: Number) -> bool:
    """The same quantity in a unit of the same kind: two years are 24 months."""
    return number.quantity is not None and bool(number.quantity.unit) and equal(claimed, number)


def may_have_unit(claimed: Number, number: Number) -> bool:
    """Whether the unit that a claim gives to a bare number of the evidence is spoken of where that number stands.

    Else section `7.` of a licence becomes a fine of 7 euros, as the task asks for euros.
    """
    bare = number.quantity is not None and not number.quantity.unit
    return not bare or not unit_of(claimed) or not number.units.isdisjoint(unit_of(claimed))


def same_value(claimed: Number, computed: Number) -> bool:
    """Equal to the precision in which the claim writes it; a result may lack the unit that the claim gives it."""
    if equal(claimed, computed):
        return True
    if claimed.quantity is None or computed.quantity is None:
        return False
    one, other = paired(claimed.quantity, computed.quantity)
    if not units_agree(one.unit, other.unit):
        return False
    if one.unit and other.unit and one.unit.base == other.unit.base:
        other = other.to(one.unit)
    close = abs(one.value - other.value) <= Fraction(1, 10**claimed.places) / 2
    return close and (claimed.places > 0 or abs(other.value) >= 100)


def units_agree(one: Unit, other: Unit) -> bool:
    """The same dimension, or one of the two has none; `kWh per day` agrees with `kWh`."""
    numerators = [{f.meaning.name for f in unit.factors if f.power > 0} for unit in (one, other)]
    return not one or not other or one.base == other.base or numerators[0] == numerators[1]


def unit_of(number: Number) -> list[str]:
    """Canonical names of a number's units."""
    return [f.meaning.name for f in number.quantity.unit.factors] if number.quantity else []
