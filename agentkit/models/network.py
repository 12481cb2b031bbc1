"""A causal language model in torch, and the keys and values that it keeps of transcripts."""

import weakref
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
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
    tokens: tuple[int, ...] = ()
    """The ids that they are of."""
    whole: int = 0
    """How many of them, from the first on, were computed in whole chunks: these depend on nothing but the ids."""
    by: weakref.ref[Session] | None = None
    """The session that computed last."""


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
        self.size: int = self._model.get_output_embeddings().weight.shape[0]
        """Ids that there are logits for."""
        self.trained: int | None = config.get("max_position_embeddings")
        """Tokens of context that the model was trained for."""

    def fresh(self) -> Kept:
        """Of no transcript yet."""
        return Kept(self._cache())

    def cut(self, kept: Kept, length: int) -> None:
        """Keep only the first tokens."""
        removed = len(kept.tokens) - length
        if removed and length and all(getattr(layer, "is_croppable", False) for layer in kept.cache.layers):
            kept.cache.crop(-removed)
        elif removed:
            kept.cache, length = self._cache(), 0
        kept.tokens = kept.tokens[:length]
        kept.whole = min(kept.whole, length // CHUNK * CHUNK)

    def read(self, kept: Kept, tokens: Sequence[int], *, rows: int, stopped: Callable[[], bool]) -> Any:
        """Compute what of the tokens isn't kept yet; the logits (float32) of the last `rows` of them.

        Raises:
            Stopped: `stopped` said so; what was computed is kept.
            ModelError: It couldn't be computed.
        """
        logits: list[Any] = []
        tokens = tuple(tokens)
        while (start := len(kept.tokens)) < len(tokens):
            if stopped():
                raise Stopped
            end = min(len(tokens), (start // CHUNK + 1) * CHUNK)
            wanted = min(end - start, end - (len(tokens) - rows))
            try:
                logits += self._forward(kept, tokens[start:end], wanted)
            except BaseException as error:
                kept.cache, kept.tokens, kept.whole = self._cache(), (), 0  # some layers may have gone further
                if isinstance(error, RuntimeError):
                    raise ModelError(f"torch can't compute {end} tokens: {one_line(error)}") from error
                raise
            kept.tokens = tokens[:end]
            if start == kept.whole and end - start == CHUNK:
                kept.whole = end
        return self.torch.stack(logits)

    def _forward(self, kept: Kept, tokens: Sequence[int], rows: int) -> list[Any]:
        with self.torch.inference_mode():
            ids = self.torch.tensor([tokens], device=self.device)
            output = self._model(input_ids=ids, past_key_values=kept.cache, use_cache=True, logits_to_keep=max(1, rows))
            return list(output.logits[0].float())[-rows:] if rows > 0 else []


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
