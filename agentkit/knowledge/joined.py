"""Several corpora that are searched as one."""

import copy
from collections import Counter
from collections.abc import Sequence
from typing import Self

from agentkit.answer import Passage
from agentkit.knowledge.corpus import FLOOR, Corpus
from agentkit.knowledge.where import Where


class JoinedCorpus(Corpus):
    """Corpora of one embedder as one: the best passages of all, whichever has them. It closes them with itself.

    A document that several have by the same name goes by the corpus as well: `rules.md (station)`.

    Args:
        names: What the corpora go by; the names of their folders if left out.
    """

    def __init__(self, parts: Sequence[Corpus], *, names: Sequence[str] = ()) -> None:
        self.parts = tuple(parts)
        self.names = tuple(names) or tuple(part.folder.name for part in parts)
        having = Counter(source for part in parts for source in part.sources)
        self._shared = frozenset(source for source, corpora in having.items() if corpora > 1)
        self.folder = parts[0].folder
        self.embedder = parts[0].embedder
        self.skipped = tuple(item for part in parts for item in part.skipped)
        self.notices = tuple(notice for part in parts for notice in part.notices)

    def part(self, where: Where) -> Self:
        """The same corpora, of which searches see what is there of this."""
        part = copy.copy(self)
        part.parts = tuple(one.part(where) for one in self.parts)
        return part

    def search(self, query: str, limit: int = 4, *, floor: float = FLOOR) -> list[Passage]:
        """The passages that match best, best first; their scores don't depend on what else is in a corpus."""
        found = [
            passage.model_copy(update={"source": self._told(passage.source, name)})
            for part, name in zip(self.parts, self.names, strict=True)
            for passage in part.search(query, limit, floor=floor)
        ]
        return sorted(found, key=lambda passage: -passage.score)[:limit]

    def __len__(self) -> int:
        """Passages."""
        return sum(map(len, self.parts))

    @property
    def columns(self) -> list[str]:
        """The columns that rows of any of them have."""
        return sorted({column for part in self.parts for column in part.columns})

    @property
    def sources(self) -> list[str]:
        """Paths of the documents, each relative to the folder of its corpus."""
        named = zip(self.parts, self.names, strict=True)
        return sorted(self._told(source, name) for part, name in named for source in part.sources)

    def _told(self, source: str, name: str) -> str:
        return f"{source} ({name})" if source in self._shared else source

    def close(self) -> None:
        """Give the indexes back to other processes. Closing twice does nothing."""
        for part in self.parts:
            part.close()

    def __repr__(self) -> str:
        return f"JoinedCorpus({list(self.parts)!r})"
