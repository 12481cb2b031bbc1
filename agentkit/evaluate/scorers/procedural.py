"""Items of reasoning-gym and what its verifiers say. Runs in a worker."""

import functools
from importlib import import_module
from typing import Any

# On top, because it draws in matplotlib, which wants to write to its cache: a worker is confined once this is imported.
reasoning_gym: Any = import_module("reasoning_gym")


def names() -> list[str]:
    """All datasets there are."""
    return sorted(reasoning_gym.factory.DATASETS)


def item(name: str, size: int, seed: int, index: int) -> tuple[str, str | None]:
    """Question and answer of an item; some have many answers and name none."""
    entry = _dataset(name, size, seed)[index]
    return str(entry["question"]), None if entry["answer"] is None else str(entry["answer"])


def score(which: tuple[str, int, int, int], question: str, answer: str) -> float:
    """What the verifier gives for an answer to an item of dataset, size, seed and index.

    Raises:
        ValueError: The item is another one than it was.
    """
    *dataset, index = which
    made = _dataset(*dataset)
    entry = made[index]
    if str(entry["question"]) != question:
        raise ValueError(f"item {index} of {which[0]} came out differently when it was made again")
    return float(made.score_answer(answer, entry))


@functools.lru_cache(maxsize=4)
def _dataset(name: str, size: int, seed: int) -> Any:
    return reasoning_gym.create_dataset(name, size=size, seed=seed)
