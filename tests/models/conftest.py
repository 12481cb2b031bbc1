"""What the tests of models share: an endpoint of their own, and a cache and adapters apart from the user's."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from agentkit.models import adapters

from .endpoint import Endpoint


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    served = Endpoint()
    yield served
    served.gone.set()
    served.server.shutdown()
    served.server.server_close()


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Path:
    """A cache of the test's own, in place of the user's."""
    if "model_path" in request.fixturenames:
        request.getfixturevalue("model_path")  # looked for in the user's cache, not in this one
    folder = tmp_path / "cache"
    monkeypatch.setenv("AGENTKIT_CACHE", str(folder))
    return folder


@pytest.fixture
def nothing_ships(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if no adapter came with agentkit, for tests of what the user has."""
    monkeypatch.setattr(adapters, "HERE", tmp_path / "no adapters")
    monkeypatch.setattr(adapters, "SHIPPED", {})
