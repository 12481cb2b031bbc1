"""Splitting a document into passages that can be found, read and cited on their own.

The size is a compromise. The embedder reads 256 word pieces at most and blurs what is long; a small
language model pays about 1 s of prefill on this kind of machine for every 36 tokens it is shown
(1.5B, two cores), so three passages of 80 words already cost it ten seconds. Tables, lists and code
are understood as a whole, hence a larger limit for these.
"""

import dataclasses
import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from agentkit.knowledge.sentences import sentences

if TYPE_CHECKING:
    from markdown_it.token import Token

VERSION = 3
"""Raise it when the same text is split differently: stored chunks are then made anew."""
TARGET = 110
"""Pieces (words and punctuation marks, about tokens) at which a passage is closed: some 80 words of prose."""
LIMIT = 200
"""Pieces up to which a table, a list or a code block stays whole."""
MAX_CHARS = 2000
"""No passage is longer, however few words it has (an encoded image, minified text)."""
MAX_HEADING = 200
"""Characters of a heading; what is longer is a paragraph with a line of `===` below it, say, and is kept as text."""

Kind = Literal["prose", "table", "list", "code"]
_PIECE = re.compile(r"\w+|[^\w\s]+")
_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*\n", re.DOTALL)
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_CODE_OR_COMMENT = re.compile(r"(?<!`)(`{1,9})(?!`).*?(?<!`)\1(?!`)|<!--.*?(?:(?P<closed>-->)|\Z)", re.DOTALL)
"""Inside a paragraph, a list or a table: a comment in code is shown to readers, and one that isn't closed is none.

Each part is looked through once: a hostile text has many that begin and none that ends.
"""
_EMPHASIS = re.compile(r"(?<!\w)([*_`]{1,3})(\S(?:.*?\S)?)\1(?!\w)")
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Chunk:
    """One passage of a document."""

    text: str
    heading: str = ""
    """The headings above it, outermost first, joined by ' > '."""
    page: int | None = None
    columns: Mapping[str, str] = dataclasses.field(default_factory=dict[str, str])
    """Of a row of a table that is a document: what it has by column."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Block:
    """A paragraph, table, list or code block under its headings."""

    kind: Kind
    lines: tuple[str, ...]
    headings: tuple[str, ...] = ()
    items: tuple[int, ...] = ()
    """For a list: the lines at which its items begin."""

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


def split(text: str, *, markdown: bool) -> list[Chunk]:
    """Split a text into chunks. Each lies under one heading; what is short and adjacent is joined."""
    blocks = _markdown_blocks(text) if markdown else _plain_blocks(text)
    return list(_pack(blocks))


def size(text: str) -> int:
    """Words and punctuation marks: about the tokens a model sees."""
    return sum(1 for _ in _PIECE.finditer(text))


def _plain_blocks(text: str) -> Iterator[_Block]:
    for paragraph in re.split(r"\n[ \t]*\n\s*", text):
        if paragraph.strip():
            yield _Block(kind="prose", lines=tuple(line.rstrip() for line in paragraph.strip("\n").split("\n")))


def _markdown_blocks(text: str) -> Iterator[_Block]:
    from markdown_it import MarkdownIt

    text = text.replace("\r\n", "\n").replace("\r", "\n")  # as the parser does, which counts lines
    text = _FRONT_MATTER.sub(r"\1\n\n", text)  # else its closing line makes a heading of it
    lines = text.split("\n")
    parser = MarkdownIt("commonmark").enable("table")
    parser.core.ruler.disable(["inline"])  # only blocks matter here, and links can be made slow to parse
    tokens = parser.parse(text)
    headings: list[tuple[int, str]] = []
    bare = False  # the last heading has had nothing under it yet
    for i, token in enumerate(tokens):
        if token.level or token.nesting < 0 or token.map is None:
            continue
        if token.type == "heading_open" and len(tokens[i + 1].content) <= MAX_HEADING:
            level = int(token.tag[1:])
            if bare and level <= headings[-1][0]:
                yield _heading_alone(headings)
            headings = [(above, title) for above, title in headings if above < level]
            headings.append((level, _plain(_shown(tokens[i + 1].content))))
            bare = True
            continue
        first, last = token.map
        content = [line.rstrip() for line in _shown("\n".join(lines[first:last]), kind=token.type).split("\n")]
        while content and not content[-1].strip():
            content.pop()
        if token.type == "hr" or not any(content):
            continue
        bare = False
        path = tuple(title for _, title in headings if title)
        match token.type:
            case "table_open":
                yield _Block(kind="table", lines=tuple(content), headings=path)
            case "bullet_list_open" | "ordered_list_open":
                starts = tuple(_item_starts(tokens, i + 1, first))
                yield _Block(kind="list", lines=tuple(content), headings=path, items=starts)
            case "fence" | "code_block":
                yield _Block(kind="code", lines=tuple(content), headings=path)
            case "paragraph_open":  # a line end inside a paragraph is a space, unless two spaces stand before it
                written = _shown("\n".join(lines[first:last])).strip()
                joined = re.sub(r"(?<! {2})\n[ \t]*", " ", written)
                yield _Block(kind="prose", lines=tuple(line.rstrip() for line in joined.split("\n")), headings=path)
            case _:
                yield _Block(kind="prose", lines=tuple(content), headings=path)
    if bare:
        yield _heading_alone(headings)


def _shown(text: str, kind: str = "") -> str:
    """A block without its comments, which no reader sees; it keeps its lines."""
    if kind in {"fence", "code_block"}:
        return text
    if kind == "html_block":
        return _COMMENT.sub(_lines, text)
    return _CODE_OR_COMMENT.sub(lambda match: _lines(match) if match["closed"] else match[0], text)


def _lines(match: re.Match[str]) -> str:
    return "\n" * match[0].count("\n")


def _item_starts(tokens: "Sequence[Token]", index: int, first: int) -> Iterator[int]:
    """Lines, counted from the list's own first, at which its outermost items begin."""
    while tokens[index].level:
        if tokens[index].type == "list_item_open" and tokens[index].level == 1 and (lines := tokens[index].map):
            yield lines[0] - first
        index += 1


def _heading_alone(headings: list[tuple[int, str]]) -> _Block:
    """A heading with nothing under it may be the whole statement (`# Closed on Mondays`)."""
    *above, (_, title) = headings
    return _Block(kind="prose", lines=(title,), headings=tuple(t for _, t in above if t))


def _plain(heading: str) -> str:
    """A heading without its mark-up."""
    return " ".join(_EMPHASIS.sub(r"\2", _LINK.sub(r"\1", heading)).split())


def _pack(blocks: Iterable[_Block]) -> Iterator[Chunk]:
    """Join short neighbours under one heading, split what is too long."""
    held: list[str] = []
    under: tuple[str, ...] = ()

    def close() -> Iterator[Chunk]:
        if text := "\n\n".join(held).strip():
            yield Chunk(text=text, heading=" > ".join(under))
        held.clear()

    for block in blocks:
        if block.headings != under:
            yield from close()
            under = block.headings
        for part in filter(str.strip, _parts(block)):
            joined = "\n\n".join([*held, part])
            # A line that announces a table or a list (`Rates in 2026:`) stays with it.
            announced = bool(held) and held[-1].endswith(":") and block.kind != "prose"
            room = LIMIT + TARGET // 2 if announced else TARGET
            if held and (size(joined) > room or len(joined) > MAX_CHARS):
                yield from close()
            held.append(part)
    yield from close()


def _parts(block: _Block) -> list[str]:
    """The block's text, in as many parts as its size asks for."""
    text = block.text
    whole = TARGET if block.kind == "prose" else LIMIT
    if size(text) <= whole and len(text) <= MAX_CHARS:
        return [text]
    match block.kind:
        case "prose":
            return _group(sentences(text), " ".join)
        case "table":
            header, rows = block.lines[:2], block.lines[2:]
            room = MAX_CHARS - len("\n".join(header))
            if room < MAX_CHARS // 2 or size("\n".join(header)) > TARGET:  # too long to repeat
                return _group(block.lines, "\n".join)
            return _group(rows, lambda part: "\n".join([*header, *part]), chars=room)
        case "list":
            bounds = [*block.items, len(block.lines)]
            items = ["\n".join(block.lines[a:b]).rstrip() for a, b in itertools.pairwise(bounds)]
            return _group(items, "\n".join)
        case "code":
            opening, inner, closing = _fence(block.lines)
            return _group(
                inner, lambda part: "\n".join([*opening, *part, *closing]), chars=MAX_CHARS - len("".join(opening)) - 8
            )


def _fence(lines: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """A code block as its opening fence, its lines and its closing fence."""
    if not lines[0].lstrip().startswith(("```", "~~~")) or len(lines[0]) > MAX_CHARS // 2:
        return (), lines, ()
    mark = lines[0].lstrip()[:3]
    closed = len(lines) > 1 and lines[-1].strip().startswith(mark)
    return lines[:1], lines[1:-1] if closed else lines[1:], (mark,)


def _group(units: Iterable[str], join: Callable[[list[str]], str], *, chars: int = MAX_CHARS) -> list[str]:
    """Join units into parts of about equal size, none over the target unless one unit is."""
    small = [piece for unit in units for piece in _cut(unit, chars)]
    sizes = [size(unit) for unit in small]
    wanted = max(1, -(-sum(sizes) // TARGET))
    even = sum(sizes) / wanted  # parts of alike size: no last part of three words
    parts: list[list[str]] = [[]]
    filled = length = 0
    for unit, count in zip(small, sizes, strict=True):
        full = filled + count > TARGET or length + len(unit) + 1 > chars or filled + count / 2 > even
        if parts[-1] and full:
            parts.append([])
            filled = length = 0
        parts[-1].append(unit)
        filled += count
        length += len(unit) + 1
    return [join(part) for part in parts if part]


def _cut(unit: str, chars: int) -> Iterator[str]:
    """A unit that is itself too long, cut between words where it has any."""
    if size(unit) <= LIMIT and len(unit) <= chars:
        yield unit
        return
    piece: list[str] = []
    count = length = 0
    for word in unit.split():
        for start in range(0, len(word), chars):
            part = word[start : start + chars]
            pieces = size(part)
            if piece and (count + pieces > TARGET or length + len(part) + 1 > chars):
                yield " ".join(piece)
                piece, count, length = [], 0, 0
            piece.append(part)
            count += pieces
            length += len(part) + 1
    if piece:
        yield " ".join(piece)
