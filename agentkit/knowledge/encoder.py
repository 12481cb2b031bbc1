"""A BERT encoder in numpy, for folders of the sentence-transformers kind such as all-MiniLM-L6-v2.

Not for want of a library: `import sentence_transformers` alone takes 4 to 6 s and brings 1 GB of packages,
while this loads in 0.2 s, encodes as fast on two cores and agrees with it to 2e-7
(tests/benchmarks/bench_retrieval.py, tests/knowledge/test_embedder.py). Anything but a plain BERT is refused.

The matrix library's own threads are switched off while it runs, and whole batches are spread over threads
instead: OpenBLAS's threads wait for each other by spinning, and when a language model wants the same two
cores they made 24 passages take 16 s rather than 1.1 s.
"""

import dataclasses
import json
import os
import threading
from collections.abc import Callable, Mapping, Sequence, Sized
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar, cast

from agentkit.errors import ConfigurationError, MissingExtra

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[np.float32]

WEIGHTS = "model.safetensors"
FILES = ("config.json", "tokenizer.json", WEIGHTS)
MASKED = -1e9
BATCH = 16
"""Texts computed together. Larger was no faster on two cores."""
WORKERS = 4
"""Batches computed at once, on machines with as many cores."""
TURN = threading.Lock()
"""The switch for the matrix library's threads is the process's: one encoder at a time may turn it."""

T = TypeVar("T", bound=Sized)


class Encoding(Protocol):
    """A text, or a pair of texts, as tokens."""

    ids: list[int]
    type_ids: list[int]
    """0 for the first text's, 1 for the second's."""


class Tokenizer(Protocol):
    """The part of `tokenizers.Tokenizer` used here, which has no complete types."""

    def enable_truncation(self, max_length: int) -> None: ...
    def no_padding(self) -> None: ...
    def encode(self, sequence: str, pair: str | None = None) -> Encoding: ...


@dataclasses.dataclass(frozen=True, kw_only=True)
class BertEncoder:
    """Texts to vectors: tokens, transformer layers, then the mean over each text's tokens."""

    weights: "Mapping[str, Array]"
    tokenizer: Tokenizer
    layers: int
    heads: int
    epsilon: float
    blas: Any
    """threadpoolctl's hold on the matrix library."""

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Load a folder's weights and tokenizer.

        Raises:
            ConfigurationError: A file is missing or damaged, or the model isn't a plain BERT with mean pooling.
            MissingExtra: The packages that read it aren't installed.
        """
        try:
            import numpy as np

            safetensors: Any = import_module("safetensors.numpy")
            threadpoolctl: Any = import_module("threadpoolctl")
            tokenizers: Any = import_module("tokenizers")
        except ImportError as error:
            raise MissingExtra(f"the embedder ({error.name})", extra="retrieval") from None
        missing = [name for name in FILES if not (folder / name).is_file()]
        if missing:
            raise ConfigurationError(
                f"no embedder at {str(folder)!r}: {', '.join(missing)} missing; "
                "fetch it with: agentkit models pull all-minilm-l6-v2"
            )
        try:
            config = _config(folder)
            tokenizer = cast(Tokenizer, tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json")))
            stored: dict[str, Any] = safetensors.load_file(folder / WEIGHTS)
            weights = {
                name.removeprefix("bert."): np.ascontiguousarray(
                    tensor.T if tensor.ndim == 2 and "embeddings" not in name else tensor, dtype=np.float32
                )
                for name, tensor in stored.items()
            }
            tokenizer.enable_truncation(_longest(folder, config))
            tokenizer.no_padding()
            encoder = cls(
                weights=weights,
                tokenizer=tokenizer,
                layers=int(config["num_hidden_layers"]),
                heads=int(config["num_attention_heads"]),
                epsilon=float(config["layer_norm_eps"]),
                blas=threadpoolctl.ThreadpoolController(),
            )
            encoder(["."])
        except ConfigurationError:
            raise
        except Exception as error:  # the native readers raise bare Exceptions for a bad file
            raise _damaged(folder, error) from error
        return encoder

    def __call__(self, texts: Sequence[str]) -> "Array":
        """One row a text, not normalised."""
        return self.spread(texts, self._means)

    def spread(self, items: Sequence[T], compute: "Callable[[Sequence[T]], Array]", *, batch: int = BATCH) -> "Array":
        """What `compute` makes of all items, a row each; it is given items of alike length, in several threads."""
        import numpy as np

        order = sorted(range(len(items)), key=lambda i: len(items[i]), reverse=True)  # alike lengths: little padding
        cores = min(WORKERS, os.cpu_count() or 1)
        size = max(1, min(batch, -(-len(order) // cores)))  # a few items keep all cores busy too
        batches = [[items[i] for i in order[start : start + size]] for start in range(0, len(order), size)]
        with TURN, self.blas.limit(limits=1, user_api="blas"):
            workers = min(len(batches), cores)
            if workers < 2:
                parts = list(map(compute, batches))
            else:
                with ThreadPoolExecutor(workers, thread_name_prefix="agentkit-embed") as pool:
                    parts = list(pool.map(compute, batches))  # longest first: they end together
        rows = np.concatenate(parts)
        return rows[np.argsort(order)]

    def _means(self, texts: Sequence[str]) -> "Array":
        # One by one: `encode_batch` starts threads, and then prints a warning when a sandbox forks the process.
        x, mask, _ = self.states([self.tokenizer.encode(text) for text in texts])
        return mean_over(x, mask)

    def states(self, encoded: Sequence[Encoding]) -> "tuple[Array, Array, Array]":
        """The last layer's states (text, token, width); which of the tokens are no padding; which text each is of."""
        import numpy as np

        tokens = max(len(encoding.ids) for encoding in encoded)
        ids, types = (np.zeros((len(encoded), tokens), dtype=np.int64) for _ in range(2))
        mask = np.zeros((len(encoded), tokens), dtype=np.float32)
        for row, encoding in enumerate(encoded):
            ids[row, : len(encoding.ids)] = encoding.ids
            types[row, : len(encoding.ids)] = encoding.type_ids
            mask[row, : len(encoding.ids)] = 1
        x = (
            self.weights["embeddings.word_embeddings.weight"][ids]
            + self.weights["embeddings.position_embeddings.weight"][:tokens]
            + self.weights["embeddings.token_type_embeddings.weight"][types]
        )
        x = self._norm(x, "embeddings.LayerNorm")
        hidden = ((1.0 - mask) * np.float32(MASKED))[:, None, None, :]
        for layer in range(self.layers):
            at = f"encoder.layer.{layer}."
            attended = self._linear(self._attention(x, hidden, at), at + "attention.output.dense")
            x = self._norm(x + attended, at + "attention.output.LayerNorm")
            inner = gelu(self._linear(x, at + "intermediate.dense"))
            x = self._norm(x + self._linear(inner, at + "output.dense"), at + "output.LayerNorm")
        return x, mask, types.astype(np.float32)

    def _attention(self, x: "Array", hidden: "Array", at: str) -> "Array":
        import numpy as np

        texts, tokens, width = x.shape
        size = width // self.heads

        def project(name: str) -> "Array":
            projected = self._linear(x, f"{at}attention.self.{name}")
            return projected.reshape(texts, tokens, self.heads, size).transpose(0, 2, 1, 3)

        scores = project("query") @ project("key").transpose(0, 1, 3, 2)
        scores *= np.float32(size**-0.5)
        scores += hidden
        scores -= scores.max(axis=-1, keepdims=True)
        np.exp(scores, out=scores)
        scores /= scores.sum(axis=-1, keepdims=True)
        return (scores @ project("value")).transpose(0, 2, 1, 3).reshape(texts, tokens, width)

    def _linear(self, x: "Array", name: str) -> "Array":
        y = x @ self.weights[name + ".weight"]
        y += self.weights[name + ".bias"]
        return y

    def _norm(self, x: "Array", name: str) -> "Array":
        import numpy as np

        y = x - x.mean(axis=-1, keepdims=True)
        y /= np.sqrt((y * y).mean(axis=-1, keepdims=True) + np.float32(self.epsilon))
        y *= self.weights[name + ".weight"]
        y += self.weights[name + ".bias"]
        return y


def mean_over(x: "Array", mask: "Array") -> "Array":
    """The mean state of each text's tokens that the mask has."""
    return (x * mask[:, :, None]).sum(axis=1) / mask.sum(axis=1, keepdims=True)


def gelu(x: "Array") -> "Array":
    """x · Φ(x), with erf from Abramowitz and Stegun 7.1.26, whose error is below single precision's."""
    import numpy as np

    y = np.empty_like(x)
    flat, out = x.reshape(-1), y.reshape(-1)
    for start in range(0, flat.size, 16384):  # pieces that stay in the processor's cache
        piece = flat[start : start + 16384]
        z = np.abs(piece) * np.float32(0.5**0.5)
        t = 1 / (1 + np.float32(0.3275911) * z)
        tail = np.float32(1.061405429) * t
        for coefficient in (-1.453152027, 1.421413741, -0.284496736, 0.254829592):
            tail += np.float32(coefficient)
            tail *= t
        tail *= np.exp(-z * z)
        out[start : start + 16384] = piece * (1 + np.copysign(1 - tail, piece)) * np.float32(0.5)
    return y


def _config(folder: Path) -> dict[str, Any]:
    """The model's configuration, once it is known to be one that this encoder computes."""
    config: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    pooling: dict[str, Any] = {"pooling_mode_mean_tokens": True}
    if (file := folder / "1_Pooling" / "config.json").is_file():
        pooling = json.loads(file.read_text(encoding="utf-8"))
    plain = {
        "model_type": config.get("model_type") == "bert",
        "hidden_act": config.get("hidden_act") == "gelu",
        "position_embedding_type": config.get("position_embedding_type", "absolute") == "absolute",
        "pooling_mode_mean_tokens": pooling.get("pooling_mode_mean_tokens") is True,
    }
    if unlike := [name for name, same in plain.items() if not same]:
        raise ConfigurationError(
            f"the embedder at {str(folder)!r} is not a plain BERT with mean pooling ({', '.join(unlike)} differ); "
            "wrap it yourself: Embedder(model.encode, name=...)"
        )
    return config


def _longest(folder: Path, config: Mapping[str, Any]) -> int:
    """Tokens of the longest text that the model was trained to embed."""
    file = folder / "sentence_bert_config.json"
    stated: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    return min(int(stated.get("max_seq_length") or 512), int(config["max_position_embeddings"]))


def _damaged(folder: Path, error: Exception) -> ConfigurationError:
    why = " ".join(str(error).split()) or type(error).__name__
    return ConfigurationError(
        f"the embedder at {str(folder)!r} is damaged ({why}); delete the folder and fetch it again: "
        "agentkit models pull all-minilm-l6-v2"
    )
