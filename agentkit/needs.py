"""What a run needs next, and what it is sent for it: the seam between the loop and whoever does its I/O."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel

from agentkit.answer import Finding
from agentkit.checks import Draft, Verdict
from agentkit.events import Told
from agentkit.models.model import Completion, Grammar
from agentkit.tools import Outcome, Tool


@dataclass(frozen=True)
class Ask:
    """Needs a `Completion`: the next assistant message under this grammar."""

    messages: tuple[Told, ...]
    grammar: Grammar
    max_tokens: int


@dataclass(frozen=True)
class Invoke:
    """Needs an `Outcome`: what the tool reports."""

    tool: Tool
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class Verify:
    """Needs the verdict and findings of the checks."""

    draft: Draft


Need = Ask | Invoke | Verify


class Verified(BaseModel, frozen=True):
    """The result of the checks."""

    verdict: Verdict
    findings: tuple[Finding, ...]
    seconds: float = 0.0


Result = Completion | Outcome | Verified


R = TypeVar("R", Completion, Outcome, Verified)


def needed(need: Need, kind: type[R]) -> Generator[Need, Result, R]:
    """Yield a need and insist on the kind of result that it has."""
    result = yield need
    if not isinstance(result, kind):
        raise TypeError(f"{type(need).__name__} needs a {kind.__name__}, was sent {type(result).__name__}")
    return result
