"""A task's documents, indexed on this machine."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import JsonValue

from agentkit.errors import ConfigurationError
from agentkit.evaluate import runner
from agentkit.evaluate.corpora import TaskCorpus, open_embedder
from agentkit.evaluate.item import Item
from agentkit.evaluate.scorers.text import TextScorer
from agentkit.evaluate.strategies import Bench
from agentkit.knowledge.embedder import Embedder
from agentkit.models import catalog
from agentkit.models.scripted import ScriptedModel

from .making import run, sums

DOCUMENTS = {
    "Nile": "The Nile is 6,650 kilometres long and flows through eleven countries.",
    "AC/DC: a band\n(rock)": "AC/DC are a rock band that was founded in Sydney in 1973.",
    "../../escape": "Bread is baked from flour, water and salt.",
}


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    if catalog.locate(catalog.EMBEDDER) is None:
        pytest.skip(f"no embedder on this machine: run `agentkit models pull {catalog.EMBEDDER}`")
    return open_embedder()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache."""
    monkeypatch.setenv("AGENTKIT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def corpus(embedder: Embedder, cache: Path) -> Iterator[TaskCorpus]:
    opened = TaskCorpus.open(DOCUMENTS, embedder)
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("question", "source"),
    [
        ("How long is the Nile?", "Nile"),
        ("Which band was founded in Sydney?", "AC/DC: a band\n(rock)"),
        ("What is bread baked from?", "../../escape"),
    ],
)
def test_what_is_found_goes_by_the_name_that_the_task_has_for_it(
    corpus: TaskCorpus, question: str, source: str
) -> None:
    best = corpus.corpus.search(question, 1)[0]
    assert corpus.source(best.source) == source
    assert corpus.source(f"{best.source} > a heading") == source
    assert "\n" not in best.text.splitlines()[0]


def test_documents_stay_in_the_cache_whatever_they_are_called(corpus: TaskCorpus, cache: Path) -> None:
    assert sorted(path.name for path in cache.rglob("*.md")) == ["000000.md", "000001.md", "000002.md"]


def test_the_same_documents_are_written_once_and_others_apart(
    corpus: TaskCorpus, embedder: Embedder, cache: Path
) -> None:
    (folder,) = (cache / "evaluate").iterdir()
    written = {path: path.stat().st_mtime_ns for path in folder.glob("*.md")}
    again = TaskCorpus.open(dict(reversed(DOCUMENTS.items())), embedder)
    again.close()
    assert {path: path.stat().st_mtime_ns for path in folder.glob("*.md")} == written
    TaskCorpus.open({"Nile": "It is long."}, embedder).close()
    assert len(list((cache / "evaluate").iterdir())) == 2


def test_a_folder_that_was_left_half_written_is_not_taken_for_the_documents(
    embedder: Embedder, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Path.write_text

    def dies(path: Path, *text: Any, **options: Any) -> int:
        if path.name == "000001.md":
            raise OSError("killed")
        return whole(path, *text, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", dies)
        with pytest.raises(OSError, match="killed"):
            TaskCorpus.open(DOCUMENTS, embedder)
    assert list((cache / "evaluate").iterdir()) == [], "nothing is left behind"
    opened = TaskCorpus.open(DOCUMENTS, embedder)
    assert len(opened.corpus.search("the Nile, a rock band, or bread", 9)) == 3
    opened.close()


def test_a_missing_embedder_is_named_with_what_fetches_it(cache: Path, tmp_path: Path) -> None:
    items = [Item(id="a", question="How long?", gold={"answers": ["6,650"]})]
    task = sums(0, items=items, form="text", scorer=TextScorer(), corpus=DOCUMENTS, tools=("retrieval",))
    with pytest.raises(ConfigurationError, match=f"agentkit models pull {catalog.EMBEDDER}"):
        run(task, ScriptedModel([]), tmp_path / "run")


@pytest.mark.parametrize("strategy", ["direct", "cot", "program", "agent"])
def test_every_strategy_names_the_documents_that_it_read(
    embedder: Embedder, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, strategy: str
) -> None:
    monkeypatch.setattr(runner, "open_embedder", lambda: embedder)  # which isn't in this test's cache
    gold: JsonValue = {"answers": ["1973"], "sources": ["AC/DC: a band\n(rock)"]}
    items = [Item(id="a", question="When was the rock band of Sydney founded?", gold=gold)]
    task = sums(0, items=items, form="text", scorer=TextScorer(), corpus=DOCUMENTS, tools=("retrieval",))
    replies = {
        "direct": [{"answer": "1973"}],
        "cot": [{"reasoning": "It says so.", "answer": "1973"}],
        "program": [{"program": "print(1973)"}],
        "agent": [
            {"plan": [{"for": "find the year", "tool": "retrieval"}]},
            {"tool": "retrieval", "arguments": {"query": "rock band founded Sydney"}},
            {"answer": {"evidence": [1], "text": "The rock band was founded in Sydney in 1973."}},
        ],
    }[strategy]
    model = ScriptedModel(replies)
    _, (record,) = run(task, model, tmp_path / strategy, strategy=strategy)
    assert record.error == ""
    assert record.reply is not None
    assert record.score is not None
    assert record.reply.sources[0] == "AC/DC: a band\n(rock)"
    assert record.score.right
    assert record.score.details["recall"] == 1.0
    if strategy != "agent":
        prompt = model.calls[0].messages[-1].content
        assert prompt.index("founded in Sydney in 1973") < prompt.index("When was the rock band")


def test_a_bench_without_a_corpus_knows_no_documents() -> None:
    bench = Bench(sums(0), ScriptedModel([]))
    assert bench.sources(["a", "b", "a"]) == ("a", "b")
    assert bench.shown(Item(id="a", question="?", gold="1")) == []
    assert bench.resources == []
