"""A conversation with an agent: what was asked and answered, and how much of it the model is told again."""

import dataclasses
import os
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
        """As later runs are told of it: only what the checks supported."""
        answer = self.answer
        return (
            Turn(task=self.task, answer=answer.text)
            if answer and answer.status == "supported" and answer.text
            else None
        )

    @property
    def sources(self) -> list[Evidence]:
        """The evidence that the answer stands on."""
        return [e for e in self.answer.evidence if e.id in self.answer.cited] if self.answer else []


class Conversation:
    """Exchanges with an agent, each of which sees those before it.

        conversation = Conversation(agent)
        async for event in conversation.stream("What is the density of iron?"):
            ...

    The model is told earlier questions only with answers that the checks supported, and the oldest no more once they
    take too much of its context. What it isn't told is kept here all the same, with the evidence.
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

    def save(self, path: Path) -> int:
        """Write the events of all runs as one trace, all or nothing; returns how many runs these were.

        Raises:
            TraceError: The file can't be written.
        """
        kept = [exchange for exchange in self.exchanges if exchange.events]
        partial = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            with TraceWriter(partial) as writer:
                for exchange in kept:
                    for event in exchange.events:
                        writer(event)
            partial.replace(path)
        except OSError as error:
            raise TraceError(f"can't write {path}: {error.strerror}; name another file") from None
        finally:
            partial.unlink(missing_ok=True)
        return len(kept)


def written(turns: Sequence[Turn]) -> int:
    """Characters that turns take in a transcript, about."""
    return sum(len(turn.task) + len(turn.answer) + TURN_CHARS for turn in turns)
