"""`agentkit chat` with decisions that are fixed, and everything else real."""

import io
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from types import SimpleNamespace, TracebackType
from typing import Any, Self

import pytest

from agentkit.cli.chat import typed
from agentkit.events import Started
from agentkit.trace import read_trace

from .conftest import GIVES_UP, SUM, Cli, Script

Process = Callable[..., "subprocess.CompletedProcess[bytes]"]

NOTHING = ('{"plan":[]}', GIVES_UP)
PROFILE = """
name = "Sum desk"
purpose = "You work out sums."
notice = "Sums only."
tools = ["calculator"]

[[refuse]]
topic = "betting"
say = "No help with bets."
words = ["bet"]
"""


@pytest.fixture
def profile(alone: Path) -> str:
    (alone / "assistant.toml").write_text(PROFILE, encoding="utf-8")
    return "assistant.toml"


def said(process: Process, *arguments: str, lines: Sequence[str]) -> tuple[int, str, str]:
    """The exit code and what is said when these lines come from a pipe."""
    ran = process("chat", *arguments, stdin="".join(f"{line}\n" for line in lines).encode())
    return ran.returncode, ran.stdout.decode(), ran.stderr.decode()


def test_each_line_of_the_input_is_a_question(process: Process, script: Script) -> None:
    code, out, err = said(process, "-m", script(*SUM, *NOTHING), lines=["What is 15% of 80?", "", "Who won?"])
    assert (code, out) == (0, "15% of 80 is 12.\n")
    assert "you Who won?" in err
    assert "✗ abstained" in err


def test_an_assistant_says_who_it_is_and_what_to_notice_and_refuses(
    process: Process, script: Script, profile: str
) -> None:
    code, out, err = said(process, "--assistant", profile, "-m", script(), lines=["What should I bet on?"])
    assert (code, out) == (0, "")
    assert "name Sum desk: You work out sums.\n notice Sums only." in err
    assert "abstained: No help with bets." in err


def test_commands_look_into_the_last_answer(process: Process, script: Script) -> None:
    lines = ["/sources", "/why", "What is 15% of 80?", "/sources", "/why", "/help", "/quit", "Never asked."]
    code, out, err = said(process, "-m", script(*SUM), lines=lines)
    assert code == 0
    before, _, after = out.partition("15% of 80 is 12.\n")
    assert "no answer yet" in before
    assert "nothing yet" in before
    assert "[1] calculator\n        12\n" in after
    assert "plan 1 calculator" in after
    assert "✓ numbers supported [1] “15% of 80 is 12.”" in after
    assert "/save FILE" in after
    assert "Never asked." not in err


def test_an_unknown_command_names_those_there_are(process: Process, script: Script) -> None:
    _, _, err = said(process, "-m", script(), lines=["/sing"])
    assert "there is no /sing; there are: /sources, /why, /save, /save!, /help, /quit" in err


def test_a_conversation_is_saved_replayed_and_checked(
    process: Process, cli: Cli, script: Script, profile: str, alone: Path
) -> None:
    lines = ["/save", "What is 15% of 80?", "A bet?", "Who won?", "/save talk.jsonl", "/save absent/talk.jsonl"]
    code, out, err = said(process, "--assistant", profile, "-m", script(*SUM, *NOTHING), "--steps", "7", lines=lines)
    assert code == 1  # the last file couldn't be written
    assert "say where: /save FILE" in out
    assert "3 questions in talk.jsonl" in out
    assert "can't write absent/talk.jsonl: there is no folder absent" in err
    headers = [event for event in read_trace(alone / "talk.jsonl") if isinstance(event, Started)]
    assert [[turn.task for turn in header.history] for header in headers] == [[], *[["What is 15% of 80?"]] * 2]
    shown = cli("replay", "talk.jsonl")
    assert (shown.code, shown.out.count("model scripted")) == (0, 3)
    assert cli("replay", "talk.jsonl", "--check").out.startswith("identical: ")
    (alone / profile).write_text(PROFILE.replace("work out sums", "sing"), encoding="utf-8")
    changed = cli("replay", "talk.jsonl", "--check")
    assert changed.code == 1
    assert "settings.instructions was" in changed.out


def test_the_chat_goes_on_when_a_file_can_not_be_written(process: Process, script: Script, alone: Path) -> None:
    names = [".", "/", "~nosuch/x", "pipe", "there"]
    os.mkfifo(alone / "pipe")
    (alone / "there").write_text("mine")
    lines = [*(f"/save {name}" for name in names), "What is 15% of 80?", "/save! there"]
    code, out, err = said(process, "-m", script(*SUM), lines=lines)
    assert code == 1
    assert out.startswith("15% of 80 is 12.\n")
    assert "1 question in there" in out
    assert [line.split(" ")[0] for line in err.splitlines() if line.startswith("agentkit:")] == ["agentkit:"] * len(
        names
    )
    assert "Traceback" not in err
    assert (alone / "pipe").is_fifo()


def test_the_sources_of_every_answer_can_be_seen(process: Process, script: Script) -> None:
    lines = ["What is 15% of 80?", "Who won?", "What is 15% of 80?", "/sources all"]
    _, out, _ = said(process, "-m", script(*SUM, *NOTHING, *SUM), lines=lines)
    assert out.count("you What is 15% of 80?\n    [1] calculator\n") == 2


def test_a_failing_model_ends_an_answer_not_the_conversation(process: Process, script: Script) -> None:
    lines = ["What is 15% of 80?", "And now?", "/sources"]
    code, out, err = said(process, "-m", script(*SUM), lines=lines)
    assert code == 1
    assert "the script has 3 replies" in err
    assert "Traceback" not in err
    assert out.endswith("[1] calculator\n        12\n")


@pytest.mark.parametrize("end", ["\n", ""])
def test_a_line_that_is_too_long_is_named_and_left_out_as_a_whole(process: Process, script: Script, end: str) -> None:
    long = "why? " * (2**20 // 5 * 2 + 9)
    ran = process("chat", "-m", script(*SUM), stdin=f"What is 15% of 80?\n{long}{end}".encode())
    assert (ran.returncode, ran.stdout) == (0, b"15% of 80 is 12.\n")
    assert ran.stderr.count(b"note a line of the input is longer than 1,048,576 bytes and is left out") == 1
    assert ran.stderr.count(b"    you ") == 1
    after = process("chat", "-m", script(*SUM), stdin=f"{long}\nWhat is 15% of 80?\n".encode())
    assert (after.returncode, after.stdout) == (0, b"15% of 80 is 12.\n")


def test_a_line_that_is_no_text_is_passed_over(process: Process, script: Script) -> None:
    ran = process("chat", "-m", script(*SUM), stdin=b"\xff\xfe?\nWhat is 15% of 80?")
    assert (ran.returncode, ran.stdout) == (0, b"15% of 80 is 12.\n")
    assert b"not UTF-8 and is left out" in ran.stderr


def test_what_the_profile_says_is_not_said_again(cli: Cli, script: Script, profile: str) -> None:
    ran = cli("chat", "--assistant", profile, "--docs", ".", "-m", script())
    assert ran.code == 2
    assert "says what --docs would; leave it out or edit the profile" in ran.err


@pytest.mark.parametrize(
    ("text", "told"),
    [("name = 3", "assistant.toml: name = 3 should be a valid string"), (PROFILE + "x = 1", "no setting is called")],
)
def test_a_profile_that_is_wrong_is_one_line(cli: Cli, alone: Path, text: str, told: str) -> None:
    (alone / "assistant.toml").write_text(text, encoding="utf-8")
    ran = cli("chat", "--assistant", "assistant.toml")
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert told in ran.err


# At a terminal


class Terminal:
    """A conversation at a terminal of its own."""

    def __init__(self, *arguments: str) -> None:
        self.ours, theirs = pty.openpty()
        command = [sys.executable, "-m", "agentkit", "chat", *arguments]
        # A job in the background of a script ignores SIGINT, and so would all that it starts.
        heeded = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
        self.running = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, preexec_fn=heeded)
        os.close(theirs)
        self.seen = b""
        self.at = 0

    def until(self, text: bytes) -> None:
        """Read until this is shown, behind what was waited for last."""
        while (found := self.seen.find(text, self.at)) < 0:
            ready, _, _ = select.select([self.ours], [], [], 60)
            assert ready, self.seen
            self.seen += os.read(self.ours, 4096)
        self.at = found + len(text)

    def write(self, text: bytes) -> None:
        os.write(self.ours, text)

    def end(self) -> int:
        """Read to the end; the exit code."""
        try:
            while select.select([self.ours], [], [], 60)[0] and (chunk := os.read(self.ours, 4096)):
                self.seen += chunk
        except OSError:  # the terminal is gone with the process
            pass
        return self.running.wait(timeout=30)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.running.kill()
        self.running.wait()
        os.close(self.ours)


def test_earlier_lines_come_back_with_the_arrow_keys(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("readline")
    monkeypatch.setenv("TERM", "xterm")
    with Terminal("-m", script(*NOTHING, *NOTHING)) as terminal:
        terminal.until(b"> ")
        terminal.write(b"Who won?\n")
        terminal.until(b"abstained")
        terminal.until(b"> ")
        terminal.write(b"\x1b[A")
        terminal.until(b"Who won?")
        terminal.write(b"\n")
        terminal.until(b"abstained")
        terminal.until(b"> ")  # before, the terminal itself would take Ctrl-D for its own
        terminal.write(b"\x04")
        assert terminal.end() == 0


@pytest.mark.parametrize("errors", ["strict", "surrogateescape"])
def test_a_typed_line_that_is_no_text_is_passed_over(errors: str, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    screen: Any = SimpleNamespace(notes=said.extend)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"caf\xe9?\nWho won?\n"), "utf-8", errors))
    monkeypatch.setattr(sys, "stdout", io.StringIO())  # no terminal
    assert typed(screen) == ""
    assert said == ["a line of the input is not UTF-8 and is left out"]
    if errors == "surrogateescape":  # else Python throws away what it read with the line
        assert (typed(screen), typed(screen)) == ("Who won?\n", None)


@pytest.mark.usefixtures("plugins")
def test_ctrl_c_stops_the_answer_and_ctrl_d_ends(script: Script) -> None:
    slow = ('{"plan":[{"for":"wait","tool":"slow"}]}', '{"tool":"slow","arguments":{}}')
    with Terminal("-m", script(*slow, *NOTHING), "--tools", "slow") as terminal:
        terminal.until(b"> ")
        terminal.write(b"Wait.\n")
        terminal.until(b"call ")
        terminal.running.send_signal(signal.SIGINT)
        terminal.until(b"stopped; the conversation goes on")
        terminal.until(b"> ")
        terminal.write(b"Who won?\n")
        terminal.until(b"abstained")
        terminal.until(b"> ")
        time.sleep(0.5)  # one that comes between the prompt and readline's waiting counts from the next key on
        terminal.running.send_signal(signal.SIGINT)
        terminal.until(b"/quit or Ctrl-D ends")
        terminal.until(b"> ")
        terminal.write(b"\x04")
        assert terminal.end() == 0
    assert b"Traceback" not in terminal.seen
