"""The tiny student, written once."""

from pathlib import Path

import pytest

from .letters import tiny_llama


@pytest.fixture(scope="session")
def letters(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("peft")
    return tiny_llama(tmp_path_factory.mktemp("letters"))
