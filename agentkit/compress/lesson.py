"""A recorded run as a student learns it: the messages, and which of them are its own."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from pydantic import BaseModel, ValidationError

from agentkit.errors import TraceError
from agentkit.events import Told


class Lesson(BaseModel, frozen=True, extra="forbid"):
    """The transcript of one run, written by the protocol's own code while it ran."""

    id: str
    source: str
    """The file or the generator that it was made from."""
    kind: str = ""
    """What it teaches; see `Problem.kind`."""
    protocol: str
    """Fingerprint of the protocol that it is written in."""
    messages: tuple[Told, ...]
    learned: tuple[int, ...]
    """Indices of the assistant messages that carry loss; worked examples and wrong drafts don't."""


def write_lessons(path: Path, lessons: Iterable[Lesson]) -> int:
    """Write lessons as JSON lines, under another name until all are there; returns how many."""
    part = path.with_name(f"{path.name}.part")
    path.parent.mkdir(parents=True, exist_ok=True)
    count = 0
    try:
        with part.open("w", encoding="utf-8") as file:
            for lesson in lessons:
                file.write(lesson.model_dump_json() + "\n")
                count += 1
        part.replace(path)
    except OSError as error:
        raise TraceError(f"can't write {path}: {error.strerror}; make room, or name another folder") from None
    finally:
        part.unlink(missing_ok=True)
    return count


def read_lessons(path: Path) -> Iterator[Lesson]:
    """The lessons of a file.

    Raises:
        TraceError: It can't be read, or a line is no lesson; the message names the line.
    """
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                try:
                    yield Lesson.model_validate_json(line)
                except ValidationError as error:
                    why = " ".join(str(error.errors()[0]["msg"]).split())
                    raise TraceError(
                        f"{path}:{number} is not a lesson ({why}): {line[:60]!r}; collect it anew"
                    ) from None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise TraceError(f"can't read {path}: {reason}") from None
