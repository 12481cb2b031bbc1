"""Rows as passages: `column: value`, a line each."""

from collections.abc import Iterable, Iterator, Mapping

from agentkit.knowledge import chunks
from agentkit.knowledge.formats.content import Section

SHORT = 120
"""Characters of a value that may stand above the others, when a row is too long for one passage."""
ABOVE = 200
"""Characters of all that stands above."""


def sections(rows: Iterable[Mapping[str, str]]) -> Iterator[Section]:
    """One section a row or, of a long row, one a long value, with the row's short values as its heading."""
    for row in rows:
        columns = {name: value.strip() for name, value in row.items() if value.strip()}
        if not columns:
            continue
        text = "\n".join(f"{name}: {value}" for name, value in columns.items())
        if chunks.size(text) <= chunks.TARGET:
            yield Section(text=text, columns=columns)
            continue
        short = {name: value for name, value in columns.items() if len(value) <= SHORT and "\n" not in value}
        heading = _heading(short)
        if short:
            yield Section(text="\n".join(f"{name}: {value}" for name, value in short.items()), columns=columns)
        for name, value in columns.items():
            if name not in short:
                yield Section(text=f"{name}: {value}", heading=heading, columns=columns)


def _heading(short: Mapping[str, str]) -> str:
    """What tells a row from others: its longest short values, in their order; names are longer than codes."""
    left, kept = ABOVE, set[str]()
    for name, value in sorted(short.items(), key=lambda item: -len(item[1])):
        if any(letter.isalpha() for letter in value) and "://" not in value and len(value) <= left:
            kept.add(name)
            left -= len(value)
    return "; ".join(value for name, value in short.items() if name in kept)
