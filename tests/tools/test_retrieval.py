"""The retrieval tool finds passages in the corpus it was given."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentkit.errors import ConfigurationError
from agentkit.knowledge.corpus import Corpus
from agentkit.knowledge.embedder import Embedder
from agentkit.models import catalog
from agentkit.tools import Tool, load_tools
from agentkit_tools.retrieval import retrieval

EXAMPLE = Path(__file__).parents[2] / "examples" / "quickstart" / "documents"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Corpus]:
    named = os.environ.get("AGENTKIT_TEST_EMBEDDER")
    path = Path(named) if named else catalog.locate("all-minilm-l6-v2")
    if path is None or not path.is_dir():
        pytest.skip("no embedder on this machine: run `agentkit models pull all-minilm-l6-v2`")
    with Corpus.open(EXAMPLE, embedder=Embedder.load(path), store=tmp_path_factory.mktemp("store")) as corpus:
        yield corpus


@pytest.fixture
def tool(corpus: Corpus) -> Tool:
    return retrieval.bind(corpus)


def test_it_is_found_by_name_and_shows_the_model_a_query_only() -> None:
    (found,) = load_tools(["retrieval"])
    assert found is retrieval
    assert list(found.parameters["properties"]) == ["query"]
    assert found.pure
    assert not found.approval
    assert len(found.description.split()) <= 20


def test_a_call_reports_passages_with_their_sources(tool: Tool) -> None:
    outcome = asyncio.run(tool.invoke({"query": "volume of Tank B in litres"}))
    assert not outcome.error
    assert 1 <= len(outcome.parts) <= 3
    assert "8,500" in outcome.parts[0].text
    assert outcome.parts[0].source == "water.md > Water > Tanks"


def test_settings_bound_what_comes_back(corpus: Corpus) -> None:
    def parts(**settings: float) -> int:
        tool = retrieval.bind(corpus, settings=settings)
        return len(asyncio.run(tool.invoke({"query": "price of an adult ticket"})).parts)

    assert parts(passages=1) == 1
    assert parts(passages=5, floor=-1) == 5
    assert parts(floor=1.5) == 0
    with pytest.raises(ConfigurationError, match=r"settings of tool 'retrieval': passages"):
        retrieval.bind(corpus, settings={"passages": 0})


def test_nothing_found_is_an_empty_outcome_not_an_error(tool: Tool) -> None:
    outcome = asyncio.run(tool.invoke({"query": "who wrote Hamlet"}))
    assert (outcome.parts, outcome.error) == ((), "")


def test_an_empty_query_is_an_error_with_a_hint(tool: Tool) -> None:
    outcome = asyncio.run(tool.invoke({"query": " "}))
    assert outcome.error == "retrieval: the query is empty"
    assert outcome.hint


def test_without_a_corpus_it_says_what_is_missing() -> None:
    outcome = asyncio.run(retrieval.invoke({"query": "tank"}))
    assert "Corpus" in outcome.error


def test_a_closed_corpus_is_an_observation(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("Tank A holds 12,000 litres.")
    embedder = Embedder(lambda texts: [[len(text), 1.0] for text in texts], name="length")
    corpus = Corpus.open(tmp_path, embedder=embedder, store=tmp_path / "store")
    corpus.close()
    outcome = asyncio.run(retrieval.bind(corpus).invoke({"query": "tank"}))
    assert "open the corpus again" in outcome.error
