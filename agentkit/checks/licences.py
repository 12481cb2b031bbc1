"""What the words of a task allow a computation to know though nobody said it: a dime has 10 cents, March 31 days."""

import re
from calendar import monthrange
from fractions import Fraction
from functools import lru_cache
from itertools import permutations
from typing import NamedTuple

from agentkit.arithmetic import Unit
from agentkit.checks.dates import MONTHS
from agentkit.checks.words import stem
from agentkit.errors import ExpressionError

BY_UNIT = {
    part: frozenset(map(Fraction, known))
    for part, known in {
        "percent": (100,),
        "cent": (100,),
        "week": (4, 7, 24, 52),
        "day": (7, 24, 30, 365),
        "hour": (24, 60, 3600, "3.6"),
        "minute": (60,),
        "second": (60, 3600, "3.6"),
        "month": (12, 30),
        "year": (12, 24, 52, 365),
        "Fahrenheit": (5, 9, 32, "1.8"),
        "kilo": (1000,),
        "milli": (1000,),
        "centi": (100,),
    }.items()
}
"""By parts of units' names: how many days a week has."""
ORDINALS = "third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth".split()
BY_WORD = {
    stem(word): frozenset(map(Fraction, known))
    for word, known in {
        **{ordinal: (n, f"1/{n}") for n, ordinal in enumerate(ORDINALS, start=3)},
        "dozen": (12,),
        **{name: (monthrange(2025, month)[1],) for month, name in enumerate(MONTHS, start=1)},
        "february": (28, 29),
        **dict.fromkeys(("weekday", "Monday", "Friday"), (5,)),
        "quarter": (4, 25, "0.25"),
        "penny": (1, "0.01"),
        "nickel": (5, "0.05"),
        "dime": (10, "0.10"),
    }.items()
}
"""By stems: parts of a whole, coins of a dollar, the days of a month or of work."""
APART = re.compile(r"[;:.!?\n]")
LAST = re.compile(r"(?:and|or) ")
"""What the last thing of a list begins with."""
SHORTENED = {"ounce": "fluid_ounce"}
"""Units that mostly go by the name of another one."""


class Spoken(NamedTuple):
    """What a task, its history and its evidence speak of."""

    units: frozenset[str]
    """Canonical names."""
    words: frozenset[str]
    """Content words."""
    counts: frozenset[Fraction]
    """Of what the task lists."""

    @property
    def licences(self) -> list[frozenset[Fraction]]:
        """What each unit, pair of units or word allows to know."""
        by_unit = [by for part, by in BY_UNIT.items() if any(part in unit for unit in self.units)]
        return [*by_unit, *ratios(self.units), *(BY_WORD[word] for word in sorted(self.words & BY_WORD.keys()))]


def counts_in(text: str) -> frozenset[Fraction]:
    """How many things are in each list of a text, of three or more: *Sarah, Mary, and Tuan*."""
    found: set[Fraction] = set()
    for clause in APART.split(text):
        for before, part in enumerate(clause.split(", ")):
            if LAST.match(part) and before > 1:
                found.add(Fraction(before + 1))
            elif before and (" and " in part or " or " in part):
                found.add(Fraction(before + 2))
    return frozenset(found)


@lru_cache(maxsize=1000)
def ratios(names: frozenset[str]) -> tuple[frozenset[Fraction], ...]:
    """How many of a unit go into another one, for all that can be converted: 12 inches into a foot."""
    units = measures(names)
    return tuple(
        frozenset({one.scale / other.scale}) for one, other in permutations(units, 2) if one.base == other.base
    )


@lru_cache(maxsize=1000)
def measures(names: frozenset[str]) -> tuple[Unit, ...]:
    """The units of these names that are multiples of one another; temperatures, which have zero points, are not."""
    found: list[Unit] = []
    for name in sorted({*names, *(SHORTENED[name] for name in names & SHORTENED.keys())}):
        try:
            unit = Unit.of(name)
        except ExpressionError:
            continue
        if unit.base and not unit.offset:
            found.append(unit)
    return tuple(found)


def converted_to(value: Fraction, unit: Unit, names: frozenset[str]) -> frozenset[Fraction]:
    """A quantity in every other unit that is spoken of: of 15 minutes, a quarter where hours are."""
    if unit.offset or not unit.base:
        return frozenset()
    return frozenset(value * unit.scale / other.scale for other in measures(names) if other.base == unit.base)
