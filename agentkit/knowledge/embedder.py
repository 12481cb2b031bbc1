"""Texts to vectors of length 1, so that a dot product is a cosine."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from agentkit.knowledge.encodable import encodable

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[np.float32]


class Embedder:
    """Turns texts into unit vectors.

    embedder = Embedder.load(folder)                     # agentkit models pull all-minilm-l6-v2
    embedder = Embedder(model.encode, name="my-model")   # any function from texts to rows of numbers
    """

    def __init__(self, encode: Callable[[list[str]], Any], *, name: str) -> None:
        """`name` tells vectors of one embedder from another's; a corpus is embedded anew when it changes."""
        self._encode = encode
        self.name = name

    def __repr__(self) -> str:
        return f"Embedder(name={self.name!r})"

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Load all-MiniLM-L6-v2, or another plain BERT in a folder of the sentence-transformers kind.

        Reads local files only. May be called in a thread, early: the result can be used from any.

        Raises:
            ConfigurationError: The folder lacks a file, is damaged or holds another kind of model.
            MissingExtra: The packages that read it aren't installed.
        """
        from agentkit.knowledge.encoder import BertEncoder

        encoder = BertEncoder.load(folder)
        weights = b"".join(encoder.weights[name].tobytes() for name in sorted(encoder.weights) if "bias" in name)
        return cls(encoder, name=f"bert-{hashlib.sha256(weights).hexdigest()[:16]}")

    def embed(self, texts: Sequence[str]) -> "Array":
        """One row a text, each of length 1. No texts give no rows."""
        import numpy as np

        if not texts:
            return np.zeros((0, 0), dtype=np.float32)
        # Lone surrogates (half an emoji from a terminal) have no encoding, and encoders refuse them.
        clean = [encodable(text) for text in texts]
        matrix: Array = np.asarray(self._encode(clean), dtype=np.float32)
        return matrix / np.maximum(np.linalg.norm(matrix, axis=1, keepdims=True), np.float32(1e-12))

    def similarity(self, a: Sequence[str], b: Sequence[str]) -> "Array":
        """Cosines of every text of `a` (rows) with every text of `b` (columns)."""
        import numpy as np

        if not a or not b:
            return np.zeros((len(a), len(b)), dtype=np.float32)
        return self.embed(a) @ self.embed(b).T
