"""The functions that an expression may call."""

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import reduce

from agentkit.arithmetic import bounded, irrational
from agentkit.arithmetic.quantity import Quantity
from agentkit.arithmetic.units import PLAIN, DimensionError, Unit
from agentkit.errors import ExpressionError

Arguments = Sequence[Quantity]


def call(name: str, arguments: Arguments) -> Quantity:
    """Call a function by its name.

    Raises:
        ExpressionError: It takes other arguments, or isn't defined for these.
    """
    least, most, function = FUNCTIONS[name]
    if not least <= len(arguments) <= most:
        takes = f"{least}" if least == most else f"{least} or {most}" if most < 9 else f"at least {least}"
        raise ExpressionError(
            f"{name} takes {takes} argument{'s' if takes != '1' else ''}, not {len(arguments)}; "
            "commas separate arguments, so write numbers inside without them"
        )
    return function(arguments)


def _of_number(function: Callable[[Fraction], irrational.Value]) -> Callable[[Arguments], Quantity]:
    """A function of a plain number."""

    def apply(arguments: Arguments) -> Quantity:
        value, exact = function(arguments[0].number)
        return Quantity(bounded.checked(value), exact=exact and arguments[0].exact)

    return apply


def _of_angle(function: Callable[[Fraction], irrational.Value]) -> Callable[[Arguments], Quantity]:
    """A function of an angle: a plain number is in radians."""

    def apply(arguments: Arguments) -> Quantity:
        angle = arguments[0]
        if "radian" in angle.unit.base:
            angle = angle.to(Unit.of("radian"))
            angle = Quantity(angle.value, PLAIN, angle.exact)
        value, exact = function(angle.number)
        return Quantity(value, exact=exact and angle.exact)

    return apply


def _sqrt(arguments: Arguments) -> Quantity:
    quantity = arguments[0]
    if quantity.value < 0:
        raise ExpressionError(f"sqrt of {quantity.named} is not a real number; it must not be negative")
    if quantity.unit and quantity.unit.base:
        return quantity.root(Fraction(1, 2))
    value, exact = irrational.sqrt(quantity.number)
    return Quantity(value, exact=exact and quantity.exact)


def _round(arguments: Arguments) -> Quantity:
    digits = bounded.whole(arguments[1].number, "the second argument of round") if len(arguments) > 1 else 0
    return arguments[0].mapped(lambda value: bounded.rounded(value, digits))


def _total(arguments: Arguments) -> Quantity:
    return reduce(lambda a, b: a + b, arguments)


def _mean(arguments: Arguments) -> Quantity:
    total = _total(arguments)
    return Quantity(total.value / len(arguments), total.unit, total.exact)


def _extreme(pick: Callable[[int], bool]) -> Callable[[Arguments], Quantity]:
    def better(one: Quantity, other: Quantity) -> Quantity:
        theirs = other.to(one.unit, doing="compare")
        return other if pick((theirs.value > one.value) - (theirs.value < one.value)) else one

    return lambda arguments: reduce(better, arguments)


def _log(arguments: Arguments) -> Quantity:
    if len(arguments) == 1:
        raise ExpressionError("log(x) may mean two things; write ln(x), log10(x) or log(x, base)")
    value, exact = irrational.log(arguments[0].number, arguments[1].number)
    return Quantity(value, exact=exact and arguments[0].exact and arguments[1].exact)


def _of_whole(name: str, function: Callable[..., int]) -> Callable[[Arguments], Quantity]:
    """A function of whole numbers."""

    def apply(arguments: Arguments) -> Quantity:
        numbers = [bounded.whole(argument.number, name) for argument in arguments]
        result = numbers[0] if len(numbers) > 1 else function(*numbers)
        for number in numbers[1:]:  # one by one, so that a bound is met before the next product
            result = int(bounded.checked(Fraction(function(result, number))))
        return Quantity(bounded.checked(Fraction(result)))

    return apply


def _factorial(arguments: Arguments) -> Quantity:
    return Quantity(bounded.factorial(arguments[0].number))


def factorial(quantity: Quantity) -> Quantity:
    """The postfix `!`."""
    if quantity.unit:
        raise DimensionError(f"factorial needs a plain number, not {quantity.named}; leave the unit out")
    return _factorial((quantity,))


_MANY = 1000

FUNCTIONS: dict[str, tuple[int, int, Callable[[Arguments], Quantity]]] = {
    "abs": (1, 1, lambda arguments: abs(arguments[0])),
    "average": (1, _MANY, _mean),
    "ceil": (1, 1, lambda arguments: arguments[0].mapped(lambda value: Fraction(math.ceil(value)))),
    "cos": (1, 1, _of_angle(irrational.cos)),
    "exp": (1, 1, _of_number(irrational.exp)),
    "factorial": (1, 1, _factorial),
    "floor": (1, 1, lambda arguments: arguments[0].mapped(lambda value: Fraction(math.floor(value)))),
    "gcd": (1, _MANY, _of_whole("gcd", math.gcd)),
    "lcm": (1, _MANY, _of_whole("lcm", math.lcm)),
    "ln": (1, 1, _of_number(irrational.ln)),
    "log": (1, 2, _log),
    "log10": (1, 1, _of_number(lambda value: irrational.log(value, Fraction(10)))),
    "log2": (1, 1, _of_number(lambda value: irrational.log(value, Fraction(2)))),
    "max": (1, _MANY, _extreme(lambda order: order > 0)),
    "mean": (1, _MANY, _mean),
    "min": (1, _MANY, _extreme(lambda order: order < 0)),
    "round": (1, 2, _round),
    "sin": (1, 1, _of_angle(irrational.sin)),
    "sqrt": (1, 1, _sqrt),
    "sum": (1, _MANY, _total),
    "tan": (1, 1, _of_angle(irrational.tan)),
}
"""By name: the fewest and most arguments, and the function."""

CONSTANTS = {"pi": Quantity(irrational.PI, exact=False), "π": Quantity(irrational.PI, exact=False),
             "e": Quantity(irrational.E, exact=False)}  # fmt: skip
