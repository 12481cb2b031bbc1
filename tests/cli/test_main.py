"""The front of the command line."""

import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest

from .conftest import Cli

HEAVY = ("pydantic", "httpx", "torch", "chromadb", "numpy", "xllamacpp", "llguidance", "pydantic_monty", "pint")


def test_the_version_is_the_packages(cli: Cli) -> None:
    assert cli("--version") == (0, f"agentkit {version('agentkit')}\n", "")


@pytest.mark.parametrize("arguments", [(), ("--help",), ("-h",)])
def test_the_help_names_every_verb(cli: Cli, arguments: tuple[str, ...]) -> None:
    ran = cli(*arguments)
    assert ran.code == 0
    for verb in ("ask", "tool", "replay", "models", "doctor"):
        assert verb in ran.out


@pytest.mark.parametrize("verb", ["ask", "tool", "replay", "models", "doctor"])
def test_every_verb_has_help_that_fits_the_terminal(cli: Cli, verb: str) -> None:
    ran = cli(verb, "--help")
    assert ran.code == 0
    assert all(len(line) <= 100 for line in ran.out.splitlines())


def test_the_help_shows_examples_on_lines_of_their_own(cli: Cli) -> None:
    lines = [line.strip() for line in cli("ask", "--help").out.splitlines()]
    assert 'agentkit ask "What is 15% of 80?"' in lines


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from agentkit.cli import main; main(['--help']); "
        f"print(sorted(set(sys.modules) & {set(HEAVY)!r}), file=sys.stderr)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, timeout=60)
    assert ran.stderr.decode().strip() == "[]"


def test_the_module_and_the_script_are_the_same(process: Callable[..., "subprocess.CompletedProcess[bytes]"]) -> None:
    script = Path(sys.executable).with_name("agentkit")
    ran = subprocess.run([script, "--version"], capture_output=True, check=False, timeout=60)
    assert (ran.returncode, ran.stdout) == (0, process("--version").stdout)


def test_characters_that_the_terminal_lacks_are_replaced(alone: Path) -> None:
    (alone / "s.txt").write_text('{"answer":{"evidence":[],"text":"Café ✓"}}', encoding="utf-8")
    command = [sys.executable, "-m", "agentkit", "ask", "-q", "x", "-m", "scripted:s.txt", "--tools", "", "--unchecked"]
    environment = {"PYTHONIOENCODING": "ascii", "PATH": "", "HOME": str(alone)}
    ran = subprocess.run(command, capture_output=True, env=environment, check=False, timeout=60)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, b"Caf? ?\n", b"")
