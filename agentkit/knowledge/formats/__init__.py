"""From a file's bytes to its text: one module a format, each with a function `read(data) -> Content`.

What needs a parser of its own (HTML, PDF, DOCX) is read in another process, see `parser`: a file may be made to hang
a parser, or to swell up in it.
"""

import dataclasses
from importlib import import_module

from agentkit.knowledge.formats.content import Content

VERSION = 6
"""Raise it when the same file is read differently: stored documents are then read anew."""
MB = 1_000_000
TEXT_CHARS = 8 * MB
"""Characters of text in one document; embedding more takes the better part of an hour."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Format:
    """A kind of file."""

    name: str
    """As a user knows it."""
    endings: frozenset[str]
    module: str
    """Of this package."""
    max_bytes: int
    """A larger file is left out."""
    confined: bool = False
    """Read in a process of its own."""

    def read(self, data: bytes) -> Content:
        """The text of a file of this kind.

        Raises:
            Unreadable: It can't be read, or isn't of this kind.
            MissingExtra: The package that reads it isn't installed.
        """
        content: Content = import_module(f"{__name__}.{self.module}").read(data)
        return content


FORMATS = (
    Format(name="text", endings=frozenset({".txt", ".rst"}), module="text", max_bytes=8 * MB),
    Format(name="Markdown", endings=frozenset({".md", ".markdown"}), module="markdown", max_bytes=8 * MB),
    Format(name="HTML", endings=frozenset({".html", ".htm"}), module="html", max_bytes=16 * MB, confined=True),
    Format(name="PDF", endings=frozenset({".pdf"}), module="pdf", max_bytes=100 * MB, confined=True),
    Format(name="DOCX", endings=frozenset({".docx"}), module="docx", max_bytes=50 * MB, confined=True),
    Format(name="CSV", endings=frozenset({".csv", ".tsv"}), module="csv", max_bytes=32 * MB),
    Format(name="JSON lines", endings=frozenset({".jsonl", ".ndjson"}), module="jsonl", max_bytes=32 * MB),
)
BY_ENDING = {ending: format_ for format_ in FORMATS for ending in format_.endings}
ENDINGS = frozenset(BY_ENDING)
INSTEAD = {
    **dict.fromkeys((".xls", ".xlsx", ".xlsm", ".ods", ".numbers"), ".csv"),
    **dict.fromkeys((".doc", ".docm", ".odt", ".rtf", ".pages"), ".docx"),
    **dict.fromkeys((".ppt", ".pptx", ".odp", ".key"), ".pdf"),
    **dict.fromkeys((".epub", ".eml", ".msg"), ".html"),
}
"""For endings of documents that aren't read, what to save them as. Not JSON, which mostly sets up programs."""
