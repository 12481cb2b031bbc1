"""Mistakes: which step of a worked solution is the first wrong one (BIG-Bench Mistake, Tyen et al. 2024)."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import cast

from agentkit.evaluate.item import Item
from agentkit.evaluate.scorers.choice import ChoiceScorer
from agentkit.evaluate.task import Task
from agentkit.evaluate.tasks.data import Row, RowError, numbered, read, shortened, together

NONE = "none"
"""The answer where every step is right."""
PURPOSES = {
    "dyck_languages": "Close all brackets that are still open.",
    "logical_deduction": "Find the statement that follows.",
    "multistep_arithmetic": "Compute the value.",
    "tracking_shuffled_objects": "Keep track of who has what.",
    "word_sorting": "Sort the words alphabetically.",
}
"""What each subset's solutions are about, which its inputs alone don't always tell."""


def mistakes(folder: Path) -> Task:
    """The first wrong step, or none: all five subsets, 2,186 items; nearly half of them are dyck_languages."""
    return task("mistakes", folder, tuple(PURPOSES))


def task(name: str, folder: Path, subsets: tuple[str, ...]) -> Task:
    items: list[Item] = []
    problems: list[str] = []
    parts = {subset: read(folder / f"mistakes_{subset}.jsonl") for subset in subsets}
    for subset, rows in parts.items():
        found, complaints = rows.items(partial(item, subset))
        items += found
        problems += complaints
    return Task(
        name=name,
        items=items,
        scorer=ChoiceScorer(),
        form="choice",
        instruction=f'Which step is the first with a mistake? Answer with its number, or "{NONE}" if there is none.',
        digest=together(parts.values()),
        problems=tuple(problems),
    )


def item(subset: str, row: Row) -> Item:
    """One solution; its steps are numbered from 1."""
    steps, index = row.texts("steps"), cast(object, row.value("mistake_index"))
    if index is not None and not (isinstance(index, int) and 0 <= index < len(steps)):
        raise RowError(f"field 'mistake_index' should be null or 0 to {len(steps) - 1}, not {shortened(index)}")
    lines = (f"Step {number}: {step}" for number, step in enumerate(steps, start=1))
    return Item(
        id=numbered(subset, row),
        question="\n".join([f"{PURPOSES[subset]} {row.text('input')}", *lines]),
        gold=NONE if index is None else str(index + 1),
        choices=(*(str(number) for number in range(1, len(steps) + 1)), NONE),
    )


def one_subset(subset: str) -> Callable[[Path], Task]:
    return lambda folder: task(f"mistakes-{subset.replace('_', '-')}", folder, (subset,))


dyck_languages, logical_deduction, multistep_arithmetic, tracking_shuffled_objects, word_sorting = map(
    one_subset, PURPOSES
)
