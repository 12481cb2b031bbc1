"""The command line keeps programs as well confined as the sandbox does, as root and unprivileged.

`tests/benchmarks/attacks.py` makes all attacks of the collection; here is one of each kind.
"""

import json
from collections.abc import Iterator

import attacks as benchmark
import pytest

from tests.sandbox.attacked import IDENTITIES, TIERS, Host, Unavailable, attacks

KINDS = {
    "time": ["catch_all"],
    "memory": ["mem_bytes"],
    "output": ["huge_output"],
    "processes": ["fork", "kill", "subprocess"],
    "files": ["passwd", "write", "writecwd"],
    "secrets": ["environ", "procmem"],
    "network": ["net", "unixsock"],
    "ends": ["osexit"],
}


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    try:
        host = Host()
    except OSError as error:
        pytest.skip(f"the host can't be set up for the attacks: {error}")
    yield host
    host.close()


@pytest.mark.slow
@pytest.mark.parametrize("identity", IDENTITIES)
@pytest.mark.parametrize("tier", TIERS)
def test_no_attack_through_the_command_reaches_the_host_or_outlives_its_limits(
    host: Host, tier: str, identity: str
) -> None:
    try:
        collection = attacks()
        report = benchmark.assault(
            host, identity, tier, {name: collection[name] for names in KINDS.values() for name in names}
        )
    except Unavailable as reason:
        pytest.skip(str(reason))
    assert report.made == sum(map(len, KINDS.values()))
    assert report.breaches == ()


def printing(text: str) -> dict[str, str]:
    return {"out": json.dumps({"parts": [{"text": text}], "error": "", "seconds": 0.1})}


@pytest.mark.parametrize(
    ("outcome", "breach"),
    [
        (printing("canary-4f1d"), "printed 'canary-4f1d'"),
        (printing("connected\n"), "printed 'connected\\n'"),
        ({"code": -9}, "exit code -9"),
        ({"err": "Traceback (most recent call last):\nKeyError: 1"}, "a traceback: KeyError: 1"),
        (printing("x" * 10_000), "characters of output"),
        ({"out": json.dumps({"parts": [], "error": "uid=0(root)"})}, "printed 'uid='"),
    ],
)
def test_a_breach_would_be_seen(outcome: dict[str, object], breach: str) -> None:
    [found] = benchmark.misdeeds('print("connected")', {"out": "", "err": "", "code": 0} | outcome)
    assert breach in found


def test_a_line_that_an_error_quotes_is_no_breach() -> None:
    quoted = json.dumps({"parts": [], "error": 'OSError in line 1: connect(); print("connected")'})
    assert benchmark.misdeeds('connect(); print("connected")', {"out": quoted, "err": "", "code": 1}) == []


def test_the_time_that_counts_is_the_one_the_tool_reports() -> None:
    assert benchmark.reported({"out": json.dumps({"seconds": 0.2}), "wall": 9.0}) == 0.2
    assert benchmark.reported({"out": "", "wall": 9.0}) == 9.0
