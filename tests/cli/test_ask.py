"""`agentkit ask` with decisions that are fixed, and everything else real."""

import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import pytest

from agentkit.events import Finished, Observed
from agentkit.protocol import GIVE_UP
from agentkit.trace import read_trace

from .conftest import GIVES_UP, SUM, Cli, Script

Process = Callable[..., "subprocess.CompletedProcess[bytes]"]

NOTHING = ('{"plan":[]}', GIVES_UP)
LAUNCH = (
    {"plan": [{"for": "leave for good", "tool": "launch"}]},
    {"tool": "launch", "arguments": {"target": "moon"}},
    GIVES_UP,
)


def test_the_answer_alone_is_the_output(cli: Cli, script: Script) -> None:
    ran = cli("ask", "What is 15% of 80?", "--model", script(*SUM))
    assert (ran.code, ran.out) == (0, "15% of 80 is 12.\n")
    assert "call calculator  15% of 80" in ran.err
    assert "✓ supported" in ran.err


def test_quiet_says_nothing_else(cli: Cli, script: Script) -> None:
    assert cli("ask", "-q", "What is 15% of 80?", "-m", script(*SUM)) == (0, "15% of 80 is 12.\n", "")


def test_json_prints_the_whole_answer_as_one_object(cli: Cli, script: Script) -> None:
    ran = cli("ask", "--json", "What is 15% of 80?", "-m", script(*SUM))
    answer = json.loads(ran.out)
    assert (ran.code, answer["status"], answer["text"]) == (0, "supported", "15% of 80 is 12.")
    assert answer["evidence"][0]["text"] == "12"
    assert "call calculator" in ran.err
    assert "15% of 80 is 12." not in ran.err


@pytest.mark.parametrize("arguments", [(), ("-",)])
def test_the_task_can_come_from_the_input(process: Process, script: Script, arguments: Sequence[str]) -> None:
    ran = process("ask", *arguments, "-m", script(*SUM), stdin=b"What is 15% of 80?\n")
    assert (ran.returncode, ran.stdout) == (0, b"15% of 80 is 12.\n")


def test_a_run_without_an_answer_is_exit_code_1_and_says_why(cli: Cli, script: Script) -> None:
    ran = cli("ask", "Who won?", "-m", script(*NOTHING))
    assert (ran.code, ran.out) == (1, "")
    assert f"abstained: {GIVE_UP[0]}" in ran.err
    ran = cli("ask", "Who won?", "-q", "-m", script(*NOTHING))
    assert ran == (1, "", f"agentkit: no answer: abstained: {GIVE_UP[0]}\n")
    ran = cli("ask", "Who won?", "--json", "-m", script(*NOTHING))
    assert (ran.code, json.loads(ran.out)["status"]) == (1, "abstained")


def test_several_draws_end_once_it_is_decided_and_all_are_in_the_trace(cli: Cli, script: Script, alone: Path) -> None:
    ran = cli("ask", "What is 15% of 80?", "-m", script(*SUM * 2), "--draws", "3", "--trace", "runs.jsonl")
    assert (ran.code, ran.out) == (0, "15% of 80 is 12.\n")
    assert "✓ supported; 2 of 2 runs say so" in ran.err
    assert sum(isinstance(event, Finished) for event in read_trace(alone / "runs.jsonl")) == 2
    assert cli("replay", "--check", "runs.jsonl").code == 0


@pytest.mark.parametrize(
    ("draws", "told"),
    [("0", "draws is 0 but must be 1 to 64"), ("many", "--draws is 'many'; give a whole number")],
)
def test_draws_that_cannot_be_are_refused(cli: Cli, script: Script, draws: str, told: str) -> None:
    ran = cli("ask", "What is 15% of 80?", "-m", script(*SUM), "--draws", draws)
    assert (ran.code, ran.out) == (2, "")
    assert told in ran.err


def test_a_limit_of_steps_ends_the_run(cli: Cli, script: Script) -> None:
    ran = cli("ask", "What is 15% of 80?", "-m", script(*SUM), "--steps", "2")
    assert ran.code == 1
    assert "exhausted: the limit of 2 steps" in ran.err


def test_an_unchecked_answer_is_withheld_unless_it_was_asked_for(cli: Cli, script: Script) -> None:
    replies = ('{"plan":[]}', '{"answer":{"evidence":[],"text":"Blue is nice."}}')
    ran = cli("ask", "Which colour?", "-m", script(*replies))
    assert (ran.code, ran.out) == (1, "")
    assert "✗ unchecked: " in ran.err
    ran = cli("ask", "Which colour?", "-m", script(*replies), "--unchecked")
    assert (ran.code, ran.out) == (0, "Blue is nice.\n")
    assert "✗ unchecked: " in ran.err


def test_a_failed_draft_never_reaches_the_screen(cli: Cli, script: Script) -> None:
    wrong = {"answer": {"evidence": [1], "text": "15% of 80 is 13."}}
    ran = cli("ask", "What is 15% of 80?", "-m", script(*SUM[:2], wrong, SUM[2]))
    assert (ran.code, ran.out) == (0, "15% of 80 is 12.\n")
    assert "✗ numbers" in ran.err
    assert "is 13." not in ran.err


def test_only_the_named_tools_are_used(cli: Cli, script: Script, alone: Path) -> None:
    cli("ask", "x", "-m", script(*NOTHING), "--tools", " python , calculator,", "--trace", "t.jsonl")
    assert json.loads((alone / "t.jsonl").read_text().splitlines()[0])["tools"] == ["python", "calculator"]
    answer = '{"answer":{"evidence":[],"text":"Fine."}}'
    ran = cli("ask", "x", "-m", script(answer), "--tools", "", "--unchecked")
    assert ran.out == "Fine.\n"


def test_settings_of_file_and_environment_reach_the_run(
    cli: Cli, script: Script, alone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (alone / "agentkit.toml").write_text('seed = 3\n[limits]\nsteps = 9\n[tools.python]\ntier = "monty"\n')
    monkeypatch.setenv("AGENTKIT_LIMITS_STEPS", "8")
    monkeypatch.setenv("AGENTKIT_MODEL", script(*SUM))
    assert cli("ask", "What is 15% of 80?", "--trace", "t.jsonl", "--seconds", "20").code == 0
    header = json.loads((alone / "t.jsonl").read_text().splitlines()[0])
    assert (header["seed"], header["settings"]["limits"]["steps"], header["settings"]["limits"]["seconds"]) == (
        3,
        8,
        20,
    )
    assert header["settings"]["tools"] == {"python": {"tier": "monty"}}


# Calls that act on the world


def test_a_call_that_acts_on_the_world_is_refused_where_nobody_can_be_asked(
    cli: Cli, script: Script, alone: Path, plugins: Sequence[str]
) -> None:
    ran = cli("ask", "Launch.", "-m", script(*LAUNCH), "--tools", "launch")
    assert ran.code == 1
    assert "nobody can be asked: refused; --yes approves" in ran.err
    assert not (alone / "launched.txt").exists()


def test_yes_approves_such_calls(cli: Cli, script: Script, alone: Path, plugins: Sequence[str]) -> None:
    ran = cli("ask", "Launch.", "-m", script(*LAUNCH), "--tools", "launch", "--yes")
    assert "launched moon" in ran.err
    assert (alone / "launched.txt").read_text() == "moon"


@pytest.mark.parametrize(("typed", "launched"), [(b"y\n", True), (b"no\n", False), (b"\x04", False)])
def test_on_a_terminal_the_user_is_asked(
    script: Script, alone: Path, plugins: Sequence[str], typed: bytes, launched: bool
) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "agentkit", "ask", "Launch.", "-m", script(*LAUNCH), "--tools", "launch"]
    running = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    seen = b""
    while b"Let it? [y/N]" not in seen:
        seen += os.read(ours, 4096)
    os.write(ours, typed)
    try:
        while chunk := os.read(ours, 4096):
            seen += chunk
    except OSError:  # the terminal is gone with the process
        pass
    os.close(ours)
    assert running.wait(timeout=30) == 1
    assert b"launch acts on the world" in seen
    assert (alone / "launched.txt").exists() == launched


# Traces


def test_a_trace_holds_every_event(cli: Cli, script: Script, alone: Path) -> None:
    cli("ask", "What is 15% of 80?", "-m", script(*SUM), "--trace", "t.jsonl")
    events = read_trace(alone / "t.jsonl")
    assert isinstance(events[-1], Finished)
    assert [e.evidence[0].text for e in events if isinstance(e, Observed)] == ["12"]


def test_a_run_that_breaks_off_keeps_what_it_had(cli: Cli, script: Script, alone: Path) -> None:
    ran = cli("ask", "What is 15% of 80?", "-m", script(*SUM[:2]), "--trace", "t.jsonl")
    assert ran.code == 2
    assert "agentkit: partial trace in t.jsonl; show it: agentkit replay t.jsonl" in ran.err
    assert "agentkit: the script has 2 replies but reply 3 was asked for" in ran.err
    assert isinstance(read_trace(alone / "t.jsonl")[-2], Observed)


def test_without_a_trace_file_it_is_kept_in_the_users_state_folder(cli: Cli, script: Script, tmp_path: Path) -> None:
    ran = cli("ask", "What is 15% of 80?", "-m", script(*SUM[:2]))
    [kept] = (tmp_path / "xdg_state_home" / "agentkit").iterdir()
    assert f"partial trace in {kept}" in ran.err
    assert isinstance(read_trace(kept)[-2], Observed)
    assert kept.stat().st_mode & 0o077 == 0


def test_where_that_folder_cannot_be_had_it_is_kept_in_the_systems(
    cli: Cli, script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    ran = cli("ask", "What is 15% of 80?", "-m", script(*SUM[:2]))
    [kept] = tmp_path.glob("agentkit-interrupted-*.jsonl")
    assert f"partial trace in {kept}" in ran.err


# Ctrl-C


def interrupted(*arguments: str, trace: Path, until: str) -> tuple[int, bytes, bytes, float]:
    """Run `ask`, press Ctrl-C once the trace holds a word, and say how it ended and how long that took."""
    command = [sys.executable, "-m", "agentkit", "ask", *arguments, "--trace", str(trace)]
    # A job in the background of a script ignores SIGINT, and so would all that it starts.
    heeded = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=heeded)
    deadline = time.monotonic() + 60
    while not (trace.exists() and until in trace.read_text()):
        assert running.poll() is None, running.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    running.send_signal(signal.SIGINT)
    pressed = time.monotonic()
    out, err = running.communicate(timeout=30)
    return running.returncode, out, err, time.monotonic() - pressed


def test_ctrl_c_ends_a_call_and_keeps_the_trace(script: Script, alone: Path, plugins: Sequence[str]) -> None:
    slow = ({"plan": [{"for": "wait a while", "tool": "slow"}]}, '{"tool":"slow","arguments":{}}')
    trace = alone / "t.jsonl"
    code, out, err, took = interrupted("x", "-m", script(*slow), "--tools", "slow", trace=trace, until='"called"')
    assert (code, out) == (130, b"")
    assert err.decode().splitlines()[-2:] == [
        f"agentkit: partial trace in {trace}; show it: agentkit replay {trace}",
        "agentkit: interrupted",
    ]
    assert read_trace(trace)[-1].event == "called"
    assert took < 10  # the call would take 30


@pytest.mark.model
def test_ctrl_c_ends_a_generation(alone: Path, weights: Path) -> None:
    task = "Write down the numbers from one to one thousand in words."
    code, out, err, _ = interrupted(task, "-m", str(weights), trace=alone / "t.jsonl", until='"asked"')
    assert (code, out) == (130, b"")
    assert err.endswith(b"agentkit: interrupted\n")
    assert b"Traceback" not in err
    assert read_trace(alone / "t.jsonl")[-1].event in ("asked", "called", "decided", "planned", "observed")


# A real model


@pytest.mark.model
def test_a_real_model_runs_to_its_end_and_the_run_can_be_repeated(
    cli: Cli, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGENTKIT_LIMITS_DECISION_TOKENS", "40")
    sum_ = ("What is 15% of 80?", "--tools", "calculator", "--steps", "4")
    ran = cli("ask", *sum_, "-m", str(weights), "--trace", "t.jsonl")
    assert ran.code in (0, 1)  # what the smallest model makes of it is measured elsewhere
    assert "tokens/s" in ran.err
    ran = cli("replay", "t.jsonl", "--check")
    assert ran.code == 0
    assert ran.out.startswith("identical: ")
