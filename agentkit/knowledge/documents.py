"""Reading a folder of documents: what is there, what can't be read and why."""

import codecs
import dataclasses
import hashlib
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from agentkit.errors import CorpusError

MARKDOWN = frozenset({".md", ".markdown"})
ENDINGS = MARKDOWN | {".txt", ".rst"}
MAX_BYTES = 8_000_000
"""A larger file is skipped: it is rarely prose, and embedding it takes minutes."""

_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Skipped:
    """A file that isn't part of the corpus, though its name says it should be."""

    path: str
    """Relative to the corpus's folder."""
    reason: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Document:
    """One file's text."""

    source: str
    """Its path, relative to the corpus's folder, with forward slashes."""
    text: str
    digest: str
    """SHA-256 of the file's bytes."""
    markdown: bool
    notice: str = ""
    """What was unusual in reading it; empty when nothing was."""


def read_folder(folder: Path) -> Iterator[Document | Skipped]:
    """Read every document under a folder, in the order of their paths.

    Hidden files and folders are left out. Symbolic links are named, never followed: they may leave the
    folder or lead back into it.

    Raises:
        CorpusError: The folder is missing, isn't one, or can't be listed.
    """
    if not folder.exists():
        raise CorpusError(f"no folder of documents at {str(folder)!r}; check the path")
    if not folder.is_dir():
        raise CorpusError(f"{str(folder)!r} is a file, not a folder of documents; name the folder it is in")
    try:
        os.scandir(folder).close()
    except OSError as error:
        raise CorpusError(f"can't list the folder {str(folder)!r}: {error.strerror}") from None
    unlisted: list[Skipped] = []

    def refused(error: OSError) -> None:
        path = Path(str(error.filename))
        unlisted.append(Skipped(path=_source(path, folder), reason=f"can't be listed: {error.strerror}"))

    for at, folders, names in os.walk(folder, onerror=refused):
        yield from unlisted
        unlisted.clear()
        here = Path(at)
        for name in sorted(folders):
            if (here / name).is_symlink() and not name.startswith("."):
                yield Skipped(path=_source(here / name, folder), reason="is a symbolic link, which is not followed")
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith(".") and Path(name).suffix.lower() in ENDINGS:
                yield read_document(here / name, folder)
    yield from unlisted


def read_document(path: Path, folder: Path) -> Document | Skipped:
    """Read one file of a folder."""
    source = _source(path, folder)
    try:
        data = _read_bytes(path)
        text, notice = _decode(data)
    except OSError as error:
        return Skipped(path=source, reason=f"can't be read: {error.strerror}")
    except _NotADocument as error:
        return Skipped(path=source, reason=str(error))
    return Document(
        source=source,
        text=text,
        digest=hashlib.sha256(data).hexdigest(),
        markdown=path.suffix.lower() in MARKDOWN,
        notice=notice,
    )


class _NotADocument(Exception):
    """Why a file is skipped."""


def _source(path: Path, folder: Path) -> str:
    """The path as text that can be stored and shown, also when the file's name isn't valid text."""
    return os.fsencode(path.relative_to(folder).as_posix()).decode("utf-8", "replace")


def _read_bytes(path: Path) -> bytes:
    if path.is_symlink():
        raise _NotADocument("is a symbolic link, which is not followed")
    if not stat.S_ISREG(path.stat(follow_symlinks=False).st_mode):  # opening a pipe would wait for ever
        raise _NotADocument("is not a regular file")
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise _NotADocument(f"is larger than {MAX_BYTES // 1_000_000} MB; split it into smaller files")
    return data


def _decode(data: bytes) -> tuple[str, str]:
    """The text and a notice."""
    encoding = next((name for bom, name in _BOMS if data.startswith(bom)), "utf-8")
    notice = ""
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        if encoding != "utf-8":
            raise _NotADocument(f"is damaged: starts as {encoding.upper()} text but isn't") from None
        text, encoding = _decode_western(data)
        notice = f"is not UTF-8; read as {encoding}, so accented letters may be wrong"
    if "\0" in text or len(_CONTROL.findall(text)) > len(text) / 100:
        raise _NotADocument("is binary, not text")
    if not text.strip():
        raise _NotADocument("is empty")
    return text.replace("\r\n", "\n").replace("\r", "\n"), notice


def _decode_western(data: bytes) -> tuple[str, str]:
    try:
        return data.decode("cp1252"), "Windows-1252"
    except UnicodeDecodeError:
        return data.decode("latin-1"), "Latin-1"
