"""Ranking anew what a search has found, by a slower and better judge."""

from collections.abc import Sequence
from typing import Protocol


class Reranker(Protocol):
    """Says how well passages fit a query; a cross-encoder's `predict` is one.

    class Words:
        def __call__(self, pairs):
            return [len(set(query.split()) & set(passage.split())) for query, passage in pairs]

    corpus = Corpus.open(folder, embedder=embedder, reranker=Words())
    """

    def __call__(self, pairs: Sequence[tuple[str, str]], /) -> Sequence[float]:
        """One score a pair of query and passage, higher for a better fit."""
        ...
