"""Rows as passages: `column: value`, a line each."""

from collections.abc import Iterable, Iterator, Mapping

from agentkit.knowledge import chunks
from agentkit.knowledge.formats.content import Section

SHORT = 120
"""Characters of a value that may stand above the others, when a row is too long for one passage."""
ABOVE = 200
"""Characters of all that stands above."""


def sections(rows: Iterable[Mapping[str, str]]) -> Iterator[Section]:
    """One section a row or, of a long row, one a long value, with the row's short values as its heading and columns.

    A long value is made of many passages, and each of them would keep all of it as a column.
    """
    for row in rows:
        columns = {name: value.strip() for name, value in row.items() if value.strip()}
        if not columns:
            continue
        lines = {name: f"{name}: {value}" for name, value in columns.items()}
        if _size(lines.values()) <= chunks.TARGET and sum(map(len, lines.values())) <= chunks.MAX_CHARS:
            yield Section(text="\n".join(lines.values()), columns=columns)
            continue
        short = {name: value for name, value in columns.items() if len(value) <= SHORT and "\n" not in value}
        heading = _heading(short)
        for number, group in enumerate(_groups([lines[name] for name in short])):
            yield Section(text="\n".join(group), heading=heading if number else "", columns=short)
        for name in (name for name in columns if name not in short):
            yield Section(text=lines[name], heading=heading, columns=short)


def _groups(lines: Iterable[str]) -> Iterator[list[str]]:
    """Lines in as many groups as make passages."""
    group: list[str] = []
    for line in lines:
        if group and _size([*group, line]) > chunks.TARGET:
            yield group
            group = []
        group.append(line)
    if group:
        yield group


def _size(lines: Iterable[str]) -> int:
    return sum(map(chunks.size, lines))


def _heading(short: Mapping[str, str]) -> str:
    """What tells a row from others: its longest short values, in their order; names are longer than codes."""
    left, kept = ABOVE, set[str]()
    for name, value in sorted(short.items(), key=lambda item: -len(item[1])):
        if any(letter.isalpha() for letter in value) and "://" not in value and len(value) <= left:
            kept.add(name)
            left -= len(value)
    return "; ".join(value for name, value in short.items() if name in kept)
