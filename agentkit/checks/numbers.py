"""Every number stands in the role that its evidence gives it, or was computed from such numbers."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, cast

from agentkit.answer import Evidence, Finding
from agentkit.checks.check import Draft
from agentkit.checks.quantities import Quantity, quantities, units_in
from agentkit.checks.words import content_words

CONSTANTS = frozenset(Fraction(n) for n in (0, 1, 2, 7, 10, 12, 24, 30, 52, 60, 100, 365, 1000, 3600))
"""Numbers that a computation may use though nobody said them: how many days a week has, what percent means."""


@dataclass(frozen=True)
class Known:
    """All that a draft's numbers may come from."""

    asked: Sequence[Quantity]
    """Of the task and of earlier answers."""
    found: Sequence[tuple[int, Quantity]]
    """Of passages and of what tools that look things up reported, with the number of the evidence."""
    computed: Sequence[tuple[int, Quantity]]
    """Results of computations."""
    operands: Sequence[Quantity]
    """What went into computations."""
    units: frozenset[str]
    task_words: frozenset[str]

    @classmethod
    def of(cls, draft: Draft) -> "Known":
        asked = quantities(draft.task)
        for turn in draft.history:
            asked += quantities(turn.task) + quantities(turn.answer)
        found = [(e.id, q) for e in draft.evidence if e.source for q in quantities(e.text, context=e.source)]
        computed = [(e.id, q) for e in draft.evidence if not e.source for q in quantities(e.text)]
        operands = [q for e in draft.evidence if not e.source for q in arguments_of(draft, e)]
        texts = [draft.task, *(e.text + " " + e.source for e in draft.evidence), *(t.answer for t in draft.history)]
        return cls(
            asked, found, computed, operands, frozenset().union(*map(units_in, texts)), content_words(draft.task)
        )


def numbers(draft: Draft) -> Iterator[Finding]:
    """One finding a claim that has numbers."""
    known = Known.of(draft)
    untraced = {e.id: reason for e in draft.evidence if not e.source and (reason := untraced_operand(draft, e, known))}
    for claim in draft.claims:
        claimed = quantities(claim, words=False) + [q for q in quantities(claim) if q.written.isalpha()]
        if not claimed:
            continue
        used: set[int] = set()
        for quantity in claimed:
            reason, evidence = objection(quantity, known, untraced)
            used |= evidence
            if reason:
                yield Finding(
                    check="numbers", claim=claim, verdict="failed", reason=reason, evidence=tuple(sorted(evidence))
                )
                break
        else:
            yield Finding(check="numbers", claim=claim, verdict="supported", evidence=tuple(sorted(used)))


def objection(claimed: Quantity, known: Known, untraced: dict[int, str]) -> tuple[str, set[int]]:
    """Why a number may not stand as it does (empty when it may), and the evidence that was looked at."""
    shown = f"{claimed.written} {claimed.unit}".strip()
    if claimed.unit and claimed.unit not in known.units:
        return f"{shown}: neither the task nor the evidence speaks of {claimed.unit}", set()
    if any(equal(claimed, q) and units_agree(claimed, q) for q in known.asked):
        return "", set()
    matching = [(i, q) for i, q in known.found if equal(claimed, q)]
    in_unit = [(i, q) for i, q in matching if units_agree(claimed, q)]
    if in_unit:
        best = max(affinity(claimed, q, known.task_words) for _, q in in_unit)
        rivals = [
            (i, q)
            for i, q in known.found
            if q.value != claimed.value and q.unit == in_unit[0][1].unit and q.value is not None
            if affinity(claimed, q, known.task_words) > best
        ]
        computed = any(same_value(claimed, q) for _, q in known.computed)
        if not rivals or computed:
            return "", {i for i, _ in in_unit}
        rival = max(rivals, key=lambda r: affinity(claimed, r[1], known.task_words))
        return f"{shown} stands for something else in the evidence; [{rival[0]}] has {rival[1].written}", {rival[0]}
    results = {i for i, q in known.computed if same_value(claimed, q) and units_agree(claimed, q)}
    if sound := results - untraced.keys():
        return "", sound
    if results:
        return untraced[min(results)], results
    if any(equal(claimed, q) for q in known.operands):
        return "", set()
    if matching:
        return f"the evidence gives {claimed.written} another unit than {claimed.unit}", {i for i, _ in matching}
    return f"{shown} stands nowhere in the task or the evidence and was not computed", set()


def untraced_operand(draft: Draft, evidence: Evidence, known: Known) -> str:
    """What went into a computation and came from nowhere; empty when all of it has a source."""
    earlier = [q for i, q in known.computed if i < evidence.id]
    sources = [*known.asked, *(q for i, q in known.found if i < evidence.id), *earlier]
    code = draft.calls[evidence.call - 1].tool if evidence.call <= len(draft.calls) else evidence.tool
    for operand in arguments_of(draft, evidence):
        if operand.value is None or operand.value in CONSTANTS:
            continue
        if not any(near(operand.value, q.value) for q in sources):
            return f"[{evidence.id}] was computed by {code} from {operand.written}, which nothing says"
    return ""


def near(operand: Fraction, source: Fraction | None) -> bool:
    """The same number, as a percentage too; or the bound of a loop, which is one more."""
    return source is not None and operand in (source, source / 100, source + 1, -source)


def arguments_of(draft: Draft, evidence: Evidence) -> list[Quantity]:
    """The numbers in the arguments of the call that reported a piece of evidence."""
    if not 1 <= evidence.call <= len(draft.calls):
        return []
    return [
        q for text in strings(draft.calls[evidence.call - 1].arguments) for q in quantities(spaced(text), words=False)
    ]


def spaced(text: str) -> str:
    """An expression with room around its operators, so that `3-2` isn't read as a range."""
    return "".join(f" {c} " if c in "+-*/^()=<>[]{}:" else c for c in text)


def strings(value: object) -> Iterator[str]:
    """All text and numbers inside a JSON value."""
    match value:
        case dict():
            for item in cast(dict[str, Any], value).values():
                yield from strings(item)
        case list():
            for item in cast(list[Any], value):
                yield from strings(item)
        case _:
            yield str(value)


def affinity(claimed: Quantity, quantity: Quantity, task: frozenset[str]) -> float:
    """How well the words around a claimed number fit those around one of the evidence.

    Words of the claim's own clause count double, and so do words in the evidence's clause or table cell.
    """

    def weight(words: Iterable[str]) -> int:
        return sum(2 if w in quantity.near else 1 if w in quantity.far else 0 for w in words)

    return 2 * weight(claimed.near) + weight(task - claimed.near)


def equal(claimed: Quantity, quantity: Quantity) -> bool:
    """The same number; what isn't one number (a date) must be spelled alike."""
    if claimed.value is None or quantity.value is None:
        return claimed.written == quantity.written
    return claimed.value == quantity.value


def same_value(claimed: Quantity, computed: Quantity) -> bool:
    """Equal to the precision in which the claim writes it."""
    if claimed.value is None or computed.value is None:
        return claimed.written == computed.written
    if claimed.value == computed.value:
        return True
    step = Fraction(1, 10**claimed.decimals)
    close = abs(claimed.value - computed.value) <= step / 2
    return close and (claimed.decimals > 0 or abs(computed.value) >= 100)


def units_agree(claimed: Quantity, quantity: Quantity) -> bool:
    """The same unit, or one of the two has none."""
    return not claimed.unit or not quantity.unit or claimed.unit == quantity.unit
