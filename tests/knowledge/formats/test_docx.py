"""Word documents: styles become headings, lists and tables; bombs and damage are refused."""

import pytest
from docx.document import Document

from agentkit.knowledge.formats import docx as format_
from agentkit.knowledge.formats.content import Unreadable

from ..making import word, zipped


def fill(document: Document) -> None:
    document.add_heading("Hut", 0)
    document.add_heading("Prices", 1)
    document.add_paragraph("A bed is 24 euros.")
    table = document.add_table(rows=2, cols=2)
    for row, cells in zip(table.rows, (("Room", "Beds"), ("North", "6")), strict=True):
        for cell, text in zip(row.cells, cells, strict=True):
            cell.text = text
    document.add_paragraph("No shoes", style="List Bullet")
    document.sections[0].header.paragraphs[0].text = "confidential"


def test_styles_become_headings_tables_and_lists() -> None:
    [section] = format_.read(word(fill)).sections
    assert section.markdown
    assert section.text.startswith("# Hut\n\n# Prices\n\nA bed is 24 euros.\n\n| Room | Beds |")
    assert "| North | 6 |" in section.text
    assert "- No shoes" in section.text
    assert "confidential" not in section.text


BOMB = b'<!DOCTYPE d [<!ENTITY a "aaaaaaaaaa">' + b"".join(
    b'<!ENTITY %s "%s">' % (bytes([98 + i]), b"&%s;" % bytes([97 + i]) * 10) for i in range(12)
)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"not a zip", "is damaged or not a Word document"),
        (word(fill)[:4000], "is damaged or not a Word document"),
        (zipped({"xl/workbook.xml": b"<x/>"}), "is not a Word document: there is no word/document.xml in it"),
        (b"\xd0\xcf\x11\xe0" + b"x" * 100, "is an old or encrypted Word file"),
        (zipped({"word/document.xml": b"<w:document"}), "is a damaged Word document"),
        (zipped({"word/document.xml": b" " * 250_000_000}), "unpacks to 250 MB of XML; 200 are read"),
        (zipped({"word/document.xml": BOMB + b"]><d>&m;</d>"}), "is a damaged Word document"),
        (word(lambda document: None), "holds no text"),
    ],
)
def test_what_cannot_be_read_says_why(data: bytes, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason) as raised:
        format_.read(data)
    assert "\n" not in str(raised.value)
