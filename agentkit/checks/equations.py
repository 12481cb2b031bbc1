"""Every `a op b = c` in a draft is evaluated again."""

from collections.abc import Iterator

from agentkit.answer import Finding
from agentkit.arithmetic import equations as find_equations
from agentkit.checks.check import Draft


def equations(draft: Draft) -> Iterator[Finding]:
    """One finding a claim that states equations."""
    for claim in draft.claims:
        found = find_equations(claim)
        if not found:
            continue
        wrong = next((e for e in found if not e.holds), None)
        if wrong:
            yield Finding(check="equations", claim=claim, verdict="failed", reason=f"{wrong.text} is wrong")
        else:
            yield Finding(check="equations", claim=claim, verdict="supported")
