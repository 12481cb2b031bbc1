"""The rows of a file of training data as problems; what can't be used is named and counted, the rest goes on."""

import logging
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from random import Random

from agentkit.compress.problem import Problem
from agentkit.evaluate.tasks.data import Row, RowError, Rows, read

LOG = logging.getLogger(__name__)


def shuffled(rows: Rows, chance: Random) -> list[Row]:
    """The rows in an order drawn by chance, so that the first of them are a sample."""
    return chance.sample(list(rows.rows), len(rows.rows))


def problems(path: Path, chance: Random, make: Callable[[Row], Iterable[Problem]]) -> Iterator[Problem]:
    """What a function makes of the rows of a file, in an order drawn by chance.

    Raises:
        ConfigurationError: The file can't be opened.
    """
    rows = read(path)
    yield from made(rows, shuffled(rows, chance), make)


def made(rows: Rows, order: Iterable[Row], make: Callable[[Row], Iterable[Problem]]) -> Iterator[Problem]:
    """What a function makes of rows of a file; lines and rows that can't be used are logged, and how many they were."""
    bad = len(rows.problems)
    for problem in rows.problems:
        LOG.warning("%s", problem)
    for row in order:
        try:
            yield from make(row)
        except RowError as error:
            bad += 1
            LOG.warning("%s:%d %s", rows.file, row.line, error)
    if bad:
        LOG.warning("%s: %d of %d lines can't be used", rows.file, bad, len(rows.rows) + len(rows.problems))
