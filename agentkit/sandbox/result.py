"""What a program may use, and what came of it."""

from typing import Literal

from pydantic import BaseModel, Field

Limit = Literal["seconds", "memory", "output", "scratch"]

MAX_CODE = 50_000
"""Characters of a program: a small model writes some hundreds, and the source is parsed in this process."""


MAX_FILES = 200
"""Files and folders in the scratch folder: empty ones cost the kernel's memory, and no program needs so many."""


class SandboxLimits(BaseModel, frozen=True):
    """Bounds on one program, which is always one process with one thread: it can't start others."""

    seconds: float = Field(default=5.0, gt=0, le=60)
    """Wall-clock time. What still runs then is killed, at most a second later."""
    memory_mb: int = Field(default=256, ge=64, le=65_536)
    """Address space (native tiers) or heap (Monty). CPython itself needs about 40."""
    output_chars: int = Field(default=10_000, ge=1, le=1_000_000)
    """Characters printed; a program that prints more is stopped."""
    scratch_mb: int = Field(default=16, ge=1, le=1024)
    """Files kept in the scratch folder, which starts empty and goes away with the program."""


class Result(BaseModel, frozen=True):
    """What came of a program, in the same form from every tier."""

    tier: str
    stdout: str = ""
    """What it printed, errors' stream included, cut at the limit."""
    value: str | None = None
    """The value of its last expression as `print` would show it; None when it has none."""
    error: str = ""
    """`Type: message` in one line; empty when it ran to its end."""
    line: int | None = None
    """The program's line the error arose in, from 1."""
    limit: Limit | None = None
    """The limit that ended it."""
    seconds: float = 0.0

    @property
    def text(self) -> str:
        """What it printed, or, as in a notebook, its last value when it printed nothing."""
        return self.stdout if self.stdout.strip() else self.value or ""

    @property
    def truncated(self) -> bool:
        """It printed more than it may."""
        return self.limit == "output"

    @property
    def timed_out(self) -> bool:
        """It ran longer than it may."""
        return self.limit == "seconds"


def over(limit: Limit, limits: SandboxLimits) -> str:
    """The error of a program that a limit ended."""
    match limit:
        case "seconds":
            return f"TimeoutError: it ran longer than {limits.seconds:g} s"
        case "memory":
            return f"MemoryError: it needs more than {limits.memory_mb} MB"
        case "output":
            return f"OutputLimit: it printed more than {limits.output_chars} characters"
        case "scratch":
            return f"OSError: it wrote more than {limits.scratch_mb} MB or {MAX_FILES} files"


def finished(result: Result, value: str | None, limits: SandboxLimits) -> Result:
    """The result of a program that ran to its end with this last value."""
    if value is None or len(value) <= limits.output_chars:
        return result.model_copy(update={"value": value})
    value = value[: limits.output_chars]
    if result.stdout.strip():  # what it printed is the result, not its value
        return result.model_copy(update={"value": value})
    return result.model_copy(update={"value": value, "limit": "output", "error": over("output", limits)})


def one_line(text: str, limit: int = 300) -> str:
    """Text without line breaks, cut to `limit` characters."""
    flat = " ".join(text[: limit * 4].split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"
