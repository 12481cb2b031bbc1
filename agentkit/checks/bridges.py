"""Passages that lead to others: one tells who led a band, another, under that name, when he was born.

What a question of several steps asks for stands in the last of them, and its words mostly in those before.
"""

import re
from collections.abc import Sequence

from agentkit.answer import Evidence
from agentkit.checks.namesakes import holds

BY_THE_WAY = re.compile(r"\s*\([^)]*\)$")
"""What tells titles apart: *Aladdin (1992 film)*."""
SHORTEST = 4
"""Characters of a title that is looked for."""


def bridges(evidence: Sequence[Evidence]) -> frozenset[tuple[int, int]]:
    """Pairs of pieces of evidence of which the first names what the second is about, by its title or heading."""
    titles = {e.id: title_of(e) for e in evidence if e.source}
    return frozenset(
        (e.id, to)
        for e in evidence
        for to, title in titles.items()
        if to != e.id and title and title != titles.get(e.id) and holds(e.text, title)
    )


def title_of(evidence: Evidence) -> str:
    """What a piece of evidence is about, as a name; empty where its source isn't one."""
    title = BY_THE_WAY.sub("", evidence.source.rpartition(" > ")[2])
    return title if len(title) >= SHORTEST and title[0].isupper() else ""
