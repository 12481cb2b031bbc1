"""A task with the decisions that a good driver would take: what a run is recorded from where no teacher is asked."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from agentkit.answer import Evidence, Passage
from agentkit.checks import Check
from agentkit.decision import Decision, compact
from agentkit.limits import Limits
from agentkit.models.model import Message, Model
from agentkit.tools import Tool

LIMITS = Limits(seconds=None)
"""As at run time but for the clock, which would let the machine's other work decide what is kept."""
Cue = Decision | Callable[[Sequence[Evidence]], Decision]
"""A decision, or what makes it from the evidence that the run has by then: only then its numbers are known."""


@dataclass(frozen=True)
class Line:
    """One decision of a script."""

    cue: Cue
    learned: bool = True
    """Whether the student is to learn it; not so a wrong draft that a finding is to correct."""
    fails: bool = False
    """Of a call: whether the tool is to fail, for the student to learn what to do then."""


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
    """What tools and checks are bound to by type: the corpus that the retrieval tool searches, an embedder."""
    checks: Sequence[Check] | None = None
    """What answers are held against; None for the checks that ship."""
    instructions: str = ""
    """What an assistant's model is told below the rules."""
    limits: Limits = LIMITS
    output: type[Any] | None = None
    """The type that the answer is decoded into; None for text."""
    plan: bool = True
    answer: str | None = None
    """What the run must end with, as the source words it; None where it must end without an answer."""
    unchecked: bool = False
    """Whether it may end as `unchecked`, like a bare yes or no, which no check applies to."""
    kind: str = ""
    """What it teaches, for balance and for ablation: `maths`, `program`, `documents`, `reading`, `refusal`, say."""
    brief: "Brief | None" = None
    """What a model may word its task from; None where nobody is to."""


class Brief(Protocol):
    """What a model is to word a task from, and how it is known that the wording says it."""

    @property
    def asked(self) -> Sequence[Message]:
        """What the model is told; it replies with one JSON object."""
        ...

    @property
    def key(self) -> str:
        """Of that object, the only one."""
        ...

    @property
    def longest(self) -> int:
        """Characters that the wording may have."""
        ...

    def objection(self, text: str) -> tuple[str, str] | None:
        """Why the wording can't be used, and what is special to it: all that needs no model."""
        ...

    def problem(self, text: str) -> Problem:
        """The problem with its task worded so."""
        ...

    async def misread(self, worded: Problem, reader: Model) -> tuple[str, str] | None:
        """What a model that is given the task makes of it, if that isn't what is asked for; None if it is.

        Raises:
            ContextOverflow: It is too long for the model.
            ModelError: The model failed.
        """
        ...


def shown(rules: str, examples: Sequence[tuple[str, str]], key: str, asked: str) -> list[Message]:
    """What a model is told that is to word something: rules, worked examples, what is asked of it."""
    turns = [Message(role="system", content=rules)]
    for example, wording in examples:
        turns.append(Message(role="user", content=example))
        turns.append(Message(role="assistant", content=compact({key: wording})))
    return [*turns, Message(role="user", content=asked)]


@dataclass(frozen=True)
class Unusable:
    """A row of a source that makes no problem."""

    id: str
    reason: str
    """Counted by it, so without what is special to the row."""
    detail: str = ""
    """What is special to the row: the line that can't be read, say."""


def general(message: str) -> str:
    """A message without its figures and quotations."""
    return re.sub(r"\d[\d.,/]*(?<![.,])", "#", re.sub(r"""(["']).*?\1""", "…", message))[:120]
