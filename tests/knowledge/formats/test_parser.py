"""Documents are parsed in a process that a hostile one can't hold up."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from agentkit.errors import MissingExtra
from agentkit.knowledge.formats import BY_ENDING, parser
from agentkit.knowledge.formats.content import NotNow, Unreadable
from agentkit.knowledge.formats.parser import Parser

from ..making import pdf, zipped

PDF, HTML, DOCX = BY_ENDING[".pdf"], BY_ENDING[".html"], BY_ENDING[".docx"]

HOSTILE = """
import pypdf
class PdfReader(pypdf.PdfReader):
    def __init__(self, stream):
        {act}
pypdf.PdfReader = PdfReader
"""
"""A pypdf that has the bugs of other days."""


@pytest.fixture
def hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose modules the reader's process finds first."""
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    return tmp_path


def acting(folder: Path, monkeypatch: pytest.MonkeyPatch, act: str) -> None:
    (folder / "hostile.py").write_text(HOSTILE.format(act=act))
    start = parser._START.replace("serve()\n", "import hostile; serve()\n")  # pyright: ignore[reportPrivateUsage]
    monkeypatch.setattr(parser, "_START", start)


def test_a_process_reads_many_files_one_after_the_other() -> None:
    with Parser() as reading:
        assert reading.parse(pdf(["One."]), PDF).sections[0].page == 1
        assert reading.parse(b"<h1>A</h1><p>b", HTML).sections[0].text.startswith("# A")
        with pytest.raises(Unreadable, match="is not a PDF"):
            reading.parse(b"nonsense", PDF)
        assert reading.parse(pdf(["Two."]), PDF).sections[0].text == "Two."


@pytest.mark.parametrize(
    ("act", "reason", "lasting"),
    [
        ("while True: pass", "takes more than 1 s to read", False),
        ("import time; time.sleep(100)", "takes more than 1 s to read", False),
        ("x = bytearray(1 << 40)", "takes too much memory to read", False),
        ("import os; os._exit(7)", r"ended its reader \(exit code 7\)", False),
        ("import os; os.kill(os.getpid(), 11)", r"ended its reader \(Segmentation fault\)", False),
        ("raise pypdf.errors.DependencyError('cryptography')", "pip install cryptography", False),
        ("f = lambda: f(); f()", "nests too deeply", True),
        ("raise KeyError('/Root')", "is a damaged PDF: '/Root'", True),
        ("f = open('written', 'w'); f.write('x'); f.close()", "File too large", True),
        ("print('noise', flush=True); raise ValueError('x')", "is a damaged PDF: x", True),
    ],
)
def test_what_a_parser_does_to_its_process_costs_one_file(
    hostile: Path, monkeypatch: pytest.MonkeyPatch, act: str, reason: str, lasting: bool
) -> None:
    acting(hostile, monkeypatch, act)
    monkeypatch.chdir(hostile)
    start = time.monotonic()
    with Parser(seconds=1) as reading:
        with pytest.raises(Unreadable, match=reason) as raised:
            reading.parse(pdf(["x"]), PDF)
        assert isinstance(raised.value, NotNow) != lasting
        assert reading.parse(b"<p>still here", HTML).sections[0].text.strip() == "still here"
    assert time.monotonic() - start < 60


def test_tables_in_tables_in_tables_cost_one_file() -> None:
    space = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    deep = "<w:tbl><w:tr><w:tc>" * 20_000 + "<w:p><w:r><w:t>x</w:t></w:r></w:p>" + "</w:tc></w:tr></w:tbl>" * 20_000
    body = f'<w:document xmlns:w="{space}"><w:body>{deep}</w:body></w:document>'
    with Parser() as reading:
        with pytest.raises(Unreadable, match=r"nests too deeply|ended its reader|damaged"):
            reading.parse(zipped({"word/document.xml": body.encode()}), DOCX)
        assert reading.parse(b"<p>still here", HTML).sections[0].text == "still here"


def test_a_reader_that_was_killed_is_started_again() -> None:
    with Parser() as reading:
        reading.parse(b"<p>a", HTML)
        process = reading._process  # pyright: ignore[reportPrivateUsage]
        assert process is not None
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        with pytest.raises(NotNow, match=r"ended its reader \(Killed\)$"):
            reading.parse(b"<p>b", HTML)
        assert reading.parse(b"<p>c", HTML).sections[0].text.strip() == "c"


def test_a_missing_extra_is_named(hostile: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("pypdf", "html_to_markdown"):
        (hostile / f"{package}.py").write_text("raise ImportError('not installed')")
        monkeypatch.delitem(sys.modules, package, raising=False)
    with Parser() as reading:
        for data, format_ in ((pdf(["x"]), PDF), (b"<p>x", HTML)):
            with pytest.raises(MissingExtra, match=r"pip install 'agentkit\[documents\]'"):
                reading.parse(data, format_)


def test_more_text_than_can_be_embedded_is_refused() -> None:
    with Parser() as reading, pytest.raises(Unreadable, match="holds more than 8,000,000 characters of text; split it"):
        reading.parse(b"<p>" + b"word " * 2_000_000, HTML)
