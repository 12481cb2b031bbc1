"""Did anyone say the numbers that a call needs? A small model that isn't told them makes them up, and calls.

Of a tool that computes, all numbers are looked at (`invented`). Of others those of required parameters: an optional one
may be a setting, how many results to list say, and words may well be the model's own. There a number counts as said if
the agent's instructions or the tool's description name it, other than as an example, or if it follows from one that
was said by a change of unit, or from two by a sum, a difference or a product: a call that is refused though it was
right does more harm than one let by.
"""

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import isfinite
from typing import Any, Protocol

from agentkit.checks.check import Draft
from agentkit.checks.licences import BY_UNIT, Spoken
from agentkit.checks.numbers import Known, invented
from agentkit.checks.operands import OPERAND, leaves, untraced, value_of, values_of
from agentkit.checks.quantities import Number, numbers_in

POWERS = frozenset(Fraction(10) ** n for n in range(-12, 13))
"""What prefixes of units stand for: 50 mH are 0.05 H."""
UNITS = frozenset[Fraction]().union(*BY_UNIT.values())
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
    described: Mapping[str, Mapping[str, Any]] = tool.parameters.get("properties", {})
    needed = [
        (name, told, number)
        for name in tool.parameters.get("required", ())
        if not {"enum", "const"} & (told := described.get(name, {})).keys()
        for number in numbers_of(arguments.get(name))
    ]
    if not needed:
        return ""
    known = Known.of(draft)
    said = [*known.said, *numbers_in(instructions), *named_in(tool.description)]
    for name, told, number in needed:
        if not follows(number, [*said, *named_in(told.get("description", ""))], known.spoken):
            shown = number.numerator if number.denominator == 1 else float(number)
            return f"{name} = {shown} stands neither in the task nor in the evidence"
    return ""


def named_in(description: object) -> tuple[Number, ...]:
    """The numbers that a description names other than as examples."""
    return numbers_in(EXAMPLE.sub("", str(description)))


def numbers_of(value: object) -> list[Fraction]:
    """The finite numbers inside a JSON value, without their signs; true and false are none."""
    found = [leaf for leaf in leaves(value) if isinstance(leaf, int | float) and not isinstance(leaf, bool)]
    return [abs(Fraction(str(number))) for number in found if isfinite(number)]


def follows(number: Fraction, sources: Sequence[Number], spoken: Spoken) -> bool:
    """Whether a number was said, or follows from what was."""
    written = str(number.numerator) if number.denominator == 1 else f"{float(number):f}"
    if not untraced([written], sources, spoken):
        return True
    said = {abs(value) for value in values_of(sources)}
    said |= {value_of(part) for n in sources for part in OPERAND.findall(n.written)}  # of a date, a time, a conversion
    said.discard(Fraction(0))
    if any(number / value in POWERS | UNITS or value / number in UNITS for value in said):
        return True
    # From two of them: which other one would make it by a sum, a difference, a product?
    return any(({number - one, number + one, number / one} - {one}) & said for one in said)
