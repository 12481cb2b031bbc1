"""The tiny student, written once, and training data small enough to make every problem of."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from agentkit.compress.sources.rows import embedder
from agentkit.errors import ConfigurationError

from .letters import tiny_llama
from .making import DATA

ROWS = 14
"""Of each file: enough for a few problems, few enough to index at once."""


@pytest.fixture(scope="session")
def letters(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("peft")
    return tiny_llama(tmp_path_factory.mktemp("letters"))


@pytest.fixture(scope="module")
def first_rows(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the first rows of each file of training data; indices go to a cache of their own."""
    try:
        embedder()
    except ConfigurationError as error:
        pytest.skip(str(error))
    small, whole = tmp_path_factory.mktemp("train"), DATA / "train"
    for path in whole.glob("*.jsonl"):
        with path.open(encoding="utf-8") as lines:
            (small / path.name).write_text("".join(islice(lines, ROWS)), encoding="utf-8")
    (small / "metatool_tools.json").write_text((whole / "metatool_tools.json").read_text("utf-8"), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AGENTKIT_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield small
