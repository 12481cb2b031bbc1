"""A BERT encoder, run by onnxruntime, for folders of the sentence-transformers kind such as all-MiniLM-L6-v2.

`import sentence_transformers` alone takes 4 to 6 s and brings 1 GB of packages, while onnxruntime comes with Chroma;
this loads in 0.4 s, encodes faster and agrees with it to 2e-6 (tests/benchmarks/bench_retrieval.py,
tests/knowledge/test_embedder.py). Anything but a plain BERT is refused.

Each batch keeps to one thread, and whole batches are spread over threads: a matrix library's own threads wait for each
other by spinning, and when a language model wants the same two cores they made 24 passages take 16 s rather than 1.1 s.
"""

import dataclasses
import json
import os
from collections.abc import Callable, Mapping, Sequence, Sized
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar, cast

from agentkit.errors import ConfigurationError, MissingExtra
from agentkit.knowledge.bert import EMBEDDED, HIDDEN, STATES, bert

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[np.float32]

WEIGHTS = "model.safetensors"
FILES = ("config.json", "tokenizer.json", WEIGHTS)
MASKED = -1e9
BATCH = 4
"""Texts computed together, so that their states fit the processor's cache: 128 texts of 100 words took as long 16 at a
time, and 120 MB more."""
WORKERS = 4
"""Batches computed at once, on machines with as many cores."""
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
    session: Any
    """onnxruntime's hold on the layers."""
    tokenizer: Tokenizer

    @classmethod
    def load(cls, folder: Path, *, adapt: "Callable[[dict[str, Array]], dict[str, Array]] | None" = None) -> Self:
        """Load a folder's weights and tokenizer.

        Args:
            folder: Of the sentence-transformers kind.
            adapt: What to make of the weights, by their names in BERT, matrices as (in, out).

        Raises:
            ConfigurationError: A file is missing or damaged, or the model isn't a plain BERT with mean pooling.
            MissingExtra: The packages that read it aren't installed.
        """
        try:
            import numpy as np

            safetensors: Any = import_module("safetensors.numpy")
            tokenizers: Any = import_module("tokenizers")
            for name in ("onnx", "onnxruntime"):
                import_module(name)
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
            weights = adapt(weights) if adapt else weights
            tokenizer.enable_truncation(_longest(folder, config))
            tokenizer.no_padding()
            session = bert(
                weights,
                layers=int(config["num_hidden_layers"]),
                heads=int(config["num_attention_heads"]),
                epsilon=float(config["layer_norm_eps"]),
            )
            encoder = cls(weights=weights, session=session, tokenizer=tokenizer)
            encoder(["."])
        except ConfigurationError:
            raise
        except Exception as error:  # the native readers raise bare Exceptions for a bad file
            raise _damaged(folder, error) from error
        return encoder

    def __call__(self, texts: Sequence[str]) -> "Array":
        """One row a text, not normalised."""
        return self.spread(texts, self._means)

    def spread(self, items: Sequence[T], compute: "Callable[[Sequence[T]], Array]") -> "Array":
        """What `compute` makes of all items, a row each; it is given items of alike length, in several threads."""
        import numpy as np

        order = sorted(range(len(items)), key=lambda i: len(items[i]), reverse=True)  # alike lengths: little padding
        cores = min(WORKERS, os.cpu_count() or 1)
        size = max(1, min(BATCH, -(-len(order) // cores)))  # a few items keep all cores busy too
        batches = [[items[i] for i in order[start : start + size]] for start in range(0, len(order), size)]
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
        embedded = (
            self.weights["embeddings.word_embeddings.weight"][ids]
            + self.weights["embeddings.position_embeddings.weight"][:tokens]
            + self.weights["embeddings.token_type_embeddings.weight"][types]
        )
        hidden = ((1 - mask) * np.float32(MASKED))[:, None, None, :]
        x: Array = self.session.run([STATES], {EMBEDDED: embedded, HIDDEN: hidden})[0]
        return x, mask, types.astype(np.float32)


def mean_over(x: "Array", mask: "Array") -> "Array":
    """The mean state of each text's tokens that the mask has."""
    return (x * mask[:, :, None]).sum(axis=1) / mask.sum(axis=1, keepdims=True)


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
