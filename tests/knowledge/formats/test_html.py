"""HTML keeps its headings and tables, and loses what isn't its text."""

import contextlib
import time

import pytest

from agentkit.knowledge.formats import html
from agentkit.knowledge.formats.content import Unreadable

PAGE = b"""<!doctype html><html><head><title>Hut  rules</title><style>p {color: red}</style></head><body>
<nav><a href="/">Home</a></nav><script>alert("x")</script>
<h2>Prices</h2><p>A bed is <b>24</b> euros, see <a href="http://elsewhere/x">the list</a>. 5 m<sup>2</sup> each.</p>
<table><tr><th>Room</th><th>Beds</th></tr><tr><td>North</td><td>6</td></tr><tr><td>South</td><td>8</td></tr></table>
<ul><li>No shoes</li><li>No dogs</li></ul><p style="display:none">hidden</p></body></html>"""


def test_headings_tables_and_lists_become_markdown() -> None:
    [section] = html.read(PAGE).sections
    assert (section.markdown, section.heading) == (True, "Hut rules")
    text = section.text
    assert "## Prices" in text
    assert "| Room | Beds |\n| --- | --- |\n| North | 6 |\n| South | 8 |" in text
    assert "- No shoes\n- No dogs" in text
    assert "see the list. 5 m^2 each" in text
    for gone in ("color", "alert", "Home", "elsewhere", "hidden", "title:"):
        assert gone not in text


def test_a_heading_of_the_first_rank_stands_for_the_title() -> None:
    [section] = html.read(b"<title>Site</title><h1>Rules</h1><p>No dogs.</p>").sections
    assert (section.heading, section.text.startswith("# Rules")) == ("", True)


def test_a_title_is_no_longer_than_a_heading() -> None:
    [section] = html.read(f"<title>{'Rules ' * 1000}</title><p>No dogs.</p>".encode()).sections
    assert len(section.heading) == 200


@pytest.mark.parametrize(
    ("head", "encoding", "words"),
    [
        ('<meta charset="windows-1251">', "cp1251", "Цена номера 40 евро"),
        ("<META HTTP-EQUIV=Content-Type CONTENT='text/html; charset=ISO-8859-2'>", "iso8859-2", "Cena: pięć złotych"),
        ("<!-- saved from a page with charset=koi8-r --><meta charset=Shift_JIS>", "cp932", "料金は①千円です"),
        ("<meta charset='iso-2022-jp'>", "iso2022_jp", "料金は千円です"),
        ('<meta name="x" content="y"><meta charset = latin1 />', "cp1252", "It costs 5 €"),
        ('<?xml version="1.0" encoding="windows-1253"?>', "cp1253", "Η τιμή είναι 5"),
        ('<meta charset="windows-1251">', "utf-8", "Цена: пять"),  # converted since
        ('<meta charset="iso-2022-jp">', "utf-8", "料金は千円です"),
        ('<meta charset="windows-1251">', "utf-16", "Цена: пять"),
        ("<meta charset=punycode>", "cp1252", "Café"),
        ("<meta charset=windows-1251>" + "<!-- " * 1000, "cp1251", "--> Цена номера"),
    ],
)
def test_a_page_is_read_in_the_encoding_that_it_names(head: str, encoding: str, words: str) -> None:
    content = html.read(f"<html><head>{head}<title>x</title></head><body><p>{words}</p></body></html>".encode(encoding))
    assert words.removeprefix("--> ") in content.sections[0].text
    assert ("is not UTF-8" in content.notice) == ("punycode" in head)


def test_a_page_that_is_not_quite_in_the_encoding_it_names_is_said_to_be_so() -> None:
    page = b"<meta charset=shift_jis><p>" + "料金は千円です。".encode("cp932") * 40
    content = html.read(page + b"\x81 \x81 ")
    assert "料金は千円です" in content.sections[0].text
    assert content.notice == "is not shift_jis everywhere, as it says: 2 of its characters can't be read"
    assert "read as Windows-1252" in html.read(b"<meta charset=shift_jis><p>" + b"caf\xe9 \x80 " * 40).notice


@pytest.mark.parametrize("data", [b"<html><body><img src=x></body></html>", b"<script>var x</script>"])
def test_a_page_without_text_is_refused(data: bytes) -> None:
    with pytest.raises(Unreadable, match="holds no text"):
        html.read(data)


@pytest.mark.parametrize("data", [b"just a note", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"])
def test_what_is_no_html_is_refused(data: bytes) -> None:
    with pytest.raises(Unreadable, match=r"is not HTML|is binary"):
        html.read(data)


@pytest.mark.parametrize(
    "data",
    [
        b"<div>" * 200_000 + b"deep" + b"</div>" * 200_000,
        b"<table><tr><td>" * 3_000,
        b'<a href="' * 100_000,
        b"<p " + b"a=1 " * 100_000 + b">x",
        b"&" * 200_000 + b"<p>x",  # the parser is quadratic in these: a million takes 13 s, ten the worker's limit
        b"<" * 1_000_000,
    ],
)
def test_hostile_pages_end_soon(data: bytes) -> None:
    start = time.process_time()
    with contextlib.suppress(Unreadable):
        html.read(data)
    assert time.process_time() - start < 20
