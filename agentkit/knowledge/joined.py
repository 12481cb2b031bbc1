"""Several corpora that are searched as one."""

from collections.abc import Sequence
from typing import Self

from agentkit.answer import Passage
from agentkit.knowledge.corpus import FLOOR, Corpus
from agentkit.knowledge.where import Where


class JoinedCorpus(Corpus):
    """Corpora of one embedder as one: the best passages of all, whichever has them. It closes them with itself."""

    def __init__(self, parts: Sequence[Corpus]) -> None:
        self.parts = tuple(parts)
        self.folder = parts[0].folder
        self.embedder = parts[0].embedder
        self.skipped = tuple(item for part in parts for item in part.skipped)
        self.notices = tuple(notice for part in parts for notice in part.notices)

    def part(self, where: Where) -> Self:
        """The same corpora, of which searches see what is there of this."""
        return type(self)([part.part(where) for part in self.parts])

    def search(self, query: str, limit: int = 4, *, floor: float = FLOOR) -> list[Passage]:
        """The passages that match best, best first; their scores don't depend on what else is in a corpus."""
        found = [passage for part in self.parts for passage in part.search(query, limit, floor=floor)]
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
        return sorted(source for part in self.parts for source in part.sources)

    def close(self) -> None:
        """Give the indexes back to other processes. Closing twice does nothing."""
        for part in self.parts:
            part.close()

    def __repr__(self) -> str:
        return f"JoinedCorpus({list(self.parts)!r})"
