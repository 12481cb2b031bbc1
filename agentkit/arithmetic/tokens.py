"""Expressions cut into tokens: numbers, words, signs."""

import re
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from agentkit.arithmetic.functions import FUNCTIONS
from agentkit.arithmetic.units import CURRENCY_SIGNS
from agentkit.errors import ExpressionError


class NotAnExpression(ExpressionError):
    """The text isn't an expression at all, as opposed to one that has no value."""


MAX_LENGTH = 1000
"""Characters of one expression: with the bounds on numbers, the longest costs 11 ms."""

Kind = Literal["number", "word", "sign", "currency", "space", "other", "end"]


@dataclass(frozen=True)
class Token:
    """A piece of an expression. Signs are written one way: `*` for ×, ^ for **, `-` for −."""

    kind: Kind
    text: str
    start: int
    end: int
    after_space: bool = False

    @property
    def position(self) -> int:
        """Where it starts, counting from 1."""
        return self.start + 1


_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
_SIGNS = {"×": "*", "·": "*", "∙": "*", "⋅": "*", "✕": "*", "÷": "/", "∕": "/", "−": "-", "**": "^",
          "→": "to", "->": "to", "==": "="}  # fmt: skip
_LETTER = r"[^\W\d_⁰¹²³⁴⁵⁶⁷⁸⁹½¼¾⅓⅔]"
WORD = rf"[°℃℉]?{_LETTER}+(?:_{_LETTER}+)*|[°℃℉¢]"
PLAIN_NUMBER = r"(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
GROUPED = r"[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])(?:\.[0-9]+)?"
_PATTERN = re.compile(
    rf"""
      (?P<space>\s+)
    | (?P<hex>0[xX][0-9a-fA-F]+)
    | (?P<grouped>{GROUPED})
    | (?P<number>{PLAIN_NUMBER})
    | (?P<superscript>[⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+)
    | (?P<named>log10|log2)(?![^\W_])
    | (?P<currency>US\$|[{CURRENCY_SIGNS}])
    | (?P<word>{WORD})
    | (?P<sign>\*\*|//|->|==|<=|>=|!=|[-+*/%^()=<>!,×·∙⋅✕÷∕−→√≈])
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_PLAIN = re.compile(PLAIN_NUMBER)
_THOUSANDS = re.compile(r"(?<![0-9])[0-9]{1,3},[0-9]{3}(?![0-9])")


def tokenize(text: str) -> list[Token]:
    """The tokens of an expression, an `end` last.

    Between the parentheses of a function, commas separate arguments; elsewhere they group thousands.

    Raises:
        NotAnExpression: It's too long, or a character has no meaning.
    """
    if len(text) > MAX_LENGTH:
        raise NotAnExpression(f"the expression has {len(text)} characters; at most {MAX_LENGTH}: split it up")
    tokens: list[Token] = []
    open_calls: list[bool] = []
    at, spaced = 0, False
    while at < len(text):
        found = _PATTERN.match(text, at)
        assert found is not None  # the last alternative matches any character
        kind, piece = found.lastgroup or "other", found.group()
        if kind == "grouped" and open_calls and open_calls[-1]:
            found = _PLAIN.match(text, at)
            assert found is not None
            kind, piece = "number", found.group()
        at, start = at + len(piece), at
        if kind == "space":
            spaced = True
            continue
        if piece == "(":
            called = bool(tokens) and tokens[-1].text.lower() in FUNCTIONS
            open_calls.append(called)
            if called:
                _refuse_ambiguous(text, start)
        elif piece == ")" and open_calls:
            open_calls.pop()
        tokens += _tokens(kind, piece, start, spaced)
        spaced = False
    return [*tokens, Token("end", "", len(text), len(text), spaced)]


_START = Token("other", "", 0, 0)


class Cursor:
    """Reads tokens one by one."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._at = 0

    @property
    def next(self) -> Token:
        """The token that is read next; the last is an `end`."""
        return self.ahead(0)

    def ahead(self, count: int = 1) -> Token:
        """The token so many after the next; before it, if negative."""
        at = self._at + count
        return self._tokens[min(at, len(self._tokens) - 1)] if at >= 0 else _START

    @property
    def at_end(self) -> bool:
        """Whether all tokens were read."""
        return self.next.kind == "end"

    def take(self) -> Token:
        """Read a token."""
        token = self.next
        self._at += 1
        return token

    def takes(self, sign: str) -> bool:
        """Read the token if it's this sign."""
        if self.next.kind != "sign" or self.next.text != sign:
            return False
        self._at += 1
        return True


@contextmanager
def located(token: Token) -> Generator[None]:
    """Errors inside say where: at this token, unless they already do."""
    try:
        yield
    except ExpressionError as error:
        message = str(error)
        if message.startswith("at "):
            raise
        raise type(error)(f"at {token.position}: {message}") from None


def _tokens(kind: str, piece: str, start: int, spaced: bool) -> list[Token]:
    end = start + len(piece)
    match kind:
        case "grouped" | "number":
            return [Token("number", piece.replace(",", ""), start, end, spaced)]
        case "superscript":
            digits = piece.translate(_SUPERSCRIPTS)
            exponent = [Token("sign", "-", start, end)] if digits.startswith("-") else []
            return [
                Token("sign", "^", start, start, spaced),
                *exponent,
                Token("number", digits.lstrip("-"), start, end),
            ]
        case "word" | "named":
            return [Token("word", piece, start, end, spaced)]
        case "currency":
            return [Token("currency", piece[-1], start, end, spaced)]
        case "sign":
            written = _SIGNS.get(piece, piece)
            return [Token("word" if written.isalpha() else "sign", written, start, end, spaced)]
        case "hex":
            raise NotAnExpression(f"at {start + 1}: {piece[:40]!r} is a hexadecimal number; write it as a decimal")
        case _:
            raise NotAnExpression(
                f"at {start + 1}: {piece!r} has no meaning here; "
                "use numbers, units, + - * / ^ %, functions and parentheses"
            )


def _refuse_ambiguous(text: str, start: int) -> None:
    """Refuse a call as sum(1,234, 5,678), where some commas seem to group digits and some to separate."""
    depth = 0
    for end in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[end], 0)
        if depth == 0:
            break
    else:
        end = len(text)
    inside = text[start + 1 : end]
    glued = _THOUSANDS.search(inside)
    if glued and re.search(r",\s", inside):
        plain = glued.group().replace(",", "")
        raise NotAnExpression(
            f"at {start + 2 + glued.start()}: {glued.group()!r} in a function may be one number or two; "
            f"write {plain} or {glued.group().replace(',', ', ')}"
        )
