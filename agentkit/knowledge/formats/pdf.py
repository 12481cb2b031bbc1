"""PDF, by pypdf: sections by page and, where the document has an outline, by its headings."""

import collections
import dataclasses
import io
import itertools
import logging
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, cast

from agentkit.errors import MissingExtra
from agentkit.knowledge.formats.content import Content, NotNow, Section, Unreadable
from agentkit.knowledge.sentences import sentences

if TYPE_CHECKING:
    from pypdf import PdfReader

HEADER_BYTES = 1024
"""Readers look for the signature this far."""
LEVELS = 6
TITLE_CHARS = 200
MARGIN_CHARS = 200
"""Of a line that may count pages."""
PAGES = 1500
"""Numbers from here on are years, say, and no page's."""
_HYPHEN = re.compile(r"(?<=[a-z])-\n(?=[a-z])")
_ENDED = re.compile(r"[.!?:;\u2026][\"'\u201d\u2019)\]]*\s*\Z")
_NUMBER = re.compile(r"\d+")
_LEADERS = re.compile(r"(?: ?\.){5,}")
"""The dots between a title and its page in a table of contents."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Mark:
    """An entry of the outline."""

    page: int
    level: int
    title: str


def read(data: bytes) -> Content:
    """A document's text by page. A sentence that runs on stands on the page where it begins."""
    if b"%PDF-" not in data[:HEADER_BYTES]:
        raise Unreadable("is not a PDF: it lacks the signature")
    try:
        from pypdf import PdfReader
        from pypdf.errors import DependencyError
    except ImportError:
        raise MissingExtra("reading PDF", extra="documents") from None
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # it mends much, and tells of each
    try:
        reader = PdfReader(io.BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):
            raise Unreadable("is encrypted; save it without a password")
        pages = [_cleaned(page.extract_text()) for page in reader.pages]
        pictures = [bool(cast(Any, page).get("/Resources", {}).get("/XObject")) for page in reader.pages]
        marks = list(_outline(reader))
    except (Unreadable, MemoryError, RecursionError):
        raise
    except DependencyError:
        raise NotNow(
            "is encrypted with AES; save it without a password or, if it opens without one: pip install cryptography"
        ) from None
    except Exception as error:  # a damaged file may raise anything
        why = " ".join(str(error).split()) or type(error).__name__
        raise Unreadable(f"is a damaged PDF: {why}") from None
    texts = _mended(_without_margins(pages))
    if not any(map(str.strip, texts)):
        raise Unreadable("has no text: its pages are pictures, as of a scan, or empty; recognise the text first (OCR)")
    scans = [n for n, (text, picture) in enumerate(zip(texts, pictures, strict=True), 1) if picture and not text]
    notice = (
        f"has {len(scans)} of {len(texts)} pages without text, as scans are, from page {scans[0]} on" if scans else ""
    )
    return Content(sections=tuple(_sections(texts, marks)), notice=notice)


def _outline(reader: "PdfReader") -> Iterator[_Mark]:
    """The document's bookmarks, in the order of their pages."""

    def walk(entries: Sequence[Any], level: int) -> Iterator[_Mark]:
        for entry in entries:
            if isinstance(entry, list):
                if level < LEVELS:
                    yield from walk(cast(list[Any], entry), level + 1)
            elif (page := reader.get_destination_page_number(entry)) is not None and page >= 0:
                title = " ".join(str(entry.title).split())[:TITLE_CHARS]
                if title:
                    yield _Mark(page=page, level=level, title=title)

    try:
        marks = list(walk(reader.outline, 0))
    except Exception:  # the text is worth more than a damaged outline
        return
    yield from sorted(marks, key=lambda mark: mark.page)


def _sections(pages: Sequence[str], marks: Sequence[_Mark]) -> Iterator[Section]:
    """The pages, cut where a line of theirs is a heading of the outline."""
    path: list[_Mark] = []
    for page, text in enumerate(pages):
        here = [mark for mark in marks if mark.page == page]
        lines = text.split("\n")
        if here and not any(_is_title(line, mark.title) for line in lines for mark in here):
            path = _below(path, here[:1])  # a title that is a picture, say
        held: list[str] = []
        for line in lines:
            found = next((number for number, mark in enumerate(here, 1) if _is_title(line, mark.title)), 0)
            if found:
                yield from _section(held, page, path)
                held.clear()
                path, here = _below(path, here[:found]), here[found:]
            held.append(line)
        yield from _section(held, page, path)
        path = _below(path, here)


def _section(lines: Sequence[str], page: int, path: Sequence[_Mark]) -> Iterator[Section]:
    text = "\n".join(lines).strip()
    if text and not text.isdecimal():  # a page's number
        yield Section(text=text, page=page + 1, heading=" > ".join(mark.title for mark in path))


def _below(path: Sequence[_Mark], marks: Sequence[_Mark]) -> list[_Mark]:
    """The headings in force after some more of them."""
    for mark in marks:
        path = [*(above for above in path if above.level < mark.level), mark]
    return list(path)


def _is_title(line: str, title: str) -> bool:
    """Whether a line is a heading, or the first line of a long one."""
    said, wanted = ("".join(filter(str.isalnum, text.lower())) for text in (line, title))
    return bool(said) and (said == wanted or (len(said) > 20 and wanted.startswith(said)))


def _cleaned(text: str) -> str:
    return _LEADERS.sub(" \u2026", _HYPHEN.sub("", text.replace("\0", "")))


def _without_margins(pages: Sequence[str]) -> list[str]:
    """Pages without running headers, footers and page numbers: first and last lines that most pages share."""
    lines = [page.strip().split("\n") for page in pages]
    for end in (0, -1):
        while len(lines) > 2:
            nothing = set[tuple[str, int | None]]()
            shared = [_margin(page[end], n) if len(page) > 1 else nothing for n, page in enumerate(lines)]
            counts = collections.Counter(itertools.chain.from_iterable(shared))
            common = {line for line, count in counts.items() if count > len(lines) / 2}
            if not common:
                break
            for page, found in zip(lines, shared, strict=True):
                if found & common:
                    del page[end]
    return ["\n".join(page) for page in lines]


def _margin(line: str, page: int) -> set[tuple[str, int | None]]:
    """What other pages have too if a line stands in the margin: all of it or, if a number in it counts pages, the rest.

    Of other numbers none may differ: the rows of a table and the lines of a form are alike but for these.
    """
    text = line.strip()
    found: set[tuple[str, int | None]] = {(text, None)}
    for number in _NUMBER.finditer(text if len(text) <= MARGIN_CHARS else ""):
        if len(number[0]) <= len(str(PAGES)) and int(number[0]) < PAGES:
            found.add((f"{text[: number.start()]}#{text[number.end() :]}", int(number[0]) - page))
    return found


def _mended(pages: Sequence[str]) -> list[str]:
    """Pages that end with a whole sentence: its rest is taken from the next page."""
    mended = list(pages)
    for page, following in itertools.pairwise(range(len(mended))):
        start = mended[following].lstrip()
        if mended[page].strip() and start[:1].islower() and not _ENDED.search(mended[page]):
            rest = next(iter(sentences(start[:2000])), "")
            mended[page] = _HYPHEN.sub("", f"{mended[page].rstrip()}\n{rest}")
            mended[following] = start[len(rest) :].lstrip()
    return mended
