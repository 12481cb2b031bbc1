"""CSV and its relatives: the first line names the columns."""

import csv
import io
from collections.abc import Iterator

from agentkit.knowledge.formats import rows, text
from agentkit.knowledge.formats.content import Content, Unreadable

SAMPLE = 16_384
"""Characters by which the separator is told."""
DELIMITERS = ",;\t|"
MAX_COLUMNS = 500


def read(data: bytes) -> Content:
    """A passage a row. The separator may be a comma, a semicolon, a tab or a bar."""
    decoded, notice = text.decode(data)
    try:
        dialect: type[csv.Dialect] = csv.Sniffer().sniff(decoded[:SAMPLE], DELIMITERS)
    except csv.Error:
        dialect = csv.excel  # one column, say
    reader = csv.reader(io.StringIO(decoded, newline=""), dialect)
    try:
        names = _names(next(reader, list[str]()))
        sections = tuple(rows.sections(_rows(reader, names)))
    except csv.Error as error:
        why = f"line {reader.line_num}: {error}"
        raise Unreadable(f"is not CSV ({why}), as after a quotation mark that isn't closed") from None
    if not sections:
        raise Unreadable("has no rows below the line that names the columns")
    return Content(sections=sections, notice=notice)


def _names(header: list[str]) -> list[str]:
    if len(header) > MAX_COLUMNS:
        raise Unreadable(f"has {len(header):,} columns; up to {MAX_COLUMNS} are read")
    return [name.strip() or f"column {number}" for number, name in enumerate(header, start=1)]


def _rows(reader: Iterator[list[str]], names: list[str]) -> Iterator[dict[str, str]]:
    for values in reader:
        extra = [f"column {number}" for number in range(len(names) + 1, min(len(values), MAX_COLUMNS) + 1)]
        yield dict(zip([*names, *extra], values, strict=False))
