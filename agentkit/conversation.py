"""A conversation with an agent: what was asked and answered, and how much of it the model is told again."""

import contextlib
import dataclasses
import os
import stat
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

from agentkit.agent import Agent
from agentkit.answer import Answer, Evidence
from agentkit.errors import ContextOverflow, TraceError
from agentkit.events import Event, Finished, Turn
from agentkit.trace import TraceWriter

SHARE = 0.25
"""Of the model's context that earlier turns may take; a run needs the rest for rules, examples and evidence."""
TOKEN_CHARS = 4
"""Characters of a token, about, in English."""
TURN_CHARS = 60
"""Characters that the protocol writes around a turn."""
EVIDENCE_CHARS = 20
"""Characters that it writes around a piece of evidence."""
PASSAGE_CHARS = 2000
"""Longest evidence that later runs are told again, as long as a passage of a corpus; a longer one would cost turns."""


@dataclasses.dataclass(frozen=True)
class Exchange:
    """One question with all that came of it; without an answer when it was interrupted."""

    task: str
    events: tuple[Event, ...]

    @property
    def answer(self) -> Answer[Any] | None:
        last = self.events[-1] if self.events else None
        return last.answer if isinstance(last, Finished) else None

    @property
    def turn(self) -> Turn | None:
        """As later runs are told of it: only what the checks supported, and the passages that it stands on.

        A computed value is no passage; the answer says it, and so it is known.
        """
        answer = self.answer
        if answer is None or answer.status != "supported" or not answer.text:
            return None
        passages = tuple(e for e in self.sources if e.source and len(e.text) <= PASSAGE_CHARS)
        return Turn(task=self.task, answer=answer.text, evidence=passages)

    @property
    def sources(self) -> list[Evidence]:
        """The evidence that the answer stands on."""
        return [e for e in self.answer.evidence if e.id in self.answer.cited] if self.answer else []


class Conversation:
    """Exchanges with an agent, each of which sees those before it.

        conversation = Conversation(agent)
        async for event in conversation.stream("What is the density of iron?"):
            ...

    The model is told earlier questions only with answers that the checks supported and the passages these stand on,
    which later answers may cite; the oldest no more once they take too much of its context. What it isn't told is kept
    here all the same, with the evidence.
    """

    def __init__(self, agent: Agent[Any]) -> None:
        self.agent = agent
        self.exchanges: list[Exchange] = []
        self.forgotten = 0
        """Supported exchanges, from the oldest on, that the model is no longer told of."""

    @property
    def history(self) -> list[Turn]:
        """The earlier turns that the model is told."""
        return [turn for exchange in self.exchanges if (turn := exchange.turn)][self.forgotten :]

    def fit(self, context: int | None) -> None:
        """Forget the oldest turns until the others take no more than their share of the context."""
        while context is not None and written(self.history) > SHARE * context * TOKEN_CHARS:
            self.forgotten += 1

    async def stream(self, task: str) -> AsyncGenerator[Event]:
        """Ask, yielding each event as it happens; a run that doesn't fit begins again with a shorter history.

        However it ends, what had happened is kept.

        Raises:
            ConfigurationError: The task is empty.
            ModelError: The model failed, or the task alone doesn't fit its context.
        """
        self.fit((await self.agent.open_model()).context)
        events: list[Event] = []
        try:
            while True:
                try:
                    async with aclosing(self.agent.stream(task, history=self.history)) as stream:
                        async for event in stream:
                            events.append(event)
                            yield event
                    return
                except ContextOverflow:
                    if not self.history:
                        raise
                    self.forgotten += 1
                    events.clear()
        finally:
            self.exchanges.append(Exchange(task, tuple(events)))

    def save(self, path: Path, *, replace: bool = False) -> int:
        """Write the events of all runs as one trace, all or nothing; returns how many runs these were.

        Raises:
            TraceError: The file can't be written; or it is there and not to be replaced, or is none that can be.
        """
        kept = [exchange for exchange in self.exchanges if exchange.events]
        if os.path.lexists(path):
            if not stat.S_ISREG(path.lstat().st_mode):  # a device, say: it would be gone
                raise TraceError(f"can't write {path}: it is not a regular file; name another file")
            if not replace:
                raise TraceError(f"{path} is there already; name another file or have it replaced (/save! FILE)")
        if not path.parent.is_dir():
            raise TraceError(f"can't write {path}: there is no folder {path.parent}; name another file")
        partial = path.parent / f".agentkit-{os.getpid()}.part"
        try:
            with TraceWriter(partial) as writer:
                for exchange in kept:
                    for event in exchange.events:
                        writer(event)
            partial.replace(path)
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else str(error)
            raise TraceError(f"can't write {path}: {why}; name another file") from None
        finally:
            with contextlib.suppress(OSError):
                partial.unlink(missing_ok=True)
        return len(kept)


def written(turns: Sequence[Turn]) -> int:
    """Characters that turns take in a transcript, about."""
    evidence = [e for turn in turns for e in turn.evidence]
    return sum(len(turn.task) + len(turn.answer) + TURN_CHARS for turn in turns) + sum(
        len(e.text) + len(e.source) + EVIDENCE_CHARS for e in evidence
    )
