"""PDF by pages and headings; scans, encryption and damage are said to be so."""

import io

import pytest
from pypdf import PdfReader, PdfWriter

from agentkit.knowledge.formats import pdf as format_
from agentkit.knowledge.formats.content import Unreadable

from ..making import pdf


def test_each_page_keeps_its_number_and_the_headings_above_it() -> None:
    sections = format_.read(
        pdf(["Tank A holds 12,000 litres.", "Tank B holds 8,500.", "So much."], headings=("A", "B"))
    )
    assert [(s.page, s.heading) for s in sections.sections] == [(1, "A"), (2, "B"), (3, "B")]
    assert sections.sections[0].text == "A\nTank A holds 12,000 litres."
    assert sections.notice == ""


def test_a_page_is_cut_where_a_heading_of_the_outline_stands() -> None:
    whole = PdfReader(io.BytesIO(pdf(["Above all.\nWater\nIt is cold.\nFood\nIt is hot.", "More of it."])))
    writer = PdfWriter(clone_from=whole)
    house = writer.add_outline_item(title="House", page_number=0)
    writer.add_outline_item(title="Water", page_number=0, parent=house)
    writer.add_outline_item(title="Food", page_number=0, parent=house)
    held = io.BytesIO()
    writer.write(held)
    sections = format_.read(held.getvalue()).sections
    assert [(s.page, s.heading, s.text) for s in sections] == [
        (1, "", "Above all."),
        (1, "House > Water", "Water\nIt is cold."),
        (1, "House > Food", "Food\nIt is hot."),
        (2, "House > Food", "More of it."),
    ]


def test_running_heads_and_page_numbers_are_dropped_and_sentences_mended() -> None:
    pages = ["The north tank is in the cel-\nlar and it was", "built in 1987. It is cleaned in May.", "The end."]
    sections = format_.read(pdf(pages, margin="Station handbook")).sections
    assert [s.text for s in sections] == [
        "The north tank is in the cellar and it was\nbuilt in 1987.",
        "It is cleaned in May.",
        "The end.",
    ]


def test_dots_of_a_table_of_contents_and_lone_page_numbers_are_dropped() -> None:
    content = format_.read(pdf([f"Tanks {'. ' * 40}12", "7"]))
    assert [s.text for s in content.sections] == ["Tanks \u2026 12"]


def blank(pages: int = 2) -> bytes:
    writer = PdfWriter()
    for _ in range(pages):
        writer.add_blank_page(width=200, height=200)
    held = io.BytesIO()
    writer.write(held)
    return held.getvalue()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"<html>not a pdf</html>", "is not a PDF: it lacks the signature"),
        (b"%PDF-1.7\ngarbage", "is a damaged PDF"),
        (pdf(["x"])[:300], "is a damaged PDF"),
        (pdf(["secret"], password="key"), "is encrypted; save it without a password"),
        (blank(), r"has no text: its pages are pictures, as of a scan, or empty; recognise the text first \(OCR\)"),
    ],
)
def test_what_cannot_be_read_says_why(data: bytes, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason) as raised:
        format_.read(data)
    assert "\n" not in str(raised.value)


def test_a_pdf_that_only_its_owner_may_print_is_read() -> None:
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf(["The lamp is green."]))))
    writer.encrypt(user_password="", owner_password="owner", algorithm="RC4-128")
    held = io.BytesIO()
    writer.write(held)
    assert format_.read(held.getvalue()).sections[0].text == "The lamp is green."


def test_rows_of_a_table_and_lines_of_a_form_are_no_margin() -> None:
    months = "Jan Feb Mar Apr May Jun".split()
    table = [[f"{month} {year} {year % 7}.{n} mm" for n, month in enumerate(months)] for year in range(2019, 2023)]
    content = format_.read(pdf(["\n".join(rows) for rows in table], margin="Rain"))
    assert [section.text.split("\n") for section in content.sections] == table
    form = [["Tank 10", f"Level: {n}{n * 7 % 10}", f"{n * n + 3} bar"] for n in range(4)]
    assert [s.text.split("\n") for s in format_.read(pdf(["\n".join(lines) for lines in form])).sections] == [
        lines[1:] for lines in form
    ]
