"""How well a passage supports a claim."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self

from agentkit.errors import ConfigurationError
from agentkit.knowledge.encodable import encodable
from agentkit.knowledge.encoder import BertEncoder, Encoding, mean_over
from agentkit.knowledge.grounding.weights import BIAS, HEAD, SHIPPED, Card, fingerprint_of, merged, read
from agentkit.knowledge.grounding.windows import windows

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[np.float32]

LONGEST = 320
"""Tokens of a pair; of a longer one the passage is cut."""
CLAIM_WORDS = 120
"""Words of a claim that are read."""
POSITIONS = "embeddings.position_embeddings.weight"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Pair:
    """A window and a claim as tokens."""

    encoding: Encoding

    def __len__(self) -> int:
        return len(self.encoding.ids)


class Grounding:
    """A cross-encoder on all-MiniLM-L6-v2: the probability that a passage supports a claim.

        grounding = Grounding.load(folder)                  # agentkit models pull all-minilm-l6-v2
        [score] = grounding([("Tank B holds 8,500 litres.", passage)])
        score >= grounding.threshold

    It takes pairs as a `Reranker` does, and is one. Safe to use from several threads.
    """

    def __init__(self, encoder: BertEncoder, card: Card, head: "Array", bias: float) -> None:
        self.card = card
        self.threshold = card.threshold
        """Least score that counts as support."""
        self._encoder = encoder
        self._head = head
        self._bias = bias

    def __repr__(self) -> str:
        return f"Grounding(rank={self.card.rank}, threshold={self.threshold:.3f})"

    @classmethod
    def load(cls, folder: Path, *, weights: Path = SHIPPED) -> Self:
        """Add the changes in a file of weights, by default the one that ships, to the base in a folder.

        Raises:
            ConfigurationError: One of them is missing or damaged, or the weights are for another base.
            MissingExtra: The packages that read them aren't installed.
        """
        card, tensors = read(weights)

        def adapt(base: "dict[str, Array]") -> "dict[str, Array]":
            if (found := fingerprint_of(folder)) != card.base:
                raise ConfigurationError(
                    f"the grounding model at {str(weights)!r} is for a base with SHA-256 {card.base[:12]}…, and "
                    f"{str(folder)!r} has {found[:12]}…; fetch the right one: agentkit models pull all-minilm-l6-v2"
                )
            return merged(base, tensors)

        encoder = BertEncoder.load(folder, adapt=adapt)
        encoder.tokenizer.enable_truncation(min(LONGEST, len(encoder.weights[POSITIONS])))
        return cls(encoder, card, tensors[HEAD][0], float(tensors[BIAS][0]))

    def __call__(self, pairs: Sequence[tuple[str, str]], /) -> list[float]:
        """The probability, from 0 to 1, that the passage of each pair supports its claim: (claim, passage).

        Of a long passage that of the window that supports it best.
        """
        import numpy as np

        if not pairs:
            return []
        encoded, owners = list[Pair](), list[int]()
        for number, (whole, passage) in enumerate(pairs):
            claim = " ".join(encodable(whole).split()[:CLAIM_WORDS])
            for window in windows(encodable(passage), claim):
                encoded.append(Pair(encoding=self._encoder.tokenizer.encode(window, claim)))
                owners.append(number)
        scores = self._encoder.spread(encoded, self._support)
        best = np.zeros(len(pairs), dtype=np.float32)
        np.maximum.at(best, owners, scores)
        return [float(score) for score in best]

    def _support(self, pairs: Sequence[Pair]) -> "Array":
        import numpy as np

        x, mask, types = self._encoder.states([pair.encoding for pair in pairs])
        passage, claim = mean_over(x, mask * (1 - types)), mean_over(x, mask * types)
        features = np.concatenate([x[:, 0], claim, np.abs(passage - claim), passage * claim], axis=1)
        logits: Array = features @ self._head + np.float32(self._bias)
        return np.reciprocal(1 + np.exp(-logits))
