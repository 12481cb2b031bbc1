"""Completions kept on disk: strategies that ask a model the same thing share them, and nothing is asked twice."""

import hashlib
import json
import sqlite3
import time
from collections.abc import Sequence
from contextvars import ContextVar
from pathlib import Path

from agentkit.errors import ConfigurationError
from agentkit.models.model import Completion, Grammar, Message, Model, Sampling, Session

SAVED: ContextVar[list[float] | None] = ContextVar("saved", default=None)
"""Seconds that completions taken from disk took when they were generated; whoever times an item sets a list."""


class Remembering(Model):
    """A model that writes what it wrote the last time it was asked the same.

    Only right where that is what it would do anyway: greedy or seeded, in repeatable sessions. A completion comes back
    with the usage it had, so that tokens and seconds are those of a run that generated everything itself.
    """

    def __init__(self, inner: Model, path: Path) -> None:
        self._inner = inner
        self.protocol = inner.protocol
        self.name = inner.name
        self.context = inner.context
        self.taught = inner.taught
        self.place = inner.place
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, timeout=60, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode = WAL")  # without it every completion waits 8 ms for the disk
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._db.execute("CREATE TABLE IF NOT EXISTS completions (key TEXT PRIMARY KEY, completion TEXT NOT NULL)")
        except (OSError, sqlite3.Error) as error:
            raise ConfigurationError(f"can't keep completions in {path}: {error}; name another folder") from None

    def session(self, *, repeatable: bool = False) -> Session:
        return RememberingSession(self, self._inner.session(repeatable=repeatable))

    def recall(self, key: str) -> Completion | None:
        """What was written for a key."""
        row = self._db.execute("SELECT completion FROM completions WHERE key = ?", (key,)).fetchone()
        return Completion.model_validate_json(row[0]) if row else None

    def keep(self, key: str, completion: Completion) -> None:
        """Write it down, unless it was."""
        self._db.execute("INSERT OR IGNORE INTO completions VALUES (?, ?)", (key, completion.model_dump_json()))

    async def aclose(self) -> None:
        self._db.close()


class RememberingSession(Session):
    """Asks the model only what it wasn't asked before.

    What a model computes for a request depends on the requests that the session began with. Where some of those were
    answered from disk, because the run was killed between them say, they are put to it once more.
    """

    def __init__(self, model: Remembering, inner: Session) -> None:
        self._model = model
        self._inner = inner
        self._skipped: list[tuple[tuple[Message, ...], Grammar | None, Sampling]] = []

    async def generate(
        self,
        messages: Sequence[Message],
        *,
        grammar: Grammar | None = None,
        sampling: Sampling = Sampling(),
    ) -> Completion:
        asked = [
            self._model.name,
            self._model.weights,
            self._model.context,
            [message.model_dump() for message in messages],
            grammar.json_schema if grammar else None,
            sampling.model_dump(),
        ]
        key = hashlib.sha256(json.dumps(asked).encode()).hexdigest()
        if known := self._model.recall(key):
            save(known.usage.seconds)
            self._skipped.append((tuple(messages), grammar, sampling))
            return known
        start = time.monotonic()
        while self._skipped:
            before, form, how = self._skipped.pop(0)
            await self._inner.generate(before, grammar=form, sampling=how)
        save(start - time.monotonic())  # it was counted when it was taken from disk
        completion = await self._inner.generate(messages, grammar=grammar, sampling=sampling)
        self._model.keep(key, completion)
        return completion

    async def aclose(self) -> None:
        await self._inner.aclose()


def save(seconds: float) -> None:
    """Tell whoever times an item of time that it would have taken."""
    if (saved := SAVED.get()) is not None:
        saved.append(seconds)
