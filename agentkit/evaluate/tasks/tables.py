"""Rows of a user's file, whatever an editor or a spreadsheet made of it."""

import csv
import hashlib
import io
import threading
from pathlib import Path

from agentkit.errors import ConfigurationError
from agentkit.evaluate.tasks.data import Row, Rows, content_of, json_lines

FIELD_CHARS = 1 << 26
"""Most characters of one CSV field; Python's own limit is 128 KiB."""
_limit = threading.Lock()  # csv keeps one limit for the whole process


def rows_of(path: Path) -> Rows:
    """The rows of a file.

    Raises:
        ConfigurationError: It can't be opened, or isn't text in UTF-8 at all.
    """
    content = content_of(path)
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ConfigurationError(f"{path} is in UTF-16; save it as UTF-8")
    return csv_rows(str(path), content) if path.suffix.lower() == ".csv" else json_lines(str(path), content)


def csv_rows(file: str, content: bytes) -> Rows:
    """The rows of CSV, set apart by commas, semicolons or tabs, whichever its first line has most of."""
    text = content.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")
    first = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count), strict=True)
    rows: list[Row] = []
    problems: list[str] = []
    names: list[str] | None = None
    with _limit:
        usual = csv.field_size_limit(FIELD_CHARS)
        try:
            while True:
                line = reader.line_num + 1
                try:
                    cells = next(reader)
                except StopIteration:
                    break
                except csv.Error as error:
                    problems.append(f"{file}:{line} isn't CSV: {error}")
                    continue
                if names is None:
                    names = [cell.strip() for cell in cells]
                elif len(cells) > len(names):
                    problems.append(f"{file}:{line} has {len(cells)} cells for {len(names)} columns; quote its commas")
                elif any(cells):
                    rows.append(Row(line, dict(zip(names, cells, strict=False))))
        finally:
            csv.field_size_limit(usual)
    return Rows(file, rows, tuple(problems), hashlib.sha256(content).hexdigest())
