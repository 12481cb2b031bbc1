"""A causal language model in torch, and the keys and values that it keeps of transcripts."""

import inspect
import weakref
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from agentkit.errors import ConfigurationError, ModelError
from agentkit.models.model import Session
from agentkit.models.tokenizer import extra, one_line, read_json

CHUNK = 256
"""Prompt tokens computed at a time: reading a prompt can be cancelled only between chunks, which begin at multiples."""


class Stopped(Exception):
    """A computation was told to stop."""


@dataclass(eq=False)
class Kept:
    """The keys and values of one transcript."""

    cache: Any
    """None while they are in a batch with others."""
    tokens: tuple[int, ...] = ()
    """The ids that they are of."""
    whole: int = 0
    """How many of them, from the first on, were computed in whole chunks: these depend on nothing but the ids."""
    by: weakref.ref[Session] | None = None
    """The session that computed last."""


@dataclass(eq=False)
class Wanted:
    """What a generation wants computed next."""

    kept: Kept
    tokens: tuple[int, ...]
    """The ids of the whole transcript; computed are those that aren't kept yet."""
    rows: int = 1
    """How many of the last ids logits are wanted of; no more than aren't kept yet."""
    logits: list[Any] = field(default_factory=list[Any])
    """Those that are computed, float32, one number an id of the vocabulary."""

    @property
    def left(self) -> int:
        """How many ids are to be computed."""
        return len(self.tokens) - len(self.kept.tokens)


class Network:
    """The weights of a Hugging Face folder on a device."""

    def __init__(self, folder: Path, *, device: str, dtype: str | None, threads: int | None) -> None:
        torch, transformers = extra("torch"), extra("transformers")
        self.torch: Any = torch
        self._cache: Callable[[], Any] = transformers.DynamicCache
        config = read_json(folder / "config.json")
        self.device = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
        dtype = dtype or ("bfloat16" if self.device.startswith("cuda") else "float32")
        if dtype not in ("float32", "float16", "bfloat16"):
            raise ConfigurationError(f"dtype is {dtype!r} but must be float32, float16 or bfloat16")
        if threads is not None:
            torch.set_num_threads(threads)
        try:
            with _quietly(transformers):
                self._model: Any = transformers.AutoModelForCausalLM.from_pretrained(
                    folder, dtype=getattr(torch, dtype), local_files_only=True, use_safetensors=True
                )
            self._model.eval().requires_grad_(False).to(self.device)
        except Exception as error:  # as many kinds as there are ways for a folder to be wrong
            raise ModelError(
                f"{folder} can't be loaded: {one_line(error)}; it needs config.json, tokenizer.json and weights in "
                "safetensors, of an architecture that transformers knows"
            ) from error
        kinds = set(getattr(self._model.config, "layer_types", None) or ()) - {"full_attention", "sliding_attention"}
        if kinds:  # these keep a state, not keys and values, and need a cache made for it
            self._cache = partial(transformers.DynamicCache, config=self._model.config)
        self.batches = _takes_padding(self._model)
        """Whether transcripts of different lengths can be computed together."""
        self.size: int = self._model.get_output_embeddings().weight.shape[0]
        """Ids that there are logits for."""
        self.trained: int | None = config.get("max_position_embeddings")
        """Tokens of context that the model was trained for."""

    def fresh(self) -> Kept:
        """Of no transcript yet."""
        return Kept(self._cache())

    def filled(self, layers: Iterable[tuple[Any, Any]]) -> Any:
        """A cache with copies of each layer's keys and values, [1, heads, tokens, size]."""
        cache = self._cache()
        for number, (keys, values) in enumerate(layers):
            cache.update(keys, values, number)
        return cache

    def cut(self, kept: Kept, length: int) -> None:
        """Keep only the first tokens."""
        removed = len(kept.tokens) - length
        if removed and length and all(getattr(layer, "is_croppable", False) for layer in kept.cache.layers):
            kept.cache.crop(-removed)
        elif removed:
            kept.cache, length = self._cache(), 0
        kept.tokens = kept.tokens[:length]
        kept.whole = min(kept.whole, length // CHUNK * CHUNK)

    def forget(self, kept: Kept) -> None:
        """Keep nothing: a computation that failed may have left some layers further than others."""
        kept.cache, kept.tokens, kept.whole = self._cache(), (), 0

    def read(self, wanted: Wanted) -> None:
        """Compute the next chunk of what is wanted, as if nobody else wanted anything.

        Raises:
            ModelError: It couldn't be computed; nothing is kept then.
        """
        kept, start = wanted.kept, len(wanted.kept.tokens)
        end = min(len(wanted.tokens), (start // CHUNK + 1) * CHUNK)
        rows = min(end - start, end - (len(wanted.tokens) - wanted.rows))
        try:
            with self.torch.inference_mode():
                [logits] = self.forward([wanted.tokens[start:end]], kept.cache, max(1, rows))
                wanted.logits += list(logits.float())[-rows:] if rows > 0 else []
        except BaseException as error:
            self.forget(kept)
            if isinstance(error, RuntimeError):
                raise ModelError(f"torch can't compute {end} tokens: {one_line(error)}") from error
            raise
        kept.tokens = wanted.tokens[:end]
        if start == kept.whole and end - start == CHUNK:
            kept.whole = end

    def forward(self, ids: Sequence[Sequence[int]], cache: Any, rows: int, **places: Any) -> Any:
        """Run the network on what follows a cache's keys and values, which join the cache.

        Args:
            ids: For each transcript as many.
            places: Where they stand, as transformers wants it, unless they are one transcript's and follow on.

        Returns:
            The logits of the last `rows` ids of each, [transcript, id, vocabulary].
        """
        return self._model(
            input_ids=self.torch.tensor(ids, device=self.device),
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=rows,
            **places,
        ).logits


def _takes_padding(model: Any) -> bool:
    """Whether a model can be told where tokens stand, and a token's place doesn't depend on the longest transcript."""
    told = inspect.signature(model.forward).parameters.keys() >= {"position_ids", "attention_mask"}
    turned = " ".join(str(getattr(module, "rope_type", "")) for module in model.modules())
    return told and "dynamic" not in turned and "longrope" not in turned


@contextmanager
def _quietly(transformers: Any) -> Generator[None]:
    """Loading without a progress bar."""
    logging = transformers.utils.logging
    shown: bool = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()
