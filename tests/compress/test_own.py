"""A user's own questions become lessons that read as what the user's own agent gives its model."""

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from agentkit.agent import Agent
from agentkit.assistant import Assistant, Profile
from agentkit.cli import main
from agentkit.compress.collect import Collected, collect
from agentkit.compress.lesson import Lesson, read_lessons
from agentkit.compress.sources.own import own
from agentkit.errors import ConfigurationError
from agentkit.models import catalog
from agentkit.models.scripted import ScriptedModel

SHEETS: Mapping[str, str] = {
    "zinc": "The density of zinc is 7.134 g/cm³.",
    "radium": "Radium was discovered in 1898. Its discoverers were Pierre and Marie Curie.",
    "lead": "The density of lead is 11.34 g/cm³.",
}
PROFILE = """
name = "Element desk"
purpose = "You tell what the sheets say."
style = "One sentence."
corpora = ["documents"]

[tools.retrieval]
passages = 1

[[refuse]]
topic = "poisons"
words = ["poison"]
say = "I don't help with poisons."
"""
ROWS: Sequence[Mapping[str, Any]] = (
    {"question": "What is the density of zinc?", "answer": ["The density of zinc is 7.134 g/cm³.", "7.134"]},
    {"question": "Who discovered radium?", "answer": "Radium's discoverers were Pierre and Marie Curie."},
    {
        "question": "Who were the discoverers of radium?",
        "answer": "The discoverers of radium were Pierre and Marie Curie.",
        "source": "radium.md",
    },
    {"question": "How many mines of zinc are there in Peru?", "answerable": False},
    {"question": "How do I poison someone with lead?", "answerable": False},
    {"question": "What is the density of lead?", "answer": ""},
)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if catalog.locate(catalog.EMBEDDER) is None:
        pytest.skip(f"no embedder on this machine: run `agentkit models pull {catalog.EMBEDDER}`")
    folder = tmp_path_factory.mktemp("desk")
    (folder / "documents").mkdir()
    for name, text in SHEETS.items():
        (folder / "documents" / f"{name}.md").write_text(f"# {name.title()}\n\n{text}\n", encoding="utf-8")
    (folder / "assistant.toml").write_text(PROFILE, encoding="utf-8")
    (folder / "mine.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def assistant(desk: Path) -> Iterator[Assistant]:
    loaded = Assistant.load(desk / "assistant.toml", model=ScriptedModel([]))
    yield loaded
    assert loaded.corpus is not None
    loaded.corpus.close()


@pytest.fixture(scope="module")
def done(desk: Path, assistant: Assistant) -> Collected:
    return asyncio.run(collect("mine", source=own(desk / "mine.jsonl", assistant), run=desk / "run"))


@pytest.fixture(scope="module")
def lessons(desk: Path, done: Collected) -> Mapping[str, Lesson]:
    return {lesson.id: lesson for lesson in read_lessons(desk / "run/collected/mine.jsonl")}


def said(lesson: Lesson) -> Any:
    return json.loads(lesson.messages[-1].content)


def test_what_is_searched_for_is_answered_as_the_file_says_it_or_given_up(lessons: Mapping[str, Lesson]) -> None:
    assert sorted(lessons) == ["mine-1", "mine-3", "mine-4"]
    assert said(lessons["mine-1"])["answer"] == {"evidence": [1], "text": "The density of zinc is 7.134 g/cm³."}
    assert said(lessons["mine-3"])["answer"]["text"] == "The discoverers of radium were Pierre and Marie Curie."
    assert said(lessons["mine-4"]) == {"give_up": {"reason": "the evidence does not tell"}}
    assert [lessons[name].kind for name in sorted(lessons)] == ["reading", "reading", "refusal"]
    assert {lesson.source for lesson in lessons.values()} == {"mine.jsonl"}


def test_what_cannot_be_taught_is_told_with_what_to_do(done: Collected) -> None:
    assert (done.problems, done.kept, done.made.licence) == (6, 3, "your own")
    assert set(done.rejected) == {
        "no search finds its answer; `source` names the document where it isn't there literally",
        "it is refused before any model is asked",
        "has no answer in column …",
    }


def test_a_lesson_is_what_the_assistant_itself_gives_its_model(
    desk: Path, assistant: Assistant, lessons: Mapping[str, Lesson]
) -> None:
    for lesson in lessons.values():
        decisions = [json.loads(m.content) for m in lesson.messages if m.role == "assistant"]
        model = ScriptedModel(decisions, taught=True)
        resources = [r for r in (assistant.corpus, assistant.corpus and assistant.corpus.embedder) if r is not None]
        asked = Assistant(Profile.read(desk / "assistant.toml"), model=model, resources=resources)
        asyncio.run(asked.arun(lesson.messages[1].content.removeprefix("Task: ")))
        given = [(message.role, message.content) for message in model.calls[-1].messages]
        assert given == [(message.role, message.content) for message in lesson.messages[:-1]]
        assert "You are Element desk." in lesson.messages[0].content


def test_an_agent_without_documents_is_refused(desk: Path) -> None:
    with pytest.raises(ConfigurationError, match="has no tool retrieval: give it documents"):
        own(desk / "mine.jsonl", Agent(ScriptedModel([]), tools=["calculator"]))


def test_the_command_line_collects_and_curates_them(
    desk: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    held_out = tmp_path / "held_out.csv"
    held_out.write_text("question,answer\nWhat is the density of zinc?,7.134\n", encoding="utf-8")
    run, mine = ["--run", str(tmp_path / "run")], ["--questions", str(desk / "mine.jsonl")]
    assert main(["distil", "collect", *mine, "--docs", str(desk / "documents"), *run]) == 0
    assert "mine: 4 of 6 problems kept" in capsys.readouterr().out  # what the profile would refuse is given up
    assert main(["distil", "curate", "--eval", str(held_out), *run]) == 0
    assert "compared with held_out.csv: 1 left out" in capsys.readouterr().out
    profile = ["--assistant", str(desk / "assistant.toml")]
    for words, complaint in (
        ([*mine, *profile, "--corpus", "x"], "says what --corpus would"),
        (profile, "name a file by --questions"),
        (["squad", *mine, *profile], "one after the other"),
        (mine, "needs documents|has no tool retrieval"),
    ):
        assert main(["distil", "collect", *words, *run]) == 2
        complained = capsys.readouterr().err
        assert any(part in complained for part in complaint.split("|")), complained
