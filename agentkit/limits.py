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
    confidence: float | None = Field(default=None, ge=0, le=1)
    """Least `Answer.confidence`: an answer of which the model is less sure, or doesn't tell, is withheld."""

    def unsure(self, confidence: float | None) -> str:
        """Why an answer with this confidence is withheld; empty where it isn't."""
        if self.confidence is None or (confidence is not None and confidence >= self.confidence):
            return ""
        if confidence is None:
            return "the model doesn't tell how sure it is"
        return f"the model is not sure enough: {confidence:.3f}, at least {self.confidence:g} wanted"


def reaches(limit: int | None, count: int) -> bool:
    """Whether a limit, if there is one, has been reached."""
    return limit is not None and count >= limit
