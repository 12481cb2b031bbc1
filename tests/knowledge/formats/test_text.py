"""Text in its encodings, and what only looks like text."""

import pytest

from agentkit.knowledge.formats import markdown, text
from agentkit.knowledge.formats.content import Section, Unreadable


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("café".encode(), "café"),
        ("café".encode("utf-8-sig"), "café"),
        ("café".encode("utf-16"), "café"),
        ("\ufeffcafé".encode("utf-16-be"), "café"),
        ("\ufeffcafé".encode("utf-32-le"), "café"),
        (b"one\r\ntwo\rthree", "one\ntwo\nthree"),
    ],
)
def test_unicode_encodings_are_recognised(data: bytes, expected: str) -> None:
    assert text.decode(data) == (expected, "")
    assert markdown.read(data).sections == (Section(text=expected, markdown=True),)


@pytest.mark.parametrize(("data", "name"), [(b"caf\xe9 \x80", "Windows-1252"), (b"caf\xe9 \x81", "Latin-1")])
def test_other_encodings_are_read_as_western_with_a_notice(data: bytes, name: str) -> None:
    content = text.read(data)
    assert content.sections[0].text.startswith("café")
    assert f"read as {name}" in content.notice


def test_utf_8_with_a_byte_that_is_wrong_stays_utf_8() -> None:
    content = text.read("Die Prüfung kostet 12 €, ".encode() + b"f\xfcr jeden.")
    assert content.sections[0].text == "Die Prüfung kostet 12 €, f\ufffdr jeden."
    assert content.notice == "is not UTF-8 everywhere: 1 of its characters can't be read"
    # As many right as wrong, by chance: two letters of Windows-1252 that are one of UTF-8.
    assert "read as Windows-1252" in text.read(b"r\xe9sum\xc3\xa9").notice


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "is binary, not text"),
        (bytes(range(1, 32)) * 5, "is binary, not text"),
        (b"\xff\xfeab\x00\xd8", "is damaged: starts as UTF-16 text but isn't"),
        (b" \n", "is empty"),
        (b"%PDF-1.4\n1 0 obj\n", "is not text: it begins as a PDF"),
        (b"PK\x03\x04 and more", "is not text: it begins as a ZIP archive, as .docx and .xlsx are"),
        (b"\xd0\xcf\x11\xe0 and more", "is not text: it begins as an old Office file"),
    ],
)
def test_what_is_no_text_is_said_to_be_so(data: bytes, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        text.read(data)
