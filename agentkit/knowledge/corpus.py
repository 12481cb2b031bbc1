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
from agentkit.knowledge.database import indexing
from agentkit.knowledge.documents import File, Skipped, check_folder, find
from agentkit.knowledge.embedder import Embedder
from agentkit.knowledge.formats import ENDINGS
from agentkit.knowledge.ingest import made_with, update
from agentkit.knowledge.rerank import Reranker
from agentkit.knowledge.store import Outdated, Store, StoredChunk
from agentkit.knowledge.vectors import ChromaVectors, ExactVectors, Vectors
from agentkit.knowledge.where import Where
from agentkit.settings import expanded

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[np.float32]

POOL = 24
"""Candidates taken from each of two rankings, by vectors and by BM25. 200 of each found no more."""
WORDS = 0.7
"""What the share of the query's words counts beside the cosine.

Chosen on data/train, as (both gold articles of HotpotQA among the first 10; the answering sentence of SQuAD among the
first 5): vectors .627, .806; BM25 .748, .778; reciprocal rank fusion with 60 .758, .830 and with 10 .768, .834; cosine
and BM25 divided by the best BM25, half each, .792, .819; this .793, .857 (0.5: .768, .857; 1: .793, .851).
"""
FLOOR = 0.4
"""Least relevance (cosine plus 0.7 times the share of the query's words) that a passage is returned with.

Of 30 questions that the example corpus answers, the right passage had 0.40 or more; of 25 that it doesn't answer, 13
found nothing above this (tests/benchmarks/bench_retrieval.py). It is low on purpose: a poor passage costs tokens, and
the checks catch what is built on it; a lost passage costs the answer.
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
        root = expanded(folder).resolve()
        place = store or default_store(root, embedder)
        check_folder(root)
        if not any(isinstance(item, File) for item in find(root)):
            raise CorpusError(_nothing_to_read(folder, [item for item in find(root) if isinstance(item, Skipped)]))
        with ExitStack() as undoing:
            with indexing(place):
                opened, damaged = Store.open(place / corpora.STORE, fingerprint=made_with(embedder))
                undoing.callback(opened.close)
                report = update(opened, find(root), embedder)
            if not report.documents:
                raise CorpusError(_nothing_to_read(folder, report.skipped))
            vectors = _vectors(place, opened, chroma)
            undoing.pop_all()
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
        """The same corpus, of which searches see a part; see `Where`. It is open as long as this one is.

        Raises:
            CorpusError: No row has such a column.
        """
        known = self.columns if columns else []
        if unknown := [name for name in columns or {} if name not in known]:
            there = f"there are: {', '.join(known)}" if known else "no document of it is a table"
            raise CorpusError(f"no row has a column {unknown[0]!r}; {there}")
        return self.part(Where(source=source, heading=heading, page=page, columns=columns or {}))

    def part(self, where: Where) -> Self:
        """The same corpus, of which searches see what is there of this."""
        part = copy.copy(self)
        part._whole = self  # else what it searches could be closed
        part.where = where
        return part

    def search(self, query: str, limit: int = 4, *, floor: float = FLOOR) -> list[Passage]:
        """The passages that match best, best first; none, if none has enough to do with the query.

        What vectors and BM25 rank first is ordered by relevance, then by the reranker, if there is one.

        Raises:
            CorpusError: The index can't be read.
        """
        if limit < 1 or not query.strip():
            return []
        vector = self.embedder.embed([query])[0]
        pool = max(POOL, 3 * limit)
        among = self._store.ids(self.where) if self.where else None
        ids = {*self._vectors.nearest(vector, pool, among), *self._store.match(query, pool, self.where)}
        scores = self._relevance(query, vector, sorted(ids))
        found = self._store.chunks([id_ for id_, score in scores.items() if score >= floor])
        if self.reranker is not None and found:
            scores = self._judged(self.reranker, query, list(found.values()))
        best = sorted(found.values(), key=lambda chunk: (-scores[chunk.id], chunk.id))
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
        """How much chunks have to do with a query, whatever the others have: from -1 to 1.7."""
        stored = self._store.vectors(ids)
        overlap = self._store.overlap(query, list(stored))
        return {id_: float(stored[id_] @ vector) + WORDS * overlap[id_] for id_ in stored}

    def __len__(self) -> int:
        """Passages."""
        return len(self._store.ids())

    @property
    def columns(self) -> list[str]:
        """The columns that rows have: those of documents that are tables."""
        return self._store.columns()

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


def default_store(folder: Path, embedder: Embedder, *, cache: Path | None = None) -> Path:
    """Where the index of a folder is kept: one place for each folder and embedder.

    In `cache`, else AGENTKIT_CACHE, else agentkit's folder in the user's cache.
    """
    folder = expanded(folder).resolve()
    key = hashlib.sha256(os.fsencode(folder) + b"\0" + embedder.name.encode()).hexdigest()[:16]
    name = re.sub(r"[^A-Za-z0-9]+", "-", folder.name).strip("-")[:40]
    return expanded(cache or corpora.cache()).absolute() / "corpora" / f"{name or 'corpus'}-{key}"


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
