"""Answers that are a number, compared exactly."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from agentkit.arithmetic.literals import SCALES
from agentkit.arithmetic.tokens import GROUPED, PLAIN_NUMBER
from agentkit.arithmetic.units import CURRENCY_SIGNS
from agentkit.evaluate.item import Item, Reply, Score
from agentkit.evaluate.scorers.abstention import compared, unanswered

TAIL = 4000
"""Characters of a reply that are read, from its end."""
LONGEST = 400
"""Characters of a number, and its largest power of ten."""
NOISE = Fraction(1, 10**10)
"""What floating-point arithmetic may add to a result, relative to it."""

_NUMBER = re.compile(
    rf"""
    (?<![A-Za-z0-9_])(?<![0-9]\.)
    (?P<sign>(?<![\w)\]}}%])[-−])?
    (?P<currency>(?:US)?[{CURRENCY_SIGNS}]\s?)?
    (?P<inner>(?<=[{CURRENCY_SIGNS}])[-−])?
    (?:(?P<whole>[0-9]{{1,3}})\s(?=[0-9]{{1,3}}/[0-9]))?
    (?P<number>{GROUPED}|{PLAIN_NUMBER})
    (?:\s?/\s?(?P<below>{GROUPED}|{PLAIN_NUMBER}))?
    (?:\s(?P<scale>{"|".join(SCALES)})\b)?
    (?P<percent>\s?(?:%|per\ ?cent\b))?
    """,
    re.VERBOSE | re.IGNORECASE,
)
_LATEX = (
    (re.compile(r"(?<=[0-9])(?=\\[dt]?frac)"), " "),
    (re.compile(r"\\[dt]?frac\s*\{([^{}]{1,99})\}\s*\{([^{}]{1,99})\}"), r"\1/\2"),
    (re.compile(r"\\[!,;]|\{,\}(?=[0-9])"), ""),
    (re.compile(r"\\([$%])"), r"\1"),
)
_MARK = re.compile(r"####|\banswer\s*(?:is|:|=)|\\boxed\s*\{", re.IGNORECASE)


@dataclass(frozen=True)
class Number:
    """A number as it was written."""

    value: Fraction
    places: int = 0
    """Decimal places that it's written with."""
    percent: bool = False

    @property
    def values(self) -> frozenset[Fraction]:
        """What it may stand for: 15 % is 15 where percent are asked for, else 0.15."""
        return frozenset({self.value, self.value / 100} if self.percent else {self.value})


class NumberScorer:
    """Right if the reply's number is the gold one.

    The number of a reply is the last in it, or the first behind "answer is", "####" or \\boxed (behind the last equals
    sign of that line): in $1,234.50, 18 dollars, 3/4, 3 1/2, 15 %, 3 million. Units aren't compared.

    The two must be exactly equal, with two exceptions: noise of floating point (1e-10 of the value), and, for a gold
    number with two or more decimal places, whatever rounds to it. 33.3 for 33 is wrong, 33.3333 for 33.33 is right.
    """

    async def __call__(self, item: Item, reply: Reply) -> Score:
        score = unanswered(item, reply)
        if score is not None:
            return score
        gold, number = written(str(item.gold)), stated(reply.text or "")
        right = gold is not None and number is not None and same(number, gold)
        return Score(
            right=right,
            value=float(right),
            reason="no number in the reply" if number is None else compared(reply.text or "", str(item.gold)),
        )


def same(number: Number, gold: Number) -> bool:
    """Whether a number is the gold one."""
    return any(_equal(one, other, gold.places) for one in number.values for other in gold.values)


def _equal(one: Fraction, gold: Fraction, places: int) -> bool:
    if one == gold:
        return True
    if one.denominator > 1 and abs(one - gold) <= NOISE * abs(gold):
        return True
    return places >= 2 and abs(one - gold) <= Fraction(1, 2 * 10**places)


def stated(text: str) -> Number | None:
    """The number that a reply gives as its answer."""
    text = plain(text)
    marks = list(_MARK.finditer(text))
    if marks:
        line = text[marks[-1].end() :].strip().partition("\n")[0]
        behind = list(numbers(line[line.rfind("=") + 1 :]))
        if behind:
            return behind[0]
    found = list(numbers(text))
    return found[-1] if found else None


def written(text: str) -> Number | None:
    """The number that a text is and nothing else; None if it isn't one."""
    text = plain(text).strip()
    match = _NUMBER.fullmatch(text)
    return read(match) if match else None


def numbers(text: str) -> Iterator[Number]:
    """The numbers of a text, first to last."""
    for match in _NUMBER.finditer(text):
        number = read(match)
        if number is not None:
            yield number


def plain(text: str) -> str:
    """The end of a text, without LaTeX's way to write numbers."""
    text = text[-TAIL:]
    for pattern, instead in _LATEX:
        text = pattern.sub(instead, text)
    return text


def read(match: re.Match[str]) -> Number | None:
    """The number that was matched; None if it's too large or divides by zero."""
    value, below = fraction(match["number"]), fraction(match["below"] or "1")
    if value is None or not below:
        return None
    value = (value / below + int(match["whole"] or 0)) * SCALES.get((match["scale"] or "").lower(), 1)
    places = len(match["number"].partition(".")[2]) if re.fullmatch(r"[0-9.,]+", match["number"]) else 0
    return Number(
        -value if match["sign"] or match["inner"] else value,
        places=0 if match["below"] or match["scale"] else places,
        percent=bool(match["percent"]),
    )


def fraction(digits: str) -> Fraction | None:
    """The exact value of a number; None beyond what an answer may be."""
    digits = digits.replace(",", "").lower()
    power = digits.partition("e")[2]
    if len(digits) > LONGEST or abs(int(power or 0)) > LONGEST:
        return None
    return Fraction(digits)
