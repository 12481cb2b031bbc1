"""What the README says is so: its snippets run, its commands exist, what it shows is what comes out.

Where a snippet or a command would need the default model, a script answers for it, task by task, with
decisions that a model may write; tools, documents, embedder and checks are the real ones.
"""

import contextlib
import csv
import inspect
import io
import json
import os
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from agentkit import protocol
from agentkit.agent import Agent
from agentkit.cli import main
from agentkit.knowledge.corpus import Corpus
from agentkit.models import catalog
from agentkit.models.grammar import admits
from agentkit.models.model import Grammar, Message, Model
from agentkit.models.scripted import ScriptedModel
from agentkit.tools import Example, Tool, known_tools, load_tools

from .readme import ROOT, Command, blocks, commands, inline

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
        ("retrieval", {"query": "capacity of Tank B"}),
        ("answer", {"evidence": [1], "text": "Tank B holds 8,500 litres."}),
    ],
    "What is 15% of 80?": [
        ("calculator", "the share"),
        ("calculator", {"expression": "15% of 80"}),
        ("answer", {"evidence": [1], "text": "15% of 80 is 12."}),
    ],
}
"""For each task of the README what a model decides: a tool and why (its plan), then calls and the answer."""


LESSON = {
    "question": "Lea picks 14 apples and Tom picks 9 more than her. How many apples do they pick together?",
    "solution": "14+9=<<14+9=23>>23\n14+23=<<14+23=37>>37\n#### 37",
    "answer": "37",
}
"""What the README's lessons are made from."""


# A model that answers for the default one


def plan(tool: str, purpose: str) -> str:
    """A plan of one step, as the protocol writes it."""
    named = load_tools([tool])[0] if tool in known_tools() else None
    shown = named or Tool(name=tool, description="", parameters={}, function=len)
    example = Example(task="t", purpose=purpose, arguments={}, result="r")
    return next(m.content for m in protocol.demonstrate(shown, example, plan=True) if m.role == "assistant")


def script(task: str) -> list[str]:
    """The replies of a run, one a decision."""
    assert task in DECISIONS, f"tests/test_readme.py has no decisions for the README's task {task!r}"
    (tool, purpose), *decisions = DECISIONS[task]
    return [plan(tool, str(purpose)), *(written(key, value) for key, value in decisions)]


def written(key: str, value: object) -> str:
    """An answer, or a call of the tool of that name, as the protocol writes it."""
    return protocol.compact({"answer": value} if key == "answer" else {"tool": key, "arguments": value})


def solve(messages: Sequence[Message], grammar: Grammar | None) -> str:
    """What a model that knows the answers writes to the questions of the example, whatever the strategy."""
    rows = csv.DictReader(io.StringIO((ROOT / "examples/evaluation/questions.csv").read_text(encoding="utf-8")))
    asked = "\n".join(message.content for message in messages)
    gold = next(json.loads(row["answer"]) for row in rows if row["question"] in asked)
    candidates: list[dict[str, Any]] = [{"answer": gold}, {"plan": []}, {"answer": {"evidence": [], "value": gold}}]
    assert grammar is not None
    return next(text for text in map(protocol.compact, candidates) if admits(grammar, text))


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
    monkeypatch.setattr("agentkit.load_model", solver)
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
    takers: list[Callable[..., Any]] = [Agent[Any].run, Tool, vars(Agent)["__init__"], Corpus.load]
    known = {name for taker in takers for name in inspect.signature(taker).parameters}
    named = {name for code in inline() for name in re.findall(r"\b(\w+)=", code)}
    assert {"output", "history", "limits", "approve", "approval"} <= named
    assert named <= known


# The command line


def said(*words: str) -> tuple[int, str]:
    """The exit code of a command in this process, and all that it says, as a terminal shows it without colours."""
    terminal = io.StringIO()
    with contextlib.redirect_stdout(terminal), contextlib.redirect_stderr(terminal):
        code = main(words)
    return code, re.sub(r"\x1b\[[\d;]*m", "", terminal.getvalue())


def verb_of(words: Sequence[str]) -> list[str]:
    """The verb of a command; `models`, `corpus` and `distil` have verbs of their own."""
    inner = words[:1] in (["models"], ["corpus"], ["distil"]) and len(words) > 1
    return list(words[:2]) if inner else [w for w in words[:1] if not w.startswith("-")]


def agentkit_commands() -> list[Command]:
    return [Command(words, shown) for (first, *words), shown in commands() if first == "agentkit"]


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("words", [c.words for c in agentkit_commands()], ids=shlex.join)
def test_every_command_has_a_verb_and_options_that_exist(words: Sequence[str]) -> None:
    code, help_text = said(*(verb := verb_of(words)), "--help")
    assert code == 0
    assert help_text.split()[:2] == ["Usage:", "agentkit"]
    assert " ".join(verb) in help_text
    options = {word for word in words if re.match(r"--?[a-z]", word)}
    assert options <= set(re.findall(r"(?<!\S)--?[a-z][a-z-]*", help_text))


@pytest.mark.usefixtures("home")
def test_every_option_that_is_named_is_one() -> None:
    verbs = ("ask", "chat", "ingest", "search", "tool", "replay", "evaluate", "compare", "prune")
    told = [said(verb, "--help")[1] for verb in verbs]
    told += [said("distil", verb, "--help")[1] for verb in ("collect", "train", "evaluate")]
    known = {word for text in told for word in re.findall(r"--[a-z][a-z-]*", text)}
    named = {word for code in inline() for word in re.findall(r"(?<!\S)--[a-z][a-z-]*", code)}
    assert "--unchecked" in named
    assert named <= known


def test_every_model_that_a_command_names_is_one() -> None:
    named = [words[words.index("--model") + 1] for words, _ in agentkit_commands() if "--model" in words]
    pulled = [name for words, _ in agentkit_commands() if words[:2] == ["models", "pull"] for name in words[2:]]
    assert set(pulled) <= catalog.KNOWN.keys()
    kinds: set[str] = set()
    for spec in named:
        if spec in catalog.KNOWN:
            kinds.add("known")
        elif spec.endswith(".gguf"):
            kinds.add("file")
        elif spec.endswith("/"):
            kinds.add("folder")
        else:
            assert catalog.resolve(spec).engine == "openai"
            kinds.add("endpoint")
    assert kinds == {"known", "file", "folder", "endpoint"}


def test_the_commands_print_what_they_show(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One after the other, in one folder: a trace that one writes is replayed by another."""
    for part, row in {"train/gsm8k_train": LESSON, "eval/test": {"question": "Who planted the trees?"}}.items():
        (home / "data" / part).parent.mkdir(parents=True)
        (home / "data" / f"{part}.jsonl").write_text(json.dumps(row), encoding="utf-8")
    ran: set[str] = set()
    for words, shown in agentkit_commands():
        if "--model" in words or words[:2] == ["models", "pull"]:
            continue  # another test looks at the names; loading and fetching are tested elsewhere
        if words[0] == "prune" or (words[0] == "distil" and words[1] not in ("collect", "curate", "show")):
            continue  # training takes long: tests/compress and tests/cli run these on tiny models
        if words[0] == "quantize":
            continue  # what it would read isn't exported here: tests/cli/test_quantize.py runs it on a tiny model
        if words[0] == "ask" and "--help" not in words:
            task = next(word for word in words if word in DECISIONS)
            (home / "script.txt").write_text("\n".join(script(task)), encoding="utf-8")
            monkeypatch.setenv("AGENTKIT_MODEL", "scripted:script.txt")
        with monkeypatch.context() as patched:
            if words[0] == "chat":  # an input that is at its end
                patched.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO()))
                patched.setenv("AGENTKIT_MODEL", "scripted:script.txt")
            if words[0] == "evaluate":
                patched.setattr(catalog, "load", solver)
            code, text = said(*words)
        monkeypatch.delenv("AGENTKIT_MODEL", raising=False)
        if words != ["doctor"]:  # which may find that something is missing here
            assert code == 0, text
        assert follows(shown, text.splitlines()), (
            f"README.md shows for `{shlex.join(words)}` what isn't so; it is:\n{text}"
        )
        ran.add(words[0])
    verbs = {"ask", "chat", "ingest", "search", "corpus", "tool", "models", "replay", "doctor", "evaluate", "compare"}
    verbs |= {"distil"}
    assert ran == verbs | {"--help"}


async def solver(spec: str, **_options: object) -> Model:
    return ScriptedModel(solve, name=spec)


def follows(shown: Sequence[str], lines: Sequence[str]) -> bool:
    """Whether lines are what is shown of them, but for what is left out, blank lines around, model and speed."""
    if not shown:
        return True
    pattern = "".join(r"(?:.*\n)*?" if line == LEFT_OUT else f"{re.escape(constant(line))}\n" for line in shown)
    text = "\n".join(map(constant, lines)).strip("\n") + "\n"
    return re.fullmatch(rf"\n*{pattern}\n*", f"{text}") is not None


def constant(line: str) -> str:
    """A line without what differs from run to run."""
    if "tokens in" in line:
        return "        (steps, tokens and time)"
    return "  model" if line.startswith("  model ") else line.rstrip()
