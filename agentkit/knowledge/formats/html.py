"""HTML, by html-to-markdown: headings, tables, lists and code become Markdown, menus and scripts are dropped.

Its parser is written in Rust: a page of 8 MB takes 0.4 s (markdownify, on Beautiful Soup, 7 s), and deep nesting or an
unclosed quotation mark, which end in a RecursionError or never there, cost it nothing.
"""

import re

from agentkit.errors import MissingExtra
from agentkit.knowledge.chunks import MAX_HEADING
from agentkit.knowledge.formats import text
from agentkit.knowledge.formats.content import Content, Section, Unreadable

_FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)
_ESCAPED_NUMBER = re.compile(r"^(\s*\d+)\\([.)])", re.MULTILINE)
_RAISED = re.compile(r"\^([^\s^]{1,20})\^")
_HEADING = re.compile(r"^# ", re.MULTILINE)
_DROPPED = ["nav", "iframe", "svg", "noscript", "template"]
_HEAD = 4096
"""Bytes in which a page says its encoding: browsers look at 1,024, pages saved from one may have more before it."""
_COMMENT = re.compile(rb"<!--.*?-->", re.DOTALL)
_CHARSET = re.compile(rb"""<(?:meta\s[^>]*?charset|\?xml\s[^>]*?encoding)\s*=\s*["']?\s*([\w:.-]+)""", re.IGNORECASE)


def read(data: bytes) -> Content:
    """A page's text; its title stands above it unless it has a heading of the first rank."""
    said = _CHARSET.search(_COMMENT.sub(b"", data[:_HEAD]))
    decoded, notice = text.decode(data, said=said[1].decode("ascii", "replace") if said else "")
    if "<" not in decoded:
        raise Unreadable("is not HTML: it has no tag")
    markdown, title = to_markdown(decoded)
    heading = "" if _HEADING.search(markdown) else title
    return Content(sections=(Section(text=markdown, markdown=True, heading=heading),), notice=notice)


def to_markdown(html: str) -> tuple[str, str]:
    """HTML as Markdown without links and pictures, and the page's title.

    Raises:
        Unreadable: Nothing is left of it.
    """
    try:
        from html_to_markdown import ConversionOptions, PreprocessingOptions, convert
    except ImportError:
        raise MissingExtra("reading HTML and DOCX", extra="documents") from None
    options = ConversionOptions(
        compact_tables=True,
        skip_images=True,
        strip_tags=["a"],  # the text of a link stays
        exclude_selectors=_DROPPED,
        sup_symbol="^",  # else 5² would read 52
        preprocessing=PreprocessingOptions(enabled=True, remove_navigation=False, remove_forms=False),
    )
    try:
        converted = convert(html, options)
    except Exception as error:  # the native parser's own kinds
        raise Unreadable(f"can't be read as HTML: {' '.join(str(error).split())}") from None
    markdown = _FRONT_MATTER.sub("", converted.content or "", count=1)  # holds the metadata
    markdown = _RAISED.sub(r"^\1", _ESCAPED_NUMBER.sub(r"\1\2", markdown))
    if not (markdown := markdown.strip()):
        raise Unreadable("holds no text, or nests it too deeply")
    return markdown, " ".join((converted.metadata.document.title or "").split())[:MAX_HEADING]
