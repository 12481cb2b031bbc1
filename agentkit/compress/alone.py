"""A folder for one process at a time."""

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from agentkit.errors import ConfigurationError
from agentkit.knowledge.database import lock

LOCK = ".lock"


@contextmanager
def alone(folder: Path, name: str = LOCK) -> Generator[None]:
    """Keep other processes out of a folder; also one that is killed lets go of it.

    Args:
        name: Of the file that is locked.

    Raises:
        ConfigurationError: Another process is in it, or it can't be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        owner = lock(folder / name)
    except (OSError, sqlite3.Error) as error:
        raise ConfigurationError(f"can't write to {folder}: {error}; make room, or name another folder") from None
    if owner is None:
        raise ConfigurationError(f"another process is at work in {folder}: wait for it, or name another folder")
    try:
        yield
    finally:
        owner.close()
