"""Runs and comparisons in the terminal and as JSON."""

import json
import re
from typing import Any

import pytest
from rich.console import Console, RenderableType

from agentkit.answer import Finding, Usage
from agentkit.evaluate import figures
from agentkit.evaluate.comparison import Comparison, compare
from agentkit.evaluate.item import Called, Header, Record, Reply, Score
from agentkit.evaluate.report import (
    comparison_details,
    comparison_table,
    details,
    mishap_tables,
    mishaps,
    table,
    to_json,
)
from agentkit.evaluate.statistics import Estimate
from agentkit.evaluate.summary import Summary, summarize

from .making import described


def run(right: int, n: int = 40, **changes: Any) -> tuple[Header, list[Record]]:
    records = [
        Record(
            id=f"i{i:03}",
            reply=Reply(
                status="unchecked" if i % 4 else "abstained",
                text="1" if i % 4 else None,
                calls=(Called(name="calculator", arguments={}, error="" if i % 5 else "bad"),),
                findings=(Finding(check="numbers", claim="1", verdict="failed" if i % 3 else "supported"),),
                completions=3,
                malformed=int(i == 1),
                seconds=2.0,
                usage=Usage(prompt=1000, cached=400, generated=50, seconds=1.5),
            ),
            score=Score(right=i < right, value=float(i < right)),
            draft_scores=(Score(right=i % 2 == 0, value=1.0),),
        )
        for i in range(n - 1)
    ]
    crash = Record(id=f"i{n - 1:03}", error="RuntimeError: [bold]the model\x1b[2J went away")
    records.append(crash)
    return described(records, **changes), records


def summaries() -> list[Summary]:
    names = ("direct", "agent", "agent-unchecked")
    found = [summarize(*run(10 + 2 * i, strategy=name)) for i, name in enumerate(names)]
    return [*found, summarize(*run(7, task="bfcl-irrelevance", strategy="best-of-16"))]


def comparisons() -> list[Comparison]:
    pairs = [(run(10), run(20, strategy="agent")), (run(8, model="Smol"), run(9, model="Smol", strategy="agent"))]
    return [compare(a, b, equal_tokens=True) for a, b in pairs]


def printed(shown: RenderableType, width: int = 80) -> list[str]:
    console = Console(width=width, color_system=None, force_terminal=False)
    with console.capture() as capture:
        console.print(shown)
    return capture.get().splitlines()


def line_with(lines: list[str], *words: str) -> str:
    [found] = [line for line in lines if all(word in line for word in words)]
    return found


def test_a_run_fits_on_a_line_of_80_columns() -> None:
    lines = printed(table(summaries()))
    assert max(map(len, lines)) <= 80
    assert line_with(lines, "agent-unchecked").split() == [
        *("agent-unchecked", "40", "35.0", "[22.1,", "50.5]", "27.5", "65.5", "65.5", "650", "2.00")
    ]
    assert any(line.strip() == "bfcl-irrelevance" for line in lines)
    assert "Qwen" in lines[0]


def test_several_models_are_told_apart() -> None:
    lines = printed(table([*summaries(), summarize(*run(3, model="Smol"))]))
    assert sum("Smol" in line for line in lines) == 1
    assert sum("Qwen" in line for line in lines) == 4
    assert max(map(len, lines)) <= 80


def test_an_unfinished_run_is_shown_as_one() -> None:
    header, records = run(10)
    assert "13/40" in " ".join(printed(table([summarize(header, records[:13])])))


def test_nothing_can_be_shown() -> None:
    header, _ = run(0)
    assert "–" in line_with(printed(table([summarize(header, [])])), "direct")
    assert printed(table([]))
    assert printed(comparison_table([]))


def test_the_details_name_what_went_wrong() -> None:
    lines = printed(details(summaries()[1]))
    assert "29 answered, 10 not answered, 1 crashed" in line_with(lines, "outcomes")
    assert "1 of 117" in line_with(lines, "malformed completions")
    assert "39: 8 failed, 0 repeated" in line_with(lines, "calls")
    assert "fired on 26" in line_with(lines, "check numbers")
    assert "1,000 prompt, of these 400 cached, 50.0 generated" in line_with(lines, "tokens per item")
    assert "n = 29" in line_with(lines, "right if unchecked")
    assert line_with(lines, "AUROC").split()[2] == "50.0", "it was as sure of each"
    assert line_with(lines, "error", "i039: RuntimeError: [bold]the model")


def test_the_first_mishaps_are_told_and_how_many_more_there_are() -> None:
    header, records = run(10)
    spoilt = [
        *(r.model_copy(update={"score": None, "error": "not judged: ValueError: no"}) for r in records[:7]),
        *records[7:],
    ]
    found = summarize(header.model_copy(update={"problems": tuple(f"a.csv:{n} is empty" for n in range(6))}), spoilt)
    told = list(mishaps(found))
    assert told[0] == ("error", "i000: not judged: ValueError: no")
    assert told[5:] == [
        ("error", "and 3 more"),
        *(("unreadable data", f"a.csv:{n} is empty") for n in range(5)),
        ("unreadable data", "and 1 more"),
    ]
    assert "1 crashed, 7 not judged" in line_with(printed(details(found)), "outcomes")
    assert len(list(mishap_tables([found, summarize(header, records[:-1])]))) == 1


def test_what_a_terminal_would_obey_is_not_printed() -> None:
    hostile = summarize(*run(3, task="\x1b[31mred\u202e[link=x]", model="[bold]m\r\n", strategy="s\x07"))
    for shown in (table([hostile]), details(hostile)):
        text = "\n".join(printed(shown, width=200))
        assert not {c for c in text if not c.isprintable()} - {"\n"}
        assert "[link=x]" in text, "brackets are data, no markup"
    assert "[bold]the model" in "\n".join(printed(details(hostile), width=200))


def test_a_comparison_fits_in_80_columns() -> None:
    lines = printed(comparison_table(comparisons()[:1]))
    assert max(map(len, lines)) <= 80
    assert re.search(r"\+25\.0 \[\+\d+\.\d, \+\d+\.\d\] +0\.002", line_with(lines, "gsm8k, n = 40"))
    assert line_with(lines, "  direct").split()[:2] == ["direct", "25.0"]
    assert line_with(lines, "  agent").split()[:2] == ["agent", "50.0"]


def test_of_several_comparisons_the_p_values_are_adjusted() -> None:
    both = comparisons()
    lines = printed(comparison_table(both), width=120)
    assert "p (Holm)" in lines[1]
    alone = printed(comparison_table(both[1:]), width=120)
    assert "p (Holm)" not in alone[1]
    assert figures.p_value(both[1].p) in line_with(alone, "gsm8k, n = 40")
    assert sum("direct · Smol" in line for line in lines) == 1


def test_the_details_of_a_comparison_say_what_was_tested() -> None:
    lines = printed(comparison_details(comparisons()[0]), width=120)
    assert "both 10, only A 0, only B 10, neither 20" in line_with(lines, "right   ")
    assert "p = 0.002" in line_with(lines, "McNemar, exact")
    assert "29 answers each" in line_with(lines, "wrong answers, %")
    assert "per item each" in line_with(lines, "at equal tokens")


def test_json_holds_everything_and_is_ascii() -> None:
    runs, pairs = summaries(), comparisons()
    text = to_json(runs, pairs)
    assert text.isascii()
    assert "\x1b" not in text
    data = json.loads(text)
    assert [Summary.model_validate(s) for s in data["summaries"]] == runs
    assert [Comparison.model_validate(c) for c in data["comparisons"]] == pairs


@pytest.mark.parametrize(
    ("value", "written"),
    [(0, "0.00"), (0.0021, "0.0021"), (0.0999, "0.10"), (1.5, "1.50"), (99, "99.0"), (1234, "1,234")],
)
def test_amounts_have_the_figures_that_matter(value: float, written: str) -> None:
    assert figures.amount(value) == written


def test_figures_are_written_alike_everywhere() -> None:
    estimate = Estimate(value=0.425, low=0.2851, high=0.5779, n=40, clusters=40, method="Wilson")
    assert figures.interval(estimate) == "42.5 [28.5, 57.8]"
    assert figures.interval(None) == figures.percent(None) == figures.amount(None) == figures.times(None) == "–"
    assert figures.change(0.05, -0.031, 0.129) == "+5.0 [−3.1, +12.9]"
    assert figures.change(-0.0001, None, None) == "0.0"
    assert (figures.p_equals(0.0312), figures.p_equals(0.0001), figures.p_equals(1)) == (
        "p = 0.031",
        "p < 0.001",
        "p = 1.00",
    )
    assert figures.short("x" * 50) == "x" * 35 + "…"
