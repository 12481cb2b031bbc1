"""A draft that says it doesn't know is not an answer."""

import re
from collections.abc import Iterator

from agentkit.answer import Finding
from agentkit.checks.check import Draft

SOURCES = r"evidence|passages?|documents?|texts?|context|sources?|information|results?|handbook|corpus"
TELLING = r"mention|stat|specif|provid|giv|say|tell|contain|includ|list|indicat|describ|cover|answer|speak"
NOT = r"(?:\b(?:not|no|nothing|never|neither)|n['\u2019]t)\b"
NOTHING = re.compile(
    rf"\b(?:{SOURCES})\b.{{0,40}}?{NOT}.{{0,30}}?\b(?:{TELLING})"
    rf"|\b(?:is|are|was|were)\s?{NOT} (?:{TELLING}|known|found|available in the (?:{SOURCES}))"
    r"|\bno (?:such |further |relevant )?(?:information|mention|evidence|data|record)\b"
    r"|\b(?:unknown|unclear|unable to|(?:do not|don['\u2019]t) know)\b"
    r"|\b(?:can ?not|can['\u2019]t|could not|couldn['\u2019]t) (?:be )?(?:determin|answer|find|found|tell|say)",
    re.IGNORECASE,
)


def refusals(draft: Draft) -> Iterator[Finding]:
    """One finding when the draft says that the evidence does not tell."""
    for claim in draft.claims:
        if NOTHING.search(claim):
            reason = "it says that the evidence does not tell; give up instead"
            yield Finding(check="refusals", claim=claim, verdict="failed", reason=reason)
