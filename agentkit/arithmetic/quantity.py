"""A number with its unit: what it can be computed with, how it's written and read back."""

import decimal
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from agentkit.arithmetic import bounded, irrational
from agentkit.arithmetic.units import CURRENCY_SIGNS, PLAIN, DimensionError, Unit
from agentkit.errors import ExpressionError

PLACES = 6
"""Decimal places of an approximation; a number below 1 has `PLACES` + 1 significant digits."""
_EXACT_PLACES = 12
_LONGEST = 40
_LONGEST_FRACTION = 15
"""Digits of an integer, and of a fraction's two parts together, that are written out."""
_SNAP = Fraction(1, 10**40)


@dataclass(frozen=True)
class Quantity:
    """A number and its unit. The number is exact unless `exact` is false: then it has 50 digits."""

    value: Fraction
    unit: Unit = PLAIN
    exact: bool = True

    def __str__(self) -> str:
        """The exact number, then `=` or `≈` and the decimal with the unit, if that says more.

        Whole: `220`, `220 km`, `$220`. Not whole: `3/10 = 0.3`, `5/2 = 2.5 km`, `10/3 ≈ $3.333333`; a fraction of
        many digits is left out: `1.36077711 km`, `≈ 2.204623 lb`. Not exact, or too long: `≈ 9.332622e157`.
        `read` reads all of these back.
        """
        above, below = self.value.numerator, self.value.denominator
        short = max(bounded.bits(above), bounded.bits(below)) < 4 * _LONGEST and len(f"{above}{below}") <= _LONGEST
        if not (self.exact and short):
            return f"≈ {self._with_unit(_approximation(self.value))}"
        if below == 1:
            return self._with_unit(str(above))
        fraction = f"{above}/{below}" if len(f"{above}{below}") <= _LONGEST_FRACTION else ""
        decimals = _decimals(self.value)
        if decimals is None:
            return f"{fraction} ≈ {self._with_unit(_approximation(self.value))}".strip()
        if self.unit.money and decimals <= 2:
            decimals = 2
        decimal_form = self._with_unit(_plain(self.value, decimals))
        return f"{fraction} = {decimal_form}" if fraction else decimal_form

    def _with_unit(self, number: str) -> str:
        unit = str(self.unit)
        if not unit:
            return number
        if unit[0] in CURRENCY_SIGNS and (self.unit.money or unit.startswith(f"{unit[0]}/")):
            sign, digits = ("-", number[1:]) if number.startswith("-") else ("", number)
            return f"{sign}{unit[0]}{digits}{unit[1:]}"
        return f"{number}{unit}" if unit == "%" else f"{number} {unit}"

    def __neg__(self) -> "Quantity":
        return Quantity(-self.value, self.unit, self.exact)

    def __abs__(self) -> "Quantity":
        return Quantity(abs(self.value), self.unit, self.exact)

    def __add__(self, other: "Quantity") -> "Quantity":
        return self._sum(other, 1)

    def __sub__(self, other: "Quantity") -> "Quantity":
        return self._sum(other, -1)

    def _sum(self, other: "Quantity", sign: int) -> "Quantity":
        doing = "add" if sign > 0 else "subtract"
        if self.unit.offset or other.unit.offset:
            return self._temperature_sum(other, sign, doing)
        if self.unit == other.unit:
            return self._made(self.value + sign * other.value, exact=self.exact and other.exact)
        theirs = other.to(self.unit, doing=doing)
        return self._made(self.value + sign * theirs.value, exact=self.exact and theirs.exact)

    def _temperature_sum(self, other: "Quantity", sign: int, doing: str) -> "Quantity":
        """Readings of one scale: their difference is a difference, a reading plus a difference is a reading."""
        names = {factor.meaning.name for q in (self, other) for factor in q.unit.factors}
        if len(names) != 1 or self.unit.base != other.unit.base:
            raise DimensionError(f"can't {doing} {self.named} and {other.named}; convert both to one temperature scale")
        value = bounded.checked(self.value + sign * other.value)
        readings = (self.unit.offset != 0) + (other.unit.offset != 0)
        unit = Unit(self.unit.factors, difference=sign < 0 and readings == 2)
        return Quantity(value, unit, self.exact and other.exact)

    def __mul__(self, other: "Quantity") -> "Quantity":
        self._no_readings(other, "multiply")
        if bounded.bits(self.value.numerator) + bounded.bits(other.value.numerator) > 2 * bounded.MAX_BITS:
            raise bounded.too_large("the product")
        if not (self.unit or other.unit):
            return self._made(self.value * other.value, exact=self.exact and other.exact)
        unit, number, exact = self.unit.times(other.unit)
        return self._made(self.value * other.value * number, unit, exact=exact and self.exact and other.exact)

    def __truediv__(self, other: "Quantity") -> "Quantity":
        self._no_readings(other, "divide")
        if other.value == 0:
            raise ExpressionError(f"{self.named} / 0 is undefined; divide by something else")
        if not (self.unit or other.unit):
            return self._made(self.value / other.value, exact=self.exact and other.exact)
        unit, number, exact = self.unit.times(other.unit.raised(-1))
        return self._made(self.value / other.value * number, unit, exact=exact and self.exact and other.exact)

    def __floordiv__(self, other: "Quantity") -> "Quantity":
        if other.value == 0:
            raise ExpressionError(f"{self.named} // 0 is undefined; divide by something else")
        same = self.to(other.unit, doing="divide")
        return Quantity(Fraction((same.value / other.value + _slack(same, other)).__floor__()))

    def __mod__(self, other: "Quantity") -> "Quantity":
        if other.value == 0:
            raise ExpressionError(f"{self.named} mod 0 is undefined; use another divisor")
        theirs = other.to(self.unit, doing="divide")
        return self._made(self.value % theirs.value, exact=self.exact and theirs.exact)

    def __pow__(self, other: "Quantity") -> "Quantity":
        if other.unit.base or other.unit.offset:
            raise DimensionError(f"an exponent has no unit, but this one is {other.named}; leave its unit out")
        exponent = other.to(PLAIN).value
        if self.unit:
            self._no_readings(other, "raise")
            if exponent.denominator == 1:
                return Quantity(bounded.power(self.value, int(exponent)), self.unit.raised(int(exponent)), self.exact)
            return self.root(exponent)
        if not (self.exact and other.exact) and self.value > 0:
            return Quantity(irrational.inexact_power(self.value, exponent), exact=False)
        value, exact = irrational.power(self.value, exponent)
        return self._made(value, exact=exact and self.exact and other.exact)

    def root(self, exponent: Fraction) -> "Quantity":
        """A fractional power, where the unit's powers stay whole: the root of 9 m^2 is 3 m.

        Raises:
            ExpressionError: They don't.
        """
        powers = [f.power * exponent for f in self.unit.factors]
        if any(power.denominator != 1 for power in powers):
            raise DimensionError(f"no unit is {self.unit} to the power {bounded.short(exponent)}; leave the unit out")
        unit = Unit(
            tuple(
                type(f)(f.spelling, int(power), f.meaning) for f, power in zip(self.unit.factors, powers, strict=True)
            )
        )
        value, exact = irrational.power(self.value, exponent)
        return Quantity(value, unit, exact and self.exact)

    def to(self, unit: Unit, *, doing: str = "convert") -> "Quantity":
        """The same quantity in another unit.

        Raises:
            DimensionError: The unit is one of something else.
        """
        if self.unit == unit:
            return Quantity(self.value, unit, self.exact)
        if self.unit.base != unit.base:
            raise DimensionError(_mismatch(self, unit, doing))
        if self.unit.difference:
            unit = Unit(unit.factors, difference=True)
        exact = self.exact and (self.unit.exact == unit.exact)
        value = (self.value * self.unit.scale + self.unit.offset - unit.offset) / unit.scale
        return self._made(value, unit, exact=exact)

    def equals(self, other: "Quantity", *, within: Fraction = Fraction(0)) -> bool:
        """Whether both are the same amount; `within` is a tolerance in this one's unit.

        Raises:
            DimensionError: They're amounts of different things.
        """
        if {f.meaning.name for f in self.unit.factors} == {f.meaning.name for f in other.unit.factors}:
            theirs = Quantity(other.value, self.unit, other.exact) if self.unit.base == other.unit.base else other
        else:
            theirs = other
        theirs = theirs.to(self.unit, doing="compare")
        slack = Fraction(0) if self.exact and theirs.exact else abs(self.value) * _SNAP + _SNAP
        return abs(self.value - theirs.value) <= within + slack

    def mapped(self, function: Callable[[Fraction], Fraction]) -> "Quantity":
        """A function that rounds, applied to the number: the result is exact."""
        value = self.value if self.exact else bounded.rounded(self.value, 40)
        return Quantity(bounded.checked(function(value)), self.unit)

    @property
    def named(self) -> str:
        """As it's named in an error: a decimal, and never long."""
        return self._with_unit(_approximation(self.value))

    @property
    def number(self) -> Fraction:
        """The value without a unit; a percentage or an angle in degrees as the plain number it is.

        Raises:
            DimensionError: It has a unit of some dimension.
        """
        return self.to(PLAIN).value

    def _made(self, value: Fraction, unit: Unit | None = None, *, exact: bool) -> "Quantity":
        value = bounded.checked(value) if exact else irrational.approximate(value)
        return Quantity(value, self.unit if unit is None else unit, exact)

    def _no_readings(self, other: "Quantity", doing: str) -> None:
        for quantity in (self, other):
            if quantity.unit.offset:
                raise DimensionError(
                    f"can't {doing} the temperature {quantity.named}: its zero is arbitrary; "
                    "convert it to K first, or use mean(...) for an average"
                )


def _slack(one: Quantity, other: Quantity) -> Fraction:
    return Fraction(0) if one.exact and other.exact else _SNAP


def _mismatch(one: Quantity, unit: Unit, doing: str) -> str:
    mine, theirs = str(one.unit) or "a plain number", str(unit) or "a plain number"
    if one.unit.money and unit.money:
        return f"can't {doing} {theirs} and {mine}: no exchange rate is known; work in one currency"
    if doing == "convert":
        return f"can't convert {one.named} to {theirs}: they measure different things; use a unit of the same kind"
    way_out = "give both a unit or neither" if not (one.unit and unit) else "both must measure the same thing"
    if doing == "compare":
        return f"can't compare {mine} and {theirs}; {way_out}"
    return f"can't {doing} {theirs} and {mine}; {way_out}"


def _decimals(value: Fraction) -> int | None:
    """Places of a decimal that ends within `_EXACT_PLACES`; None when it doesn't."""
    for places in range(_EXACT_PLACES + 1):
        if 10**places % value.denominator == 0:
            return places
    return None


def _plain(value: Fraction, places: int) -> str:
    scaled = abs(value * 10**places)
    digits = str(int(scaled)).rjust(places + 1, "0")
    sign = "-" if value < 0 else ""
    return f"{sign}{digits[:-places]}.{digits[-places:]}" if places else f"{sign}{digits}"


def _approximation(value: Fraction) -> str:
    """A decimal of at least 7 significant digits and at most `PLACES` places, from 1e15 on in powers of ten."""
    number = irrational.decimal_of(value)
    if not number:
        return "0"
    size = number.adjusted()
    if size >= 15 or size < -PLACES:
        short = decimal.Context(prec=PLACES + 1, rounding=decimal.ROUND_HALF_UP, Emin=-(10**6), Emax=10**6).plus(number)
        digits = "".join(map(str, short.as_tuple().digits)).rstrip("0")
        point = f"{digits[0]}.{digits[1:]}" if len(digits) > 1 else digits
        return f"{'-' if value < 0 else ''}{point}e{short.adjusted()}"
    places = PLACES if size >= 0 else PLACES - size
    text = _plain(bounded.rounded(value, places), places)
    return text.rstrip("0").rstrip(".")
