"""The project's collection of attacks, each on each tier, as root and unprivileged."""

import socket
import time
from typing import Any

import pytest

from .attacked import HOST, PORT, Host, Unavailable, attacks, signs_of_escape

SECONDS = 0.5
MEMORY_MB = 128
OUTPUT_CHARS = 2000


def test_no_attack_reaches_the_host_or_outlives_its_limits(host: Host, attack: Any, tier: str, identity: str) -> None:
    try:
        programs = attacks()
    except Unavailable as reason:
        pytest.skip(str(reason))
    told = attack(
        identity, tier, programs, seconds=SECONDS, memory_mb=MEMORY_MB, output_chars=OUTPUT_CHARS, scratch_mb=4
    )
    assert set(told["outcomes"]) == set(programs)
    for name, outcome in told["outcomes"].items():
        output = outcome["stdout"] + (outcome["value"] or "") + outcome["error"]
        assert not [sign for sign in signs_of_escape() if sign in output], name
        assert len(outcome["stdout"]) <= OUTPUT_CHARS, name
        assert outcome["seconds"] <= SECONDS + 1, name
    assert host.reached == []
    assert host.state() == host.before
    # Memory: CPython itself and what is held back for its last words come on top.
    assert told["peak_mb"] <= MEMORY_MB + 64
    assert told["own_peak_mb"] <= MEMORY_MB + 128
    # Nothing is left behind: no process but Monty's idle workers, no scratch folder, no word on stderr.
    assert set(told["left"]) <= ({"monty"} if tier == "monty" else set())
    assert told["scratch"] == []
    assert told["complaints"] == ""


def test_the_host_could_be_reached(host: Host) -> None:
    """Else the attacks would prove nothing."""
    with socket.create_connection(("127.0.0.1", PORT), timeout=2):
        pass
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(HOST / "u.sock"))
    deadline = time.monotonic() + 5
    while len(host.reached) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(host.reached) == 2
    host.reached.clear()
