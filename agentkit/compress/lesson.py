"""A recorded run as a student learns it: the messages, and which of them are its own."""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Self

from pydantic import BaseModel, Field, ValidationError, model_validator

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
    learned: tuple[int, ...] = Field(min_length=1)
    """Indices of the assistant messages that carry loss, ascending; worked examples and wrong drafts don't."""

    @model_validator(mode="after")
    def _usable(self) -> Self:
        if self.learned[0] < 0 or any(a >= b for a, b in pairwise((*self.learned, len(self.messages)))):
            raise ValueError(f"learned are messages {self.learned} of {len(self.messages)}")
        for index in self.learned:
            if self.messages[index].role != "assistant":
                raise ValueError(f"message {index} is to be learned and isn't the assistant's")
        return self


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
                    why = " ".join(str(error.errors()[0]["msg"]).removeprefix("Value error, ").split())
                    raise TraceError(
                        f"{path}:{number} is not a lesson ({why}): {line[:60]!r}; collect it anew"
                    ) from None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise TraceError(f"can't read {path}: {reason}") from None
