"""What is in a file: sections of text, each with where it stands."""

import dataclasses
from collections.abc import Mapping


class Unreadable(Exception):
    """Why a file is left out, as the end of a sentence that begins with its name."""


class NotNow(Unreadable):
    """It couldn't be read this time, for a reason that isn't the file's alone: it may be the next time."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Section:
    """A piece of a document that passages don't reach beyond: the whole text, a page, a row."""

    text: str
    markdown: bool = False
    heading: str = ""
    """The headings above it, outermost first, joined by ' > '."""
    page: int | None = None
    """From 1, where the document has pages."""
    columns: Mapping[str, str] = dataclasses.field(default_factory=dict[str, str])
    """Of a row: what it has by column."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Content:
    """A document's text."""

    sections: tuple[Section, ...]
    notice: str = ""
    """What was unusual in reading it, as the end of a sentence that begins with its name; empty when nothing was."""
