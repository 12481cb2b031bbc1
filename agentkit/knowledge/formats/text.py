"""Plain text, and the decoding that every text format shares."""

import codecs
import re

from agentkit.knowledge.formats.content import Content, Section, Unreadable

_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SIGNATURES = (
    (b"%PDF-", "a PDF"),
    (b"PK\x03\x04", "a ZIP archive, as .docx and .xlsx are"),
    (b"\xd0\xcf\x11\xe0", "an old Office file"),
    (b"{\\rtf", "an RTF file"),
)
"""What files begin with that would do as text, at least in part."""


def read(data: bytes) -> Content:
    """Text in any Unicode encoding or a Western one."""
    text, notice = decode(data)
    return Content(sections=(Section(text=text),), notice=notice)


def decode(data: bytes) -> tuple[str, str]:
    """The text with line ends as `\\n`, and a notice.

    Raises:
        Unreadable: It isn't text.
    """
    for signature, kind in _SIGNATURES:
        if data.startswith(signature):
            raise Unreadable(f"is not text: it begins as {kind}")
    encoding = next((name for bom, name in _BOMS if data.startswith(bom)), "utf-8")
    notice = ""
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        if encoding != "utf-8":
            raise Unreadable(f"is damaged: starts as {encoding.upper()} text but isn't") from None
        text, encoding = _decode_western(data)
        notice = f"is not UTF-8; read as {encoding}, so accented letters may be wrong"
    if "\0" in text or len(_CONTROL.findall(text)) > len(text) / 100:
        raise Unreadable("is binary, not text")
    if not text.strip():
        raise Unreadable("is empty")
    return text.replace("\r\n", "\n").replace("\r", "\n"), notice


def _decode_western(data: bytes) -> tuple[str, str]:
    try:
        return data.decode("cp1252"), "Windows-1252"
    except UnicodeDecodeError:
        return data.decode("latin-1"), "Latin-1"
