"""A real model for tests: AGENTKIT_TEST_MODEL, else the smallest of the catalog."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentkit.models import catalog
from agentkit.models.llamacpp import LlamaCpp


@pytest.fixture(scope="session")
def model_path() -> Path:
    named = os.environ.get("AGENTKIT_TEST_MODEL")
    path = Path(named) if named else catalog.locate("smollm2-135m")
    if path is None or not path.is_file():
        pytest.skip("no model on this machine: run `agentkit models pull smollm2-135m` or set AGENTKIT_TEST_MODEL")
    return path


@pytest.fixture(scope="session")
def model(model_path: Path) -> Iterator[LlamaCpp]:
    """Loaded once: tests open sessions of their own. One thread: two slow each other down on busy cores."""
    loaded = asyncio.run(LlamaCpp.load(model_path, context=4096, parallel=2, threads=1))
    yield loaded
    asyncio.run(loaded.aclose())
