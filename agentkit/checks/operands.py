"""What goes into computations, and whether anyone said it."""

import re
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from typing import cast

from agentkit.answer import Evidence
from agentkit.checks.check import Draft
from agentkit.checks.licences import Spoken, converted_to
from agentkit.checks.quantities import Number

FREE = frozenset(Fraction(n) for n in (0, 1, 2))
"""Numbers that a computation may use though nobody said them: to count from, to average two."""
PROGRAM = re.compile(r"\b(?:for|while|def|lambda|(?:import|from) (?:datetime|calendar))\b")
"""An algorithm rather than a sum written in Python."""
IN_PROGRAM = frozenset(Fraction(n) for n in (*range(13), "1/2", 100, 366, 400, 1000))
"""What may stand in a program though nobody said it: bounds, digits, roots, months by their number, leap years."""
PARTS = re.compile(r"\b(?:in|to)\b|/")
"""Of numbers whose parts may go into a computation: `825 km/h in knots`, `1 1/2`."""
DOZEN = re.compile(r"\bdozens?$", re.IGNORECASE)
ADDENDS = re.compile(r"(?<![\w.$])[\w.$]+(?:\s*\+\s*[\w.$]+)+")
"""A sum, whose mean is over as many as it has."""
OPERAND = re.compile(r"(?<![\w.])\d+(?:,\d{3})*(?:\.\d+)?")


def untraced(texts: Sequence[str], sources: Iterable[Number], spoken: Spoken) -> list[str]:
    """The numbers of an expression or a program that come from none of the sources and that no word allows to know."""
    licensed = spoken.counts.union(*spoken.licences)
    program = any(PROGRAM.search(text) for text in texts)
    sources = list(sources)
    free = FREE | licensed | parts_of(sources) | (IN_PROGRAM if program else frozenset[Fraction]())
    values = values_of(sources, spoken.units)
    return [
        written
        for text in texts
        for written in operands(text)
        if (operand := value_of(written)) not in free
        and not any(derived(operand, value) for value in values)
        and not is_count(written, texts)
    ]


def is_count(written: str, texts: Iterable[str]) -> bool:
    """Whether a sum of so many is divided by their number."""
    divided = re.compile(rf"/\s*{re.escape(written)}(?![\w.])")
    sums = [found.count("+") + 1 for text in texts if divided.search(text) for found in ADDENDS.findall(text)]
    return written in map(str, sums)


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


def values_of(sources: Iterable[Number], units: frozenset[str] = frozenset()) -> set[Fraction]:
    """What numbers come to, by themselves and in the other units that are spoken of; of some, their parts as well."""
    found: set[Fraction] = set()
    for number in sources:
        if PARTS.search(number.written):
            found |= set(map(value_of, OPERAND.findall(number.written)))
        if number.quantity is not None:
            value = number.quantity.value
            found |= {value, *converted_to(value, number.quantity.unit, units)}
            if DOZEN.search(number.written):
                found.add(value / 12)
            if value.denominator > 1 and not any(c.isdigit() for c in number.written):  # three quarters
                found |= set(map(Fraction, value.as_integer_ratio()))
    return found


def parts_of(sources: Iterable[Number]) -> set[Fraction]:
    """What is written in those that aren't one number: in `10:45`, a time of day or a ratio, in dates."""
    return {value_of(part) for n in sources if n.quantity is None for part in OPERAND.findall(n.written)}


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
