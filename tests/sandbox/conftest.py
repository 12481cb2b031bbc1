"""A host worth attacking, and a way to run programs as root and as nobody."""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import pytest

from .attacked import HOST, IDENTITIES, PORT, TIERS, Host, Unavailable, attempt, scratch


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    try:
        host = Host()
    except OSError as error:
        pytest.skip(f"{HOST} and port {PORT} can't be set up for the attacks: {error}")
    yield host
    host.close()


class Attack(Protocol):
    def __call__(self, identity: str, tier: str, programs: Mapping[str, str], **limits: float) -> dict[str, Any]: ...


@pytest.fixture
def attack() -> Iterator[Attack]:
    """Run programs in a tier, as the user the tests run as or as nobody, and tell what came of them."""
    with scratch() as temporary:

        def attack(identity: str, tier: str, programs: Mapping[str, str], **limits: float) -> dict[str, Any]:
            job = {"tier": tier, "limits": limits, "programs": dict(programs)}
            try:
                return attempt(identity, job, temporary)
            except Unavailable as reason:
                pytest.skip(str(reason))

        yield attack


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "identity" in metafunc.fixturenames:
        metafunc.parametrize("identity", IDENTITIES)
    if "tier" in metafunc.fixturenames:
        metafunc.parametrize("tier", TIERS)
