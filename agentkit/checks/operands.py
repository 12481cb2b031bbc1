"""What goes into computations, and whether anyone said it."""

import re
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from typing import cast

from agentkit.answer import Evidence
from agentkit.checks.check import Draft
from agentkit.checks.quantities import Number

FREE = frozenset(Fraction(n) for n in (0, 1, 2))
"""Numbers that a computation may use though nobody said them: to count from, to average two."""
LICENSED = {
    "percent": (100,),
    "week": (7, 24, 52),
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
}
"""What the units that are spoken of allow a computation to know: how many days a week has."""
PROGRAM = re.compile(r"\b(?:for|while|def|lambda|(?:import|from) (?:datetime|calendar))\b")
"""An algorithm rather than a sum written in Python."""
IN_PROGRAM = frozenset(Fraction(n) for n in (*range(13), "1/2", 100, 366, 400, 1000))
"""What may stand in a program though nobody said it: bounds, digits, roots, months by their number, leap years."""
PARTS = re.compile(r"\b(?:in|to)\b|/")
"""Of numbers whose parts may go into a computation: `825 km/h in knots`, `1 1/2`."""
OPERAND = re.compile(r"(?<![\w.])\d+(?:,\d{3})*(?:\.\d+)?")


def untraced(texts: Sequence[str], sources: Iterable[Number], units: frozenset[str]) -> list[str]:
    """The numbers of an expression or a program that come from none of the sources."""
    licensed = {n for allowed in licences(units) for n in allowed}
    program = any(PROGRAM.search(text) for text in texts)
    free = FREE | licensed | (IN_PROGRAM if program else frozenset[Fraction]())
    values = values_of(sources)
    return [
        written
        for text in texts
        for written in operands(text)
        if (operand := value_of(written)) not in free and not any(derived(operand, value) for value in values)
    ]


def licences(units: Iterable[str]) -> list[frozenset[Fraction]]:
    """What each of the units that are spoken of allows to know."""
    named = list(units)
    return [frozenset(map(Fraction, allowed)) for word, allowed in LICENSED.items() if any(word in u for u in named)]


def operands(text: str) -> list[str]:
    """The numbers of an expression or a program; in a list or a call's arguments a comma stands between two."""
    within: list[bool] = []
    apart: list[str] = []
    for before, character in zip(f" {text}", text, strict=False):
        if character in "([":
            within.append(character == "[" or before.isalnum() or before == "_")
        elif character in ")]" and within:
            within.pop()
        apart.append(" , " if character == "," and within and within[-1] else character)
    return OPERAND.findall("".join(apart))


def values_of(sources: Iterable[Number]) -> set[Fraction]:
    """What numbers come to, and their parts: `825 km/h in knots` is read as converted."""
    found: set[Fraction] = set()
    for number in sources:
        if number.quantity is not None:
            asked = OPERAND.findall(number.written) if PARTS.search(number.written) else ()
            value = number.quantity.value
            in_words = value.denominator > 1 and not any(c.isdigit() for c in number.written)  # three quarters
            found |= {value, *map(value_of, asked), *map(Fraction, value.as_integer_ratio() if in_words else ())}
    return found


def value_of(operand: str) -> Fraction:
    """A number as it is written, without separators."""
    return Fraction(operand.replace(",", ""))


def derived(operand: Fraction, source: Fraction) -> bool:
    """The same number; as a percentage, a growth factor, a double; or the bound of a loop, which is one more."""
    share = source / 100
    return operand in (source, -source, share, 1 + share, 1 - share, 2 * source, source + 1)


def operands_of(draft: Draft, evidence: Evidence) -> frozenset[Fraction]:
    """The numbers in the arguments of the call that reported a piece of evidence."""
    texts = arguments_of(draft, evidence)
    return frozenset(value_of(n) for text in texts for n in operands(text))


def arguments_of(draft: Draft, evidence: Evidence) -> list[str]:
    """The arguments of the call that reported a piece of evidence, as text."""
    made = 1 <= evidence.call <= len(draft.calls)
    return list(strings(draft.calls[evidence.call - 1].arguments)) if made else []


def strings(value: object) -> Iterator[str]:
    """All text and numbers inside a JSON value."""
    yield from map(str, leaves(value))


def leaves(value: object) -> Iterator[object]:
    """What a JSON value holds, out of its lists and objects."""
    match value:
        case dict():
            for item in cast(dict[str, object], value).values():
                yield from leaves(item)
        case list():
            for item in cast(list[object], value):
                yield from leaves(item)
        case _:
            yield value
