"""What tests look at inside a corpus."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from agentkit.knowledge.corpus import Corpus
from agentkit.knowledge.embedder import Embedder


class Counting(Embedder):
    """The real embedder, counting the texts it is given."""

    def __init__(self, inner: Embedder) -> None:
        super().__init__(inner.embed, name=inner.name)
        self.inner = inner
        self.texts = 0

    def embed(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        self.texts += len(texts)
        return self.inner.embed(texts)  # not normalised once more, which would round


def vectors_of(corpus: Corpus) -> object:
    return corpus._vectors  # pyright: ignore[reportPrivateUsage]  # which of the two is in use shows nowhere else
