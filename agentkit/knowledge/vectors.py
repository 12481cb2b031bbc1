"""Nearest vectors: Chroma, embedded or on a server, else an exact search. The store is what counts; these follow it."""

import contextlib
import shutil
import sqlite3
import uuid
from collections.abc import Callable, Collection, Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self, cast
from urllib.parse import urlsplit

from agentkit.errors import ConfigurationError, CorpusError, MissingExtra
from agentkit.knowledge.database import lock
from agentkit.knowledge.store import Store

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[np.float32]

BATCH = 2000
SERVER_SECONDS = 30.0
"""A server that is silent for this long has failed."""


class Vectors(Protocol):
    """Finds the chunks whose vectors lie nearest to a query's."""

    def nearest(self, vector: "Array", limit: int, among: Collection[int] | None = None) -> list[int]:
        """Ids of chunks, nearest first; of these only, where some are given."""
        ...

    def close(self) -> None: ...


class ExactVectors:
    """All vectors in memory: 10,000 of them take 15 MB and 1 ms a query."""

    def __init__(self, store: Store) -> None:
        import numpy as np

        stored = store.vectors(sorted(store.ids()))
        self._ids = np.array(list(stored), dtype=np.int64)
        self._matrix = np.stack(list(stored.values())) if stored else np.zeros((0, 1), dtype=np.float32)

    def nearest(self, vector: "Array", limit: int, among: Collection[int] | None = None) -> list[int]:
        import numpy as np

        ids, matrix = self._ids, self._matrix
        if among is not None:
            kept = np.isin(ids, np.fromiter(among, dtype=np.int64, count=len(among)))
            ids, matrix = ids[kept], matrix[kept]
        if not len(ids):
            return []
        best = (-(matrix @ vector)).argsort(kind="stable")[:limit]
        return [int(id_) for id_ in ids[best]]

    def close(self) -> None:
        """Nothing to give back."""


class ChromaVectors:
    """A Chroma collection, brought in line with the store when it is opened."""

    def __init__(self, collection: Any, close: Callable[[], None]) -> None:
        self._collection = collection
        self._close = close

    @classmethod
    def open(cls, folder: Path, store: Store) -> Self | None:
        """Open the index in a folder; None while another process, or another corpus of this one, has it open.

        Chroma lets one process own a path: what a second one writes stays invisible to the first.

        Raises:
            MissingExtra: Chroma isn't installed.
            CorpusError: The index can't be written.
        """
        failures = _failures()
        try:
            owner = lock(folder / "owner.sqlite")
        except sqlite3.Error as error:
            raise CorpusError(f"can't keep a vector index in {str(folder)!r}: {error}; make it writable") from None
        if owner is None:
            return None
        try:
            kept = sorted(folder.glob("chroma-*"))
            for path in kept[:1]:
                with contextlib.suppress(*failures):  # damaged: the store has all that is needed to make it anew
                    return cls(*_open(path, store, owner.close))
            for path in kept:
                shutil.rmtree(path, ignore_errors=True)
            # A new name: Chroma keeps a failed path's system for the rest of the process.
            try:
                return cls(*_open(folder / f"chroma-{uuid.uuid4().hex[:8]}", store, owner.close))
            except failures as error:
                why = " ".join(str(error).split())
                raise CorpusError(
                    f"can't keep a vector index in {str(folder)!r}: {why}; make room or set AGENTKIT_CACHE elsewhere"
                ) from error
        except BaseException:
            owner.close()
            raise

    @classmethod
    def connect(cls, url: str, store: Store) -> Self:
        """Open the index on a Chroma server, which several processes may share. It is sent ids and vectors, no text.

        Raises:
            ConfigurationError: The URL isn't one.
            MissingExtra: Chroma isn't installed.
            CorpusError: The server can't be reached or refuses.
        """
        failures = (*_failures(), Exception)  # of its HTTP client
        client = _client_of(url)
        try:
            with _closing_on_error(client):
                collection = _collection(client, store)
                _reconcile(collection, store)
        except failures as error:
            raise CorpusError(f"the Chroma server at {url} can't be used: {' '.join(str(error).split())}") from error
        return cls(collection, client.close)

    def nearest(self, vector: "Array", limit: int, among: Collection[int] | None = None) -> list[int]:
        if among is not None and not among:
            return []
        narrowed = {} if among is None else {"ids": [str(id_) for id_ in among]}
        try:
            found = self._collection.query(query_embeddings=[vector], n_results=limit, include=[], **narrowed)
        except Exception as error:  # Chroma's own errors, and what its closed client raises
            why = " ".join(str(error).split())
            raise CorpusError(f"the vector index can't be searched: {why}; open the corpus again") from error
        return [int(id_) for id_ in found["ids"][0]]

    def close(self) -> None:
        self._close()


def forget(url: str, key: str) -> None:
    """Delete a store's collection from a server, if it is there.

    Raises:
        CorpusError: The server can't be reached.
    """
    client = _client_of(url)
    with contextlib.suppress(Exception):  # it isn't there
        client.delete_collection(_name(key))
    client.close()


def _failures() -> tuple[type[Exception], ...]:
    try:
        import chromadb.errors
    except ImportError as error:
        raise MissingExtra(f"the vector index ({error.name})", extra="retrieval") from None
    return cast(tuple[type[Exception], ...], (chromadb.errors.ChromaError, ValueError, KeyError, OSError))


def _open(path: Path, store: Store, release: Callable[[], None]) -> tuple[Any, Callable[[], None]]:
    """A collection on disk that holds the vectors of the store's chunks and no others, and what closes it."""
    import chromadb
    from chromadb.config import Settings

    client: Any = chromadb.PersistentClient(str(path), settings=Settings(anonymized_telemetry=False))

    def close() -> None:
        client.close()
        release()

    with _closing_on_error(client):
        collection = _collection(client, store)
        for other in client.list_collections():  # of a store that has been made anew since, and counts from 1 again
            if other.name != collection.name:
                client.delete_collection(other.name)
        _reconcile(collection, store)
    return collection, close


class _Server:
    """Chroma's HTTP client with what it lacks: a time-out, and an end to its connections when it is closed."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._sessions = [client._server._session, client._admin_client._server._session]
        for session in self._sessions:
            session.timeout = SERVER_SECONDS

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def close(self) -> None:
        self._client.close()
        for session in self._sessions:
            session.close()


def _client_of(url: str) -> Any:
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:  # a bracket that isn't closed, a port that is none
        parts, port = urlsplit(""), 0
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        raise ConfigurationError(f"{url!r} must be the address of a Chroma server, as in http://localhost:8000")
    _failures()
    import chromadb
    from chromadb.config import Settings

    try:
        return _Server(
            chromadb.HttpClient(
                host=parts.hostname,
                port=port,
                ssl=parts.scheme == "https",
                settings=Settings(anonymized_telemetry=False),
            )
        )
    except Exception as error:
        why = " ".join(str(error).split())
        raise CorpusError(
            f"no Chroma server at {url}: {why} Start one (chroma run --path FOLDER) or unset AGENTKIT_CHROMA"
        ) from None


def _name(key: str) -> str:
    return f"agentkit-{key}"


def _collection(client: Any, store: Store) -> Any:
    return client.get_or_create_collection(
        _name(store.key), configuration={"hnsw": {"space": "cosine"}}, embedding_function=None
    )


def _reconcile(collection: Any, store: Store) -> None:
    """Bring a collection in line with the store. Several processes may do so at once."""
    wanted = store.ids()
    there = {int(id_) for id_ in collection.get(include=[])["ids"]}
    gone, new = sorted(there - wanted), sorted(wanted - there)
    for start in range(0, len(gone), BATCH):
        collection.delete(ids=[str(id_) for id_ in gone[start : start + BATCH]])
    for start in range(0, len(new), BATCH):
        vectors = store.vectors(new[start : start + BATCH])
        collection.upsert(ids=[str(id_) for id_ in vectors], embeddings=list(vectors.values()))
    if wanted:  # a damaged index is found out by asking it
        sample = min(wanted)
        collection.query(query_embeddings=[store.vectors([sample])[sample]], n_results=1, include=[])


@contextlib.contextmanager
def _closing_on_error(client: Any) -> Generator[None]:
    try:
        yield
    except BaseException:
        client.close()
        raise
