"""Roots, logarithms, exponentials and angles to 50 digits, with `decimal`; an exact result is given as such.

Every function returns the value and whether it's exact. Values that aren't are rounded to `DIGITS` digits, so
that computing with them stays bounded.
"""

import decimal
import math
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

from agentkit.arithmetic import bounded
from agentkit.errors import ExpressionError

DIGITS = 50
_WORK = decimal.Context(prec=DIGITS + 15, Emax=10**9, Emin=-(10**9), traps=[decimal.InvalidOperation])
_TRIG = decimal.Context(prec=110, Emax=10**9, Emin=-(10**9), traps=[decimal.InvalidOperation])
_LOST = Fraction(1, 10**45)
"""What is smaller is what rounding left of a zero: sin(pi)."""
_LARGEST_ANGLE = 10**20

_PI = Decimal(
    "3.14159265358979323846264338327950288419716939937510582097494459230781640628620899862803482534211706798214808651"
)
_KEEP = decimal.Context(prec=DIGITS, Emax=10**9, Emin=-(10**9))
PI = Fraction(_KEEP.plus(_PI))
E = Fraction(_KEEP.exp(Decimal(1)))

Value = tuple[Fraction, bool]


def decimal_of(value: Fraction, context: decimal.Context = _WORK) -> Decimal:
    """A fraction to the digits of a context."""
    return context.divide(Decimal(value.numerator), Decimal(value.denominator))


def approximate(value: Fraction) -> Fraction:
    """The value to `DIGITS` digits.

    Raises:
        ExpressionError: It's too large or too small to keep.
    """
    return _fraction(decimal_of(value))


def _fraction(number: Decimal) -> Fraction:
    number = _KEEP.plus(number)
    if number and abs(number.adjusted()) > bounded.MAX_BITS * math.log10(2) - DIGITS:
        raise bounded.too_large("the result")
    return Fraction(number)


def power(base: Fraction, exponent: Fraction) -> Value:
    """A power with any exponent: exact where the root is.

    Raises:
        ExpressionError: It's too large, or a negative number has a fractional exponent.
    """
    if exponent.denominator == 1:
        return bounded.power(base, int(exponent)), True
    if base < 0:
        raise ExpressionError(
            f"{bounded.short(base)} to the power {bounded.short(exponent)} is not a real number; "
            "the base of a fractional power must not be negative"
        )
    if base == 0:
        if exponent < 0:
            raise ExpressionError("0 to a negative power is undefined; the exponent must not be negative")
        return Fraction(0), True
    if exponent.denominator <= bounded.MAX_BITS:
        exact = bounded.root(base, exponent.denominator)
        if exact is not None:
            return bounded.power(exact, exponent.numerator), True
    return inexact_power(base, exponent), False


def inexact_power(base: Fraction, exponent: Fraction) -> Fraction:
    """A power of a positive number, to `DIGITS` digits."""
    size = _WORK.multiply(decimal_of(exponent), _WORK.ln(decimal_of(base)))
    return _exp(size)


def _exp(size: Decimal) -> Fraction:
    if abs(size) > bounded.MAX_BITS:
        raise bounded.too_large("the result")
    # ln(10) ≈ 2.3 digits of the exponent are lost to the integer part, which the 15 spare digits cover
    return _fraction(_WORK.exp(size))


def sqrt(value: Fraction) -> Value:
    """The square root, exact where it's rational: sqrt(49/4) is 7/2.

    Raises:
        ExpressionError: The number is negative.
    """
    if value < 0:
        raise ExpressionError(f"sqrt of {bounded.short(value)} is not a real number; it must not be negative")
    exact = bounded.root(value, 2)
    return (exact, True) if exact is not None else (_fraction(_WORK.sqrt(decimal_of(value))), False)


def exp(value: Fraction) -> Value:
    """e to the power."""
    return (Fraction(1), True) if value == 0 else (_exp(decimal_of(value)), False)


def ln(value: Fraction) -> Value:
    """The natural logarithm.

    Raises:
        ExpressionError: The number isn't positive.
    """
    _positive(value, "ln")
    return (Fraction(0), True) if value == 1 else (_fraction(_WORK.ln(decimal_of(value))), False)


def log(value: Fraction, base: Fraction) -> Value:
    """The logarithm to a base, exact where it's whole: log(8, 2) is 3.

    Raises:
        ExpressionError: The number or the base isn't positive, or the base is 1.
    """
    _positive(value, "log")
    _positive(base, "the base of log")
    if base == 1:
        raise ExpressionError("log to base 1 is undefined; use another base")
    quotient = _WORK.divide(_WORK.ln(decimal_of(value)), _WORK.ln(decimal_of(base)))
    nearest = int(quotient.to_integral_value())
    size = max(bounded.bits(base.numerator), bounded.bits(base.denominator)) - 1
    if size * abs(nearest) <= bounded.MAX_BITS and base**nearest == value:
        return Fraction(nearest), True
    return _fraction(quotient), False


def _positive(value: Fraction, what: str) -> None:
    if value <= 0:
        raise ExpressionError(f"{what} of {bounded.short(value)} is undefined; it must be greater than 0")


def sin(value: Fraction) -> Value:
    """The sine of an angle in radians."""
    return _angle(value, lambda sine, _: sine)


def cos(value: Fraction) -> Value:
    """The cosine of an angle in radians."""
    return _angle(value, lambda _, cosine: cosine)


def tan(value: Fraction) -> Value:
    """The tangent of an angle in radians.

    Raises:
        ExpressionError: The angle is an odd multiple of pi/2.
    """

    def quotient(sine: Fraction, cosine: Fraction) -> Fraction:
        if not cosine:
            raise ExpressionError("tan is undefined at odd multiples of pi/2; use another angle")
        return sine / cosine

    return _angle(value, quotient)


def _angle(value: Fraction, pick: Callable[[Fraction, Fraction], Fraction]) -> Value:
    if abs(value) > _LARGEST_ANGLE:
        raise ExpressionError(f"the angle {bounded.short(value)} is too large; use at most 1e20 radians")
    angle = decimal_of(value, _TRIG)
    half_pi = _TRIG.divide(_PI, Decimal(2))
    quarter_turns = int(_TRIG.divide(angle, half_pi).to_integral_value())
    rest = _TRIG.subtract(angle, _TRIG.multiply(Decimal(quarter_turns), half_pi))
    sine, cosine = _series(rest, 1), _series(rest, 0)
    for _ in range(quarter_turns % 4):
        sine, cosine = cosine, sine.copy_negate()
    result = pick(*(Fraction(0) if abs(Fraction(part)) < _LOST else Fraction(part) for part in (sine, cosine)))
    return approximate(result), value == 0


def _series(angle: Decimal, start: int) -> Decimal:
    """Taylor's series of the sine (from 1) or cosine (from 0), for angles up to pi/4."""
    term = angle if start else Decimal(1)
    total, square = term, _TRIG.multiply(angle, angle)
    for n in range(start + 1, 90, 2):
        term = _TRIG.divide(_TRIG.multiply(term, square.copy_negate()), Decimal(n * (n + 1)))
        total = _TRIG.add(total, term)
        if not term or term.adjusted() < -(DIGITS + 15):
            break
    return total
