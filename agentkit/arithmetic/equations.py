"""Equations in free text, and whether they hold."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Literal

from agentkit.arithmetic.expression import Expression
from agentkit.arithmetic.literals import SCALES, Operand
from agentkit.arithmetic.prose import Piece, mention_at, pieces
from agentkit.arithmetic.quantity import Quantity
from agentkit.arithmetic.sides import Side, left_side, right_side, side_of
from agentkit.arithmetic.units import PLAIN, DimensionError
from agentkit.errors import ExpressionError

Verdict = Literal["exact", "rounded", "numbers", "wrong", "undefined"]
"""How an equation holds: exactly, to the places it's written with, by its numbers but not its units, or not."""

_UNITS_DIFFER = "the numbers agree, the units don't"


@dataclass(frozen=True)
class Equation:
    """An `a op b = c` in a text, and whether it holds."""

    text: str
    start: int
    end: int
    left: Quantity | None
    """None where it has no value, as 1/0."""
    right: Quantity | None
    verdict: Verdict
    reason: str = ""
    """Why it doesn't hold, or holds only by its numbers."""

    @property
    def holds(self) -> bool:
        """Whether it's true, at least to the places it's written with."""
        return self.verdict not in ("wrong", "undefined")


def equations(text: str) -> list[Equation]:
    """The equations in a text, each computed exactly.

    A side is an expression of numbers; words after a number that aren't units are left out (3 apples + 4 apples = 7
    apples). Only what has an operation on a side, or two different units, counts: `x = 5` doesn't. Algebra, dates,
    versions, ranges and assignments are passed over, as is anything else that can't be read as a whole.
    """
    tokens = pieces(text)
    return [
        equation
        for at, token in enumerate(tokens)
        if token.kind == "relation" and (equation := _equation(text, tokens, at)) is not None
    ]


def _equation(text: str, tokens: list[Piece], at: int) -> Equation | None:
    left = left_side(tokens, at)
    right = right_side(tokens, at) if left is not None else None
    if left is None or right is None:
        return None
    if left.literal and right.literal:
        units = left.literal.quantity.unit, right.literal.quantity.unit
        if units[0] == units[1] or not all(units) or units[0].base != units[1].base:
            return None
    start, end = left.tokens[0].start, right.tokens[-1].end
    about = tokens[at].text not in ("=", "==")
    verdict, reason = _judged(left, right, about=about)
    if verdict == "wrong" and (onward := _onward(tokens, at)) and _judged(left, onward, about=about)[0] != "wrong":
        verdict, reason = "numbers", f"{onward.written} is right, but the text goes on computing before the next ="
    if verdict in ("wrong", "undefined") and (
        _may_be_something_else(left, right) or _may_be_something_else(right, left)
    ):
        return None
    return Equation(
        text=text[start:end],
        start=start,
        end=end,
        left=left.expression.value if left.expression else None,
        right=right.expression.value if right.expression else None,
        verdict=verdict,
        reason=reason,
    )


def _onward(tokens: list[Piece], at: int) -> Side | None:
    """The first number of a side that ends at a further sign: 3 + 4 = 7 * 2 = 14 means 7."""
    end = next((n for n in range(at + 1, len(tokens)) if tokens[n].kind in ("relation", "newline")), at)
    if end == at or tokens[end].kind != "relation":
        return None
    mention, length = mention_at(tokens, at + 1)
    return side_of(tokens[at + 1 : at + 1 + length]) if mention is not None else None


def _is_range(part: Sequence[Piece]) -> bool:
    """Whether it's 3-5, a span of pages or years rather than a difference."""
    if [t.kind for t in part] != ["number", "sign", "number"] or part[1].text not in ("-", "−"):
        return False
    glued = not (part[1].after_space or part[2].after_space)
    return glued and Fraction(part[0].text.replace(",", "")) < Fraction(part[2].text.replace(",", ""))


def _may_be_something_else(side: Side, other: Side) -> bool:
    """Whether a side that seems wrong may be no computation: 2019-2024, 2g with a variable g, 8 degrees = 2 - 8."""
    variable = any(
        token.kind == "word" and len(token.text) == 1 and not token.after_space and before.kind == "number"
        for before, token in pairwise(side.tokens)
    )
    plain = other.expression is not None and not other.expression.value.unit
    restated = side.literal is not None and bool(side.literal.quantity.unit) and plain and other.literal is None
    return variable or restated or _is_range(side.tokens)


def _judged(left: Side, right: Side, *, about: bool) -> tuple[Verdict, str]:
    if left.expression is None or right.expression is None:
        return _judged_by_numbers(left, right, about=about)
    if right.literal or not left.literal:
        claim, claimed = right, (right.literal or Operand(right.expression.value, 0)).quantity
        side, computed = left, left.expression.value
    else:
        claim, claimed, side, computed = left, left.literal.quantity, right, right.expression.value
    within = _tolerance(left, right, about=about)
    try:
        if claimed.equals(computed):
            return "exact", ""
        if claimed.equals(computed, within=within):
            return "rounded", ""
    except DimensionError:
        return _judged_by_numbers(left, right, about=about)
    if not (claimed.unit and computed.unit) and abs(claimed.value - computed.value) <= within:
        return "numbers", _UNITS_DIFFER
    if _scaled_alike(claim, side, computed.value, within):
        return "numbers", "the numbers agree, but not the percent sign or a word such as dozen"
    return "wrong", f"{side.written} is {_convertible(computed, claimed).named}, not {claimed.named}"


def _scaled_alike(claim: Side, side: Side, computed: Fraction, within: Fraction) -> bool:
    """Whether a claim is right but for a hundred or a dozen: 18 / 450 x 100 = 4%, 84 / 12 = 7 dozen."""
    if claim.literal is None:
        return False
    value = claim.literal.quantity.value
    scales = [SCALES[t.text.lower()] for t in claim.tokens if t.text.lower() in SCALES]
    scales += [100] if "100%" in side.written else []
    return any(abs(value / scale - computed) <= within for scale in scales)


def _convertible(computed: Quantity, claimed: Quantity) -> Quantity:
    same = computed.unit.base == claimed.unit.base and bool(claimed.unit)
    return computed.to(claimed.unit) if same and not computed.unit.offset else computed


def _tolerance(left: Side, right: Side, *, about: bool) -> Fraction:
    """Half a unit of the last place that the result is written with; a whole number after `=` must be exact."""
    literal = right.literal or left.literal
    if literal is None:
        value = right.expression.value.value if right.expression else Fraction(0)
        return abs(value) / 200 if about else Fraction(0)
    if not about and literal.places <= 0 and str(literal.quantity.unit) != "%":
        return Fraction(0)
    places = literal.places if about else max(literal.places, 0)
    return Fraction(1, 2) / Fraction(10) ** places


def _judged_by_numbers(left: Side, right: Side, *, about: bool) -> tuple[Verdict, str]:
    """What is left to say when the units don't fit: 3 boxes of 5 kg = 15, 3 h * $5 = $15."""
    problem = left.problem or right.problem
    if problem is not None and not isinstance(problem, DimensionError):
        return "undefined", str(problem)
    try:
        one, other = (Expression(side.written, units=False) for side in (left, right))
    except ExpressionError as error:
        return "undefined", str(error)
    if problem is not None and all(o.quantity.unit for o in (one if left.problem else other).operands):
        return "undefined", str(problem)
    within = _tolerance(left, right, about=about)
    values = [one.value]
    if left.expression is not None and PLAIN in (left.expression.value.unit, other.value.unit):
        values += [
            left.expression.value.to(operand.quantity.unit)
            for operand in one.operands
            if operand.quantity.unit.base == left.expression.value.unit.base
        ]
    if any(abs(value.value - other.value.value) <= within for value in values):
        return "numbers", _UNITS_DIFFER
    return "wrong", f"{left.written} is {one.value.named}, not {other.value.named}"
