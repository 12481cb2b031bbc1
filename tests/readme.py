"""What stands in the README, taken apart for its tests."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


class Block(NamedTuple):
    """A fenced block."""

    language: str
    text: str
    line: int
    """Of its first line of text, from 1."""


class Command(NamedTuple):
    """A command of a console block with the lines that are shown below it."""

    words: list[str]
    shown: list[str]


def blocks(language: str) -> list[Block]:
    fences = re.finditer(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    found = [Block(m[1], m[2], README.count("\n", 0, m.start(2)) + 1) for m in fences]
    return [block for block in found if block.language == language]


def commands() -> Iterator[Command]:
    for block in blocks("console"):
        for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
            first, *shown = part.rstrip("\n").split("\n")
            yield Command(shlex.split(first), shown)


def inline() -> list[str]:
    """What stands in single backticks outside the blocks."""
    return re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```$", "", README, flags=re.MULTILINE | re.DOTALL))


def table(header: str) -> list[list[str]]:
    """The rows of the table whose head has this first cell."""
    lines = iter(README.split("\n"))
    for line in lines:
        if line.startswith(f"| {header} |"):
            next(lines)
            rows = iter(lambda: next(lines), "")
            return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows if row.startswith("|")]
    raise AssertionError(f"no table begins with {header!r}")
