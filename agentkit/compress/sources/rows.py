"""Problems from the rows of a training file: a row that can't be used is told, and the others go on."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from agentkit.compress.problem import Unusable
from agentkit.evaluate.tasks.data import Row, RowError, read

T = TypeVar("T")


def made(path: Path, make: Callable[[Row], T]) -> Iterator[T | Unusable]:
    """What each row of a JSON-lines file makes; a `RowError` tells why one makes nothing.

    Raises:
        ConfigurationError: The file can't be read.
    """
    rows = read(path)
    for problem in rows.problems:
        yield Unusable(problem.partition(" ")[0], "the line can't be read", problem)
    for row in rows.rows:
        try:
            yield make(row)
        except RowError as error:
            yield Unusable(f"{rows.file}:{row.line}", str(error))
