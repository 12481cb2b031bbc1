"""`agentkit replay` shows a recorded run, and runs it again."""

import json
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from .conftest import GIVES_UP, SUM, Cli, Script


@pytest.fixture
def trace(cli: Cli, script: Script, alone: Path) -> Path:
    assert cli("ask", "What is 15% of 80?", "-m", script(*SUM), "--trace", "t.jsonl").code == 0
    return alone / "t.jsonl"


def changed(trace: Path, before: str, after: str) -> None:
    text = trace.read_text()
    assert before in text
    trace.write_text(text.replace(before, after))


def test_it_looks_as_it_did_live_with_the_task(cli: Cli, script: Script, trace: Path) -> None:
    ran = cli("ask", "What is 15% of 80?", "-m", script(*SUM), "--trace", "t.jsonl")
    live = ran.err.splitlines()
    ran = cli("replay", "t.jsonl")
    assert (ran.code, ran.err) == (0, "")
    shown = ran.out.splitlines()
    assert "   task What is 15% of 80?" in shown
    assert "15% of 80 is 12." in shown
    assert [line for line in live if line] == [
        line for line in shown if line and line not in ("   task What is 15% of 80?", "15% of 80 is 12.")
    ]


def test_an_interrupted_trace_is_shown_as_far_as_it_goes(cli: Cli, trace: Path) -> None:
    lines = trace.read_text().splitlines()
    trace.write_text("\n".join([*lines[:6], lines[6][:30]]))
    ran = cli("replay", "t.jsonl")
    assert ran.code == 0
    assert ran.out.splitlines()[-1].endswith("the trace ends here: the run was interrupted")
    ran = cli("replay", "t.jsonl", "--check")
    assert ran == (0, "identical: 6 events; the trace ends early: the run was interrupted\n", "")


def test_check_runs_it_again(cli: Cli, trace: Path) -> None:
    events = len(trace.read_text().splitlines())
    assert cli("replay", "t.jsonl", "--check") == (0, f"identical: {events} events\n", "")


def test_check_stops_at_the_first_difference(cli: Cli, trace: Path) -> None:
    changed(trace, '"text":"12"', '"text":"13"')
    ran = cli("replay", "t.jsonl", "--check")
    assert ran.code == 1
    assert re.fullmatch(r'event \d \(observed\): evidence\.0\.text was "13", is now "12"\n', ran.out)


def test_check_takes_tools_and_settings_from_the_trace(cli: Cli, script: Script, alone: Path) -> None:
    (alone / "agentkit.toml").write_text("[tools.python]\nseconds = 0.2\n")
    loop = ('{"plan":[]}', {"tool": "python", "arguments": {"code": "while True: pass"}}, GIVES_UP)
    assert cli("ask", "x", "-m", script(*loop), "--trace", "t.jsonl", "--seconds", "50").code == 1
    (alone / "agentkit.toml").unlink()
    ran = cli("replay", "t.jsonl", "--check")
    assert (ran.code, ran.err) == (0, "")


def test_check_does_not_act_on_the_world_again(cli: Cli, script: Script, alone: Path, plugins: Sequence[str]) -> None:
    replies = ('{"plan":[]}', {"tool": "launch", "arguments": {"target": "moon"}}, GIVES_UP)
    cli("ask", "Launch.", "-m", script(*replies), "--tools", "launch", "--yes", "--trace", "t.jsonl")
    assert cli("replay", "t.jsonl", "--check").code == 0
    assert (alone / "launched.txt").read_text() == "moon"


def test_a_trace_whose_tools_are_not_here_cannot_be_checked(cli: Cli, trace: Path) -> None:
    changed(trace, '"tools":["calculator","python"]', '"tools":["calculator","magic"]')
    ran = cli("replay", "t.jsonl", "--check")
    assert (ran.code, ran.out) == (2, "")
    assert "no tool named 'magic'" in ran.err


def test_a_trace_whose_header_says_too_little_cannot_be_checked(cli: Cli, trace: Path) -> None:
    header, *rest = trace.read_text().splitlines()
    trace.write_text("\n".join([json.dumps({**json.loads(header), "settings": {}}), *rest]))
    ran = cli("replay", "t.jsonl", "--check")
    assert (ran.code, ran.err) == (
        2,
        "agentkit: the trace's header doesn't say 'limits', so it can't be run again\n",
    )
    trace.write_text("\n".join([json.dumps({**json.loads(header), "settings": {"limits": {"steps": 0}}}), *rest]))
    assert "the trace's header can't be read: steps: " in cli("replay", "t.jsonl", "--check").err


@pytest.mark.model
def test_check_searches_the_documents_again(
    cli: Cli, script: Script, alone: Path, tmp_path: Path, embedder: Path
) -> None:
    (tmp_path / "cache" / "models").mkdir(parents=True)
    (tmp_path / "cache" / "models" / embedder.name).symlink_to(embedder)
    (alone / "docs").mkdir()
    (alone / "docs" / "fees.md").write_text("# Fees\n\nThe entrance fee is 12 euros.\n")
    replies = (
        '{"plan":[]}',
        {"tool": "retrieval", "arguments": {"query": "entrance fee"}},
        {"answer": {"evidence": [1], "text": "The entrance fee is 12 euros."}},
    )
    ran = cli("ask", "What is the entrance fee?", "-m", script(*replies), "--docs", "docs", "--trace", "t.jsonl")
    assert (ran.code, ran.out) == (0, "The entrance fee is 12 euros.\n")
    assert cli("replay", "t.jsonl", "--check").code == 0
    (alone / "docs" / "fees.md").write_text("# Fees\n\nThe entrance fee is 14 euros.\n")
    ran = cli("replay", "t.jsonl", "--check")
    assert ran.code == 1
    assert "14 euros" in ran.out
