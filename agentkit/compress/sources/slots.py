"""Texts with slots: `{a:12..90}` where a number is first told, then `{a}`; `{a:100..900/50}` takes steps of 50."""

import re
from collections.abc import Callable, Mapping
from random import Random

SLOT = re.compile(r"\{(\w+)(?::(\d+)\.\.(\d+)(?:/(\d+))?|:(word))?\}")
RESULT = "{=}"
"""In an answer: what comes out; no slot, so that it stays when those are filled."""
WORDS = (
    "banana winter letter coffee garden balloon kitchen summer yellow pepper orange bottle rabbit window mirror "
    "engine harbour meadow pencil blanket cinnamon elephant mountain sparrow lantern hammock tomorrow puzzle"
).split()
"""What `{w:word}` may be."""
Values = Mapping[str, int | str]


def drawn(text: str, chance: Random) -> dict[str, int | str]:
    """A value for each slot that the text declares."""
    found: dict[str, int | str] = {}
    for name, low, high, step, word in SLOT.findall(text):
        if low and name not in found:
            found[name] = chance.randrange(int(low), int(high) + 1, int(step or 1))
        elif word and name not in found:
            found[name] = chance.choice(WORDS)
    return found


def names(text: str) -> list[str]:
    """The names of the slots in a text."""
    return [match[1] for match in SLOT.finditer(text)]


def filled(text: str, values: Values, write: Callable[[int], str] = str) -> str:
    """The text with its values, numbers written by a function.

    Raises:
        KeyError: A slot has no value.
    """

    def said(match: re.Match[str]) -> str:
        value = values[match[1]]
        return value if isinstance(value, str) else write(value)

    return SLOT.sub(said, text)


def separated(number: int) -> str:
    """A number as a text has it: 1,250."""
    return f"{number:,}"
