"""A run's events as JSON lines: written as they happen, read back."""

from pathlib import Path
from types import TracebackType
from typing import Self

from pydantic import ValidationError

from agentkit.errors import TraceError
from agentkit.events import EVENT, TRACE_VERSION, Event, Started


class TraceWriter:
    """Appends each event to a file at once, so that an interrupted run leaves what it had."""

    def __init__(self, path: Path) -> None:
        try:
            self._file = path.open("w", encoding="utf-8")
        except OSError as error:
            raise TraceError(f"can't write the trace {path}: {error.strerror}") from None

    def __call__(self, event: Event) -> None:
        self._file.write(event.model_dump_json(by_alias=True) + "\n")
        self._file.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


def read_trace(path: Path) -> list[Event]:
    """The events of a trace; one that was interrupted ends early, its last half-written line is left out.

    Raises:
        TraceError: The file can't be read, isn't a trace, or is from a newer version.
    """
    try:
        # Not splitlines: U+2028 and its like stand raw inside JSON strings.
        lines = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise TraceError(f"can't read the trace {path}: {reason}") from None
    events: list[Event] = []
    lines = lines if any(lines) else []
    for number, line in enumerate(lines, 1):
        try:
            events.append(EVENT.validate_json(line))
        except ValidationError:
            if number == len(lines) and number > 1:
                break
            raise TraceError(f"{path}:{number} is not an event of an agentkit trace: {line[:60]!r}") from None
    if not events or not isinstance(events[0], Started):
        raise TraceError(f"{path} is not an agentkit trace: it has no 'started' line")
    if events[0].trace > TRACE_VERSION:
        raise TraceError(f"{path} is a trace of version {events[0].trace}; this agentkit reads up to {TRACE_VERSION}")
    return events
