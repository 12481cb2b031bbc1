"""A command line of one's own: an empty working folder, no settings but those of the test, plugins."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from agentkit import grammars
from agentkit.cli import main
from agentkit.models import catalog


class Ran(NamedTuple):
    """What came of one command."""

    code: int
    out: str
    err: str


Cli = Callable[..., Ran]
Script = Callable[..., str]

QUESTIONS = [f"What is {n} + {n}?" for n in range(1, 5)]
"""What `evaluated` evaluates."""

SUM = (
    {"plan": [{"for": "take the share", "tool": "calculator"}]},
    {"tool": "calculator", "arguments": {"expression": "15% of 80"}},
    {"answer": {"evidence": [1], "text": "15% of 80 is 12."}},
)
"""What a model writes that takes 15% of 80."""

GIVES_UP = {"give_up": {"reason": grammars.GIVE_UP[0]}}
"""What a model writes that stops without an answer."""

PLUGIN = '''
import time
from agentkit.tools import tool

@tool
def broken(text: str) -> str:
    """Raises."""
    raise RuntimeError(f"bad luck with {text}\\nand more")

@tool(timeout=0.2)
def hanging() -> str:
    """Never ends."""
    time.sleep(60)
    return ""

@tool(timeout=30)
def slow() -> str:
    """Takes its time."""
    time.sleep(30)
    return ""

@tool(approval=True)
def launch(target: str) -> str:
    """Acts on the world."""
    with open("launched.txt", "a") as file:
        file.write(target)
    return f"launched {target}"

@tool
def several(count: int, names: list[str], loud: bool = False) -> str:
    """Takes several arguments."""
    return repr((count, names, loud))

@tool
def rude() -> str:
    """Returns what a terminal would obey."""
    return "\\x1b]0;title\\x07\\x1b[31mred\\x1b[0m\\u202e\\x9b2J [bold]text[/bold]"
'''


@pytest.fixture(scope="session")
def weights() -> Path:
    """The smallest real model."""
    path = catalog.locate("smollm2-135m")
    if path is None:
        pytest.skip("no model on this machine: run `agentkit models pull smollm2-135m`")
    return path


@pytest.fixture(scope="session")
def embedder() -> Path:
    """A real embedder."""
    path = catalog.locate(catalog.EMBEDDER)
    if path is None:
        pytest.skip(f"no embedder on this machine: run `agentkit models pull {catalog.EMBEDDER}`")
    return path


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, out of reach of the user's settings, models and files."""
    for name in [name for name in os.environ if name.startswith("AGENTKIT_")]:
        monkeypatch.delenv(name)
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("AGENTKIT_CACHE", str(tmp_path / "cache"))
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return work


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    """Runs a command in this process."""

    def run(*arguments: str) -> Ran:
        capsys.readouterr()
        code = main(arguments)
        told = capsys.readouterr()
        return Ran(code, told.out, told.err)

    return run


@pytest.fixture
def process() -> Callable[..., subprocess.CompletedProcess[bytes]]:
    """Runs a command in a process of its own."""

    def run(*arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-m", "agentkit", *arguments]
        return subprocess.run(command, input=stdin, capture_output=True, timeout=60, check=False)

    return run


@pytest.fixture
def script(alone: Path) -> Script:
    """Writes a script and returns the model that plays it."""

    def write(*replies: object, name: str = "script.txt") -> str:
        lines = [r if isinstance(r, str) else json.dumps(r, separators=(",", ":"), ensure_ascii=False) for r in replies]
        (alone / name).write_text("\n".join(lines), encoding="utf-8")
        return f"scripted:{name}"

    return write


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sequence[str]:
    """Installs the tools of `PLUGIN`, as any package would."""
    names = ["broken", "hanging", "slow", "launch", "several", "rude"]
    site = tmp_path / "site"
    info = site / "cli_test_tools-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "cli_test_tools.py").write_text(PLUGIN)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: cli-test-tools\nVersion: 1.0\n")
    points = "\n".join(f"{name} = cli_test_tools:{name}" for name in names)
    (info / "entry_points.txt").write_text(f"[agentkit.tools]\n{points}\nabsent = cli_test_tools_absent:tool\n")
    monkeypatch.setattr(sys, "path", [str(site), *sys.path])
    monkeypatch.setenv("PYTHONPATH", str(site) + os.pathsep + os.environ.get("PYTHONPATH", ""))
    return names


@pytest.fixture
def questions(alone: Path) -> str:
    """A file with four sums, in columns of the user's naming."""
    lines = [f"{question},{2 * n}" for n, question in enumerate(QUESTIONS, start=1)]
    (alone / "sums.csv").write_text("\n".join(["Frage,Antwort", *lines]) + "\n", encoding="utf-8")
    return "sums.csv"


@pytest.fixture
def evaluated(cli: Cli, script: Script, questions: str) -> Callable[..., Any]:
    """Runs `agentkit evaluate` on the questions with replies in the order that the items are drawn in."""

    def run(*arguments: str, replies: Sequence[Any] | None = None) -> Any:
        model = script(*(ordered() if replies is None else replies))
        return cli("evaluate", questions, "--question", "Frage", "--answer", "Antwort", "-m", model, *arguments)

    return run


def ordered(wrong: int = 0) -> list[Any]:
    """Direct answers in the order of the default seed, some of them wrong."""
    from agentkit.evaluate.item import Item
    from agentkit.evaluate.runner import drawn

    items = [Item(id=f"sums-{n + 1}", question=QUESTIONS[n - 1], gold=n) for n in range(1, 5)]
    golds = [int(str(item.gold)) for item in drawn(items, limit=None, seed=0)]
    return [{"answer": 2 * n + (place < wrong)} for place, n in enumerate(golds)]


def figures(ran: Any) -> dict[str, Any]:
    return json.loads(ran.out)["summaries"][0]
