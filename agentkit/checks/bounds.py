"""What a number bounds: at least 18, under 25 °C, 6 or older; and what lies within two."""

import re
from fractions import Fraction
from typing import Literal, NamedTuple

from agentkit.arithmetic import Quantity, Unit
from agentkit.checks.words import content_words

Bound = Literal["least", "most"]
"""On which side of a number something lies."""


class Band(NamedTuple):
    """From where to where something is true: *3–5 years*, *under 5 kg*."""

    low: Fraction
    high: Fraction
    unit: Unit

    def holds(self, quantity: Quantity) -> bool:
        """Whether a quantity lies within; one without a unit is taken for one in the band's."""
        if self.unit and quantity.unit:
            if self.unit.base != quantity.unit.base:
                return False
            quantity = quantity.to(self.unit)
        return self.low <= quantity.value <= self.high


STEP = Fraction(1, 10**6)


def beyond(quantity: Quantity, bound: Bound | None) -> Quantity:
    """A quantity just past what bounds it: what is over 5 kg is in no band that ends there, *under 5 kg*."""
    step = {"least": STEP, "most": -STEP}.get(bound or "", Fraction(0))
    return Quantity(quantity.value + step, quantity.unit, quantity.exact)


UP = r"(?:over|above|beyond|exceed(?:s|ed|ing)?|(?:more|greater|larger|higher|older|longer) than)"
DOWN = r"(?:under|below|nearly|almost|(?:less|fewer|smaller|lower|younger|shorter) than)"
NOT = r"(?:\b(?:not|never|cannot|no)|n['\u2019]t)\s+(?:be\s+)?"
BETWEEN = r"\s+(?:(?:the\s+)?age\s+(?:of\s+)?|a\s+total\s+of\s+|just\s+)?[$€£]?\s?$"
BEFORE = (
    (re.compile(rf"(?:\bat most|\bup to|\bmaximum(?: of)?|{NOT}{UP}){BETWEEN}", re.IGNORECASE), False),
    (re.compile(rf"(?:\bat least|\bminimum(?: of)?|{NOT}{DOWN}){BETWEEN}", re.IGNORECASE), True),
    (re.compile(rf"\b{UP}{BETWEEN}", re.IGNORECASE), True),
    (re.compile(rf"\b{DOWN}{BETWEEN}", re.IGNORECASE), False),
)
"""What stands before a number that it bounds, and whether that is a lower bound; what begins with a *not* first."""
SHARE = r"(?:(?<=%)|(?<=percent)|(?<=per cent))"
"""Behind which such a word says to which side something differs: 65 % less isn't 65 % more."""
BEHIND = (
    (
        re.compile(r"\s*(?:[^\W\d_]+\s+)?(?:or (?:more|over|above|older|longer|greater)|at least)\b", re.IGNORECASE),
        True,
    ),
    (
        re.compile(r"\s*(?:[^\W\d_]+\s+)?(?:or (?:less|fewer|under|below|younger|shorter)|at most)\b", re.IGNORECASE),
        False,
    ),
    (re.compile(rf"{SHARE}\s*(?:more|higher|larger|greater|longer|older)\b", re.IGNORECASE), True),
    (re.compile(rf"{SHARE}\s*(?:less|fewer|lower|smaller|shorter|younger)\b", re.IGNORECASE), False),
)
DENIED = re.compile(r"\b(?:not|no|never|none|nor|neither|nobody|nothing|cannot|without)\b|n['\u2019]t\b", re.IGNORECASE)
OTHERWISE = re.compile(r"\b(?:unless|except|otherwise)\b", re.IGNORECASE)
LONGEST = 40
"""Characters around a number in which such words stand."""
WORDS = content_words(
    "least most exceed maximum minimum more less fewer greater larger higher older longer smaller lower younger "
    "shorter nearly almost above below beyond years old age aged people persons number need needs needed require "
    "required allowed stay stays keep kept remain remains"
)
"""What says that there is a bound, or that it matters; not on what."""


def bound_of(clause: str, start: int, end: int) -> Bound | None:
    """What the number that stands in a clause from start to end bounds; None where it is told as it is.

    Who is not under 6 is at least 6, and so is who has to pay, if who is under 6 has not.
    """
    begin = max(0, start - LONGEST)
    rest, lower = clause, None
    for pattern, is_lower in BEFORE:
        if lower is None and (match := pattern.search(clause[begin:start])):
            rest, lower = clause[: begin + match.start()] + clause[start:], is_lower
    for pattern, is_lower in BEHIND:
        if lower is None and pattern.match(clause, end, end + LONGEST):
            lower = is_lower
    if lower is None or OTHERWISE.search(clause):
        return None
    return "least" if lower == (len(DENIED.findall(rest)) % 2 == 0) else "most"
