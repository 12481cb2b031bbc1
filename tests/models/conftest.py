"""An endpoint of one's own for the tests of the engines."""

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
def nothing_ships(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if no adapter came with agentkit, for tests of what the user has."""
    monkeypatch.setattr(adapters, "HERE", tmp_path / "no adapters")
    monkeypatch.setattr(adapters, "SHIPPED", {})
