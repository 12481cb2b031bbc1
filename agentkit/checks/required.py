"""A check without whose support no claim stands."""

import inspect
from collections.abc import Iterable

from agentkit.answer import Finding
from agentkit.checks.check import Check, Draft, name_of

OBJECTING = frozenset({"quotations", "answerability", "refusals"})
"""The checks that ship and never support anything: were one required, no answer could pass."""


class Required:
    """The same check, stricter: a claim that it has nothing to say of fails, whatever other checks say."""

    def __init__(self, check: Check) -> None:
        self.check = check
        self.name = name_of(check)

    async def __call__(self, draft: Draft) -> Iterable[Finding]:
        """The findings of the check, and one for each claim that none of them is about."""
        found = self.check(draft)
        findings = list(await found if inspect.isawaitable(found) else found)
        judged = {f.claim for f in findings if f.verdict != "inapplicable"}
        reason = f"no {self.name} support it, and this assistant insists on them"
        missing = [
            Finding(check=self.name, claim=claim, verdict="failed", reason=reason)
            for claim in draft.claims
            if claim not in judged and draft.text not in judged
        ]
        return [*findings, *missing]
