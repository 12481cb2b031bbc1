"""The main job as `make run` does it, on the default model; and that the loop doesn't know it from any other job."""

import os
import re
import shutil
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from plain_tasks import plain_tasks

from agentkit.answer import Answer
from agentkit.events import Asked, Called, Event, Observed
from agentkit.limits import Limits
from agentkit.models import catalog
from agentkit.models.grammar import admits
from agentkit.models.model import Completion, Grammar
from agentkit.needs import Ask, Invoke, Verified, Verify
from agentkit.protocol import GIVE_UP, compact
from agentkit.run import Run
from agentkit.tools import Outcome, Part, Tool, load_tools
from agentkit.trace import read_trace

QUICKSTART = Path(__file__).parents[1] / "examples" / "quickstart"
TASK = (QUICKSTART / "task.txt").read_text("utf-8").strip()
TOOLS = ("calculator", "python", "retrieval")
VOLUME, OTHER = "8,500", "9,200"
"""Litres that Tank B holds, as `water.md` says, and another figure for it."""
NUMBER = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?")


def numbers_in(text: str) -> set[Fraction]:
    """The values of the numbers in a text, however their thousands are written."""
    return {Fraction(written.replace(",", "")) for written in NUMBER.findall(text)}


# With the real model


class Job(NamedTuple):
    """What came of `agentkit ask`, and the command that would replay it."""

    answer: Answer[Any]
    events: list[Event]
    replayed: str


def count(volume: str) -> int:
    """What the task asks for: how many multiples of 7 there are up to 15 percent of the volume."""
    return int(volume.replace(",", "")) * 15 // 100 // 7


def do_job(folder: Path, *, volume: str) -> Job:
    """The main job over a copy of the documents with this volume, with nothing set and nothing indexed yet."""
    weights = {name: catalog.locate(name) for name in (catalog.DEFAULT, catalog.EMBEDDER)}
    if absent := [name for name, path in weights.items() if path is None]:
        pytest.skip(f"not on this machine: run `agentkit models pull {' '.join(absent)}`")
    documents = folder / "documents"
    shutil.copytree(QUICKSTART / "documents", documents)
    water = documents / "water.md"
    told = water.read_text("utf-8")
    assert told.count(VOLUME) == 1
    water.write_text(told.replace(VOLUME, volume), "utf-8")
    (folder / "cache").mkdir()
    (folder / "cache" / "models").symlink_to(catalog.cache() / "models")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AGENTKIT_")}
    environment |= {"AGENTKIT_CACHE": str(folder / "cache"), "XDG_CONFIG_HOME": str(folder)}

    def agentkit(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "agentkit", *arguments],
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
            cwd=folder,
            env=environment,
        )
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        return done.stdout

    trace = str(folder / "trace.jsonl")
    said = agentkit("ask", TASK, "--docs", str(documents), "--json", "--trace", trace)
    replayed = agentkit("replay", trace, "--check")
    return Job(Answer[Any].model_validate_json(said), read_trace(Path(trace)), replayed)


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Job:
    return do_job(tmp_path_factory.mktemp("job"), volume=VOLUME)


@pytest.mark.model
@pytest.mark.slow
def test_the_main_job_is_answered_rightly_and_supported(job: Job) -> None:
    assert (job.answer.status, job.answer.reason) == ("supported", "")
    assert count(VOLUME) in numbers_in(job.answer.text or "")


@pytest.mark.model
@pytest.mark.slow
def test_all_three_tools_found_something(job: Job) -> None:
    called = {event.call: event.tool for event in job.events if isinstance(event, Called)}
    fruitful = {called[event.call] for event in job.events if isinstance(event, Observed) and event.evidence}
    assert fruitful == set(TOOLS)


@pytest.mark.model
@pytest.mark.slow
def test_every_number_of_the_answer_stands_in_an_event(job: Job) -> None:
    observed = [e.text for event in job.events if isinstance(event, Observed) for e in event.evidence]
    called = [str(event.arguments) for event in job.events if isinstance(event, Called)]
    known = numbers_in("\n".join([TASK, *called, *observed]))
    said = numbers_in(job.answer.text or "")
    assert said
    assert said <= known


@pytest.mark.model
@pytest.mark.slow
def test_every_choice_of_a_tool_was_among_two_at_least_and_none(job: Job) -> None:
    asked: list[Asked] = []
    for before, event in zip(job.events, job.events[1:], strict=False):
        if isinstance(before, Asked):
            asked.append(before)
        if isinstance(event, Called):
            grammar = Grammar(json_schema=asked[-1].schema_)
            assert len([tool for tool in load_tools(TOOLS) if offers(grammar, tool)]) >= 2
            assert admits(grammar, GIVES_UP)


@pytest.mark.model
@pytest.mark.slow
def test_the_run_replays_without_a_difference(job: Job) -> None:
    assert job.replayed == f"identical: {len(job.events)} events\n"


@pytest.mark.model
@pytest.mark.slow
def test_another_figure_in_the_document_is_another_answer(tmp_path: Path) -> None:
    changed = do_job(tmp_path, volume=OTHER)
    assert (changed.answer.status, changed.answer.reason) == ("supported", "")
    said = numbers_in(changed.answer.text or "")
    assert count(OTHER) in said
    assert count(VOLUME) not in said
    assert VOLUME not in (changed.answer.text or "")


# No code routes by the task


GIVES_UP = compact({"give_up": {"reason": GIVE_UP[0]}})
OTHER_TASKS = [plain.task for plain in plain_tasks()] + ["print 2 + 2 in python, use the calculator, look it up"]
DECISIONS: tuple[dict[str, Any], ...] = (
    {"plan": []},
    {"tool": "retrieval", "arguments": {"query": "things"}},
    {"tool": "calculator", "arguments": {"expression": "7 * 2"}},
    {"tool": "python", "arguments": {"code": "print(7 * 2)"}},
    {"answer": {"evidence": [1], "text": "There are 7 things."}},
)
"""What may be decided whatever the task is: the one number comes from what retrieval reports."""


def offers(grammar: Grammar, tool: Tool) -> bool:
    """Whether a call of the tool, the one that it gives as its example, may be decoded."""
    return admits(grammar, compact({"tool": tool.name, "arguments": dict(tool.examples[0].arguments)}))


def asked_of(task: str) -> list[Ask]:
    """The decisions asked for when a model takes `DECISIONS` and each tool reports the same, whatever it is asked."""
    run = Run(task, tools=load_tools(TOOLS), limits=Limits(), clock=lambda: 0.0)
    loop = run.loop()
    asked: list[Ask] = []
    script = iter(DECISIONS)
    need = next(loop)
    try:
        while True:
            match need:
                case Ask():
                    asked.append(need)
                    need = loop.send(Completion(text=compact(next(script)), finish="stop"))
                case Invoke():
                    report = Part(text=f"{need.tool.name} reports 7 things.", source="things.md")
                    need = loop.send(Outcome(parts=(report,)))
                case Verify():
                    need = loop.send(Verified(verdict="unchecked", findings=()))
    except StopIteration:
        return asked


def test_what_a_model_may_decide_does_not_depend_on_the_task() -> None:
    first = asked_of(TASK)
    assert len(first) == len(DECISIONS)
    for task in OTHER_TASKS:
        other = asked_of(task)
        assert [ask.grammar for ask in other] == [ask.grammar for ask in first]
        assert [ask.max_tokens for ask in other] == [ask.max_tokens for ask in first]
        # Nor does what the model reads, the task itself apart.
        told = [[message.content.replace(task, TASK) for message in ask.messages] for ask in other]
        assert told == [[message.content for message in ask.messages] for ask in first]


@pytest.mark.parametrize("task", [TASK, *OTHER_TASKS])
def test_every_choice_is_among_all_tools_and_none(task: str) -> None:
    for ask in asked_of(task)[1:]:
        assert [tool.name for tool in load_tools(TOOLS) if offers(ask.grammar, tool)] == list(TOOLS)
        assert admits(ask.grammar, GIVES_UP)
