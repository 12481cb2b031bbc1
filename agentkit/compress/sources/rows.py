"""The rows of a file of training data as problems; a row that can't be used is named, the rest goes on."""

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Any, Literal

from agentkit.compress.problem import Problem, Unusable, general
from agentkit.embedding import open_embedder
from agentkit.evaluate.tasks.data import Row, RowError, Rows, read
from agentkit.knowledge.embedder import Embedder

Problems = Iterator[Problem | Unusable]


def shuffled(rows: Rows, chance: Random) -> list[Row]:
    """The rows in an order drawn by chance, so that the first of them are a sample."""
    return chance.sample(list(rows.rows), len(rows.rows))


def problems(path: Path, chance: Random, make: Callable[[Row], Iterable[Problem]]) -> Problems:
    """What a function makes of the rows of a file, in an order drawn by chance.

    Raises:
        ConfigurationError: The file can't be opened.
    """
    rows = read(path)
    yield from made(rows, shuffled(rows, chance), make)


def made(rows: Rows, order: Iterable[Row], make: Callable[[Row], Iterable[Problem]]) -> Problems:
    """What a function makes of rows of a file, and the lines and rows that can't be used."""
    for problem in rows.problems:
        place, _, reason = problem.partition(" ")
        yield Unusable(id=place, reason=general(reason), detail=problem)
    for row in order:
        try:
            yield from make(row)
        except (RowError, LookupError, TypeError, ValueError) as error:
            why = str(error) if isinstance(error, RowError) else f"{type(error).__name__}: {error}"
            yield Unusable(id=f"{rows.file}:{row.line}", reason=general(why), detail=why)


@lru_cache(maxsize=1)
def embedder() -> Embedder:
    """What the checks compare meanings with, as in an evaluation on passages; loaded once.

    Raises:
        ConfigurationError: It isn't on this machine.
    """
    return open_embedder("these problems have passages, to check answers against, which needs")


def one_of(choices: tuple[str, ...]) -> Any:
    """The type of an answer from a closed list, as an evaluation has it."""
    return Literal[choices]
