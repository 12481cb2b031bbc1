"""A real model for tests: AGENTKIT_TEST_MODEL, else the smallest of the catalog."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from agentkit.models import catalog
from agentkit.models.llamacpp import LlamaCpp

from .crash import pytest_configure as pytest_configure
from .crash import pytest_runtest_setup as pytest_runtest_setup
from .tiny import write_folder

hypothesis.settings.register_profile("agentkit", deadline=None)  # how long a machine takes says nothing of the code
hypothesis.settings.load_profile("agentkit")


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


@pytest.fixture(scope="session")
def tiny_llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Hugging Face folder with a Llama of random weights."""
    return write_folder(tmp_path_factory.mktemp("tiny") / "llama", "llama")


@pytest.fixture(scope="session")
def tiny_qwen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Hugging Face folder with a Qwen2 of random weights, whose output matrix isn't its embedding."""
    return write_folder(tmp_path_factory.mktemp("tiny") / "qwen2", "qwen2", tied=False)
