"""An endpoint of one's own for the tests of the engines."""

from collections.abc import Iterator

import pytest

from .endpoint import Endpoint


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    served = Endpoint()
    yield served
    served.gone.set()
    served.server.shutdown()
    served.server.server_close()
