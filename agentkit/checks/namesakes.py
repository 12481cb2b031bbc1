"""Names told of what the evidence tells of another one: *Ms. Weber leads Hamburg*, where Mr. Lang does."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from agentkit.answer import Evidence
from agentkit.checks.bounds import DENIED
from agentkit.checks.words import STOPWORDS, cells_of, content_words
from agentkit.knowledge.sentences import sentences

NAME = re.compile(
    r"(?:\b(?:Dr|Mr|Mrs|Ms|Prof|St)\.\s)?\b[A-Z][\w'\u2019-]*(?:\s(?:(?:of|the|de|van|von)\s)?[A-Z][\w'\u2019-]*)*"
)
"""One or more capitalised words."""
TITLES = content_words("Dr Mr Mrs Ms Prof St")
QUOTES = " \"'\u201c\u201d\u2018("
REFERS = re.compile(
    r"\b(?:he|she|it|they|him|them|his|her|hers|its|their|theirs|who|whom|whose|which)\b", re.IGNORECASE
)
"""Whose sentence may be of what the ones before name."""
PART = re.compile(r";|,?\s\b(?:while|whereas|but)\b")
HALF = 0.5
"""Least share of the words of claim and task that are in a sentence or row of just that; and of the words of a sentence
that are in another one which tells the same of something else."""
NEARLY_ALL = 0.8
"""Share of a claim's words that a sentence has of which the claim is a copy."""
SHORTEST = 3
"""Letters of a name."""
COPIED = 4
"""Words that a copy has at least."""


@dataclass(frozen=True)
class Unit:
    """A sentence, or a row of a table: what stands in it is said of one another."""

    evidence: int
    text: str
    words: frozenset[str]
    names: tuple[str, ...]
    """Of a table's row, its cells in the order of the columns."""
    is_row: bool = False
    refers: bool = False

    def has(self, name: str) -> bool:
        return holds(self.text, name)


def misplaced(claim: str, task: str, passages: Sequence[Evidence]) -> tuple[str, str, int] | None:
    """A name of the claim, the name that stands in its place in the evidence, and the number of this evidence.

    A name is misplaced if some sentence or row without it has all the words of claim and task that those with the name
    have, and more, and names something else instead. None if every name may stand where it does, or the claim says what
    is not.
    """
    if DENIED.search(claim):
        return None
    units = [unit for e in passages for unit in units_of(e)]
    said = content_words(claim) | content_words(task)
    titles = [e.source for e in passages]
    for name in dict.fromkeys(candidates(claim, units)):
        own = content_words(name) - TITLES
        if holds(task, name) or any(holds(title, name) for title in titles):
            continue
        asked = said - own
        having = [unit for unit in units if unit.has(name)]
        for unit in units:
            if unit.refers or unit.has(name) or (unit.words & own and not unit.is_row):
                continue
            met = asked & unit.words
            if len(met) < HALF * len(asked):
                continue
            copied = len(asked) >= COPIED and len(met) >= NEARLY_ALL * len(asked)
            if not all(asked & u.words < met and (copied or unit.is_row or alike(u, unit)) for u in having):
                continue
            if other := instead(unit, having, name, claim, task):
                return name, other, unit.evidence
    return None


def alike(one: Unit, other: Unit) -> bool:
    """Whether two sentences tell the same of two things: half of their words are the same."""
    a, b = (unit.words - content_words(" ".join(unit.names)) for unit in (one, other))
    return len(a & b) >= HALF * max(1, min(len(a), len(b)))


def candidates(claim: str, units: Sequence[Unit]) -> Iterator[str]:
    """The names of a claim that the evidence has: capitalised there within a sentence, or a cell of a table."""
    within = {name for unit in units if not unit.is_row for name in unit.names}
    yield from (name for name in names_in(claim, first=True) if any(holds(other, name) for other in within))
    for unit in units:
        if unit.is_row:
            yield from (cell for cell in unit.names if worded(cell) and holds(claim, cell))


def instead(unit: Unit, having: Sequence[Unit], name: str, claim: str, task: str) -> str:
    """What a unit names that neither claim nor task does: in a table, in the column of the name."""
    said = f"{claim}\n{task}"
    if unit.is_row:
        columns = {n for u in having if u.is_row for n, cell in enumerate(u.names) if holds(cell, name)}
        found = [unit.names[n] for n in sorted(columns) if n < len(unit.names) and worded(unit.names[n])]
    else:
        words = content_words(said) - TITLES
        found = [n for n in unit.names if (" " in n) == (" " in name) and len(n) >= SHORTEST]
        found = [n for n in found if not content_words(n) & words]
    return next((other for other in found if not holds(said, other)), "")


@lru_cache(maxsize=1000)
def units_of(evidence: Evidence) -> tuple[Unit, ...]:
    """The sentences and rows of a piece of evidence; the same for each claim of a draft."""
    return tuple(_units(evidence))


def _units(evidence: Evidence) -> Iterator[Unit]:
    header: list[str] = []
    for line in evidence.text.splitlines():
        if cells := cells_of(line):
            if header and any(worded(cell) for cell in cells):
                words = content_words(" ".join((*header, *cells)))
                yield Unit(evidence.id, line, words, tuple(cells), is_row=True)
            header = header or cells
            continue
        header = []
        for sentence in sentences(line):
            for part in PART.split(sentence):
                refers = REFERS.search(part) is not None
                yield Unit(evidence.id, part, content_words(part), tuple(names_in(part)), refers=refers)


def names_in(text: str, *, first: bool = False) -> list[str]:
    """The capitalised words of a sentence; one alone at its beginning may be no name, unless it is wanted."""
    found = [m for m in NAME.finditer(text) if m[0].lower() not in STOPWORDS]
    return [m[0] for m in found if first or " " in m[0] or not opens(text[: m.start()])]


def opens(before: str) -> bool:
    """Whether a sentence begins after this."""
    return before.rstrip(QUOTES)[-1:] in ("", ":", ".", "!", "?", "\u2026")


def worded(cell: str) -> bool:
    """Whether a cell is told in words, not in numbers."""
    return bool(content_words(cell)) and not any(c.isdigit() for c in cell)


def holds(text: str, name: str) -> bool:
    """Whether a text has a name, whole."""
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text, re.IGNORECASE) is not None
