"""Merging an adapter into its base, on the GGUF file's tensors: without torch, one matrix at a time."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentkit.errors import ConfigurationError
from agentkit.models import gguf_header
from agentkit.models.adapter import Adapter
from agentkit.models.gguf_files import gguf_package
from agentkit.models.requantize import Format, requantize

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[np.float32]

ROTATED = {"attn_q": "head_count", "attn_k": "head_count_kv"}
"""The matrices whose rows GGUF files of the architecture llama have in another order than Hugging Face's."""


def merge(
    base: Path,
    adapter: Adapter,
    target: Path,
    to: Format = "Q8_0",
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Write `base` with the adapter's changes added to `target`; it appears complete or not at all.

    Raises:
        ConfigurationError: The adapter changes a layer that the base hasn't got.
        MissingExtra: numpy or gguf isn't installed.
        ModelError: The base is damaged, the adapter's matrices don't fit it, or the disk is full.
    """
    return requantize(
        base,
        target,
        to,
        changes=changes(adapter, gguf_header.properties(base)),
        properties={gguf_header.PROTOCOL: adapter.card.protocol},
        progress=progress,
    )


def changes(adapter: Adapter, properties: Mapping[str, Any]) -> dict[str, "Callable[[], Array]"]:
    """For each tensor of the GGUF file that is changed, what computes the change.

    Args:
        properties: Of the GGUF file.
    """
    gguf = gguf_package()
    architecture = str(properties["general.architecture"])
    kinds = {name: kind for kind, name in gguf.MODEL_ARCH_NAMES.items()}
    names: Any = gguf.get_tensor_name_map(kinds[architecture], int(properties[f"{architecture}.block_count"]))
    found: dict[str, Callable[[], Array]] = {}
    for module in adapter.modules:
        name: str | None = names.get_name(module)
        if name is None:
            raise ConfigurationError(
                f"adapter {adapter.card.name} changes {module}, which a model of the architecture {architecture} "
                "hasn't got; train it for this base"
            )
        heads = rotated_heads(name, architecture, properties)
        found[f"{name}.weight"] = lambda module=module, heads=heads: product(adapter, module, heads)
    return found


def rotated_heads(name: str, architecture: str, properties: Mapping[str, Any]) -> int | None:
    """In how many heads a matrix's rows are reordered; None if they aren't."""
    kind = re.sub(r"^blk\.\d+\.", "", name)
    if architecture != "llama" or kind not in ROTATED:
        return None
    heads = properties[f"{architecture}.attention.head_count"]
    return int(properties.get(f"{architecture}.attention.{ROTATED[kind]}", heads))


def product(adapter: Adapter, module: str, heads: int | None) -> "Array":
    """What is added to a layer's matrix, its rows in the file's order."""
    up, down = adapter.change(module)
    return (up if heads is None else rotated(up, heads)) @ down


def rotated(rows: Any, heads: int) -> Any:
    """A head's rows as pairs of neighbours, which llama.cpp rotates, instead of two halves (Hugging Face)."""
    return rows.reshape(heads, 2, -1, *rows.shape[1:]).swapaxes(1, 2).reshape(rows.shape)
