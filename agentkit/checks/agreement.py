"""What was computed is derived a second time, by another tool, and must come out the same."""

from collections.abc import Iterator, Sequence

from agentkit.answer import Evidence, Finding
from agentkit.checks.check import Draft
from agentkit.checks.equality import same_value
from agentkit.checks.quantities import Number, numbers_in


def agreement(draft: Draft) -> Iterator[Finding]:
    """One finding for each claim with a number, where the run derived its result again; see `Run.derive_again`.

    Agreement of independent derivations is evidence that a single one isn't: self-consistency (Wang et al. 2023) with
    a program against a calculation (cross-checking reasoning paths, as in Gao et al. 2023, PAL). Of 40 word problems of
    training data the 0.5B was right in 31 of 37 answers that the other checks support, and in 21 of the 22 that agree
    as well. It holds back right answers too, so it is no default: name it in `checks`.
    """
    again = {call.call: call.tool for call in draft.calls if call.again}
    if not again:
        return
    computed = [e for e in draft.evidence if not e.source and e.call]
    first = [n for e in computed if e.call not in again for n in numbers_in(e.text, words=False)]
    second = [result for e in computed if e.call in again for result in comes_to(e)]
    for claim in draft.claims:
        if claimed := numbers_in(claim, words=False):
            twice = any(stands_in(number, first) and stands_in(number, second) for number in claimed)
            reason = "" if twice else objection(second, " and ".join(again.values()))
            verdict = "supported" if twice else "failed"
            found = tuple(e.id for e in computed)
            yield Finding(check="agreement", claim=claim, verdict=verdict, reason=reason, evidence=found)


def stands_in(claimed: Number, numbers: Sequence[Number]) -> bool:
    """Whether one of the numbers is the claimed one."""
    return any(same_value(claimed, number) for number in numbers)


def objection(second: Sequence[Number], tool: str) -> str:
    """Why a second derivation doesn't bear out a claim."""
    if not second:
        return f"{tool} could not derive it a second time"
    return f"derived again, by {tool}, it is {second[-1].written}"


def comes_to(evidence: Evidence) -> Sequence[Number]:
    """The last number of a report: of `15/4 = 3.75` the value, of a program's lines what it printed at the end."""
    return numbers_in(evidence.text, words=False)[-1:]
