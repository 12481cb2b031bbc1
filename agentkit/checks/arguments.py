"""Did anyone say the numbers that a call needs? A small model that isn't told them makes them up, and calls.

Of a tool that computes, all numbers are looked at (`invented`). Of others those of required parameters: an optional one
may be a setting, how many results to list say, and words may well be the model's own. There a number counts as said if
the agent's instructions or the tool's description name it, other than as an example, or if it follows from one that
was said by a change of unit, or from two by a sum, a difference or a product: a call that is refused though it was
right does more harm than one let by.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import chain, permutations
from typing import Any, Protocol, cast

from agentkit.checks.check import Draft
from agentkit.checks.numbers import LICENSED, OPERAND, Known, invented, untraced
from agentkit.checks.quantities import Number, numbers_in

POWERS = frozenset(Fraction(10) ** n for n in range(-12, 13))
"""What prefixes of units stand for: 50 mH are 0.05 H."""
UNITS = frozenset(Fraction(n) for several in LICENSED.values() for n in several)
"""What one unit has of another: minutes of an hour."""
EXAMPLE = re.compile(r"\b(?:e\.\s?g\.|for example|for instance|examples?\b|such as|like)[^;)\n]*", re.IGNORECASE)
"""Numbers in a description that models copy where they know none."""


class Called(Protocol):
    """What is to be known of a tool."""

    @property
    def grounded(self) -> bool: ...
    @property
    def own_numbers(self) -> bool: ...
    @property
    def description(self) -> str: ...
    @property
    def parameters(self) -> Mapping[str, Any]: ...


def made_up(draft: Draft, tool: Called, arguments: Mapping[str, Any], *, instructions: str = "") -> str:
    """Why a call stands on nothing that was said; empty when it does.

    Args:
        draft: With the task, the history and the evidence so far.
        instructions: The agent's.
    """
    if tool.grounded:
        return invented(draft, arguments)
    return "" if tool.own_numbers else unsaid(draft, tool, arguments, instructions)


def unsaid(draft: Draft, tool: Called, arguments: Mapping[str, Any], instructions: str) -> str:
    """The first number of a required parameter that nobody said, in words; empty if there is none."""
    known: Known | None = None
    described: Mapping[str, Mapping[str, Any]] = tool.parameters.get("properties", {})
    for name in tool.parameters.get("required", ()):
        told = described.get(name, {})
        if "enum" in told or "const" in told:
            continue
        for number in numbers_of(arguments.get(name)):
            known = known or Known.of(draft)
            texts = (instructions, *(EXAMPLE.sub("", str(t)) for t in (tool.description, told.get("description", ""))))
            sources = [*known.asked, *(n for _, n in (*known.found, *known.computed)), *chain(*map(numbers_in, texts))]
            if not follows(number, sources, known.units):
                shown = number.numerator if number.denominator == 1 else float(number)
                return f"{name} = {shown} stands neither in the task nor in the evidence"
    return ""


def numbers_of(value: object) -> Iterator[Fraction]:
    """The numbers inside a JSON value; true and false are none."""
    match value:
        case bool():
            return
        case int() | float():
            yield abs(Fraction(str(value)))
        case list():
            for item in cast(list[object], value):
                yield from numbers_of(item)
        case dict():
            for item in cast(dict[str, object], value).values():
                yield from numbers_of(item)
        case _:
            return


def follows(number: Fraction, sources: Sequence[Number], units: frozenset[str]) -> bool:
    """Whether a number was said, or follows from what was."""
    written = str(number.numerator) if number.denominator == 1 else f"{float(number):f}"
    if not untraced([written], sources, units):
        return True
    said = {abs(n.quantity.value) for n in sources if n.quantity is not None}
    # What is asked to be converted is read as converted: `825 km/h in knots`.
    said |= {Fraction(part.replace(",", "")) for n in sources for part in OPERAND.findall(n.written)}
    said.discard(Fraction(0))
    if any(number / value in POWERS | UNITS or value / number in UNITS for value in said):
        return True
    return any(number in (a + b, abs(a - b), a * b) for a, b in permutations(said, 2))
