"""Bounds on one run."""

from pydantic import BaseModel, Field


class Limits(BaseModel, frozen=True):
    """Bounds on one run. `None` means unbounded."""

    steps: int | None = Field(default=10, ge=1)
    """Decisions the model may take, planning and corrections included."""
    tool_calls: int | None = Field(default=8, ge=0)
    """Calls that reach a tool; answers from a pure tool's memory don't count."""
    tokens: int | None = Field(default=None, ge=1)
    """Generated tokens, over all decisions."""
    seconds: float | None = Field(default=300.0, gt=0)
    """Wall-clock time."""
    decision_tokens: int = Field(default=700, ge=1)
    """Generated tokens of one decision; a decision that reaches it is cut off and counted as malformed."""
    passage_chars: int = Field(default=8000, ge=80)
    """Characters of all passages given with a task; what is longer is cut and says so."""
    observation_chars: int = Field(default=1600, ge=80)
    """Characters of one observation; what is longer is cut and says so."""


def reaches(limit: int | None, count: int) -> bool:
    """Whether a limit, if there is one, has been reached."""
    return limit is not None and count >= limit
