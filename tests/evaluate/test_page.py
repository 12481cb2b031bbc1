"""The page: one file, nothing from elsewhere, nothing that data could run."""

import os
import re
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from agentkit.answer import Usage
from agentkit.evaluate import plots
from agentkit.evaluate.comparison import Comparison, compare
from agentkit.evaluate.item import Header, Record, Reply, Score
from agentkit.evaluate.page import PALETTE, render, write_page
from agentkit.evaluate.summary import Summary, summarize

from .making import described

HOSTILE = '<script>alert("x")</script><img src=//evil.example/x onerror=alert(1)>$\\frac$&amp;\u202e'


def run(right: int, n: int = 12, **changes: Any) -> tuple[Header, list[Record]]:
    records = [
        Record(
            id=f"i{i:03}",
            reply=Reply(
                status="unchecked" if i % 3 else "supported",
                text="1",
                confidence=i / n,
                seconds=2.0,
                usage=Usage(prompt=100 + 10 * i, generated=50),
            ),
            score=Score(right=i < right, value=float(i < right)),
        )
        for i in range(n - 1)
    ]
    crash = Record(id=f"i{n - 1:03}", error=f"RuntimeError: {HOSTILE}")
    records.append(crash)
    return described(records, **changes), records


@pytest.fixture(scope="module")
def summaries() -> list[Summary]:
    return [
        summarize(*run(right, task=task, strategy=strategy))
        for task in ("gsm8k", "svamp")
        for right, strategy in ((4, "direct"), (7, "agent"))
    ]


@pytest.fixture(scope="module")
def comparisons() -> list[Comparison]:
    return [compare(run(4), run(7, strategy="agent"), equal_tokens=True)]


@pytest.fixture(scope="module")
def page(summaries: list[Summary], comparisons: list[Comparison]) -> str:
    return render(summaries, comparisons, title="Evaluation of a small model")


class Elements(HTMLParser):
    """The elements of a page with their attributes, and its text."""

    VOID = frozenset({"meta", "br", "img", "link"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_the_page_is_well_formed_and_needs_nothing_else(page: str) -> None:
    elements = Elements(page)
    assert elements.open == []
    assert {tag for tag, _ in elements.found}.isdisjoint({"script", "link", "img", "iframe", "object", "image"})
    for _, attributes in elements.found:
        for name, value in attributes.items():
            assert not name.startswith("on")
            if name in ("href", "src", "xlink:href"):
                assert (value or "").startswith("#")
    assert set(re.findall(r"url\((.)", page)) == {"#"}
    assert "@import" not in page
    [policy] = [a["content"] for tag, a in elements.found if tag == "meta" and "http-equiv" in a]
    assert policy == "default-src 'none'; style-src 'unsafe-inline'"


def test_every_reference_inside_a_plot_is_to_something_in_it(page: str) -> None:
    for drawing in re.findall(r"<svg.*?</svg>", page, flags=re.DOTALL):
        names = re.findall(r' id="([^"]+)"', drawing)
        assert len(names) == len(set(names))
        referred = re.findall(r'(?:url\(|xlink:href=")#([^")]+)', drawing)
        assert referred
        assert set(referred) <= set(names)


def test_no_two_plots_share_a_name(page: str) -> None:
    names = re.findall(r' id="([^"]+)"', page)
    assert len(names) == len(set(names))


def test_it_shows_plots_and_figures(page: str) -> None:
    elements = Elements(page)
    text = " ".join(elements.text)
    labels = [a["aria-label"] for tag, a in elements.found if tag == "svg"]
    assert len(labels) == 6
    for heading in ("Accuracy", "Risk and coverage", "What accuracy costs", "What a status is worth", "Differences"):
        assert heading in text
    for axis in ("right (%)", "items answered, surest first (%)", "tokens computed per item", "gsm8k (n = 12)"):
        assert axis in text
    assert "33.3 [13.8, 60.9]" in text
    assert "Evaluation of a small model" in text


def test_what_data_says_is_text_and_nothing_more() -> None:
    hostile = run(
        3, task=HOSTILE, model=HOSTILE, strategy=HOSTILE, command=HOSTILE, machine=HOSTILE, problems=(HOSTILE,)
    )
    other = run(5, task=HOSTILE, model=f"{HOSTILE}2", strategy=HOSTILE)
    page = render([summarize(*hostile), summarize(*other)], [compare(hostile, other)], title=HOSTILE)
    elements = Elements(page)
    assert {tag for tag, _ in elements.found}.isdisjoint({"script", "img"})
    text = "".join(elements.text)
    assert text.count("<script>alert") >= 10
    assert "$\\frac$&amp;" in text, "nothing is read as mathematics or as an entity"
    for drawing in re.findall(r"<svg.*?</svg>", page, flags=re.DOTALL):
        assert "<script" not in drawing
        assert "\u202e" not in drawing


def test_names_in_other_scripts_are_drawn() -> None:
    drawn = plots.accuracy([summarize(*run(3, task="数学", strategy="агент"))])
    assert "数学" in drawn
    assert "агент" in drawn


def test_the_same_figures_give_the_same_page(
    summaries: list[Summary], comparisons: list[Comparison], page: str
) -> None:
    assert render(summaries, comparisons, title="Evaluation of a small model") == page


def test_drawing_leaves_the_settings_of_others_alone(summaries: list[Summary]) -> None:
    import matplotlib

    settings: Any = matplotlib.rcParams
    before = dict(settings)
    plots.risk(summaries)
    assert dict(settings) == before


def test_every_colour_is_the_pages_own(page: str) -> None:
    colours = set(
        re.findall(r"(?:fill|stroke): ([^;\"]+)", "".join(re.findall(r"<svg.*?</svg>", page, flags=re.DOTALL)))
    )
    assert {c for c in colours if not c.startswith("var(--") and c != "none"} == set()


@pytest.mark.parametrize(("ground", "which"), [("#ffffff", 0), ("#14171a", 1)])
def test_every_series_stands_out_from_the_ground(ground: str, which: int) -> None:
    def luminance(colour: str) -> float:  # WCAG 2.2, relative luminance
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    for pair in PALETTE:
        lighter, darker = sorted((luminance(ground), luminance(pair[which])), reverse=True)
        assert (lighter + 0.05) / (darker + 0.05) >= 3, pair


def test_more_series_than_colours_still_differ() -> None:
    runs = [summarize(*run(i % 10, strategy=f"s{i}")) for i in range(20)]
    looks = plots.looks_of(runs)
    assert len(set(looks.values())) == 20


def test_a_run_that_never_answers_is_named_in_its_panel() -> None:
    header, records = run(0, strategy="silent")
    silent = [
        r.model_copy(update={"reply": r.reply.model_copy(update={"text": None, "status": "abstained"})})
        for r in records
        if r.reply
    ]
    assert "no answers: silent" in plots.risk([summarize(header, silent), summarize(*run(4))])


def test_an_empty_report_is_a_page_too() -> None:
    assert "<svg" not in render([], [])
    header, _ = run(0)
    assert "<svg" not in render([summarize(header, [])])


def test_the_file_is_replaced_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, summaries: list[Summary]
) -> None:
    path = tmp_path / "reports" / "page.html"
    write_page(path, summaries[:1])
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert list(path.parent.iterdir()) == [path]
    old = path.read_bytes()

    def fails(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fails)
    with pytest.raises(OSError, match="No space left"):
        write_page(path, summaries)
    assert path.read_bytes() == old
    assert list(path.parent.iterdir()) == [path], "nothing is left behind"


@pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX")
def test_the_file_can_be_read_by_whom_the_umask_lets(tmp_path: Path, summaries: list[Summary]) -> None:
    old = os.umask(0o027)
    try:
        write_page(tmp_path / "page.html", summaries[:1])
    finally:
        os.umask(old)
    assert (tmp_path / "page.html").stat().st_mode & 0o777 == 0o640


def test_the_template_ships_with_the_package() -> None:
    assert files("agentkit.evaluate").joinpath("page.html.j2").is_file()
