"""A folder of documents that can be searched."""

import hashlib
import os
import re
import weakref
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from agentkit.answer import Passage
from agentkit.errors import CorpusError
from agentkit.knowledge import chunks
from agentkit.knowledge.documents import ENDINGS, Document, Skipped, read_folder
from agentkit.knowledge.embedder import Embedder
from agentkit.knowledge.store import Store
from agentkit.knowledge.vectors import ChromaVectors, ExactVectors, Vectors

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[np.float32]

RANK_CONSTANT = 60
"""Of reciprocal rank fusion, as in Cormack, Clarke and Büttcher, SIGIR 2009."""
POOL = 24
"""Candidates taken from each of the two rankings."""


TOGETHER = 96
"""Passages embedded together while a folder is indexed."""
FLOOR = 0.35
"""Least relevance (cosine plus half the share of the query's words) that a passage is returned with.

Of 30 questions that the example corpus answers, the right passage had 0.39 to 1.28; of 25 that it doesn't
answer, 14 found nothing above this (tests/benchmarks/bench_retrieval.py). It is low on purpose: a poor
passage costs tokens, and the checks catch what is built on it; a lost passage costs the answer.
"""


class Corpus:
    """The passages of a folder, found by meaning and by words.

        with Corpus.open(Path("handbook"), embedder=Embedder.load(folder)) as corpus:
            for passage in corpus.search("how long is the warranty?"):
                print(passage.source, passage.text)

    Safe to use from several threads, and while another process has the same folder open.
    """

    def __init__(
        self,
        folder: Path,
        *,
        store: Store,
        vectors: Vectors,
        embedder: Embedder,
        skipped: Sequence[Skipped] = (),
        notices: Sequence[str] = (),
    ) -> None:
        self.folder = folder
        self.skipped = tuple(skipped)
        """Files that can't be read, with the reason."""
        self.notices = tuple(notices)
        """What the user should know about the documents that were read."""
        self._store = store
        self._vectors = vectors
        self.embedder = embedder
        resources = ExitStack()
        resources.callback(store.close)
        resources.callback(vectors.close)
        self._close = weakref.finalize(self, resources.close)

    @classmethod
    def open(cls, folder: Path, *, embedder: Embedder, store: Path | None = None) -> Self:
        """Read the folder's text and Markdown documents and index what is new or changed since the last time.

        The index is kept in `store`, by default a folder of agentkit's cache that belongs to this folder
        and embedder. Documents are never written to.

        Raises:
            CorpusError: The folder is missing or has no readable document, or the index can't be written.
            MissingExtra: The packages for searching aren't installed.
        """
        root = folder.expanduser().resolve()
        place = store or default_store(root, embedder)
        documents: list[Document] = []
        skipped: list[Skipped] = []
        for item in read_folder(root):
            if isinstance(item, Document):
                documents.append(item)
            else:
                skipped.append(item)
        if not documents:
            raise CorpusError(_nothing_to_read(folder, skipped))
        made_with = f"{embedder.name} chunks-{chunks.VERSION}"
        opened, damaged = Store.open(place / "corpus.sqlite", fingerprint=made_with)
        notices = [damaged] if damaged else []
        notices += [f"{document.source} {document.notice}" for document in documents if document.notice]
        try:
            _update(opened, documents, embedder)
            vectors = ChromaVectors.open(place, opened) or ExactVectors(opened)
        except BaseException:
            opened.close()
            raise
        return cls(root, store=opened, vectors=vectors, embedder=embedder, skipped=skipped, notices=notices)

    def search(self, query: str, limit: int = 4, *, floor: float = FLOOR) -> list[Passage]:
        """The passages that match best, best first; none, if none has enough to do with the query.

        Ranks by vectors and by BM25, fused by reciprocal rank.

        Raises:
            CorpusError: The index can't be read.
        """
        if limit < 1 or not query.strip():
            return []
        vector = self.embedder.embed([query])[0]
        pool = max(POOL, 3 * limit)
        rankings = [self._vectors.nearest(vector, pool), self._store.match(query, pool)]
        scores = fuse(rankings)
        ids = sorted(scores, key=lambda id_: (-scores[id_], id_))
        relevance = self._relevance(query, vector, ids)
        ids = [id_ for id_ in ids if relevance.get(id_, -1.0) >= floor]
        found = self._store.chunks(ids)
        best = [found[id_] for id_ in ids if id_ in found][:limit]
        return [Passage(text=c.text, source=c.source, heading=c.heading, score=scores[c.id]) for c in best]

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
        return sorted(self._store.digests())

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
    if cache is None:
        own, users = os.environ.get("AGENTKIT_CACHE"), os.environ.get("XDG_CACHE_HOME")
        cache = Path(own) if own else (Path(users) if users else Path.home() / ".cache") / "agentkit"
    folder = folder.expanduser().resolve()
    key = hashlib.sha256(os.fsencode(folder) + b"\0" + embedder.name.encode()).hexdigest()[:16]
    name = re.sub(r"[^A-Za-z0-9]+", "-", folder.name).strip("-")[:40]
    return cache.expanduser().absolute() / "corpora" / f"{name or 'corpus'}-{key}"


def _update(store: Store, documents: Sequence[Document], embedder: Embedder) -> None:
    """Bring the store in line with the documents, a few at a time: a run that is stopped loses little."""
    known = store.digests()
    if gone := known.keys() - {document.source for document in documents}:
        store.remove(gone)
    waiting: list[tuple[Document, list[tuple[chunks.Chunk, str]]]] = []
    for document in documents:
        if known.get(document.source) == document.digest:
            continue
        parts = chunks.split(document.text, markdown=document.markdown)
        waiting.append((document, [(part, _context(part, document)) for part in parts]))
        if sum(len(parts) for _, parts in waiting) >= TOGETHER:
            _put(store, waiting, embedder)
            waiting.clear()
    _put(store, waiting, embedder)


def _put(store: Store, waiting: Sequence[tuple[Document, list[tuple[chunks.Chunk, str]]]], embedder: Embedder) -> None:
    """Embed documents together, which keeps all cores busy, and commit each on its own."""
    vectors = embedder.embed([f"{context}\n{part.text}" for _, parts in waiting for part, context in parts])
    start = 0
    for document, parts in waiting:
        store.put(document.source, document.digest, parts, vectors[start : start + len(parts)])
        start += len(parts)


def _context(chunk: chunks.Chunk, document: Document) -> str:
    """What a chunk is indexed under besides its text: its headings or, without any, its file's name."""
    return chunk.heading or re.sub(r"[\W_]+", " ", Path(document.source).stem).strip()


def _nothing_to_read(folder: Path, skipped: Sequence[Skipped]) -> str:
    endings = ", ".join(sorted(ENDINGS))
    if not skipped:
        return f"no documents in {str(folder)!r}; it reads files that end in {endings}, also in folders below"
    named = "; ".join(f"{item.path} {item.reason}" for item in skipped[:3])
    more = f"; and {len(skipped) - 3} more" if len(skipped) > 3 else ""
    return f"no readable documents in {str(folder)!r}: {named}{more}; it reads files that end in {endings}"
