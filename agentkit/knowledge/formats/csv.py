"""CSV and its relatives: the first line names the columns."""

import csv
import io
import itertools
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from agentkit.knowledge.formats import rows, text
from agentkit.knowledge.formats.content import Content, Unreadable

SAMPLE = 20
"""Rows by which the separator is told."""
SEPARATORS = ",;\t|"
MAX_COLUMNS = 500
_STATED = re.compile(r"""\A\s*"?sep=(\t|[^\w\s"'])"?\s*?(?=\n)""", re.IGNORECASE)
"""What Excel writes above the columns' names, and reads there."""

if TYPE_CHECKING:
    import _csv


def read(data: bytes) -> Content:
    """A passage a row. The separator may be a comma, a semicolon, a tab or a bar, or what the line `sep=` states."""
    decoded, notice = text.decode(data)
    separator = _separator(decoded)
    if stated := _STATED.match(decoded):
        separator, decoded = stated[1], decoded[stated.end() :]  # from its line end on: lines count as in the file
    reader = _reader(decoded, separator)
    try:
        names = _names(next((row for row in reader if row), list[str]()))
        sections = tuple(rows.sections(_rows(reader, names)))
    except csv.Error as error:
        why = f"line {reader.line_num}: {error}"
        raise Unreadable(f"is not CSV ({why}), as after a quotation mark that isn't closed") from None
    if not sections:
        raise Unreadable("has no rows below the line that names the columns")
    return Content(sections=sections, notice=notice)


def _reader(decoded: str, separator: str) -> "_csv.Reader":
    return csv.reader(io.StringIO(decoded, newline=""), delimiter=separator, skipinitialspace=True)


def _separator(decoded: str) -> str:
    """What divides the first rows into most columns, and nearly all of them into the same number.

    Not by `csv.Sniffer`, which takes a doubled quotation mark for two where none is in its sample.
    """
    columns: dict[str, int] = {}
    for separator in SEPARATORS:
        try:
            # Without empty lines: a file that was written with \r\r\n has one after each row.
            filled = (row for row in _reader(decoded, separator) if row)
            widths = [len(row) for row in itertools.islice(filled, SAMPLE)]
        except csv.Error:
            continue
        alike = sum(width == widths[0] for width in widths)
        columns[separator] = widths[0] if alike >= len(widths) * 0.8 else 1
    return max(columns, key=lambda separator: columns[separator], default=SEPARATORS[0])


def _names(header: list[str]) -> list[str]:
    if len(header) > MAX_COLUMNS:
        raise Unreadable(f"has {len(header):,} columns; up to {MAX_COLUMNS} are read")
    names: dict[str, None] = {}
    for number, written in enumerate(header, start=1):
        name = " ".join(written.split()) or f"column {number}"
        alike = (f"{name} ({again})" for again in itertools.count(2))
        names[name if name not in names else next(n for n in alike if n not in names)] = None
    return list(names)


def _rows(reader: Iterator[list[str]], names: list[str]) -> Iterator[dict[str, str]]:
    for values in reader:
        extra = [f"column {number}" for number in range(len(names) + 1, min(len(values), MAX_COLUMNS) + 1)]
        yield dict(zip([*names, *extra], values, strict=False))
