"""Documents for the tests, written by real writers."""

import io
import warnings
import zipfile
from collections.abc import Callable, Sequence

import docx
from docx.document import Document
from fpdf import FPDF


def pdf(pages: Sequence[str], *, headings: Sequence[str] = (), margin: str = "", password: str = "") -> bytes:
    """A page a text; `headings` open pages in the outline, `margin` stands at the head and foot of each."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a writer's own
        made = FPDF()
        made.set_font("Helvetica", size=11)
        for number, text in enumerate(pages, start=1):
            made.add_page()
            if margin:
                made.cell(0, 8, margin, new_x="LMARGIN", new_y="NEXT")
            if number <= len(headings):
                made.start_section(headings[number - 1])
                made.cell(0, 8, headings[number - 1], new_x="LMARGIN", new_y="NEXT")
            made.multi_cell(0, 6, text, new_x="LMARGIN", new_y="NEXT")
            if margin:
                made.cell(0, 8, f"{margin}, page {number}")
        if password:
            made.set_encryption(owner_password="owner", user_password=password)
        return bytes(made.output())


def word(write: Callable[[Document], object]) -> bytes:
    """A DOCX file by python-docx."""
    document = docx.Document()
    write(document)
    held = io.BytesIO()
    document.save(held)
    return held.getvalue()


def zipped(parts: dict[str, bytes]) -> bytes:
    """A ZIP archive."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return held.getvalue()
