"""What the README says is so: its snippets run, its commands exist, what it shows is what comes out.

Where a snippet or a command would need the default model, a script answers for it, task by task, with
decisions that a model may write; tools, documents, embedder and checks are the real ones.
"""

import asyncio
import contextlib
import io
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, get_args
from urllib.parse import urlsplit

import click
import pytest
from typer.main import get_command

from agentkit import protocol
from agentkit.agent import Agent
from agentkit.answer import Status
from agentkit.checks import default_checks, name_of
from agentkit.cli import app
from agentkit.models import catalog
from agentkit.models.grammar import admits
from agentkit.models.model import Grammar, Message, Model
from agentkit.models.scripted import ScriptedModel
from agentkit.settings import Settings
from agentkit.tools import Example, load_tools

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
COLUMNS = 100
"""Width of the terminal that the README shows."""
LEFT_OUT = "…"
"""A line that stands for any number of lines."""

DECISIONS: Mapping[str, Sequence[tuple[str, object]]] = {
    "At what temperature does water boil at an altitude of 2400 metres?": [
        ("boiling_point", "boiling point at altitude"),
        ("boiling_point", {"altitude": 2400}),
        ("answer", {"evidence": [1], "text": "Water boils at 92.0 °C at an altitude of 2400 metres."}),
    ],
    "How many litres does Tank B hold?": [
        ("retrieval", "volume of Tank B"),
        ("retrieval", {"query": "litres of Tank B"}),
        ("answer", {"evidence": [1], "text": "Tank B holds 8,500 litres."}),
    ],
    "What is 15% of 80?": [
        ("calculator", "the share"),
        ("calculator", {"expression": "15% of 80"}),
        ("answer", {"evidence": [1], "text": "15% of 80 is 12."}),
    ],
}
"""For each task of the README what a model decides: what it plans and with which tool, then its calls and its answer."""


class Block(NamedTuple):
    """A fenced block."""

    language: str
    text: str
    line: int
    """Of its first line of text, from 1."""


class Command(NamedTuple):
    """A command of a console block with the lines that are shown below it."""

    words: list[str]
    shown: list[str]


def blocks(language: str) -> list[Block]:
    fences = re.finditer(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    found = [Block(m[1], m[2], README.count("\n", 0, m.start(2)) + 1) for m in fences]
    return [block for block in found if block.language == language]


def commands() -> Iterator[Command]:
    for block in blocks("console"):
        for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
            first, *shown = part.rstrip("\n").split("\n")
            yield Command(shlex.split(first), shown)


def inline() -> list[str]:
    """What stands in single backticks outside the blocks."""
    return re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```$", "", README, flags=re.MULTILINE | re.DOTALL))


def table(header: str) -> list[list[str]]:
    """The rows of the table whose head has this first cell."""
    lines = iter(README.split("\n"))
    for line in lines:
        if line.startswith(f"| {header} |"):
            next(lines)
            rows = iter(lambda: next(lines), "")
            return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows if row.startswith("|")]
    raise AssertionError(f"no table begins with {header!r}")


# A model that answers for the default one


def plan(tool: str, purpose: str) -> str:
    """A plan of one step, as the protocol writes it."""
    named = load_tools([tool])[0] if tool in ("retrieval", "calculator", "python") else None
    shown = named or protocol.Tool(name=tool, description="", parameters={}, function=len)
    example = Example(task="t", purpose=purpose, arguments={}, result="r")
    return next(m.content for m in protocol.demonstrate(shown, example, plan=True) if m.role == "assistant")


def script(task: str) -> list[str]:
    """The replies of a run, one a decision."""
    assert task in DECISIONS, f"tests/test_readme.py has no decisions for the README's task {task!r}"
    (tool, purpose), *decisions = DECISIONS[task]
    return [plan(tool, str(purpose)), *(protocol.compact({key: value}) for key, value in decisions)]


def reply(messages: Sequence[Message], grammar: Grammar | None) -> str:
    """The next reply of whatever task the transcript is at."""
    asked = [(i, t) for i, m in enumerate(messages) for t in DECISIONS if m.role == "user" and m.content.endswith(t)]
    start, task = asked[-1]
    text = script(task)[sum(m.role == "assistant" for m in messages[start:])]
    assert grammar is not None
    assert admits(grammar, text)
    return text


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout to work in, with the user's models and none of the user's settings."""
    if catalog.locate(catalog.EMBEDDER) is None:
        pytest.skip(f"no embedder on this machine: run `agentkit models pull {catalog.EMBEDDER}`")
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / "models").symlink_to(catalog.cache() / "models")
    for name in [name for name in os.environ if name.startswith("AGENTKIT_")]:
        monkeypatch.delenv(name)
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    monkeypatch.setenv("AGENTKIT_CACHE", str(cache))
    monkeypatch.setenv("COLUMNS", str(COLUMNS))
    work = tmp_path / "agentkit"
    work.mkdir()
    (work / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(work)
    return work


# The library


def test_the_snippets_run_and_print_what_they_say(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def load(spec: str, **_options: object) -> Model:
        assert catalog.KNOWN[spec].kind == "model"
        return ScriptedModel(reply, name=spec)

    monkeypatch.setattr("agentkit.agent.load_model", load)
    namespace: dict[str, Any] = {"__name__": "readme"}
    for block in blocks("python"):
        code = compile("\n" * (block.line - 1) + block.text, "README.md", "exec")
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(code, namespace)
        promised = re.findall(r"^(?:\s*print\(.*\)  )?# (.*)$", block.text, re.MULTILINE)
        assert promised
        assert printed.getvalue().splitlines() == promised


def test_the_first_snippet_is_short() -> None:
    first, *_ = blocks("python")
    assert len([line for line in first.text.splitlines() if line.strip()]) <= 30


def test_every_keyword_that_is_named_is_one() -> None:
    known = {
        name
        for function in (Agent[Any].__init__, Agent[Any].run, protocol.Tool)
        for name in inspect.signature(function).parameters
    }
    named = {name for code in inline() for name in re.findall(r"\b(\w+)=", code)}
    assert {"output", "history", "limits", "approve", "approval"} <= named
    assert named <= known


# The command line


def parsed(words: Sequence[str]) -> tuple[str, Mapping[str, Any]]:
    """The verb of a command and its arguments, as the command line reads them."""
    group: click.Command = get_command(app)
    given, verbs = list(words), list[str]()
    while True:
        context = group.make_context(" ".join(["agentkit", *verbs]), given, resilient_parsing="--help" in given)
        if not isinstance(group, click.Group) or not context.protected_args:
            return " ".join(verbs), context.params
        name, inner, given = group.resolve_command(context, [*context.protected_args, *context.args])
        assert name
        assert inner
        group = inner
        verbs.append(name)
