"""What a draft puts in quotation marks stands so in what the run has read."""

import re
from collections.abc import Iterator

from agentkit.answer import Finding
from agentkit.checks.check import Draft
from agentkit.checks.words import content_words

QUOTED = re.compile(
    r'"([^"\n]+)"|\u201c([^\u201c\u201d\n]+)\u201d|\u00ab([^\u00ab\u00bb\n]+)\u00bb|\u201e([^\u201e\u201c\n]+)\u201c'
)
"""Double marks of four kinds: single ones are apostrophes as often."""
LEFT_OUT = re.compile(r"\[?(?:\u2026|\.\.\.)\]?|\[[^\]]*\]")
"""An ellipsis, or the writer's own word in brackets: what stands around it must stand there in this order."""
SPELLED = {**dict.fromkeys(map(ord, '\u2018\u2019\u201c\u201d\u201e\u00ab\u00bb"'), "'"), 0x2013: "-", 0x2014: "-"}
"""A quotation inside a quotation changes its marks."""


def quotations(draft: Draft) -> Iterator[Finding]:
    """One finding for each quotation that stands nowhere word for word; the check only ever objects.

    That a quotation is exact doesn't make true what is said of it, so it supports nothing either. Capitals, white
    space, the kind of dash, apostrophe and inner quotation mark, and a full stop or comma at the end don't matter.
    """
    said = [
        *(e.text for e in draft.evidence),
        draft.task,
        *(t for turn in draft.history for t in (turn.task, turn.answer)),
    ]
    read = [plain(text) for text in said]
    for quoted in dict.fromkeys("".join(groups) for groups in QUOTED.findall(draft.text)):
        if content_words(quoted) and not any(has(text, quoted) for text in read):
            claim = next((claim for claim in draft.claims if quoted in claim), draft.text)  # it may span sentences
            reason = f'"{quoted}" stands nowhere word for word; quote the evidence exactly, or without quotation marks'
            yield Finding(check="quotations", claim=claim, verdict="failed", reason=reason)


def has(text: str, quoted: str) -> bool:
    """Whether a plain text has all parts of a quotation as whole words, one after the other."""
    end = 0
    for part in LEFT_OUT.split(quoted):
        if bare := plain(part).strip(" .,;:!?"):
            found = re.compile(rf"(?<!\w){re.escape(bare)}(?!\w)").search(text, end)
            if found is None:
                return False
            end = found.end()
    return True


def plain(text: str) -> str:
    """A text without what a quotation may change."""
    return " ".join(text.translate(SPELLED).lower().split())
