"""The corpus in SQLite: documents, chunks, their vectors and the full-text index. What it says holds."""

import contextlib
import dataclasses
import re
import sqlite3
import threading
from collections.abc import Collection, Generator, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self

from agentkit.errors import CorpusError
from agentkit.knowledge.chunks import Chunk

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[np.float32]

VERSION = 1
"""Of the schema. A store of another version is made anew from the documents."""
BUSY = 30.0
"""Seconds to wait for another process that is writing."""
TERMS = 48
"""Distinct words of a query that are looked up; the rest of a longer one is ignored."""

_SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE documents (
    id INTEGER PRIMARY KEY, source TEXT NOT NULL UNIQUE, digest TEXT NOT NULL);
CREATE TABLE chunks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,  -- never reused: the vector index knows a chunk by it
    document INTEGER NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    position INTEGER NOT NULL, context TEXT NOT NULL, heading TEXT NOT NULL, text TEXT NOT NULL, vector BLOB NOT NULL);
CREATE INDEX chunks_document ON chunks (document);
CREATE VIRTUAL TABLE words USING fts5 (
    context, text, content='chunks', content_rowid='id', tokenize='porter unicode61 remove_diacritics 2');
CREATE TRIGGER chunks_added AFTER INSERT ON chunks BEGIN
    INSERT INTO words (rowid, context, text) VALUES (new.id, new.context, new.text); END;
CREATE TRIGGER chunks_removed AFTER DELETE ON chunks BEGIN
    INSERT INTO words (words, rowid, context, text) VALUES ('delete', old.id, old.context, old.text); END;
"""
_OLD = """
SELECT name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' AND
    CASE WHEN sql LIKE 'CREATE VIRTUAL%' THEN 'virtual' ELSE type END = ?
"""
_TERM = re.compile(r"\d+(?:[.,:]\d+)+|\w+")
STOPWORDS = frozenset(
    re.findall(
        r"\S+",
        "a about all am an and any are as at be been but by can could did do does for from get had has have how i if "
        "in into is it its many me much my of on or our per shall should so than that the their them then there these "
        "they this to was we were what when where which who whom whose why will with would you your",
    )
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class StoredChunk:
    """A chunk with where it stands."""

    id: int
    source: str
    heading: str
    text: str


class Store:
    """One SQLite file, shared by the threads of a process; other processes may have it open too."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._lock = threading.RLock()
        self.path = path

    @classmethod
    def open(cls, path: Path, *, fingerprint: str) -> tuple[Self, str]:
        """Open a store, or make it; the second value is a notice when a damaged one had to be made anew.

        `fingerprint` names what the chunks and vectors were made with; a store made otherwise is emptied.

        Raises:
            CorpusError: The file can't be written, or this Python's SQLite has no full-text search.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            opening = lock(path.with_name("opening.sqlite"), wait=BUSY)
            if opening is None:
                raise CorpusError(
                    f"another process has been opening {str(path)!r} for {BUSY:.0f} s; end it or try again"
                )
            with contextlib.closing(opening):  # two processes that make a store at once hinder each other
                connection = _connect_if_sound(path)
                notice = "" if connection else f"the index at {str(path)!r} was damaged and has been made anew"
                if connection is None:
                    for suffix in ("", "-wal", "-shm"):
                        Path(f"{path}{suffix}").unlink(missing_ok=True)
                    connection = _connect(path)
                store = cls(connection, path)
                store._prepare(fingerprint)
        except (OSError, sqlite3.Error) as error:
            raise CorpusError(
                f"can't keep an index at {str(path)!r}: {error}; "
                "make room, make it writable or set AGENTKIT_CACHE to another folder"
            ) from None
        return store, notice

    def _prepare(self, fingerprint: str) -> None:
        """Create the tables, or create them anew if they were made otherwise."""
        with self._writing() as db:
            (version,) = db.execute("PRAGMA user_version").fetchone()
            if version == VERSION:
                row = db.execute("SELECT value FROM meta WHERE key = 'fingerprint'").fetchone()
                if row == (fingerprint,):
                    return
            # Triggers first, as dropping a table fires them; then virtual tables, whose hidden ones go with them.
            for kind in ("trigger", "virtual", "table"):
                for (name,) in db.execute(_OLD, (kind,)).fetchall():
                    db.execute(f'DROP {"TRIGGER" if kind == "trigger" else "TABLE"} "{name}"')
            for statement in _statements(_SCHEMA):
                db.execute(statement)
            db.execute("INSERT INTO meta VALUES ('fingerprint', ?)", (fingerprint,))
            db.execute(f"PRAGMA user_version = {VERSION}")

    @contextlib.contextmanager
    def _writing(self) -> Generator[sqlite3.Connection]:
        """One transaction, which other writers wait for."""
        with self._lock:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                try:
                    yield self._connection
                except BaseException:
                    self._connection.rollback()
                    raise
                self._connection.commit()
            except sqlite3.Error as error:
                raise CorpusError(
                    f"can't keep an index at {str(self.path)!r}: {error}; "
                    "make room, make it writable or set AGENTKIT_CACHE to another folder"
                ) from error

    @contextlib.contextmanager
    def _reading(self) -> Generator[sqlite3.Connection]:
        with self._lock:
            try:
                yield self._connection
            except sqlite3.Error as error:
                raise CorpusError(
                    f"the index at {str(self.path)!r} can't be read: {error}; open the corpus again"
                ) from None

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def digests(self) -> dict[str, str]:
        """SHA-256 by source of the documents in the store."""
        with self._reading() as db:
            return dict(db.execute("SELECT source, digest FROM documents").fetchall())

    def put(self, source: str, digest: str, chunks: Sequence[tuple[Chunk, str]], vectors: "Array") -> None:
        """Add a document, or replace it. Each chunk comes with the context that it is indexed under."""
        with self._writing() as db:
            held = db.execute("SELECT digest FROM documents WHERE source = ?", (source,)).fetchone()
            if held == (digest,):  # another process was faster; its chunks may already be in a vector index
                return
            db.execute("DELETE FROM documents WHERE source = ?", (source,))
            document = db.execute("INSERT INTO documents (source, digest) VALUES (?, ?)", (source, digest)).lastrowid
            db.executemany(
                "INSERT INTO chunks (document, position, context, heading, text, vector) VALUES (?, ?, ?, ?, ?, ?)",
                [
                    (document, i, context, chunk.heading, chunk.text, vector.astype("<f4").tobytes())
                    for i, ((chunk, context), vector) in enumerate(zip(chunks, vectors, strict=True))
                ],
            )

    def remove(self, sources: Collection[str]) -> None:
        """Forget documents."""
        with self._writing() as db:
            db.executemany("DELETE FROM documents WHERE source = ?", [(source,) for source in sources])

    def ids(self) -> set[int]:
        """Ids of all chunks."""
        with self._reading() as db:
            return {id_ for (id_,) in db.execute("SELECT id FROM chunks")}

    def vectors(self, ids: Sequence[int]) -> "dict[int, Array]":
        """Vectors by chunk id; an id that is no longer there is left out."""
        import numpy as np

        found: dict[int, Array] = {}
        with self._reading() as db:
            for start in range(0, len(ids), 500):
                part = ids[start : start + 500]
                rows = db.execute(f"SELECT id, vector FROM chunks WHERE id IN ({_marks(part)})", part)
                found.update((id_, np.frombuffer(blob, dtype="<f4")) for id_, blob in rows)
        return found

    def chunks(self, ids: Sequence[int]) -> dict[int, StoredChunk]:
        """Chunks by id; an id that is no longer there is left out."""
        with self._reading() as db:
            rows = db.execute(
                "SELECT chunks.id, source, heading, text FROM chunks JOIN documents ON documents.id = document "
                f"WHERE chunks.id IN ({_marks(ids)})",
                ids,
            ).fetchall()
        return {
            id_: StoredChunk(id=id_, source=source, heading=heading, text=text) for id_, source, heading, text in rows
        }

    def match(self, query: str, limit: int) -> list[int]:
        """Ids of the chunks that share words with the query, best BM25 first."""
        words = terms(query)
        if not words:
            return []
        with self._reading() as db:
            rows = db.execute(
                "SELECT rowid FROM words WHERE words MATCH ? ORDER BY bm25(words), rowid LIMIT ?",
                (" OR ".join(f'"{word}"' for word in words), limit),
            )
            return [id_ for (id_,) in rows]

    def overlap(self, query: str, ids: Sequence[int]) -> dict[int, float]:
        """For each chunk, the share of the query's words that it has, from 0 to 1; rare words weigh more."""
        import math

        shared = dict.fromkeys(ids, 0.0)
        total = 0.0
        with self._reading() as db:
            (count,) = db.execute("SELECT count(*) FROM chunks").fetchone()
            for word in terms(query):
                matching = {id_ for (id_,) in db.execute("SELECT rowid FROM words WHERE words MATCH ?", (f'"{word}"',))}
                weight = math.log(1 + (count + 1) / (len(matching) + 0.5))
                total += weight
                for id_ in matching & shared.keys():
                    shared[id_] += weight
        return {id_: share / total if total else 0.0 for id_, share in shared.items()}


def terms(query: str) -> list[str]:
    """The distinct words of a query that carry meaning; all of them, if none does.

    They hold only letters, digits, `_` and separators inside numbers, so quoting them is safe for FTS5.
    """
    words = list(dict.fromkeys(match[0].lower() for match in _TERM.finditer(query)))
    return ([word for word in words if word not in STOPWORDS] or words)[:TERMS]


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


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=BUSY, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
    except BaseException:
        connection.close()
        raise
    return connection


def _connect_if_sound(path: Path) -> sqlite3.Connection | None:
    """None if the file is damaged."""
    connection = None
    try:
        connection = _connect(path)
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


def _marks(values: Sequence[int]) -> str:
    return ",".join("?" * len(values))
