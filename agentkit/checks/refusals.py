"""A draft that says it doesn't know is not an answer."""

import re
from collections.abc import Iterator

from agentkit.answer import Finding
from agentkit.checks.check import Draft
from agentkit.checks.citations import LEXICAL
from agentkit.checks.words import content_words
from agentkit.knowledge.sentences import sentences

SOURCES = r"\b(?:evidence|passages?|documents?|texts?|context|sources?|information|results?|handbook|corpus)\b"
TELLING = r"(?:mention|stat|specif|provid|giv|say|tell|contain|includ|list|indicat|describ|cover|answer|speak)"
NOT = r"(?:\b(?:not|no|nothing|never|neither)|n['\u2019]t)\b"
IS_NOT = rf"\b(?:is|are|was|were)\s?{NOT}"
CANNOT = r"(?:can ?not|can['\u2019]t|could not|couldn['\u2019]t)"
BETWEEN = r"(?:(?!\s+(?:that|which|must|may|should|shall)\b)\s+[\w'\u2019-]+){0,6}?"
"""Between the sources and what they don't tell: no clause of its own, and nothing that they ought to."""
FORMS = (
    rf"{SOURCES}{BETWEEN}\s*{NOT}.{{0,30}}?\b{TELLING}",
    rf"{IS_NOT} (?:(?:explicitly |directly )?(?:mention|stat|specif|indicat|describ)|known|found)",
    rf"{IS_NOT} (?:{TELLING}|available)\w* (?:in|by) (?:the|this|these|any|your) (?:\w+ )?{SOURCES}",
    # At the end only: refunds that are `not given without a receipt` are something else.
    rf"{IS_NOT} (?:provided|given|listed|told|said|answered)(?:[.,;!]|$)",
    rf"(?:^|\bthere(?: is| are| was| were|['\u2019]s) |\b(?:find|found|see|saw|I have|we have) |{SOURCES}[^.]{{0,40}} )"
    r"no (?:such |further |relevant |specific )?(?:information|mention|evidence|data|record)\b",
    r"\b(?:unknown|unclear)\b",
    r"\b(?:I|we)\b[^.]{0,10}(?:\bunable to\b|\b(?:do not|don['\u2019]t) know\b)",
    r"\bunable to (?:determin|answer|find|say|tell)",
    rf"\b{CANNOT} be (?:determin|answer|found|told|said)",
    rf"(?:\b(?:I|we|it)|{SOURCES}) {CANNOT} (?:determin|answer|find|tell|say)",
)
NOTHING = re.compile("|".join(FORMS), re.IGNORECASE)
"""Somebody who answers, or what they answer from, doesn't tell; of other things `not` may well be the answer."""


def refusals(draft: Draft) -> Iterator[Finding]:
    """One finding when the draft says that the evidence does not tell.

    What the evidence itself says is an answer: that pets are not covered, that a cause is unknown.
    """
    told = [s for e in draft.cited_evidence for s in sentences(e.text) if NOTHING.search(s)]
    for claim in draft.claims:
        if NOTHING.search(claim) and not any(says(sentence, claim) for sentence in told):
            reason = "it says that the evidence does not tell; give up instead"
            yield Finding(check="refusals", claim=claim, verdict="failed", reason=reason)


def says(sentence: str, claim: str) -> bool:
    """Whether a sentence has most of what a claim speaks of."""
    said = content_words(claim)
    return len(said & content_words(sentence)) > LEXICAL * len(said)
