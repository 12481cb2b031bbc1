"""SQLite files: opening them, finding out damage, locks between processes."""

import contextlib
import sqlite3
import time
from collections.abc import Generator, Iterator
from pathlib import Path

from agentkit.errors import ConfigurationError, CorpusError

BUSY = 30.0
"""Seconds to wait for another process that is writing."""
INDEXING = 900.0
"""Seconds to wait for another process that is indexing the same documents."""
LOCK = ".lock"
INDEXING_LOCK = "indexing.sqlite"

_OLD = """
SELECT name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' AND
    CASE WHEN sql LIKE 'CREATE VIRTUAL%' THEN 'virtual' ELSE type END = ?
"""


def lock(path: Path, *, wait: float = 0) -> sqlite3.Connection | None:
    """A lock that ends with the process, on every platform: SQLite's own. None while another holds it.

    Waits up to `wait` seconds. RESERVED is taken and not EXCLUSIVE, which another one's attempt could hinder.
    """
    connection = sqlite3.connect(path, timeout=wait, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = MEMORY")  # nothing is written, so no journal is needed
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.DatabaseError as error:
        connection.close()
        if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
            return None
        if error.sqlite_errorcode == sqlite3.SQLITE_NOTADB:
            path.write_bytes(b"")  # holds nothing anyone needs
            return lock(path, wait=wait)
        raise
    return connection


@contextlib.contextmanager
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
    with contextlib.closing(owner):
        yield


@contextlib.contextmanager
def indexing(folder: Path, *, wait: float = INDEXING) -> Generator[None]:
    """The right to bring the store in a folder in line with its documents, which one process has at a time.

    What there is to index is to be found out under it: else one process undoes what another has just done.

    Raises:
        CorpusError: Another one still has it after `wait` seconds, or the folder can't be written.
    """
    until = time.monotonic() + wait
    try:
        folder.mkdir(parents=True, exist_ok=True)
        while (held := lock(folder / INDEXING_LOCK)) is None:
            if time.monotonic() > until:
                raise CorpusError(
                    f"another process has been indexing into {str(folder)!r} for {wait:.0f} s; wait for it or end it"
                )
            time.sleep(0.1)
            folder.mkdir(parents=True, exist_ok=True)  # who had it may have deleted the corpus
    except (OSError, sqlite3.Error) as error:
        raise CorpusError(
            f"can't keep an index at {str(folder)!r}: {error}; "
            "make room, make it writable or set AGENTKIT_CACHE to another folder"
        ) from None
    with contextlib.closing(held):
        yield


def connect(path: Path) -> sqlite3.Connection:
    """A connection whose transactions are the caller's; what is committed survives the end of the process.

    Its SQL has `casefold`, as SQLite's own `lower` knows ASCII only.
    """
    connection = sqlite3.connect(path, timeout=BUSY, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.create_function("casefold", 1, _casefold, deterministic=True)
    except BaseException:
        connection.close()
        raise
    return connection


def _casefold(value: object) -> str | None:
    return None if value is None else str(value).casefold()


def connect_if_sound(path: Path) -> sqlite3.Connection | None:
    """None if the file is damaged."""
    connection = None
    try:
        connection = connect(path)
        if connection.execute("PRAGMA quick_check(1)").fetchone() == ("ok",):
            return connection
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError:
        pass
    if connection is not None:
        connection.close()
    return None


def _statements(script: str) -> Iterator[str]:
    """The statements of a script one by one: `executescript` would end the transaction."""
    held = ""
    for line in script.splitlines(keepends=True):
        held += line
        if sqlite3.complete_statement(held):
            yield held
            held = ""


def remake(connection: sqlite3.Connection, schema: str) -> None:
    """Drop all there is and create what a schema says, within the caller's transaction."""
    # Triggers first, as dropping a table fires them; then virtual tables, whose hidden ones go with them.
    for kind in ("trigger", "virtual", "table"):
        for (name,) in connection.execute(_OLD, (kind,)).fetchall():
            connection.execute(f'DROP {"TRIGGER" if kind == "trigger" else "TABLE"} "{name}"')
    for statement in _statements(schema):
        connection.execute(statement)
