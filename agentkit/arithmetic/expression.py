"""Expressions computed as they're read: a Pratt parser (Vaughan Pratt, Top Down Operator Precedence, 1973)."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from operator import add, mod, mul, sub

from agentkit.arithmetic.functions import CONSTANTS, FUNCTIONS, call, factorial
from agentkit.arithmetic.literals import CONVERSIONS, OPERATORS, Operand, names_unit, read_literal, read_unit, with_unit
from agentkit.arithmetic.quantity import Quantity
from agentkit.arithmetic.tokens import Cursor, NotAnExpression, Token, located, tokenize
from agentkit.arithmetic.units import CURRENCY_CODES, DimensionError, Unit, is_unit
from agentkit.errors import ExpressionError

_WRITTEN = re.compile(
    r"(?:(?P<above>-?[0-9]{1,40})/(?P<below>[1-9][0-9]{0,39}) ?[=≈] ?|(?P<about>≈ ?))?"
    r"(?P<decimal>[^=≈%]+)(?P<percent>%?)"
)

MAX_DEPTH = 50
"""Parentheses, signs and powers inside one another."""

_CONVERSION, _SUM, _PRODUCT, _SIGN, _POWER = 0, 10, 20, 30, 40
"""How tightly operators bind."""
_INFIX: dict[str, tuple[int, Callable[[Quantity, Quantity], Quantity]]] = {
    "+": (_SUM, add),
    "-": (_SUM, sub),
    "*": (_PRODUCT, mul),
    "of": (_PRODUCT, mul),
    "/": (_PRODUCT, lambda a, b: a / b),
    "//": (_PRODUCT, lambda a, b: a // b),
    "%": (_PRODUCT, mod),
    "mod": (_PRODUCT, mod),
    "^": (_POWER, pow),
}


@dataclass(frozen=True)
class _Term:
    quantity: Quantity
    percentage: bool = False
    """It's written as a percentage: added to something else, it's that share of it."""


class Expression:
    """One expression, computed once: its value, and the numbers it was computed from.

    Raises:
        ExpressionError: It's malformed, too large or undefined.
    """

    def __init__(self, text: str, *, units: bool = True) -> None:
        self.operands: list[Operand] = []
        self.operations = 0
        """Operators and functions that were applied."""
        self._units = units
        """Whether units are computed with, or only read and left out."""
        self._depth = 0
        self._cursor = Cursor(tokenize(text))
        if self._cursor.at_end:
            raise NotAnExpression("the expression is empty; write one, as 12 * 3.5")
        self.value = self._term(_CONVERSION).quantity
        if not self._cursor.at_end:
            raise self._unexpected()

    def _term(self, binding: int) -> _Term:
        """What follows, as far as its operators bind more tightly than `binding`."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise NotAnExpression(
                f"at {self._cursor.next.position}: nested more than {MAX_DEPTH} deep; split the expression up"
            )
        left = self._postfixed(self._operand())
        while operator := self._infix():
            if operator == "to":
                if binding > _CONVERSION:
                    break
                left = _Term(self._converted(left.quantity))
                continue
            strength, function = _INFIX[operator]
            if strength <= binding:
                break
            token = self._cursor.take()
            right = self._term(strength - 1 if operator == "^" else strength)
            with located(token):
                left = self._applied(operator, function, left, right)
        self._depth -= 1
        return left

    def _infix(self) -> str:
        """The infix operator that follows, or ''."""
        token = self._cursor.next
        if token.kind == "word":
            word = token.text.lower()
            after = self._cursor.ahead()
            if word == "x" and not token.after_space and (after.after_space or after.text in ("-", "+")):
                raise NotAnExpression(f"at {token.position}: {token.text!r} looks like a variable; write * for times")
            return "to" if word in CONVERSIONS else OPERATORS.get(word, "")
        return token.text if token.kind == "sign" and token.text in _INFIX else ""

    def _applied(
        self, operator: str, function: Callable[[Quantity, Quantity], Quantity], left: _Term, right: _Term
    ) -> _Term:
        self.operations += 1
        if operator not in "+-" or not right.percentage:
            return _Term(function(left.quantity, right.quantity))
        if left.percentage:  # 5% + 3%
            return _Term(function(left.quantity, right.quantity), percentage=True)
        return _Term(function(left.quantity, left.quantity * right.quantity))  # 200 + 10%

    def _operand(self) -> _Term:
        cursor = self._cursor
        token = cursor.next
        word = token.text.lower()
        if token.kind in ("number", "currency"):
            return _Term(self._literal())
        if token.kind == "word" and word in FUNCTIONS and cursor.ahead().text == "(":
            return _Term(self._call(cursor.take()))
        if token.kind == "word" and token.text in CONSTANTS:
            return _Term(CONSTANTS[cursor.take().text])
        if token.kind == "word" and token.text in CURRENCY_CODES and cursor.ahead().kind == "number":
            return _Term(self._literal())
        if cursor.takes("√"):
            quantity = self._term(_POWER).quantity
            self.operations += 1
            with located(token):
                return _Term(call("sqrt", [quantity]))
        if cursor.takes("-"):
            term = self._term(_SIGN)
            return replace(term, quantity=-term.quantity)
        if cursor.ahead(-1).text in ("", "(", ",") and cursor.takes("+"):
            return self._term(_SIGN)
        if cursor.takes("("):
            inside = self._term(_CONVERSION)
            self._close(token)
            return _Term(self._with_unit(inside.quantity, token))
        raise self._unexpected()

    def _literal(self) -> Quantity:
        quantity, operands = read_literal(self._cursor)
        self.operands += operands
        return quantity if self._units else Quantity(quantity.value)

    def _with_unit(self, quantity: Quantity, token: Token) -> Quantity:
        with_its_unit = with_unit(self._cursor, quantity, token)
        return with_its_unit if self._units else quantity

    def _postfixed(self, term: _Term) -> _Term:
        """The term with the percent signs and factorials that follow."""
        cursor = self._cursor
        while True:
            token = cursor.next
            if cursor.takes("!"):
                self.operations += 1
                with located(token):
                    term = _Term(factorial(term.quantity))
            elif token.text in ("%", "percent") and not self._is_remainder():
                cursor.take()
                term = self._percentage(term.quantity, token)
            else:
                return term

    def _is_remainder(self) -> bool:
        """Whether a % divides: it does when an operand follows."""
        token, after = self._cursor.next, self._cursor.ahead()
        operand = after.kind in ("number", "currency") or after.text == "(" or after.text.lower() in FUNCTIONS
        if operand and (token.text == "percent" or (after.after_space and not token.after_space)):
            raise NotAnExpression(
                f"at {token.position}: '{token.text} {after.text[:20]}' may be a percentage or a remainder; "
                "write 'mod' for the remainder, '% of' or '% *' for the percentage"
            )
        return operand

    def _percentage(self, quantity: Quantity, token: Token) -> _Term:
        if quantity.unit:
            raise DimensionError(f"at {token.position}: {quantity.named} can't be a percentage; leave the unit out")
        if self.operands and self.operands[-1].quantity.value == abs(quantity.value):
            self.operands[-1] = replace(self.operands[-1], quantity=replace(quantity, unit=Unit.of("%")))
        share = replace(quantity, value=quantity.value / 100)
        if self._cursor.next.text.lower() != "of":
            return _Term(share, percentage=True)
        of = self._cursor.take()  # binds tightly here: 100 / 50% of 4 is 50
        whole = self._term(_PRODUCT).quantity
        self.operations += 1
        with located(of):
            return _Term(share * whole)

    def _converted(self, quantity: Quantity) -> Quantity:
        """`to km`, `in %`, `as a percentage`."""
        cursor = self._cursor
        token = cursor.take()
        if cursor.next.text == "a" and cursor.ahead().text in ("percent", "percentage"):
            cursor.take()
        if not (names_unit(cursor.next) or cursor.next.kind == "word"):
            raise self._unexpected("the unit to convert to")
        unit = read_unit(cursor)
        with located(token):
            return quantity.to(unit) if self._units else quantity

    def _call(self, token: Token) -> Quantity:
        name = token.text.lower()
        opening = self._cursor.take()
        arguments: list[Quantity] = []
        while not (arguments or self._cursor.next.text == ")") or self._cursor.takes(","):
            known = len(self.operands)
            arguments.append(self._term(_CONVERSION).quantity)
            if name == "round" and len(arguments) == 2:
                del self.operands[known:]  # how many places to round to is no quantity of the task
        self._close(opening)
        self.operations += 1
        with located(token):
            return self._with_unit(call(name, arguments), token)

    def _close(self, opening: Token) -> None:
        if self._cursor.takes(")"):
            return
        if self._cursor.at_end:
            raise NotAnExpression(f"at {opening.position}: this parenthesis is never closed; add a ')'")
        raise self._unexpected("a ')' or an operator")

    def _unexpected(self, wanted: str = "") -> ExpressionError:
        """The error of a token that can't stand where it stands."""
        token = self._cursor.next
        text, word = token.text[:40], token.text.lower()
        if token.kind == "end":
            what = f"the expression ends too early; add {wanted or 'a number after the last operator'}"
        elif text in ("=", "<", ">", "<=", ">=", "!=", "≈"):
            what = f"{text!r} compares and isn't computed; give only the side to compute"
        elif text == ",":
            what = "a comma outside a function; write 1,234,567 or 1234567, and decimals with a point"
        elif token.kind == "word" and self._cursor.ahead().text == "(" and word not in OPERATORS:
            what = f"unknown function {text!r}; there are: {', '.join(FUNCTIONS)}"
        elif word in FUNCTIONS:
            what = f"{text!r} needs its arguments in parentheses, as {word}(2)"
        elif wanted:
            what = f"{text!r} stands where {wanted} should; change it"
        elif text in CONSTANTS:
            what = f"no operator before {text!r}; put * between, as 2 * {text}"
        elif text == "(":
            what = "no operator before '('; put * between, as 2 * (3 + 4)"
        elif token.kind == "word" and is_unit(token.text):
            what = f"the unit {text!r} has no number before it; write one, as 1 {text}"
        elif token.kind == "word" and text not in CONVERSIONS and word not in OPERATORS:
            what = f"unknown name {text!r}; use numbers, units, pi, e or a function"
        else:
            what = f"{text!r} can't stand here; a number, function or '(' should"
        return NotAnExpression(f"at {token.position}: {what}")


def evaluate(expression: str) -> Quantity:
    """The value of an expression; an `=` at its end is ignored.

    Raises:
        ExpressionError: It's malformed, too large or undefined.
    """
    return Expression(expression.rstrip(" \t\n?=")).value


def operands(expression: str) -> list[Quantity]:
    """The numbers that an expression is computed from, with their units, in the order written.

    15% counts as 15 %, 2 h 30 min as two; the places of `round` aren't counted.

    Raises:
        ExpressionError: It can't be computed.
    """
    return [operand.quantity for operand in Expression(expression.rstrip(" \t\n?=")).operands]


def read(text: str) -> Quantity:
    """A quantity as `str` wrote it: `10/3 ≈ 3.333333 km` is exactly 10/3 km.

    Raises:
        ExpressionError: It isn't written like that.
    """
    written = _WRITTEN.fullmatch(text.strip())
    if written is None:
        raise NotAnExpression(f"{text[:40]!r} isn't a result; write it as 5/2 = 2.5 km")
    decimal = Expression(written["decimal"])
    if len(decimal.operands) != 1 or decimal.operations:
        raise NotAnExpression(f"{text[:40]!r} isn't one number; use evaluate for expressions")
    unit = Unit.of("%") if written["percent"] else decimal.value.unit
    if not written["above"]:
        return Quantity(decimal.value.value, unit, exact=not written["about"])
    return Quantity(Fraction(int(written["above"]), int(written["below"])), unit)


def convert(quantity: Quantity, unit: str) -> Quantity:
    """The quantity in another unit, written as in an expression: `km/h`.

    Raises:
        ExpressionError: There's no such unit, or it measures something else.
    """
    cursor = Cursor(tokenize(unit))
    found = read_unit(cursor)
    if not cursor.at_end:
        raise NotAnExpression(f"{unit[:40]!r} isn't a unit; write it as km/h")
    return quantity.to(found)
