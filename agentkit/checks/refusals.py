"""A draft that says it doesn't know is not an answer."""

import re
from collections.abc import Iterator

from agentkit.answer import Finding
from agentkit.checks.check import Draft

NOTHING = re.compile(
    r"\b(?:not|n't|never|no|nothing|neither)\b(?:\W+\w+){0,4}?\W+"
    r"(?:mention\w*|stat(?:e|ed|es)|specif\w+|provid\w+|giv(?:e|en|es)|says?|said|tells?|told|contain\w*|includ\w+|"
    r"available|known|found|listed|information|evidence|answer\w*|determin\w+|indicat\w+|describ\w+|cover\w*)\b"
    r"|\b(?:unknown|unclear|unable to|can ?not (?:be )?(?:answer|determin|find|tell|say)\w*|don't know)\b",
    re.IGNORECASE,
)


def refusals(draft: Draft) -> Iterator[Finding]:
    """One finding when the draft says that the evidence does not tell."""
    for claim in draft.claims:
        if NOTHING.search(claim):
            reason = "it says that the evidence does not tell; give up instead"
            yield Finding(check="refusals", claim=claim, verdict="failed", reason=reason)
