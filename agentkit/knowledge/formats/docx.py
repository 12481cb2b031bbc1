"""DOCX, by mammoth: Word's styles become HTML's headings, lists and tables, and go on as HTML does."""

import io
import zipfile
from importlib import import_module
from typing import Any

from agentkit.errors import MissingExtra
from agentkit.knowledge.formats.content import Content, Section, Unreadable
from agentkit.knowledge.formats.html import to_markdown

UNPACKED = 200_000_000
"""Bytes of XML that are unpacked: a file of 50 kB can hold gigabytes."""
_BODY = "word/document.xml"
_STYLES = "p[style-name='Title'] => h1:fresh\np[style-name='Subtitle'] => p:fresh"
_OLD = b"\xd0\xcf\x11\xe0"


def read(data: bytes) -> Content:
    """A document's text; headers, footers and pictures are left out."""
    if data.startswith(_OLD):
        raise Unreadable("is an old or encrypted Word file; save it as .docx without a password")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError) as error:
        raise Unreadable(f"is damaged or not a Word document: {error}") from None
    if not any(part.filename == _BODY for part in parts):
        raise Unreadable(f"is not a Word document: there is no {_BODY} in it")
    unpacked = sum(part.file_size for part in parts if part.filename.endswith((".xml", ".rels")))
    if unpacked > UNPACKED:  # zipfile reads no more than what is stated here
        raise Unreadable(f"unpacks to {unpacked // 1_000_000:,} MB of XML; {UNPACKED // 1_000_000} are read")
    try:
        mammoth: Any = import_module("mammoth")
    except ImportError:
        raise MissingExtra("reading DOCX", extra="documents") from None
    try:
        converted: str = mammoth.convert_to_html(
            io.BytesIO(data),
            style_map=_STYLES,
            convert_image=mammoth.images.img_element(_no_picture),
            include_embedded_style_map=False,
        ).value
    except (MemoryError, RecursionError):
        raise
    except Exception as error:  # whatever its XML readers raise
        raise Unreadable(
            f"is a damaged Word document: {' '.join(str(error).split()) or type(error).__name__}"
        ) from None
    if not converted.strip():
        raise Unreadable("holds no text")
    return Content(sections=(Section(text=to_markdown(converted)[0], markdown=True),))


def _no_picture(_image: object) -> dict[str, str]:
    return {"src": ""}
