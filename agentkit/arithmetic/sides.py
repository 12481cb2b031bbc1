"""The sides of an equation in free text: the longest expressions that end and start at its sign."""

from collections.abc import Iterator
from dataclasses import dataclass

from agentkit.arithmetic.expression import Expression
from agentkit.arithmetic.functions import CONSTANTS, FUNCTIONS
from agentkit.arithmetic.literals import CONVERSIONS, OPERATORS, SCALES, Operand
from agentkit.arithmetic.prose import POWER_WORDS, Piece, as_written, joined
from agentkit.arithmetic.tokens import MAX_LENGTH, NotAnExpression
from agentkit.arithmetic.units import is_unit
from agentkit.errors import ExpressionError

_LABEL_WORDS = 3
"""Words that may stand between a number and the next sign: 4 pens per box = …"""
_CONJUNCTIONS = frozenset("and or but so then if where because while".split())
_SIDE_TOKENS = 120
_OPERATIONS = frozenset("+*/^×·∙⋅✕÷∕") | {"**", "//"}


@dataclass(frozen=True)
class Side:
    written: str
    tokens: tuple[Piece, ...]
    expression: Expression | None
    """None where it has no value."""
    problem: ExpressionError | None = None

    @property
    def literal(self) -> Operand | None:
        """The number, if it's just that."""
        if self.expression is None or self.expression.operations or len(self.expression.operands) != 1:
            return None
        quantity, places = as_written(self.expression)
        return Operand(quantity, places)


def left_side(tokens: list[Piece], at: int) -> Side | None:
    """The longest expression that ends at a sign."""
    first, depth = at, 0
    while first > 0 and at - first < _SIDE_TOKENS:
        token = tokens[first - 1]
        depth += {")": 1, "(": -1}.get(token.text, 0)
        if depth < 0 or token.kind in ("newline", "opaque", "other", "relation") or (token.text == "," and not depth):
            break
        first -= 1
    for start in range(first, at):
        if _starts_side(tokens, start):
            side = side_of(tokens[start:at])
            if side is not None:
                labelled = side.literal is not None and tokens[at - 1] is not side.tokens[-1]
                return None if labelled else side
    return None


def _starts_side(tokens: list[Piece], at: int) -> bool:
    """Whether an expression may start at a token, rather than go on from something that can't be read."""
    token, before = tokens[at], tokens[at - 1] if at else None
    word = token.text.lower()
    starts = token.kind in ("number", "currency") or token.text in ("(", "-", "−", "√") or word in FUNCTIONS
    if not starts:
        return False
    if before is None or before.kind in ("newline", "relation"):
        return not (token.text in ("-", "−") and tokens[at + 1].after_space)  # that's a bullet
    if token.text in ("-", "−") and (tokens[at + 1].after_space or not token.after_space):
        return before.text == "("
    if before.kind == "sign":
        bullet = before.text in ("-", "*", "**") and (at < 2 or tokens[at - 2].kind == "newline" or before.text == "**")
        aside = before.text == "," or (before.text == ")" and _is_aside(tokens, at - 1))
        aside = aside and token.after_space and token.text != "("
        return before.text == "(" or (bullet and before.after_space) or aside
    if before.kind == "word":
        if _goes_on(tokens, at):
            return False
        variable = len(before.text) == 1 and token.text in ("-", "−")
        return token.after_space and before.text.lower() not in OPERATORS and not variable
    if before.kind in ("number", "currency", "opaque"):
        return before.kind == "opaque" and token.after_space
    return token.after_space or before.text not in r".\#@&_'"


def _goes_on(tokens: list[Piece], at: int) -> bool:
    """Whether the words before a token follow an operator: the 1 of 25 + his 1 teacher."""
    first = at
    while first > 0 and at - first < _LABEL_WORDS and tokens[first - 1].kind == "word":
        first -= 1
    bullet = first < 2 or tokens[first - 2].kind == "newline"
    before = tokens[first - 1]
    return first > 0 and not bullet and before.text in _OPERATIONS and (before.after_space or before.text != "**")


def _is_aside(tokens: list[Piece], close: int) -> bool:
    """Whether a parenthesis ends there that holds no computation: (see p. 4), or 2) of a list."""
    for token in reversed(tokens[max(0, close - 20) : close]):
        if token.text == "(":
            return False
        if token.kind not in ("number", "sign", "currency"):
            return True
    return True


def right_side(tokens: list[Piece], at: int) -> Side | None:
    """The longest expression that starts after a sign."""
    start = at + 1
    while start < len(tokens) and tokens[start].text == "**":
        start += 1
    last, depth = start, 0
    while last < len(tokens) and last - start < _SIDE_TOKENS:
        token = tokens[last]
        depth += {"(": 1, ")": -1}.get(token.text, 0)
        if depth < 0 or token.kind in ("newline", "opaque", "other", "relation") or (token.text == "," and not depth):
            break
        last += 1
    for end in range(last, start, -1):
        if tokens[end - 1].text == "!" or not _ends_side(tokens, end):
            continue
        side = side_of(tokens[start:end])
        if side is not None:
            return side
    return None


def _ends_side(tokens: list[Piece], end: int) -> bool:
    """Whether an expression may end before a token, rather than go on with something that can't be read."""
    if end == len(tokens):
        return True
    after = tokens[end]
    if after.text == "**" and not after.after_space:  # bold type
        return True
    if after.kind in ("word", "opaque"):
        return after.after_space and after.text.lower() not in OPERATORS
    if after.text == "." and end + 1 < len(tokens) and tokens[end + 1].kind == "opaque":
        return tokens[end + 1].after_space  # 0.\overline{3}
    if after.text == "(":
        inside = tokens[end + 1] if end + 1 < len(tokens) else after
        return after.after_space and inside.kind == "word" and inside.text.lower() not in FUNCTIONS
    return after.text not in _OPERATIONS and after.text not in ("²", "³", "%") and after.kind != "number"


def side_of(part: list[Piece]) -> Side | None:
    """The expression that tokens make, words that aren't units left out; None if they make none."""
    kept = list(_without_labels(part))
    written = joined(kept)
    if not kept or len(written) > MAX_LENGTH:
        return None
    try:
        return Side(written, tuple(kept), Expression(written))
    except NotAnExpression:
        return None
    except ExpressionError as error:
        return Side(written, tuple(kept), None, error) if _is_expression(written) else None


def _is_expression(written: str) -> bool:
    """Whether what has no value could at least be read: the units' mismatch may have come before a mistake."""
    try:
        Expression(written, units=False)
    except NotAnExpression:
        return False
    except ExpressionError:
        pass
    return True


def _without_labels(part: list[Piece]) -> Iterator[Piece]:
    labels = 0
    kept: list[Piece] = []
    for at, token in enumerate(part):
        after = part[at + 1] if at + 1 < len(part) else None
        if token.kind != "word" or _has_meaning(token, kept[-1] if kept and not labels else None, after):
            if labels and (token.kind in ("number", "currency") or token.text == "("):
                return  # words between two numbers: no expression
            labels = 0
            kept.append(token)
            continue
        labels += 1
        no_label = len(token.text) == 1 or token.text.lower() in _CONJUNCTIONS
        if not kept or labels > _LABEL_WORDS or not token.after_space or no_label:
            return
    yield from kept


def _has_meaning(token: Piece, before: Piece | None, after: Piece | None) -> bool:
    """Whether a word is part of an expression: an operator, a function, a unit after a number."""
    word = token.text.lower()
    if word in FUNCTIONS and after is not None and after.text == "(":
        return True
    if before is None or (word == "x" and after is None):
        return False
    if word in OPERATORS:
        return word != "of" or before.text in ("%", "percent") or before.kind == "number"
    if token.text in CONSTANTS and before.kind == "sign" and before.text != ")":
        return True
    if word in CONVERSIONS or word == "per":
        unit = after is not None and (after.text in ("%", "$") or (after.kind == "word" and is_unit(after.text)))
        return unit or (
            token.text == "in"
            and (before.kind == "number" or before.text in POWER_WORDS)
            and (after is None or after.kind == "sign")
        )
    follows = before.kind in ("number", "currency") or before.text in (")", "/", "*", "per", *CONVERSIONS)
    if word in SCALES or token.text == "percent":
        return before.kind == "number"
    return (follows or (before.kind == "word" and before.text.lower() in POWER_WORDS)) and (
        is_unit(token.text) or (word in POWER_WORDS and after is not None and is_unit(after.text))
    )
