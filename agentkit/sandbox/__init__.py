"""Running a program that a model wrote, where it can't reach anything.

A program runs in a tier. Monty, an interpreter of a Python subset, comes first: it starts in no time and
is always installed. What it can't run goes to a native tier, a real CPython with its standard library
that is confined by the kernel, when this machine has one, and is refused otherwise. No program gets a
network, a file outside its scratch folder, the environment, another process, or more than its limits.

    run("print(sum(range(10)))").text   # "45\\n"
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel

from agentkit.errors import SandboxRefused, ToolError, UnknownName
from agentkit.sandbox import bubblewrap, monty, sandlock, seccomp
from agentkit.sandbox.result import MAX_CODE, Limit, Result, SandboxLimits, one_line

__all__ = ["AUTO", "Limit", "Result", "SandboxLimits", "Tier", "forget", "run", "tiers"]

AUTO = "auto"


class Tier(BaseModel, frozen=True):
    """One way of running programs."""

    name: str
    description: str
    install: str
    """The command that brings it."""
    native: bool
    """It is a real CPython."""

    def unavailable(self) -> str:
        """Why it can't be used here, in one line; empty when it can. Found out by really running a program, once."""
        return _probe(self.name)


_TIERS = (
    Tier(
        name=monty.NAME,
        description="an interpreter of a Python subset, in warm worker processes; part of every install",
        install="pip install agentkit",
        native=False,
    ),
    Tier(
        name=sandlock.NAME,
        description="CPython confined by Landlock and seccomp; needs Linux 6.12 or newer, no privileges",
        install="pip install 'agentkit[sandbox]'",
        native=True,
    ),
    Tier(
        name=bubblewrap.NAME,
        description="CPython in namespaces of its own; needs user namespaces or root",
        install="apt-get install bubblewrap",
        native=True,
    ),
)
_RUNNERS: Mapping[str, Callable[[str, Mapping[str, Any], SandboxLimits], Result]] = {
    monty.NAME: monty.run,
    sandlock.NAME: sandlock.run,
    bubblewrap.NAME: bubblewrap.run,
}


def tiers() -> dict[str, Tier]:
    """All tiers by name, in the order in which they are tried."""
    return {tier.name: tier for tier in _TIERS}


def run(
    code: str,
    *,
    tier: str = AUTO,
    limits: SandboxLimits | None = None,
    inputs: Mapping[str, Any] | None = None,
) -> Result:
    """Run a program to its end or to its limits, whichever comes first.

    Blocks for at most a second longer than `limits.seconds`, in each of the at most two tiers it tries.

    Args:
        tier: The name of the one tier that may run it, or `"auto"`: Monty, then for what Monty can't run the
            first native tier there is. A mistake in the program or a limit it hits is its result, in any tier.
        inputs: Values of JSON that the program finds as variables.

    Raises:
        SandboxRefused: No tier can run it.
        ToolError: It is too long, or not text.
        UnknownName: There is no such tier.
    """
    limits = limits or SandboxLimits()
    code = _checked(code)
    if tier == AUTO:
        return _automatic(code, inputs or {}, limits)
    if tier not in _RUNNERS:
        raise UnknownName("sandbox tier", tier, [AUTO, *_RUNNERS])
    if reason := _probe(tier):
        raise SandboxRefused(
            f"the sandbox tier '{tier}' can't be used here: {reason}", hint=f"install it: {tiers()[tier].install}"
        )
    try:
        return _RUNNERS[tier](code, inputs or {}, limits)
    except monty.Unsupported as missing:
        raise SandboxRefused(
            f"Monty can't run this program: {missing}", hint="write it without that, or let a native tier run it"
        ) from None


def _automatic(code: str, inputs: Mapping[str, Any], limits: SandboxLimits) -> Result:
    missing = f"it can't be used here: {reason}" if (reason := _probe(monty.NAME)) else ""
    if not missing:
        try:
            return monty.run(code, inputs, limits)
        except monty.Unsupported as unsupported:
            missing = str(unsupported)
    real = [tier for tier in _TIERS if tier.native]
    for tier in real:
        if not tier.unavailable():
            return _RUNNERS[tier.name](code, inputs, limits)
    raise SandboxRefused(
        f"no sandbox can run this program; Monty: {missing}; "
        + "; ".join(f"{tier.name}: {tier.unavailable()}" for tier in real),
        hint="write it without that, or install a native tier: " + " or ".join(tier.install for tier in real),
    )


def _checked(code: str) -> str:
    """The program with plain line ends.

    Raises:
        ToolError: It is too long, or holds what isn't text.
    """
    if len(code) > MAX_CODE:
        raise ToolError(f"the program has {len(code)} characters, at most {MAX_CODE} are run", hint="write less")
    try:
        code.encode()
    except UnicodeEncodeError as error:
        raise ToolError(f"the program holds {code[error.start]!r}, which is not a character") from None
    if "\0" in code:
        raise ToolError("the program holds a null character", hint="write '\\0' as an escape")
    return code.replace("\r\n", "\n").replace("\r", "\n")


def forget() -> None:
    """Look anew which tiers there are: after one was installed, or for a test."""
    _probe.cache_clear()


@functools.lru_cache(maxsize=len(_TIERS))
def _probe(name: str) -> str:
    """Why a tier can't run even a trivial program here; empty when it can."""
    if tiers()[name].native and not seccomp.supported():
        return "no table of system calls for this kind of machine"
    try:
        result = _RUNNERS[name]("print(6 * 7)", {}, SandboxLimits())
    except Exception as error:  # whatever it is, it is why the tier can't be used
        return one_line(f"{type(error).__name__}: {error}")
    return "" if result.stdout == "42\n" else result.error or f"a test program printed {result.stdout!r} instead of 42"
