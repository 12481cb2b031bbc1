"""The grounding model that ships with the package."""

import threading
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from agentkit.knowledge.grounding.scorer import Grounding
from agentkit.knowledge.grounding.weights import SHIPPED, card_of


class ShippedGrounding:
    """The grounding model on the base in a folder, read when a check first asks: most runs needn't wait for it."""

    def __init__(self, folder: Path, *, weights: Path = SHIPPED) -> None:
        self._folder = folder
        self._weights = weights
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"ShippedGrounding({str(self._folder)!r})"

    @cached_property
    def threshold(self) -> float:
        """Least score that counts as support."""
        return card_of(self._weights).threshold

    @cached_property
    def _loaded(self) -> Grounding:
        return Grounding.load(self._folder, weights=self._weights)

    def __call__(self, pairs: Sequence[tuple[str, str]], /) -> list[float]:
        """The probability that the passage of each pair supports its claim; see `Grounding`.

        Raises:
            ConfigurationError: The base or the weights are missing or damaged.
        """
        with self._lock:
            grounding = self._loaded
        return grounding(pairs)
