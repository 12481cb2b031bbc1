"""Several transcripts computed together: their keys and values in one left-padded batch.

All transcripts of a batch end at the same column, so that each next token is a column more. Where some are given more
tokens than others, the others' keys are moved to the right first: the columns of a transcript have no gaps, and a
layer that looks back only so far is right as well.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from agentkit.models.network import Kept, Network, Wanted
from agentkit.models.tokenizer import extra

ROOM = 64
"""Columns that are spare when a batch is laid out: so many tokens are added before everything is copied again."""
SHORT = 16
"""Most tokens wanted of a transcript for it to be computed together with others: what is longer, as prompts are, keeps
a processor busy alone."""
PASS_CPU, PASS_GPU = 8, 256
"""How many tokens take as long to compute as it takes to read the weights once, roughly: how dear padding is."""


@dataclass
class _Block:
    """The columns that are being computed."""

    start: int = 0
    end: int = 0
    real: Any = None
    """[rows, 1, columns, 1]: what isn't padding; None where nothing is."""


class Padded:
    """The batch. What is in it isn't in the transcripts' own caches, until it is given back."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._cache: type = extra("transformers").Cache
        self._plain: type = extra("transformers.cache_utils").DynamicLayer
        self._layer: Callable[[_Block, Any, Any], _Layer] = type("PaddedLayer", (_Layer, self._plain), {})
        self._rows: list[Kept | None] = []
        """Whose each row is; None once it was given back."""
        self._ends: list[int] = []
        """The column behind each row's last."""
        self._layers: list[_Layer] = []
        self._block = _Block()

    def takes(self, wanted: Wanted) -> bool:
        """Whether this can be computed together with what others want, and is better so."""
        kept = wanted.kept
        return (
            self._network.batches
            and len(kept.tokens) > 0
            and wanted.left <= SHORT
            and (kept in self._rows or all(self._is_plain(layer) for layer in kept.cache.layers))
        )

    def _is_plain(self, layer: Any) -> bool:
        """Whether a layer's keys and values are all that there is to it."""
        return type(layer) is self._plain and layer.is_initialized

    def read(self, together: Sequence[Wanted]) -> None:
        """Compute the next tokens of each; whoever else is in the batch is given back.

        Raises:
            RuntimeError: torch can't; what was kept still is.
        """
        torch, device = self._network.torch, self._network.device
        width = self._width([wanted.left for wanted in together])
        begins = [len(wanted.kept.tokens) for wanted in together]
        stops = [begin + min(wanted.left, width) for begin, wanted in zip(begins, together, strict=True)]
        counts = [max(0, stop - (len(w.tokens) - w.rows)) for stop, w in zip(stops, together, strict=True)]
        padding = [width - (stop - begin) for begin, stop in zip(begins, stops, strict=True)]
        each = list(zip(together, padding, begins, stops, strict=True))
        with torch.inference_mode():
            self._make_place([wanted.kept for wanted in together], padding, width)
            end = self._block.end
            first = torch.tensor([[end - stop] for stop in stops], device=device)
            logits = self._network.forward(
                [[0] * pad + [*wanted.tokens[begin:stop]] for wanted, pad, begin, stop in each],
                self._cache(layers=self._layers),
                max(1, *counts),
                attention_mask=torch.arange(end, device=device) >= first,
                position_ids=torch.tensor([[0] * pad + [*range(b, e)] for _, pad, b, e in each], device=device),
            )
            computed = [list(row[-count:].float()) if count else [] for row, count in zip(logits, counts, strict=True)]
        self._ends = [end] * len(together)
        for (wanted, _, _, stop), rows in zip(each, computed, strict=True):
            wanted.kept.tokens = wanted.tokens[:stop]
            wanted.logits += rows

    def _width(self, wanted: Sequence[int]) -> int:
        """How many tokens of a transcript to compute at once where so many are wanted of each: most in a given time."""
        fixed = PASS_CPU if self._network.device == "cpu" else PASS_GPU

        def speed(width: int) -> float:
            return sum(min(count, width) for count in wanted) / (fixed + width * len(wanted))

        return max(sorted(set(wanted)), key=speed)

    def give_back(self, leaving: Iterable[Kept]) -> None:
        """Copy what is in the batch of these transcripts into caches of their own."""
        with self._network.torch.inference_mode():
            for kept in leaving:
                if kept in self._rows:
                    row = self._rows.index(kept)
                    kept.cache = self._network.filled(self._of(kept))
                    self._rows[row] = None
        if not any(self._rows):
            self.clear()

    def keep_only(self, staying: Collection[Kept]) -> None:
        """Give back all others."""
        self.give_back([kept for kept in self._rows if kept and kept not in staying])

    def clear(self) -> None:
        """Forget the batch."""
        self._rows, self._ends, self._layers = [], [], []

    def _of(self, kept: Kept) -> list[tuple[Any, Any]]:
        """Each layer's keys and values of a transcript, [1, heads, tokens, size], wherever they are."""
        if kept not in self._rows:
            return [(layer.keys, layer.values) for layer in kept.cache.layers]
        row = self._rows.index(kept)
        columns = slice(self._ends[row] - len(kept.tokens), self._ends[row])
        return [(each.keys[row : row + 1, :, columns], each.values[row : row + 1, :, columns]) for each in self._layers]

    def _make_place(self, rows: Sequence[Kept], padding: Sequence[int], width: int) -> None:
        """Bring the rows to where each ends right before its tokens, which come behind its padding."""
        self.keep_only(rows)
        even = not any(padding) and len({*self._ends}) == 1
        if rows == self._rows and even and (end := self._ends[0] + width) <= self._layers[0].keys.shape[2]:
            self._block.start, self._block.end, self._block.real = end - width, end, None
        else:
            self._lay_out(rows, padding, width)

    def _lay_out(self, rows: Sequence[Kept], padding: Sequence[int], width: int) -> None:
        """Copy the rows into a new batch."""
        torch = self._network.torch
        end = width + max(len(kept.tokens) - pad for kept, pad in zip(rows, padding, strict=True))
        ends = [end - width + pad for pad in padding]
        block = _Block(end - width, end)
        if any(padding):
            first = torch.tensor([[pad] for pad in padding], device=self._network.device)
            block.real = (torch.arange(width, device=self._network.device) >= first)[:, None, :, None]
        layers: list[_Layer] = []
        for sources in zip(*(self._of(kept) for kept in rows), strict=True):
            both: list[Any] = []
            for parts in zip(*sources, strict=True):
                _, heads, _, size = parts[0].shape
                # Zeros: what is masked is still multiplied, and what happens to be in memory may be no number.
                room = parts[0].new_zeros(len(rows), heads, end + ROOM, size)
                for row, (part, stop) in enumerate(zip(parts, ends, strict=True)):
                    room[row, :, stop - part.shape[2] : stop] = part[0]
                both.append(room)
            layers.append(self._layer(block, *both))
        self._rows = [*rows]
        self._ends, self._layers, self._block = ends, layers, block
        for kept in rows:
            kept.cache = None


class _Layer:
    """One layer's keys and values, [rows, heads, columns, size], as a `Cache` of transformers' uses its layers.

    Used along with a class of transformers', which is there only once that is imported.
    """

    is_initialized = True

    def __init__(self, block: _Block, keys: Any, values: Any) -> None:
        self._block = block
        self.keys = keys
        self.values = values

    def update(self, keys: Any, values: Any, *_: Any, **__: Any) -> tuple[Any, Any]:
        """Take in the block's; returns all up to its end."""
        block = self._block
        for room, computed in ((self.keys, keys), (self.values, values)):
            there = room[:, :, block.start : block.end]
            there.copy_(computed if block.real is None else computed.where(block.real, there))
        return self.keys[:, :, : block.end], self.values[:, :, : block.end]

    def get_seq_length(self) -> int:
        """The column of the block's first token, which tells what it may look back to."""
        return self._block.start

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:  # noqa: ARG002 (it is the block's)
        """How many columns there are, and the first one's number."""
        return self._block.end, 0
