"""Whatever a user gets wrong ends in one line and exit code 2, never in a traceback."""

import json
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from agentkit.cli import opening

from .conftest import GIVES_UP, SUM, Cli, Ran, Script

Process = Callable[..., "subprocess.CompletedProcess[bytes]"]


def complaint(ran: Ran) -> str:
    """The one line that was said, if that is all that was."""
    assert (ran.code, ran.out) == (2, "")
    assert re.fullmatch(r"agentkit: [^\n]+\n", ran.err), ran.err
    return ran.err


# Models


def test_no_such_model(cli: Cli) -> None:
    assert "no model named 'gpt-9'; there are: smollm2-135m," in complaint(cli("ask", "x", "-m", "gpt-9"))


def test_a_model_that_was_not_pulled(cli: Cli) -> None:
    assert "agentkit models pull smollm2-135m" in complaint(cli("ask", "x", "-m", "smollm2-135m"))


def test_a_file_that_is_no_gguf(cli: Cli, alone: Path) -> None:
    (alone / "text.gguf").write_text("hello")
    assert "text.gguf isn't a GGUF file" in complaint(cli("ask", "x", "-m", "text.gguf"))


def test_a_corrupt_gguf(process: Process, alone: Path) -> None:
    (alone / "bad.gguf").write_bytes(b"GGUF\x03\0\0\0" + b"garbage" * 100)
    ran = process("ask", "x", "-m", "bad.gguf")
    assert "bad.gguf can't be loaded" in complaint(Ran(ran.returncode, ran.stdout.decode(), ran.stderr.decode()))


def test_a_script_that_is_not_there(cli: Cli) -> None:
    assert "can't read the script s.txt: No such file" in complaint(cli("ask", "x", "-m", "scripted:s.txt"))


def test_a_reply_that_no_grammar_admits(cli: Cli, script: Script) -> None:
    ran = cli("ask", "x", "-m", script("nonsense"))
    assert ran.code == 2
    assert ran.err.endswith("pass lenient=True to test malformed output\n")


def test_an_endpoint_without_a_model(cli: Cli) -> None:
    assert "must name a host and a model" in complaint(cli("ask", "x", "-m", "http://localhost:1/v1"))


@pytest.fixture
def dropping() -> Iterator[str]:
    """An endpoint that closes every connection."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        try:
            while True:
                server.accept()[0].close()
        except OSError:
            return

    threading.Thread(target=serve, daemon=True).start()
    yield f"http://127.0.0.1:{server.getsockname()[1]}/v1#model"
    server.close()


def test_an_endpoint_that_drops_the_connection(cli: Cli, dropping: str) -> None:
    ran = cli("ask", "x", "-m", dropping)
    assert (ran.code, ran.out) == (2, "")
    assert "dropped the connection" in ran.err.splitlines()[-1]
    assert "Traceback" not in ran.err


@pytest.mark.model
def test_a_task_that_overflows_the_context(process: Process, weights: Path) -> None:
    task = b"word " * 20_000
    ran = process("ask", "-q", "-m", str(weights), stdin=task)
    said = complaint(Ran(ran.returncode, ran.stdout.decode(), ran.stderr.decode()))
    assert re.search(r"needs \d+ tokens but the model's context holds \d+; shorten the task", said)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://models.invalid/v1#model", "task and evidence go to models.invalid (model from "),
        ("http://127.0.0.1:8000/v1#model", ""),
        ("http://localhost/v1#model", ""),
        ("http://[models/v1#model", ""),
        ("smollm2-135m", ""),
    ],
)
def test_an_endpoint_elsewhere_is_announced_with_who_named_it(alone: Path, url: str, said: str) -> None:
    (alone / "agentkit.toml").write_text(f'model = "{url}"\n')
    told = opening.leaving(opening.load_settings())
    assert told == ([f"{said}{alone / 'agentkit.toml'})"] if said else [])


# Documents


def test_documents_that_are_not_there(cli: Cli, script: Script) -> None:
    assert "there is no folder docs" in complaint(cli("ask", "x", "-m", script(*SUM), "--docs", "docs"))


def test_documents_without_an_embedder(cli: Cli, script: Script, alone: Path) -> None:
    (alone / "docs").mkdir()
    said = complaint(cli("ask", "x", "-m", script(*SUM), "--docs", "docs"))
    assert "agentkit models pull all-minilm-l6-v2" in said


def test_retrieval_without_documents(cli: Cli, script: Script) -> None:
    assert "--docs DIR" in complaint(cli("ask", "x", "-m", script(*SUM), "--tools", "retrieval"))


@pytest.fixture
def cache(tmp_path: Path, embedder: Path) -> None:
    """A cache with the embedder in it."""
    (tmp_path / "cache" / "models").mkdir(parents=True)
    (tmp_path / "cache" / "models" / embedder.name).symlink_to(embedder)


@pytest.mark.model
@pytest.mark.usefixtures("cache")
def test_an_empty_folder_of_documents(cli: Cli, script: Script, alone: Path) -> None:
    (alone / "docs").mkdir()
    assert "no documents in 'docs'" in complaint(cli("ask", "x", "-m", script(*SUM), "--docs", "docs"))


@pytest.mark.model
@pytest.mark.usefixtures("cache")
def test_a_folder_of_binary_files(cli: Cli, script: Script, alone: Path) -> None:
    (alone / "docs").mkdir()
    (alone / "docs" / "a.md").write_bytes(bytes(range(256)) * 20)
    assert "a.md is binary" in complaint(cli("ask", "x", "-m", script(*SUM), "--docs", "docs"))


@pytest.mark.model
@pytest.mark.usefixtures("cache")
def test_one_binary_file_among_documents_is_left_out_and_said_so(cli: Cli, script: Script, alone: Path) -> None:
    (alone / "docs").mkdir()
    (alone / "docs" / "a.md").write_bytes(bytes(range(256)) * 20)
    (alone / "docs" / "b.md").write_text("The fee is 15% of the price.")
    ran = cli("ask", "What is 15% of 80?", "-m", script(*SUM), "--docs", "docs")
    assert ran.code == 0
    assert "note a.md is left out: is binary" in ran.err


# Tools


def test_an_unknown_tool(cli: Cli, script: Script) -> None:
    said = complaint(cli("ask", "x", "-m", script(*SUM), "--tools", "calculator,magic"))
    assert "no tool named 'magic'; there are: calculator, python, retrieval" in said


@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        ("broken", {"text": "me"}, "✗ broken: RuntimeError: bad luck with me and more"),
        ("hanging", {}, "✗ hanging took longer than 0.2 s"),
    ],
)
@pytest.mark.usefixtures("plugins")
def test_a_tool_that_fails_or_hangs_does_not_end_the_run(
    cli: Cli, script: Script, tool: str, arguments: dict[str, str], said: str
) -> None:
    model = script({"plan": [{"for": "try it", "tool": tool}]}, {"tool": tool, "arguments": arguments}, GIVES_UP)
    ran = cli("ask", "x", "-m", model, "--tools", tool)
    assert ran.code == 1
    assert said in ran.err
    assert "✗ abstained: " in ran.err


# Tasks, limits, traces


@pytest.mark.parametrize("task", ["", "  \n "])
def test_an_empty_task(cli: Cli, task: str) -> None:
    assert "the task is empty" in complaint(cli("ask", task))


def test_no_task_at_all(process: Process) -> None:
    ran = process("ask", "-")
    assert "the task is empty" in complaint(Ran(ran.returncode, ran.stdout.decode(), ran.stderr.decode()))


@pytest.mark.parametrize(
    ("stdin", "said"),
    [(b"caf\xe9", "not UTF-8 (byte 3)"), (b"x" * ((1 << 20) + 1), "longer than 1,048,576 bytes")],
)
def test_an_input_that_is_no_task(process: Process, stdin: bytes, said: str) -> None:
    ran = process("ask", stdin=stdin)
    assert said in complaint(Ran(ran.returncode, ran.stdout.decode(), ran.stderr.decode()))


def test_an_argument_that_is_not_utf8(cli: Cli) -> None:
    assert "not UTF-8 at character 4" in complaint(cli("ask", "caf\udce9"))


@pytest.mark.parametrize(
    ("flag", "value", "said"),
    [
        ("--steps", "0", "--steps 0 should be greater than or equal to 1"),
        ("--seconds", "0", "--seconds 0 should be greater than 0"),
        ("--seed", "-1", "--seed -1 should be greater than or equal to 0"),
        ("--steps", "many", "--steps='many': should be a valid integer"),
    ],
)
def test_limits_that_make_no_sense(cli: Cli, flag: str, value: str, said: str) -> None:
    assert said in complaint(cli("ask", "x", flag, value))


def test_settings_that_make_no_sense(cli: Cli, alone: Path) -> None:
    (alone / "agentkit.toml").write_text("[tools.magic]\nx = 1\n")
    assert "no tool named 'magic'" in complaint(cli("ask", "x"))
    (alone / "agentkit.toml").write_text("[tools.python]\nx = 1\n")
    assert "tool 'python' has no setting 'x'; there are: " in complaint(cli("ask", "x"))
    (alone / "agentkit.toml").write_text('checks = ["magic"]\n')
    assert "no check named 'magic'" in complaint(cli("ask", "x", "-m", "http://localhost:1/v1#x"))


@pytest.mark.parametrize("path", ["nowhere/t.jsonl", "."])
def test_a_trace_that_cannot_be_written(cli: Cli, script: Script, path: str) -> None:
    assert f"can't write the trace {path}" in complaint(cli("ask", "x", "-m", script(*SUM), "--trace", path))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "it has no 'started' line"),
        ("{}\n", "t.jsonl:1 is not an event"),
        ("hello\nyou\n", "t.jsonl:1 is not an event"),
        ('{"event":"planned","steps":[]}\n', "it has no 'started' line"),
    ],
)
def test_a_trace_that_is_damaged(cli: Cli, alone: Path, text: str, said: str) -> None:
    (alone / "t.jsonl").write_text(text)
    assert said in complaint(cli("replay", "t.jsonl"))
    assert said in complaint(cli("replay", "t.jsonl", "--check"))


def test_a_trace_that_is_not_there(cli: Cli) -> None:
    assert "can't read the trace t.jsonl" in complaint(cli("replay", "t.jsonl"))


def test_a_trace_of_a_later_version(cli: Cli, script: Script, alone: Path) -> None:
    cli("ask", "What is 15% of 80?", "-m", script(*SUM), "--trace", "t.jsonl")
    first, *rest = (alone / "t.jsonl").read_text().splitlines()
    (alone / "t.jsonl").write_text("\n".join([json.dumps({**json.loads(first), "trace": 99}), *rest]))
    assert "is a trace of version 99" in complaint(cli("replay", "t.jsonl"))


# The command line itself


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("ask", "x", "--stepz", "3"), "Try: agentkit ask --help"),
        (("magic",), "Try: agentkit --help"),
        (("replay",), "Try: agentkit replay --help"),
        (("ask", "x", "y"), "Try: agentkit ask --help"),
    ],
)
def test_a_command_that_does_not_exist_points_to_the_help(cli: Cli, arguments: Sequence[str], said: str) -> None:
    assert said in complaint(cli(*arguments))


def test_a_reader_that_goes_away_is_no_error(script: Script) -> None:
    command = [sys.executable, "-m", "agentkit", "ask", "-q", "What is 15% of 80?", "-m", script(*SUM)]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert running.stdout
    running.stdout.close()
    assert running.stderr
    assert running.stderr.read() == b""
    running.stderr.close()
    assert running.wait(timeout=30) == 1


def test_an_output_that_cannot_be_written_is_told(script: Script) -> None:
    command = [sys.executable, "-m", "agentkit", "ask", "-q", "What is 15% of 80?", "-m", script(*SUM)]
    with Path("/dev/full").open("wb") as full:
        ran = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, timeout=60, check=False)
    assert (ran.returncode, ran.stderr) == (2, b"agentkit: the output can't be written: No space left on device\n")


def test_a_closed_input_and_output_are_no_crash(script: Script) -> None:
    command = f"{sys.executable} -m agentkit ask -q 'What is 15% of 80?' -m {script(*SUM)} <&- >&-"
    ran = subprocess.run(["sh", "-c", command], stderr=subprocess.PIPE, timeout=60, check=False)
    assert (ran.returncode, ran.stderr) == (0, b"")
