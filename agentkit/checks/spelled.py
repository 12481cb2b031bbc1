"""Numbers spelled out: twelve, twenty-four, one hundred and twenty, half a million, twice."""

import re
from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

from agentkit.arithmetic.literals import SCALES

_TEENS = (
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
HALF = Fraction(1, 2)
CARDINALS = {
    word: Fraction(value)
    for value, word in [
        *enumerate(_TEENS.split(), 1),
        *zip(range(20, 100, 10), _TENS.split(), strict=True),
        *((scale, word) for word, scale in SCALES.items()),
    ]
}
HALVES = dict.fromkeys("half halve halved".split(), HALF)
OTHERS = {
    word: Fraction(value)
    for value, words in {
        2: "both twice double doubled pair",
        3: "third thrice triple tripled",
        4: "quarter quadruple",
        5: "fifth",
        14: "fortnight",
    }.items()
    for word in words.split()
}
"""They make no longer number with their neighbours."""
MULTIPLES = frozenset("twice double doubled thrice triple tripled quadruple halve halved".split())
"""They multiply, they count nothing."""
VALUES = CARDINALS | HALVES | OTHERS
WORD = re.compile(rf"\b(?:{'|'.join(VALUES)})\b", re.IGNORECASE)
PARTS = {"halves": 2, "thirds": 3, "quarters": 4, "fifths": 5, "tenths": 10}
PART = re.compile(rf"[ -]({'|'.join(PARTS)})(?= of (?!\d))", re.IGNORECASE)
"""Three quarters of a cup; not the three quarters of 2024."""
HALF_BEHIND = re.compile(
    rf"\b(an?|\d+|{'|'.join(_TEENS.split())}) (hour|day|week|month|year|mile)s? and a half\b", re.IGNORECASE
)


class Spelled(NamedTuple):
    """A number in words, and where it stands."""

    start: int
    end: int
    value: Fraction
    counts: bool
    """Whether digits could stand there: not for `one`, which is a pronoun as often, nor for `both` or `twice`."""


def spelled(text: str) -> list[Spelled]:
    """The numbers that a text has in words."""
    found: list[Spelled] = []
    for match in WORD.finditer(text):
        word = match[0].lower()
        if found and text[found[-1].start : found[-1].end].lower() not in OTHERS and word not in OTHERS:
            start, end, before, _ = found[-1]
            longer = _continued(before, word, text[end : match.start()].lower())
            if longer is not None:
                found[-1] = Spelled(start, match.end(), longer, counts=True)
                continue
        part = PART.match(text, match.end()) if word in CARDINALS else None
        if part:
            found.append(Spelled(match.start(), part.end(), VALUES[word] / PARTS[part[1].lower()], counts=True))
        else:
            found.append(Spelled(*match.span(), VALUES[word], counts=word != "one" and word not in OTHERS))
    return found


def half_in_front(text: str) -> str:
    """*An hour and a half* as *one and a half hours*: with the number in one piece before what it counts."""
    return HALF_BEHIND.sub(lambda m: f"{'one' if m[1].lower() in ('a', 'an') else m[1]} and a half {m[2]}s", text)


def without(text: str, numbers: Sequence[Spelled]) -> str:
    """A text with white space in the place of its numbers in words: they say nothing of what is counted."""
    for number in numbers:
        text = text[: number.start] + " " * (number.end - number.start) + text[number.end :]
    return text


def _continued(before: Fraction, word: str, between: str) -> Fraction | None:
    """What a word makes of the number right before it; None where it starts another one."""
    value = VALUES[word]
    beside = between in (" ", "-")
    if value == HALF:  # two and a half, one half
        return before + HALF if between == " and a " else HALF if beside and before == 1 else None
    if word in SCALES:
        low = before % (1000 * value if value > 100 else 1000)
        fits = 0 < low < max(value, 100) and (beside or (before == HALF and between == " a "))
        return before + low * (value - 1) if fits else None
    hundreds = before >= 100 and before % 100 == 0  # one hundred and twenty
    tens = value < 10 and before % 10 == 0 and before % 100 >= 20  # twenty-four
    return before + value if (hundreds and (beside or between == " and ")) or (tens and beside) else None
