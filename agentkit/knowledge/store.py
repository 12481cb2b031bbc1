"""The corpus in SQLite: documents, chunks, their vectors and the full-text index. What it says holds."""

import contextlib
import dataclasses
import json
import re
import sqlite3
import threading
import uuid
from collections.abc import Collection, Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self

from agentkit.errors import CorpusError
from agentkit.knowledge.chunks import Chunk
from agentkit.knowledge.database import BUSY, connect, connect_if_sound, lock, remake
from agentkit.knowledge.where import Where

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[np.float32]

VERSION = 2
"""Of the schema. A store of another version is made anew from the documents."""
TERMS = 48
"""Distinct words of a query that are looked up; the rest of a longer one is ignored."""

_SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE documents (
    id INTEGER PRIMARY KEY, source TEXT NOT NULL UNIQUE, digest TEXT NOT NULL, complete INTEGER NOT NULL,
    notice TEXT NOT NULL, refused TEXT NOT NULL);
CREATE TABLE chunks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,  -- never reused: the vector index knows a chunk by it
    document INTEGER NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    position INTEGER NOT NULL, context TEXT NOT NULL, heading TEXT NOT NULL, text TEXT NOT NULL,
    page INTEGER, columns TEXT, vector BLOB NOT NULL);
CREATE INDEX chunks_document ON chunks (document);
CREATE VIRTUAL TABLE words USING fts5 (
    context, text, content='chunks', content_rowid='id', tokenize='porter unicode61 remove_diacritics 2');
CREATE TRIGGER chunks_added AFTER INSERT ON chunks BEGIN
    INSERT INTO words (rowid, context, text) VALUES (new.id, new.context, new.text); END;
CREATE TRIGGER chunks_removed AFTER DELETE ON chunks BEGIN
    INSERT INTO words (words, rowid, context, text) VALUES ('delete', old.id, old.context, old.text); END;
"""
_OF_DOCUMENTS = "JOIN documents ON documents.id = chunks.document"
_TERM = re.compile(r"\d+(?:[.,:]\d+)+|\w+")
STOPWORDS = frozenset(
    re.findall(
        r"\S+",
        "a about all am an and any are as at be been but by can could did do does for from get had has have how i if "
        "in into is it its many me much my of on or our per shall should so than that the their them then there these "
        "they this to was we were what when where which who whom whose why will with would you your",
    )
)


class Outdated(CorpusError):
    """A store that would have to be made anew; the message says why."""


class Damaged(Outdated):
    """One that nothing can be read of."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class StoredChunk:
    """A chunk with where it stands."""

    id: int
    source: str
    heading: str
    page: int | None
    text: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Stored:
    """What the store knows of a document."""

    digest: str
    """SHA-256 of the file's bytes."""
    complete: bool
    """All of its chunks are there; else indexing was interrupted."""
    chunks: int
    notice: str = ""
    """What was unusual in it, as the end of a sentence that begins with its name."""
    refused: str = ""
    """Why it has no chunks: what was wrong with the file that has this digest."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Entry:
    """A chunk to be stored, with the document it is of. A document's entries come in order."""

    source: str
    digest: str
    notice: str
    position: int
    chunk: Chunk
    context: str
    """What it is indexed under besides its text."""
    last: bool
    """The document's last one."""


class Store:
    """One SQLite file, shared by the threads of a process; other processes may have it open too."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._lock = threading.RLock()
        self.path = path

    @classmethod
    def open(cls, path: Path, *, fingerprint: str | None = None, make: bool = True) -> tuple[Self, str]:
        """Open a store, or make it; the second value is a notice when a damaged one had to be made anew.

        `fingerprint` names what the chunks and vectors were made with; a store made otherwise is emptied or,
        if it isn't to be made, refused. Without one it is opened as it is, whatever it was made with.

        Raises:
            CorpusError: The file can't be written, or this Python's SQLite has no full-text search.
            Outdated: The store would have to be made, and is not to be.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            opening = lock(path.with_name("opening.sqlite"), wait=BUSY)
            if opening is None:
                raise CorpusError(
                    f"another process has been opening {str(path)!r} for {BUSY:.0f} s; end it or try again"
                )
            with contextlib.closing(opening):  # two processes that make a store at once hinder each other
                connection = connect_if_sound(path)
                notice = "" if connection else f"the index at {str(path)!r} was damaged and has been made anew"
                if connection is None:
                    if not make or fingerprint is None:
                        raise Damaged(f"the index at {str(path)!r} is damaged")
                    for suffix in ("", "-wal", "-shm"):
                        Path(f"{path}{suffix}").unlink(missing_ok=True)
                    connection = connect(path)
                store = cls(connection, path)
                try:
                    store._prepare(fingerprint, make=make)
                except BaseException:
                    store.close()
                    raise
        except (OSError, sqlite3.Error) as error:
            raise CorpusError(
                f"can't keep an index at {str(path)!r}: {error}; "
                "make room, make it writable or set AGENTKIT_CACHE to another folder"
            ) from None
        return store, notice

    def _prepare(self, fingerprint: str | None, *, make: bool) -> None:
        """Create the tables, or create them anew if they were made otherwise."""
        with self._writing() as db:
            (version,) = db.execute("PRAGMA user_version").fetchone()
            if version == VERSION:
                row = db.execute("SELECT value FROM meta WHERE key = 'fingerprint'").fetchone()
                if row is not None and fingerprint in (None, *row):
                    return
            if not make or fingerprint is None:
                raise Outdated("it was made with another embedder, or by another version of agentkit")
            remake(db, _SCHEMA)
            db.execute("INSERT INTO meta VALUES ('fingerprint', ?)", (fingerprint,))
            db.execute("INSERT INTO meta VALUES ('key', ?)", (uuid.uuid4().hex,))
            db.execute(f"PRAGMA user_version = {VERSION}")

    @property
    def key(self) -> str:
        """Names this making of the store; one that is made anew numbers its chunks anew, and has another."""
        with self._reading() as db:
            (key,) = db.execute("SELECT value FROM meta WHERE key = 'key'").fetchone()
            return key

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

    def documents(self) -> dict[str, Stored]:
        """What is known of each document, by source; also of those that were refused."""
        with self._reading() as db:
            rows = db.execute(
                "SELECT source, digest, complete, notice, refused, "
                "(SELECT count(*) FROM chunks WHERE document = documents.id) FROM documents"
            )
            return {
                source: Stored(digest=digest, complete=bool(complete), notice=notice, refused=refused, chunks=chunks)
                for source, digest, complete, notice, refused, chunks in rows
            }

    def write(self, entries: Sequence[Entry], vectors: "Array") -> None:
        """Add chunks in one transaction. A document's first one replaces what was there of it."""
        with self._writing() as db:
            for entry, vector in zip(entries, vectors, strict=True):
                if entry.position == 0:
                    db.execute("DELETE FROM documents WHERE source = ?", (entry.source,))
                    db.execute(
                        "INSERT INTO documents (source, digest, complete, notice, refused) VALUES (?, ?, 0, ?, '')",
                        (entry.source, entry.digest, entry.notice),
                    )
                chunk = entry.chunk
                columns = json.dumps(dict(chunk.columns), ensure_ascii=False) if chunk.columns else None
                db.execute(
                    "INSERT INTO chunks (document, position, context, heading, text, page, columns, vector) VALUES "
                    "((SELECT id FROM documents WHERE source = ?), ?, ?, ?, ?, ?, ?, ?)",
                    (
                        entry.source,
                        entry.position,
                        entry.context,
                        chunk.heading,
                        chunk.text,
                        chunk.page,
                        columns,
                        vector.astype("<f4").tobytes(),
                    ),
                )
                if entry.last:
                    db.execute("UPDATE documents SET complete = 1 WHERE source = ?", (entry.source,))

    def refuse(self, source: str, digest: str, reason: str) -> None:
        """Remember that a file with these bytes can't be read."""
        with self._writing() as db:
            db.execute("DELETE FROM documents WHERE source = ?", (source,))
            db.execute(
                "INSERT INTO documents (source, digest, complete, notice, refused) VALUES (?, ?, 1, '', ?)",
                (source, digest, reason),
            )

    def remove(self, sources: Collection[str]) -> None:
        """Forget documents."""
        with self._writing() as db:
            db.executemany("DELETE FROM documents WHERE source = ?", [(source,) for source in sources])

    def ids(self, where: Where = Where()) -> set[int]:
        """Ids of all chunks, or of those that a search is narrowed to."""
        condition, values = where.sql()
        with self._reading() as db:
            rows = db.execute(
                "SELECT chunks.id FROM chunks" + (f" {_OF_DOCUMENTS} WHERE {condition}" if where else ""), values
            )
            return {id_ for (id_,) in rows}

    def columns(self) -> list[str]:
        """The columns that rows have."""
        with self._reading() as db:
            rows = db.execute("SELECT DISTINCT key FROM chunks, json_each(chunks.columns) ORDER BY key")
            return [name for (name,) in rows]

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
                f"SELECT chunks.id, source, heading, page, text FROM chunks {_OF_DOCUMENTS} "
                f"WHERE chunks.id IN ({_marks(ids)})",
                ids,
            ).fetchall()
        return {
            id_: StoredChunk(id=id_, source=source, heading=heading, page=page, text=text)
            for id_, source, heading, page, text in rows
        }

    def match(self, query: str, limit: int, where: Where = Where()) -> list[int]:
        """Ids of the chunks that share words with the query, best BM25 first."""
        words = terms(query)
        if not words:
            return []
        condition, values = where.sql()
        narrowed = f"JOIN chunks ON chunks.id = words.rowid {_OF_DOCUMENTS}" if where else ""
        with self._reading() as db:
            rows = db.execute(
                f"SELECT words.rowid FROM words {narrowed} WHERE words MATCH ? AND {condition} "
                "ORDER BY bm25(words), words.rowid LIMIT ?",
                (" OR ".join(f'"{word}"' for word in words), *values, limit),
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


def _marks(values: Sequence[int]) -> str:
    return ",".join("?" * len(values))
