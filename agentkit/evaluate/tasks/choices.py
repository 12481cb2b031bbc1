"""Tasks whose answer is one of a closed list."""

import hashlib
from collections.abc import Callable, Sequence

from agentkit.evaluate.item import Item
from agentkit.evaluate.scorers.choice import LETTERS, ChoiceScorer
from agentkit.evaluate.task import Task
from agentkit.evaluate.tasks.data import Row, RowError, Rows, shortened

YES_NO = ("yes", "no")
BALANCED = "balanced accuracy"


def choice_task(
    name: str, rows: Rows, item: Callable[[Row], Item], instruction: str, *, metric: str = "accuracy"
) -> Task:
    """A task over the rows of one file."""
    items, problems = rows.items(item)
    return Task(
        name=name,
        items=items,
        scorer=ChoiceScorer(),
        form="choice",
        instruction=instruction,
        metric=metric,
        digest=rows.digest,
        problems=problems,
    )


def options(question: str, choices: Sequence[str]) -> str:
    """A question with its choices listed below it, by letter as far as there are letters."""
    labels = [f"({letter})" for letter in LETTERS] + ["-"] * len(choices)
    return "\n".join([question, "Options:", *(f"{a} {b}" for a, b in zip(labels, choices, strict=False))])


def shuffled(choices: Sequence[str], key: str) -> tuple[str, ...]:
    """The choices in an order that only they and the key decide: not which is right, nor where it stood."""
    return tuple(sorted(choices, key=lambda choice: hashlib.sha256(f"{key}\n{choice}".encode()).digest()))


def one_of(value: str, choices: Sequence[str]) -> str:
    """The value, if it's a choice.

    Raises:
        RowError: It isn't.
    """
    if value not in choices:
        raise RowError(f"the answer {shortened(value)} is none of {', '.join(choices)}")
    return value
