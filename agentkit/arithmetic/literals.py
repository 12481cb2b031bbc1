"""Numbers with their units, as they're written: $3 million, 5 ft 3 in, 100 km/h, 9.8 m/s^2."""

from dataclasses import dataclass
from fractions import Fraction

from agentkit.arithmetic import bounded
from agentkit.arithmetic.functions import CONSTANTS, FUNCTIONS
from agentkit.arithmetic.quantity import Quantity
from agentkit.arithmetic.tokens import Cursor, NotAnExpression, Token, located
from agentkit.arithmetic.units import COMPOUNDS, MAX_POWER, PLAIN, Unit, is_unit
from agentkit.errors import ExpressionError

MAX_EXPONENT = 1200
"""The largest power of ten in 1e1200."""

SCALES = {"dozen": 12, "hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
OPERATORS = {"x": "*", "times": "*", "plus": "+", "minus": "-", "mod": "mod", "of": "of"}
"""Words that are signs."""
CONVERSIONS = frozenset({"to", "in", "into", "as"})
_SQUARES = {"square": 2, "sq": 2, "cubic": 3, "cu": 3}


@dataclass(frozen=True)
class Operand:
    """A number as it stands in an expression."""

    quantity: Quantity
    places: int
    """Decimal places that it's written with; negative for zeros at the end of a whole number."""


def read_literal(cursor: Cursor) -> tuple[Quantity, list[Operand]]:
    """A number with its unit; a smaller unit of the same kind may follow, as in 2 h 30 min.

    Raises:
        ExpressionError: A number or unit can't be read.
    """
    fraction = _fraction_before_unit(cursor)
    currency, sign = PLAIN, 1
    if cursor.next.kind != "number":
        currency = Unit.of(cursor.take().text)
        sign = -1 if cursor.takes("-") else 1
    if cursor.next.kind != "number":
        raise NotAnExpression(f"at {cursor.next.position}: no number follows the currency; write it as $5")
    token = cursor.take()
    value, places = _number(cursor, token)
    if fraction:
        cursor.takes("/")
        value /= _number(cursor, cursor.take())[0]
    quantity = with_unit(cursor, Quantity(sign * value, currency), token)
    operands = [Operand(quantity, places)]
    while quantity.unit and _smaller_follows(cursor, quantity.unit):
        token = cursor.take()
        value, places = _number(cursor, token)
        part = with_unit(cursor, Quantity(value), token)
        operands.append(Operand(part, places))
        with located(token):
            quantity += part
    if cursor.next.kind == "number":
        raise NotAnExpression(
            f"at {cursor.next.position}: the number {cursor.next.text[:20]} follows another one; "
            "put an operator between them, and write 3 1/2 as 3 + 1/2"
        )
    return quantity, operands


def _fraction_before_unit(cursor: Cursor) -> bool:
    """Whether it's a fraction of a unit, written without spaces: 3/4 km is 0.75 km; 3 / 4 km is 0.75 per km."""
    if cursor.ahead().text != "/":
        return False
    number, slash, below, unit = (cursor.ahead(n) for n in range(4))
    return (
        (number.kind, slash.text, below.kind) == ("number", "/", "number")
        and not (slash.after_space or below.after_space)
        and below.text.strip("0.") != ""
        and cursor.ahead(-1).text not in ("/", "//", "^", "%", "mod")
        and unit.kind == "word"
        and unit.text.lower() not in CONVERSIONS | OPERATORS.keys() | SCALES.keys()
        and is_unit(unit.text)
    )


def _number(cursor: Cursor, token: Token) -> tuple[Fraction, int]:
    """The value of a number, words as `million` included, and its decimal places."""
    digits, _, exponent = token.text.lower().partition("e")
    if len(exponent.lstrip("+-0")) > 4 or abs(int(exponent or 0)) > MAX_EXPONENT:
        raise ExpressionError(
            f"at {token.position}: the number {token.text[:20]} is too large or too small; "
            f"its power of ten must be within {MAX_EXPONENT}"
        )
    power = int(exponent or 0)
    places = len(digits.partition(".")[2]) - power
    if "." not in digits and digits.strip("0"):
        places -= len(digits) - len(digits.rstrip("0"))
    value = Fraction(digits) * Fraction(10) ** power
    while (word := cursor.next.text.lower()) in SCALES:
        cursor.take()
        value *= SCALES[word]
        places -= len(str(SCALES[word])) - 1
    with located(token):
        return bounded.checked(value), places


def _smaller_follows(cursor: Cursor, unit: Unit) -> bool:
    word = cursor.ahead()
    if cursor.next.kind != "number" or word.kind != "word" or word.text in COMPOUNDS or not is_unit(word.text):
        return False
    smaller = Unit.of(word.text)
    return smaller.base == unit.base and smaller.scale < unit.scale


def with_unit(cursor: Cursor, quantity: Quantity, token: Token) -> Quantity:
    """The quantity times the unit that follows, if one does: 60 km/h, (3 + 4) m, $3/kg.

    Raises:
        ExpressionError: There's no such unit.
    """
    if quantity.unit:
        if not _unit_goes_on(cursor):
            return quantity
        unit = _product(cursor, started=True)
        if quantity.unit.money:  # $3/kg
            return Quantity(quantity.value, quantity.unit.beside(unit), quantity.exact)
        with located(token):
            return quantity * Quantity(Fraction(1), unit)
    if _unit_starts(cursor):
        return Quantity(quantity.value, _product(cursor), quantity.exact)
    if cursor.next.text != "*" and _unit_goes_on(cursor):  # 5 per km
        return Quantity(quantity.value, _product(cursor, started=True), quantity.exact)
    return quantity


def read_unit(cursor: Cursor) -> Unit:
    """The unit to convert to: cm, km/h, square feet, %.

    Raises:
        ExpressionError: There's no such unit.
    """
    return _product(cursor)


def _unit_starts(cursor: Cursor) -> bool:
    token = cursor.next
    word = token.text.lower()
    if token.kind == "currency":
        return cursor.ahead().kind != "number"
    if token.kind != "word" or word in OPERATORS or word in ("percent", "per") or token.text in CONSTANTS:
        return False
    if word in CONVERSIONS:  # `in` is an inch, unless what it would convert to follows
        return token.text == "in" and not names_unit(cursor.ahead())
    return not (word in FUNCTIONS and cursor.ahead().text == "(")


def names_unit(token: Token) -> bool:
    """Whether a conversion to this makes sense."""
    word = token.text.lower()
    if token.kind == "currency" or word in _SQUARES or token.text == "%":
        return True
    return token.kind == "word" and word not in CONVERSIONS and word not in OPERATORS and is_unit(token.text)


def _unit_goes_on(cursor: Cursor) -> bool:
    """Whether a sign follows and then a unit rather than a number: `/ kg`, `per kg`, `* h`."""
    after, word = cursor.ahead(), cursor.ahead().text.lower()
    if cursor.next.text not in ("/", "per", "*"):
        return False
    if after.kind == "currency":
        return cursor.ahead(2).kind != "number"
    if after.kind != "word" or word in OPERATORS or after.text in CONSTANTS or word in CONVERSIONS - {"in"}:
        return False
    return not (word in FUNCTIONS and cursor.ahead(2).text == "(")


def _product(cursor: Cursor, *, started: bool = False) -> Unit:
    """Unit words as far as they go on: kg*m/s^2; `started` if the first sign is still to be read."""
    unit = PLAIN
    while True:
        sign = (1 if cursor.take().text == "*" else -1) if started else 1
        started = True
        with located(cursor.next):
            for part in _factor(cursor):
                unit = unit.beside(part.raised(sign) if sign < 0 else part)
        if not _unit_goes_on(cursor):
            return unit


def _factor(cursor: Cursor) -> list[Unit]:
    """One unit word with its power: m^2, m2, m², square metres, nautical miles."""
    token = cursor.take()
    power = 1
    if token.text.lower() in _SQUARES and cursor.next.kind == "word":
        power = _SQUARES[token.text.lower()]
        token = cursor.take()
    word = token.text
    follower = cursor.next.text.lower()
    if cursor.next.kind == "word" and token.kind == "word" and follower not in CONVERSIONS | OPERATORS.keys():
        pair = f"{word}_{cursor.next.text}"
        if is_unit(pair):
            word = pair
            cursor.take()
    power *= _unit_power(cursor)
    parts = COMPOUNDS.get(word, ((word, 1),))
    return [unit if power * n == 1 else unit.raised(power * n) for unit, n in ((Unit.of(w), n) for w, n in parts)]


def _unit_power(cursor: Cursor) -> int:
    token = cursor.next
    if token.kind == "number" and not token.after_space and token.text in "23" and cursor.ahead().kind != "word":
        cursor.take()
        return int(token.text)
    if not cursor.takes("^"):
        return 1
    sign = -1 if cursor.takes("-") else 1
    number = cursor.take()
    if number.kind != "number" or not number.text.isdigit() or len(number.text) > 2:
        raise NotAnExpression(
            f"at {number.position}: the power of a unit is a whole number up to {MAX_POWER}, not {number.text[:20]!r}; "
            "put the quantity in parentheses"
        )
    return sign * int(number.text)
