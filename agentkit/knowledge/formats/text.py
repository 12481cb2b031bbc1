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
_KNOWN = ("ascii", "big5", "cp", "euc", "gb", "iso2022_jp", "iso8859", "koi8", "mac", "shift", "tis")
"""How Python's names of encodings of text begin that pages are in; it has codecs too that are none, as `punycode`."""
_LARGER = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "shift_jis": "cp932",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "euc_kr": "cp949",
    "big5": "big5hkscs",
}
"""What is read in the place of an encoding that it contains, as in browsers (encoding.spec.whatwg.org): pages that name
the one are written in the other."""
_DAMAGED = 0.01
"""Share of characters that may be wrong in an encoding that a file names; with more it isn't in that encoding."""


def read(data: bytes) -> Content:
    """Text in any Unicode encoding or a Western one."""
    text, notice = decode(data)
    return Content(sections=(Section(text=text),), notice=notice)


def decode(data: bytes, *, said: str = "") -> tuple[str, str]:
    """The text with line ends as `\\n`, and a notice.

    Args:
        said: The encoding that the file itself names. What is UTF-8 is read so all the same: it was converted, and the
            name was left as it was.

    Raises:
        Unreadable: It isn't text.
    """
    for signature, kind in _SIGNATURES:
        if data.startswith(signature):
            raise Unreadable(f"is not text: it begins as {kind}")
    named, notice = _named(said), ""
    unmarked = named if named == "iso2022_jp" and b"\x1b$" in data else "utf-8"  # as its bytes are UTF-8 too
    encoding = next((name for bom, name in _BOMS if data.startswith(bom)), unmarked)
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        if encoding != unmarked:
            raise Unreadable(f"is damaged: starts as {encoding.upper()} text but isn't") from None
        text, notice = _decode_otherwise(data, named, said)
    if "\0" in text or len(_CONTROL.findall(text)) > len(text) / 100:
        raise Unreadable("is binary, not text")
    if not text.strip():
        raise Unreadable("is empty")
    return text.replace("\r\n", "\n").replace("\r", "\n"), notice


def _named(said: str) -> str:
    """Python's name of an encoding; empty, if it is none that text is known to be in."""
    try:
        name = codecs.lookup(said.lower().removeprefix("x-").replace("windows-", "cp").removesuffix("-i")).name
    except LookupError:
        return ""
    return _LARGER.get(name, name) if name.startswith(_KNOWN) else ""


def _decode_otherwise(data: bytes, named: str, said: str) -> tuple[str, str]:
    """What isn't UTF-8, in the encoding that it names if that is so, else in a Western one; and a notice."""
    if named:
        text = data.decode(named, "replace")
        if not (wrong := text.count("\ufffd")):
            return text, ""
        if wrong <= len(text) * _DAMAGED:
            return text, f"is not {said} everywhere, as it says: {wrong:,} of its characters can't be read"
    text = data.decode("utf-8", "replace")
    wrong, right = text.count("\ufffd"), sum("\x7f" < letter != "\ufffd" for letter in text)
    if wrong < right:  # in another encoding hardly any would be right by chance
        return text, f"is not UTF-8 everywhere: {wrong:,} of its characters can't be read"
    text, name = _decode_western(data)
    return text, f"is not UTF-8; read as {name}, so accented letters may be wrong"


def _decode_western(data: bytes) -> tuple[str, str]:
    try:
        return data.decode("cp1252"), "Windows-1252"
    except UnicodeDecodeError:
        return data.decode("latin-1"), "Latin-1"
