"""Text from models, documents and tools, made safe and short enough for a terminal."""

import json
import re
from typing import Any

SEQUENCE = re.compile(
    r"\x1b\][^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"  # operating system commands: titles, links, the clipboard
    r"|\x1b[PX^_][^\x1b\x9c]*(?:\x1b\\|\x9c)?"  # device control and other strings
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"  # colours, cursor movement
    r"|\x1b[ -/]*[0-~]?"  # everything else that an escape begins
)
CONTROL = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f]"  # C0 and C1 but tab and newline: a carriage return overwrites a line
    r"|[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]"  # bidirectional controls: text that reads otherwise than it is
    r"|[\u2028\u2029]"  # line and paragraph separators
    r"|[\ud800-\udfff]"  # lone surrogates can't be encoded
)


def printable(text: str) -> str:
    """The text without anything that a terminal would obey: escape sequences, control characters."""
    plain = SEQUENCE.sub("", text.replace("\r\n", "\n"))
    return CONTROL.sub("", plain.replace("\u2028", "\n").replace("\u2029", "\n"))


def one_line(text: str, limit: int | None = None) -> str:
    """Printable, white space folded, and cut with an ellipsis if it is longer than the limit."""
    folded = " ".join(printable(text).split())
    return folded if limit is None or len(folded) <= limit else folded[: max(limit - 1, 0)].rstrip() + "…"


def as_json(value: Any, *, indent: int | None = None) -> str:
    """JSON that is safe to print: what JSON itself leaves unescaped but a terminal obeys is escaped."""
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    return CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def counted(number: int, noun: str) -> str:
    """`1 step`, `2 steps`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def size(number: int) -> str:
    """Bytes in the decimal unit that fits."""
    for unit, scale in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if number >= scale:
            return f"{number / scale:.1f} {unit}" if scale == 10**9 else f"{number / scale:.0f} {unit}"
    return f"{number} B"
