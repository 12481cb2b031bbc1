"""Every attack through `agentkit tool python CODE --tier T`, on every tier, as this user and as nobody.

    python tests/benchmarks/attacks.py

prints a table and exits with 1 if one of them reached the host or outlived its limits: 59 attacks on three tiers
as two users take 150 s on two cores. `tests/cli/test_attacks.py` makes some of them.
"""

import json
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.sandbox.attacked import (
    IDENTITIES,
    TIERS,
    Host,
    Unavailable,
    attacks,
    attempt,
    scratch,
    signs_of_escape,
)

SECONDS, MEMORY_MB, OUTPUT_CHARS = 0.5, 128, 2000
LIMITS = {"seconds": SECONDS, "memory_mb": MEMORY_MB, "output_chars": OUTPUT_CHARS, "scratch_mb": 4}
GRACE = 1.0
"""Seconds within which a program must be gone once its time is up."""
TRIES = 3
"""A program that seems to outlive its limit runs alone until it doesn't, so often: the machine may have been busy."""
AROUND_MB = 64
"""What the command itself, or CPython around a program, takes besides the program's memory."""
AROUND_CHARS = 1000
"""The JSON around what a program printed, or an error with its hint."""


@dataclass(frozen=True)
class Report:
    """What came of attacks on one tier as one user."""

    made: int
    breaches: tuple[str, ...]
    slowest: float
    """Seconds the tool reported for the slowest program."""
    longest: int
    """Characters of the longest output."""
    peak_mb: int
    wall: float


def assault(host: Host, identity: str, tier: str, programs: Mapping[str, str]) -> Report:
    """Run each program through the command and look for what it should not have done.

    Raises:
        Unavailable: The user or the tier can't be had here.
    """
    start = time.monotonic()
    with scratch() as folder:
        told = attempt(identity, job(tier, programs), folder)
        outcomes: dict[str, dict[str, Any]] = told["outcomes"]
        seconds = {name: reported(outcome) for name, outcome in outcomes.items()}
        for _ in range(TRIES - 1):
            for name in [name for name, took in seconds.items() if took > SECONDS + GRACE]:
                alone = attempt(identity, job(tier, {name: programs[name]}), folder)
                seconds[name] = min(seconds[name], reported(alone["outcomes"][name]))
        left_files = os.listdir(folder)
    breaches = [f"{name}: {what}" for name, outcome in outcomes.items() for what in misdeeds(programs[name], outcome)]
    breaches += [f"{name}: ran {took:.1f} s" for name, took in seconds.items() if took > SECONDS + GRACE]
    if set(outcomes) != set(programs):
        breaches.append("not every program was run")
    if host.reached or host.state() != host.before:
        breaches.append(f"the host was reached: {host.reached or 'its folder is not as it was'}")
    # A worker of the runner's own, which asked whether the tier is there, may be kept warm.
    if left := set(told["left"]) - ({"monty"} if tier == "monty" else set()):
        breaches.append(f"processes were left behind: {', '.join(sorted(left))}")
    if left_files:
        breaches.append(f"files were left behind: {', '.join(sorted(left_files))}")
    if told["peak_mb"] > MEMORY_MB + AROUND_MB:
        breaches.append(f"a process took {told['peak_mb']} MB")
    longest = max(len(outcome["out"]) + len(outcome["err"]) for outcome in outcomes.values())
    wall = time.monotonic() - start
    return Report(len(outcomes), tuple(breaches), max(seconds.values()), longest, told["peak_mb"], wall)


def job(tier: str, programs: Mapping[str, str]) -> dict[str, Any]:
    return {"tier": tier, "limits": LIMITS, "programs": dict(programs), "command": True}


def reported(outcome: Mapping[str, Any]) -> float:
    """Seconds that the tool says it took; those of the whole command where it says nothing."""
    try:
        return float(json.loads(outcome["out"])["seconds"])
    except (ValueError, KeyError):
        return float(outcome["wall"])


def misdeeds(code: str, outcome: Mapping[str, Any]) -> list[str]:
    """What one command should not have said or done."""
    text = outcome["out"] + outcome["err"]
    printed = printed_by(outcome)
    # An error quotes the line of the program it arose in; that the program has such a word proves nothing.
    signs = [s for s in signs_of_escape() if s in printed or (s.strip() in text and s.strip() not in code)]
    found = [f"printed {sign!r}" for sign in signs]
    if outcome["code"] not in (0, 1, 2):
        found.append(f"exit code {outcome['code']}")
    if "Traceback" in text:
        found.append(f"a traceback: {text.splitlines()[-1]}")
    if len(text) > OUTPUT_CHARS * 2 + AROUND_CHARS:  # escaped, a newline takes two
        found.append(f"{len(text)} characters of output")
    return found


def printed_by(outcome: Mapping[str, Any]) -> str:
    """What the program printed; all that the command did where that can't be told apart."""
    try:
        return "".join(part["text"] for part in json.loads(outcome["out"])["parts"])
    except (ValueError, KeyError):
        return outcome["out"]


def main() -> int:
    table = Table("tier", "user", "attacks", "slowest (s)", "longest (chars)", "peak (MB)", "took (s)", "breaches")
    failed = False
    try:
        programs, host = attacks(), Host()
    except (Unavailable, OSError) as error:
        print(f"the attacks can't be made here: {error}", file=sys.stderr)
        return 2
    try:
        for identity in IDENTITIES:
            for tier in TIERS:
                try:
                    report = assault(host, identity, tier, programs)
                except Unavailable as reason:
                    table.add_row(tier, identity, "", "", "", "", "", f"not made: {reason}")
                    continue
                failed = failed or bool(report.breaches)
                figures = (f"{report.slowest:.2f}", report.longest, report.peak_mb, f"{report.wall:.0f}")
                found = "\n".join(report.breaches) or "none"
                table.add_row(tier, identity, str(report.made), *map(str, figures), found)
    finally:
        host.close()
    Console(width=140).print(table)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
