"""Documents that can be searched: those of a folder, or a named corpus."""

import copy
import hashlib
import os
import re
import weakref
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from agentkit.answer import Passage
from agentkit.errors import CorpusError
from agentkit.knowledge import corpora
from agentkit.knowledge.documents import File, Skipped, check_folder, find
from agentkit.knowledge.embedder import Embedder
from agentkit.knowledge.formats import ENDINGS
from agentkit.knowledge.ingest import made_with, update
from agentkit.knowledge.rerank import Reranker
from agentkit.knowledge.store import Outdated, Store, StoredChunk
from agentkit.knowledge.vectors import ChromaVectors, ExactVectors, Vectors
from agentkit.knowledge.where import Where

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[np.float32]

RANK_CONSTANT = 60
"""Of reciprocal rank fusion, as in Cormack, Clarke and Büttcher, SIGIR 2009."""
POOL = 24
"""Candidates taken from each of the two rankings."""
FLOOR = 0.35
"""Least relevance (cosine plus half the share of the query's words) that a passage is returned with.

Of 30 questions that the example corpus answers, the right passage had 0.39 to 1.28; of 25 that it doesn't
answer, 14 found nothing above this (tests/benchmarks/bench_retrieval.py). It is low on purpose: a poor
passage costs tokens, and the checks catch what is built on it; a lost passage costs the answer.
"""


class Corpus:
    """Passages, found by meaning and by words.

        with Corpus.open(Path("handbook"), embedder=Embedder.load(folder)) as corpus:
            for passage in corpus.search("how long is the warranty?"):
                print(passage.source, passage.text)

    Safe to use from several threads, and while another process has the same documents open.
    """

    def __init__(
        self,
        folder: Path,
        *,
        store: Store,
        vectors: Vectors,
        embedder: Embedder,
        reranker: Reranker | None = None,
        skipped: Sequence[Skipped] = (),
        notices: Sequence[str] = (),
    ) -> None:
        self.folder = folder
        self.skipped = tuple(skipped)
        """Files that can't be read, with the reason."""
        self.notices = tuple(notices)
        """What the user should know about the documents that were read."""
        self.embedder = embedder
        self.reranker = reranker
        self.where = Where()
        """What searches are narrowed to."""
        self._store = store
        self._vectors = vectors
        self._whole: Corpus | None = None
        resources = ExitStack()
        resources.callback(store.close)
        resources.callback(vectors.close)
        self._close = weakref.finalize(self, resources.close)

    @classmethod
    def open(
        cls,
        folder: Path,
        *,
        embedder: Embedder,
        store: Path | None = None,
        reranker: Reranker | None = None,
        chroma: str = "",
    ) -> Self:
        """Read a folder's documents and index what is new or changed since the last time.

        The index is kept in `store`, by default a folder of agentkit's cache that belongs to this folder
        and embedder. Documents are never written to. `chroma` is the URL of a server to keep the vectors on,
        for several processes; without one they are kept beside the index, for one process at a time.

        Raises:
            CorpusError: The folder is missing or has no readable document, or the index can't be written.
            MissingExtra: The packages for searching aren't installed.
        """
        root = folder.expanduser().resolve()
        place = store or default_store(root, embedder)
        check_folder(root)
        found = list(find(root))
        if not any(isinstance(item, File) for item in found):
            raise CorpusError(_nothing_to_read(folder, [item for item in found if isinstance(item, Skipped)]))
        opened, damaged = Store.open(place / corpora.STORE, fingerprint=made_with(embedder))
        try:
            report = update(opened, found, embedder)
            if not report.documents:
                raise CorpusError(_nothing_to_read(folder, report.skipped))
            vectors = _vectors(place, opened, chroma)
        except BaseException:
            opened.close()
            raise
        notices = [*([damaged] if damaged else []), *report.notices]
        return cls(
            root,
            store=opened,
            vectors=vectors,
            embedder=embedder,
            reranker=reranker,
            skipped=report.skipped,
            notices=notices,
        )

    @classmethod
    def load(cls, name: str, *, embedder: Embedder, reranker: Reranker | None = None, chroma: str = "") -> Self:
        """Open a corpus that `agentkit ingest` has made, as it is; its files aren't looked at.

        Raises:
            CorpusError: There is no such corpus, nothing is in it, or it was made with another embedder.
            MissingExtra: The packages for searching aren't installed.
        """
        corpora.recipe(name)
        again = f"make it anew: agentkit ingest --corpus {name}"
        place = corpora.folder_of(name)
        try:
            opened, _ = Store.open(place / corpora.STORE, fingerprint=made_with(embedder), make=False)
        except Outdated as error:
            raise CorpusError(f"corpus {name!r} can't be used: {error}; {again}") from None
        try:
            documents = opened.documents()
            if not any(stored.chunks for stored in documents.values()):
                raise CorpusError(f"corpus {name!r} has no passage; {again}")
            vectors = _vectors(place, opened, chroma)
        except BaseException:
            opened.close()
            raise
        unfinished = sum(not stored.complete for stored in documents.values())
        notices = [f"{name} is unfinished, {unfinished} documents in part; go on: agentkit ingest --corpus {name}"]
        return cls(
            place,
            store=opened,
            vectors=vectors,
            embedder=embedder,
            reranker=reranker,
            notices=notices if unfinished else (),
        )

    def narrowed(
        self,
        *,
        source: str = "",
        heading: str = "",
        page: int | None = None,
        columns: Mapping[str, str] | None = None,
    ) -> Self:
        """The same corpus, of which searches see a part; see `Where`. It is open as long as this one is."""
        part = copy.copy(self)
        part._whole = self  # else what it searches could be closed
        part.where = Where(source=source, heading=heading, page=page, columns=columns or {})
        return part

    def search(self, query: str, limit: int = 4, *, floor: float = FLOOR) -> list[Passage]:
        """The passages that match best, best first; none, if none has enough to do with the query.

        Ranks by vectors and by BM25, fused by reciprocal rank, then by the reranker, if there is one.

        Raises:
            CorpusError: The index can't be read.
        """
        if limit < 1 or not query.strip():
            return []
        vector = self.embedder.embed([query])[0]
        pool = max(POOL, 3 * limit)
        among = self._store.ids(self.where) if self.where else None
        scores = fuse([self._vectors.nearest(vector, pool, among), self._store.match(query, pool, self.where)])
        ids = sorted(scores, key=lambda id_: (-scores[id_], id_))
        relevance = self._relevance(query, vector, ids)
        ids = [id_ for id_ in ids if relevance.get(id_, -1.0) >= floor]
        found = self._store.chunks(ids)
        best = [found[id_] for id_ in ids if id_ in found]
        if self.reranker is not None and best:
            scores = self._judged(self.reranker, query, best)
            best.sort(key=lambda chunk: -scores[chunk.id])
        return [
            Passage(text=c.text, source=c.source, heading=c.heading, page=c.page, score=scores[c.id])
            for c in best[:limit]
        ]

    def _judged(self, reranker: Reranker, query: str, found: Sequence[StoredChunk]) -> dict[int, float]:
        """What the reranker says of each; it sees the heading too, as the passage may not name its subject."""
        pairs = [(query, f"{chunk.heading}\n{chunk.text}" if chunk.heading else chunk.text) for chunk in found]
        given = [float(score) for score in reranker(pairs)]
        return dict(zip((chunk.id for chunk in found), given, strict=True))

    def _relevance(self, query: str, vector: "Array", ids: Sequence[int]) -> dict[int, float]:
        """How much chunks have to do with a query, whatever the others have: from -1 to 1.5."""
        stored = self._store.vectors(ids)
        overlap = self._store.overlap(query, list(stored))
        return {id_: float(stored[id_] @ vector) + overlap[id_] / 2 for id_ in stored}

    def __len__(self) -> int:
        """Passages."""
        return len(self._store.ids())

    @property
    def sources(self) -> list[str]:
        """Paths of the documents, relative to the folder."""
        return sorted(source for source, stored in self._store.documents().items() if not stored.refused)

    def close(self) -> None:
        """Give the index back to other processes. Closing twice does nothing."""
        self._close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Corpus({str(self.folder)!r})"


def fuse(rankings: Sequence[Sequence[int]]) -> dict[int, float]:
    """Reciprocal rank fusion: each ranking adds 1 / (60 + rank)."""
    scores: dict[int, float] = {}
    for ranking in rankings:
        for rank, id_ in enumerate(ranking, start=1):
            scores[id_] = scores.get(id_, 0.0) + 1 / (RANK_CONSTANT + rank)
    return scores


def default_store(folder: Path, embedder: Embedder, *, cache: Path | None = None) -> Path:
    """Where the index of a folder is kept: one place for each folder and embedder.

    In `cache`, else AGENTKIT_CACHE, else agentkit's folder in the user's cache.
    """
    folder = folder.expanduser().resolve()
    key = hashlib.sha256(os.fsencode(folder) + b"\0" + embedder.name.encode()).hexdigest()[:16]
    name = re.sub(r"[^A-Za-z0-9]+", "-", folder.name).strip("-")[:40]
    return (cache or corpora.cache()).expanduser().absolute() / "corpora" / f"{name or 'corpus'}-{key}"


def _vectors(place: Path, store: Store, chroma: str) -> Vectors:
    if chroma:
        return ChromaVectors.connect(chroma, store)
    return ChromaVectors.open(place, store) or ExactVectors(store)


def _nothing_to_read(folder: Path, skipped: Sequence[Skipped]) -> str:
    endings = ", ".join(sorted(ENDINGS))
    if not skipped:
        return f"no documents in {str(folder)!r}; it reads files that end in {endings}, also in folders below"
    named = "; ".join(f"{item.path} {item.reason}" for item in skipped[:3])
    more = f"; and {len(skipped) - 3} more" if len(skipped) > 3 else ""
    return f"no readable documents in {str(folder)!r}: {named}{more}; it reads files that end in {endings}"
