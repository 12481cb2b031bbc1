"""The real embedder: AGENTKIT_TEST_EMBEDDER, else the catalog's."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentkit.knowledge.corpus import Corpus
from agentkit.knowledge.embedder import Embedder
from agentkit.models import catalog

EXAMPLE = Path(__file__).parents[2] / "examples" / "quickstart" / "documents"


@pytest.fixture(scope="session")
def embedder_folder() -> Path:
    named = os.environ.get("AGENTKIT_TEST_EMBEDDER")
    path = Path(named) if named else catalog.locate("all-minilm-l6-v2")
    if path is None or not path.is_dir():
        pytest.skip("no embedder on this machine: run `agentkit models pull all-minilm-l6-v2`")
    return path


@pytest.fixture(scope="session")
def embedder(embedder_folder: Path) -> Embedder:
    return Embedder.load(embedder_folder)


@pytest.fixture(scope="session")
def example(embedder: Embedder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Corpus]:
    with Corpus.open(EXAMPLE, embedder=embedder, store=tmp_path_factory.mktemp("example")) as corpus:
        yield corpus


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of two small documents."""
    folder = tmp_path / "documents"
    folder.mkdir()
    (folder / "tanks.md").write_text(
        "# Tanks\n\n## Tank A\n\nTank A holds 12,000 litres.\n\n## Tank B\n\nIt holds 8,500.\n"
    )
    (folder / "bread.txt").write_text("The oven bakes sixteen loaves of bread in one batch.\n")
    return folder
