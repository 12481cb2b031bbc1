"""Numbers in free text: what a model wrote, a document says."""

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from agentkit.arithmetic.expression import Expression
from agentkit.arithmetic.literals import CONVERSIONS, SCALES
from agentkit.arithmetic.quantity import Quantity
from agentkit.arithmetic.tokens import GROUPED, PLAIN_NUMBER, WORD
from agentkit.arithmetic.units import CURRENCY_SIGNS, is_unit
from agentkit.errors import ExpressionError

POWER_WORDS = ("square", "cubic", "sq", "cu")

_PATTERN = re.compile(
    rf"""
      (?P<newline>\n)
    | (?P<space>[^\S\n]+|[`_]{{1,2}}(?![^\W_]))
    | (?P<opaque>
          [A-Za-z]+://\S+ | www\.\S+ | (?<![\w.+-])[\w.+-]++@[\w-]+\.[\w.]+
        | [0-9]{{4}}[-/.][0-9]{{1,2}}[-/.][0-9]{{1,2}}(?![0-9]) | [0-9]{{1,2}}[-/.][0-9]{{1,2}}[-/.][0-9]{{4}}(?![0-9])
        | [0-9]+(?:\.[0-9]+){{2,}} | [0-9]+(?::[0-9]+)+ | 0[xX][0-9a-fA-F]+
        | (?!(?:[cmkd]?m|ft)[23](?!\w)|log(?:10|2)\b|x[0-9]) (?<![^\W\d])[^\W\d]+[0-9_]\w*(?:\.[0-9]+)*
        | [-+*/<>!:~^|&%]=(?!=) | ={{3,}} | =[><~] | \\\w+ )
    | (?P<relation>==?|≈|≃|≅)
    | (?P<number>[0-9]*[½¼¾]|{GROUPED}|[0-9]{{1,3}}(?:[\u00a0\u2009\u202f][0-9]{{3}})+(?![0-9])|{PLAIN_NUMBER})
    | (?P<word>log10|log2|[Pp]er[ ]cent\b|{WORD})
    | (?P<currency>US\$|[{CURRENCY_SIGNS}])
    | (?P<sign>\*\*|//|[-+*/%^()×·∙⋅✕÷∕−√!,²³]|(?<=\s)–(?=\s))
    | (?P<other>.)
    """,
    re.VERBOSE,
)
_LATEX = {r"\times": "×", r"\cdot": "·", r"\div": "÷", r"\approx": "≈", r"\$": "$", r"\%": "%", r"\(": "", r"\)": ""}
_PLAIN = str.maketrans({"–": "-", "½": ".5", "¼": ".25", "¾": ".75", "\u00a0": "", "\u2009": "", "\u202f": ""})
_TIMES = frozenset("×x*·∙⋅✕")
_POWER = re.compile(r"(?:\^|\*\*)\(?([-−+]?[0-9]{1,3})\)?|([⁻⁺]?[⁰¹²³⁴⁵⁶⁷⁸⁹]{1,3})")
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺−", "0123456789-+-")
_MATH = re.compile(r"\$(?=\S)[^$\n]{1,200}?[=≈\\][^$\n]{0,200}(?<=\S)\$(?![0-9])")
"""$3 + 4 = 7$: formulas between the dollars of LaTeX, which are no money."""
_GLUE = re.compile(r"\\(?:times|cdot|div|approx)(?![A-Za-z])|\\[$%()]|\n[^\S\n]*(?==)|~(?==)")


@dataclass(frozen=True)
class Mention:
    """A number in a text, with its unit."""

    quantity: Quantity
    places: int
    """Decimal places that it's written with; negative for zeros at the end of a whole number."""
    start: int
    end: int


@dataclass(frozen=True)
class Piece:
    kind: str
    text: str
    start: int
    end: int
    after_space: bool


def pieces(text: str) -> list[Piece]:
    """The tokens of a text at their places in it."""
    text = _MATH.sub(lambda m: f" {m.group()[1:-1]} ", text)
    text = _GLUE.sub(lambda m: _LATEX.get(m.group(), "").rjust(len(m.group())), text)
    found: list[Piece] = []
    spaced = True
    for match in _PATTERN.finditer(text):
        kind = match.lastgroup or "other"
        if match.group() == "**" and spaced != text[match.end() : match.end() + 1].isspace():
            kind = "other"  # bold type, not a power
        if kind != "space":
            written = match.group().translate(_PLAIN)
            word = written.replace(" ", "") if kind == "word" else written  # `per cent` is one, as laws write it
            found.append(Piece(kind, word, match.start(), match.end(), spaced))
        spaced = kind in ("space", "newline")
    return found


def quantities(text: str) -> list[Mention]:
    """The numbers in a text with their units: $1,200, 15%, 2 h 30 min, 3 million km.

    Dates, times of day, versions, addresses and names such as H2O have none.
    """
    return list(_quantities(text))


def first_quantity(text: str) -> Mention | None:
    """The first of them; what follows isn't read as numbers."""
    return next(_quantities(text), None)


def _quantities(text: str) -> Iterator[Mention]:
    tokens = list(_scientific(text, pieces(text)))
    at = 0
    while at < len(tokens):
        mention, length = mention_at(tokens, at)
        if mention is not None:
            yield mention
        at += length


def _scientific(text: str, tokens: Sequence[Piece]) -> Iterator[Piece]:
    """The tokens with the three and more of 3.00 × 10⁸ as one number, 3.00e8."""
    end = 0
    for first, times, ten in itertools.zip_longest(tokens, tokens[1:], tokens[2:]):
        if first.start < end:
            continue
        power = None
        if first.kind == "number" and "e" not in first.text.lower() and ten is not None:
            power = _POWER.match(text, ten.end) if times.text in _TIMES and ten.text == "10" else None
        if power is None:
            yield first
            continue
        end = power.end()
        exponent = (power[1] or power[2]).translate(_RAISED)
        yield Piece("number", f"{first.text}e{exponent}", first.start, end, first.after_space)


def mention_at(tokens: list[Piece], at: int) -> tuple[Mention | None, int]:
    """The quantity that starts at a token, and how many tokens to go on by."""
    first = tokens[at]
    if first.kind not in ("number", "currency") and first.text not in ("-", "−"):
        return None, 1
    if first.kind not in ("number", "currency"):  # of 2-8 °C or 2–8 °C, a range, the dash is no minus
        before = tokens[at - 1] if at else None
        glued = at + 1 < len(tokens) and not tokens[at + 1].after_space
        if not glued or (before is not None and before.text != "(" and not first.after_space):
            return None, 1
    for length in range(_reach(tokens, at), 0, -1):
        part = tokens[at : at + length]
        if not _plain_words(tokens, at, length):
            continue
        try:
            expression = Expression(joined(part))
        except ExpressionError:
            continue
        if expression.operations or not expression.operands:
            continue
        value, places = as_written(expression)
        return Mention(value, places, first.start, part[-1].end), length
    return None, 1


def _reach(tokens: list[Piece], at: int) -> int:
    """How many tokens a quantity may take: numbers, signs that stand in one, and unit words."""
    reach = at
    while reach < min(at + 8, len(tokens)):
        token, word = tokens[reach], tokens[reach].text.lower()
        if token.kind == "word":
            known = word in SCALES or word in POWER_WORDS or word in ("per", "percent") or is_unit(token.text)
            if not known or word in CONVERSIONS - {"in"}:
                break
        elif token.kind not in ("number", "currency") and token.text not in ("-", "−", "/", "*", "^", "%", "²", "³"):
            break
        reach += 1
    return reach - at


def _plain_words(tokens: list[Piece], at: int, length: int) -> bool:
    """Whether a quantity may end there: not with the `in` of `3 in total`, nor with the T of T-shirt."""
    part = tokens[at : at + length]
    after = tokens[at + length] if at + length < len(tokens) else None
    if part[-1].kind != "word" or after is None:
        return True
    if after.text == "-" and not after.after_space:
        return False
    feet = any(t.text in ("ft", "foot", "feet") for t in part)
    return feet or part[-1].text != "in" or after.kind not in ("word", "number", "currency")


def as_written(expression: Expression) -> tuple[Quantity, int]:
    """The quantity of an expression that is one number: 15% as 15 %."""
    value, first = expression.value, expression.operands[0]
    if len(expression.operands) == 1 and str(first.quantity.unit) == "%":
        return Quantity(value.value * 100, first.quantity.unit), first.places
    return value, expression.operands[-1].places


def joined(part: Sequence[Piece]) -> str:
    return "".join((" " if t.after_space else "") + t.text for t in part).strip()
