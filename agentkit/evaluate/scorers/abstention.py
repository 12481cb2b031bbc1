"""What every scorer says of abstaining."""

from collections.abc import Mapping

from agentkit.evaluate.item import Item, Reply, Score
from agentkit.knowledge.encodable import encodable

REASON_CHARS = 80


def unanswered(item: Item, reply: Reply, details: Mapping[str, float] | None = None) -> Score | None:
    """The score where whether to answer decides: there's no answer, or there shouldn't be one. None elsewhere."""
    if reply.text is None:
        why = "rightly gave no answer" if not item.answerable else f"no answer: {reply.status}"
        return Score(right=not item.answerable, value=float(not item.answerable), reason=why, details=details or {})
    if not item.answerable:
        return Score(right=False, value=0, reason="answered the unanswerable", details=details or {})
    return None


def compared(got: str, gold: str) -> str:
    """A reason: what stood against what, in short."""
    return f"{shown(got)} for {shown(gold)}"


def shown(text: str) -> str:
    """The start of a text, on one line, safe to write to any file."""
    line = encodable(" ".join(text[: 4 * REASON_CHARS].split()))
    return repr(line if len(line) <= REASON_CHARS else f"{line[:REASON_CHARS]}…")
