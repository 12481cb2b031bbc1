"""Keeping a run's events: in the file that was asked for or, when a run breaks off, in one that is then named."""

import os
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from agentkit.events import Decided, Event, Finished
from agentkit.trace import TraceWriter


class Recorder:
    """Keeps every event; what a run had done before it broke off is never lost."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.events: list[Event] = []
        self.writer = TraceWriter(path) if path else None

    def __call__(self, event: Event) -> None:
        self.events.append(event)
        if self.writer:
            self.writer(event)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.writer:
            self.writer.__exit__(kind, error, trace)
        if error is None or not self.events or isinstance(self.events[-1], Finished):
            return
        if self.path is None and not any(isinstance(event, Decided) for event in self.events):
            return  # nothing had happened yet
        path = self.path or self.rescue()
        print(f"agentkit: partial trace in {path}; show it: agentkit replay {path}", file=sys.stderr)

    def rescue(self) -> Path:
        """Write the events where nobody asked for a trace: readable by this user only."""
        users = os.environ.get("XDG_STATE_HOME")
        folder = (Path(users) if users else Path.home() / ".local" / "state") / "agentkit"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix="interrupted-", suffix=".jsonl", dir=folder)
        except OSError:  # a home that can't be written to
            handle, name = tempfile.mkstemp(prefix="agentkit-interrupted-", suffix=".jsonl")
        os.close(handle)
        with TraceWriter(Path(name)) as writer:
            for event in self.events:
                writer(event)
        return Path(name)
