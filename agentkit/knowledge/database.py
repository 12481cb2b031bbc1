"""SQLite files: opening them, finding out damage, locks between processes."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

BUSY = 30.0
"""Seconds to wait for another process that is writing."""

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


def connect(path: Path) -> sqlite3.Connection:
    """A connection whose transactions are the caller's; what is committed survives the end of the process."""
    connection = sqlite3.connect(path, timeout=BUSY, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
    except BaseException:
        connection.close()
        raise
    return connection


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
