"""Lessons as token ids: what a student is given at run time, and which of its tokens it is to learn."""

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from agentkit.compress.lesson import Lesson
from agentkit.errors import ConfigurationError
from agentkit.models.model import Message
from agentkit.models.transcript import Owned

Whole = Callable[[Sequence[Message], Sequence[int]], Owned]
"""The ids of a transcript that is over, given the messages and the indices of those that the model writes."""


@dataclass(frozen=True)
class Example:
    """One lesson as token ids."""

    id: str
    kind: str
    task: str
    ids: tuple[int, ...]
    decisions: tuple[tuple[int, int], ...]
    """For each decision to be learned where it begins in the ids, and where it ends: behind its end of turn."""
    opening: int
    """Ids before the task: rules and worked examples, which many lessons have in common."""

    @property
    def learned(self) -> int:
        """How many ids carry loss."""
        return sum(end - start for start, end in self.decisions)


@dataclass(frozen=True)
class Examples:
    """The lessons that a student can be given."""

    kept: tuple[Example, ...]
    too_long: int
    """Lessons left out because they don't fit the context."""
    fingerprint: str
    """Of the lessons kept."""


def encode(lessons: Iterable[Lesson], whole: Whole, *, context: int, protocol: str) -> Examples:
    """Lessons as examples, in their order.

    Args:
        whole: Makes the ids; see `Speech.whole`.
        context: Longest example.
        protocol: Fingerprint of the protocol that they must be written in.

    Raises:
        ConfigurationError: There are none that fit, or one is written in another protocol.
    """
    kept: list[Example] = []
    too_long = 0
    digest = hashlib.sha256()
    for lesson in lessons:
        if lesson.protocol != protocol:
            raise ConfigurationError(
                f"lesson {lesson.id} is written in protocol {lesson.protocol}, this agentkit writes {protocol}; "
                "collect the lessons anew: agentkit distil collect"
            )
        example = encoded(lesson, whole)
        if len(example.ids) > context:
            too_long += 1
            continue
        kept.append(example)
        digest.update(lesson.model_dump_json().encode())
    if not kept:
        raise ConfigurationError(
            f"there is no lesson to learn from: {too_long} are longer than the context of {context} tokens"
            if too_long
            else "there is no lesson to learn from; collect some: agentkit distil collect"
        )
    return Examples(tuple(kept), too_long, digest.hexdigest()[:16])


def encoded(lesson: Lesson, whole: Whole) -> Example:
    """One lesson as ids, up to the last decision to be learned."""
    first, last = lesson.learned[0], lesson.learned[-1]
    messages = [Message(role=m.role, content=m.content) for m in lesson.messages[: last + 1]]
    own = [index for index in range(first, last + 1) if messages[index].role == "assistant"]
    owned = whole(messages, own)
    task = asked(messages, first)
    return Example(
        id=lesson.id,
        kind=lesson.kind,
        task=task_of(messages[task].content),
        ids=owned.ids,
        decisions=tuple(span(owned, index, lesson) for index in lesson.learned),
        opening=owned.owners.index(task) if task in owned.owners else 0,
    )


def span(owned: Owned, message: int, lesson: Lesson) -> tuple[int, int]:
    """Where a message's own ids stand."""
    places = [at for at, owner in enumerate(owned.owners) if owner == message]
    if not places:
        raise ConfigurationError(f"lesson {lesson.id}: its decision {message} is empty; collect it anew")
    return places[0], places[-1] + 1


def asked(messages: Sequence[Message], first: int) -> int:
    """The index of the message that holds the task: the last one before the first own decision that has one."""
    users = [index for index in range(first) if messages[index].role == "user"]
    return next((i for i in reversed(users) if TASK.search(messages[i].content)), users[0] if users else 0)


TASK = re.compile(r"(?:^|\n)Task: ")
"""How the protocol begins a task; evidence that is given with it stands before it, its further lines indented."""


def task_of(content: str) -> str:
    """The task alone, without the evidence given with it."""
    return TASK.split(content)[-1].strip()


def split(examples: Sequence[Example], share: float) -> tuple[list[Example], list[Example]]:
    """Those to learn from and those held out, by task: none is on both sides."""
    tasks = sorted({e.task for e in examples}, key=lambda task: hashlib.sha256(task.encode()).digest())
    held = set(tasks[: round(len(tasks) * share)])
    return [e for e in examples if e.task not in held], [e for e in examples if e.task in held]
