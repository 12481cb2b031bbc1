"""A task with the decisions that a good driver would take: what a run is recorded from where no teacher is asked."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from agentkit.answer import Evidence, Passage
from agentkit.decision import Decision
from agentkit.tools import Tool

Cue = Decision | Callable[[Sequence[Evidence]], Decision]
"""A decision, or what makes it from the evidence that the run has by then: only then its numbers are known."""


@dataclass(frozen=True)
class Line:
    """One decision of a script."""

    cue: Cue
    learned: bool = True
    """Whether the student is to learn it; not so a wrong draft that a finding is to correct."""


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A task, what it is solved with, and a script of decisions.

    It is run by the real loop with the real tools and checks; kept is what ends as it should.
    """

    id: str
    """Unique within its source."""
    source: str
    """The file or the generator that it was made from."""
    task: str
    script: Sequence[Line]
    tools: Sequence[Tool | str] = ()
    """Tools, or names of installed ones."""
    passages: Sequence[Passage] = ()
    """Evidence that comes with the task."""
    resources: Sequence[object] = ()
    """What the tools and the checks are bound to, a corpus say."""
    output: type[Any] | None = None
    """The type that the answer is decoded into; None for text."""
    plan: bool = True
    answer: str | None = None
    """What the run must end with, as the source words it; None where it must end without an answer."""
    kind: str = ""
    """What it teaches, for balance and for ablation: `maths`, `choice of tool`, `reading`, `refusal`, `correction`."""
