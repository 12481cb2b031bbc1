"""A sentence without numbers that reports what a tool computed says what the tool said."""

import re
from collections.abc import Iterator

from agentkit.answer import Finding
from agentkit.checks.check import Draft

WORDS = re.compile(r"\w+")
LONGEST = 300
"""Characters of a result that a sentence can be expected to repeat."""
SAID_AS = {"true": {"yes", "true"}, "false": {"no", "false", "not"}}


def results(draft: Draft) -> Iterator[Finding]:
    """One finding for each claim that repeats a computed result word by word; others don't concern it."""
    for claim in draft.claims:
        said = {w.lower() for w in WORDS.findall(claim)}
        for evidence in draft.cited_evidence:
            reported = {w.lower() for w in WORDS.findall(evidence.text)}
            if evidence.source or not reported or len(evidence.text) > LONGEST or claim_is_number(evidence.text):
                continue
            if all(said & SAID_AS.get(word, {word}) for word in reported):
                yield Finding(check="results", claim=claim, verdict="supported", evidence=(evidence.id,))
                break


def claim_is_number(text: str) -> bool:
    """Numbers are for the check of numbers, which knows roles."""
    return any(c.isdigit() for c in text)
