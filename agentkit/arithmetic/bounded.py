"""Arithmetic on Fractions that refuses what would be too large, before computing it."""

import math
from fractions import Fraction

from agentkit.errors import ExpressionError

MAX_BITS = 4096
"""Bits of a numerator or denominator, 1233 digits. At this size a product costs 0.05 ms."""
MAX_FACTORIAL = 500
MAX_DIGITS = 100
"""Decimal places that `round` takes."""


def checked(value: Fraction) -> Fraction:
    """The value, if it's within bounds.

    Raises:
        ExpressionError: It isn't.
    """
    if max(bits(value.numerator), bits(value.denominator)) > MAX_BITS:
        raise too_large("the result")
    return value


def bits(number: int) -> int:
    """The size of an integer."""
    return number.bit_length()


def too_large(what: str) -> ExpressionError:
    """The error of a value past the bounds."""
    return ExpressionError(f"{what} has more than {round(MAX_BITS * math.log10(2))} digits; use smaller numbers")


def power(base: Fraction, exponent: int) -> Fraction:
    """An integer power.

    Raises:
        ExpressionError: It's too large, or zero is raised to a negative power.
    """
    if base == 0 and exponent < 0:
        raise ExpressionError(f"0 to the power {short(exponent)} is undefined; the exponent must not be negative")
    if base in (0, 1, -1):
        return base**exponent if abs(exponent) < 2 else base ** (2 - exponent % 2)
    if max(bits(base.numerator) - 1, bits(base.denominator) - 1) * abs(exponent) > MAX_BITS:
        raise too_large(f"{short(base)} to the power {short(exponent)}")
    return checked(base**exponent)


def root(value: Fraction, degree: int) -> Fraction | None:
    """The exact root of a number that isn't negative; None when it's irrational."""
    above, below = _integer_root(value.numerator, degree), _integer_root(value.denominator, degree)
    found = Fraction(above, below)
    return found if found**degree == value else None


def _integer_root(number: int, degree: int) -> int:
    """The integer part of a root, by Newton's method from above."""
    if degree == 2:
        return math.isqrt(number)
    if number < 2 or degree >= bits(number):
        return min(number, 1)
    guess = 1 << -(-bits(number) // degree)
    while (better := ((degree - 1) * guess + number // guess ** (degree - 1)) // degree) < guess:
        guess = better
    return guess


def factorial(number: Fraction) -> Fraction:
    """The product of 1 to the number.

    Raises:
        ExpressionError: It isn't a whole number from 0 to `MAX_FACTORIAL`.
    """
    if number.denominator != 1 or not 0 <= number <= MAX_FACTORIAL:
        raise ExpressionError(
            f"factorial needs a whole number from 0 to {MAX_FACTORIAL}, not {short(number)}; use a smaller one"
        )
    return Fraction(math.factorial(int(number)))


def rounded(value: Fraction, digits: int = 0) -> Fraction:
    """To so many decimal places, halves away from zero, as taught at school.

    Raises:
        ExpressionError: There are more than `MAX_DIGITS` places.
    """
    if abs(digits) > MAX_DIGITS:
        raise ExpressionError(f"round takes at most {MAX_DIGITS} decimal places, not {short(digits)}; use fewer")
    shift = Fraction(10) ** digits
    size = math.floor(abs(value) * shift + Fraction(1, 2)) / shift
    return -size if value < 0 else size


def whole(value: Fraction, what: str) -> int:
    """The value as an integer.

    Raises:
        ExpressionError: It has a fractional part.
    """
    if value.denominator != 1:
        raise ExpressionError(f"{what} needs whole numbers, not {short(value)}; round it first")
    return int(value)


def short(value: Fraction | int) -> str:
    """A number as it's named in an error: never long."""
    value = Fraction(value)
    if max(bits(value.numerator), bits(value.denominator)) > 100:
        return "a number too long to show"
    return str(value)
