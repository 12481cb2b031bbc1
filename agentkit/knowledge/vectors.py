"""Nearest vectors: Chroma for the process that owns the index, an exact search for any other."""

import contextlib
import shutil
import sqlite3
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self, cast

from agentkit.errors import CorpusError, MissingExtra
from agentkit.knowledge.store import Store, lock

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[np.float32]

BATCH = 2000


class Vectors(Protocol):
    """Finds the chunks whose vectors lie nearest to a query's."""

    def nearest(self, vector: "Array", limit: int) -> list[int]:
        """Ids of chunks, nearest first."""
        ...

    def close(self) -> None: ...


class ExactVectors:
    """All vectors in memory: 10,000 of them take 15 MB and 1 ms a query."""

    def __init__(self, store: Store) -> None:
        import numpy as np

        stored = store.vectors(sorted(store.ids()))
        self._ids = list(stored)
        self._matrix = np.stack(list(stored.values())) if stored else np.zeros((0, 1), dtype=np.float32)

    def nearest(self, vector: "Array", limit: int) -> list[int]:
        if not self._ids:
            return []
        best = (-(self._matrix @ vector)).argsort(kind="stable")[:limit]
        return [self._ids[int(i)] for i in best]

    def close(self) -> None:
        """Nothing to give back."""


class ChromaVectors:
    """A Chroma collection on disk, brought in line with the store when it is opened."""

    def __init__(self, client: Any, collection: Any, release: Callable[[], None]) -> None:
        self._client = client
        self._collection = collection
        self._release = release

    @classmethod
    def open(cls, folder: Path, store: Store) -> Self | None:
        """Open the index in a folder; None while another process, or another corpus of this one, has it open.

        Chroma lets one process own a path: what a second one writes stays invisible to the first.

        Raises:
            MissingExtra: Chroma isn't installed.
            CorpusError: The index can't be written.
        """
        try:
            import chromadb.errors
        except ImportError as error:
            raise MissingExtra(f"the vector index ({error.name})", extra="retrieval") from None
        try:
            owner = lock(folder / "owner.sqlite")
        except sqlite3.Error as error:
            raise CorpusError(f"can't keep a vector index in {str(folder)!r}: {error}; make it writable") from None
        if owner is None:
            return None
        failures = cast(tuple[type[Exception], ...], (chromadb.errors.ChromaError, ValueError, KeyError, OSError))
        try:
            kept = sorted(folder.glob("chroma-*"))
            for path in kept[:1]:
                with contextlib.suppress(*failures):  # damaged: the store has all that is needed to make it anew
                    return cls(*_open(path, store), owner.close)
            for path in kept:
                shutil.rmtree(path, ignore_errors=True)
            # A new name: Chroma keeps a failed path's system for the rest of the process.
            try:
                return cls(*_open(folder / f"chroma-{uuid.uuid4().hex[:8]}", store), owner.close)
            except failures as error:
                why = " ".join(str(error).split())
                raise CorpusError(
                    f"can't keep a vector index in {str(folder)!r}: {why}; make room or set AGENTKIT_CACHE elsewhere"
                ) from error
        except BaseException:
            owner.close()
            raise

    def nearest(self, vector: "Array", limit: int) -> list[int]:
        try:
            found = self._collection.query(query_embeddings=[vector], n_results=limit, include=[])
        except Exception as error:  # Chroma's own errors, and what its closed client raises
            why = " ".join(str(error).split())
            raise CorpusError(f"the vector index can't be searched: {why}; open the corpus again") from error
        return [int(id_) for id_ in found["ids"][0]]

    def close(self) -> None:
        self._client.close()
        self._release()


def _open(path: Path, store: Store) -> tuple[Any, Any]:
    """A client and its collection, holding the vectors of the store's chunks and no others."""
    import chromadb
    from chromadb.config import Settings

    client: Any = chromadb.PersistentClient(str(path), settings=Settings(anonymized_telemetry=False))
    try:
        collection: Any = client.get_or_create_collection(
            "chunks", configuration={"hnsw": {"space": "cosine"}}, embedding_function=None
        )
        wanted = store.ids()
        there = {int(id_) for id_ in collection.get(include=[])["ids"]}
        gone, new = sorted(there - wanted), sorted(wanted - there)
        for start in range(0, len(gone), BATCH):
            collection.delete(ids=[str(id_) for id_ in gone[start : start + BATCH]])
        for start in range(0, len(new), BATCH):
            vectors = store.vectors(new[start : start + BATCH])
            collection.add(ids=[str(id_) for id_ in vectors], embeddings=list(vectors.values()))
        if wanted:  # a damaged index is found out by asking it
            sample = min(wanted)
            collection.query(query_embeddings=[store.vectors([sample])[sample]], n_results=1, include=[])
    except BaseException:
        client.close()
        raise
    return client, collection
