"""The file that the grounding model ships as: low-rank changes to all-MiniLM-L6-v2, and a head.

LoRA (Hu et al. 2021): of a matrix W of the base only `up @ down` of small rank is kept, 2.7 MB at rank 32 instead of
the base's 90, and W + up @ down is computed once, when it is loaded.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import BaseModel

from agentkit.errors import ConfigurationError, MissingExtra

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[np.float32]

SHIPPED = Path(__file__).with_name("grounding.safetensors")
BASE = "model.safetensors"
HEADER = 1 << 20
"""Bytes that a header has at most."""
UP, DOWN = ".up", ".down"
HEAD, BIAS = "head.weight", "head.bias"


class Card(BaseModel, frozen=True, extra="forbid"):
    """What the file says of itself."""

    base: str
    """SHA-256 of the weights that the changes are for."""
    rank: int
    threshold: float
    """Least score that the check of citations lets pass: 95 % of the supported held-out claims have it."""
    balanced: float
    """The score that tells supported held-out claims from others best."""
    seed: int
    steps: int
    command: str
    before: tuple[str, ...] = ()
    """Commands of the passes that this one went on from, the first one first."""
    data: dict[str, str]
    """Files and their licences."""
    pairs: int
    fingerprint: str
    """Of the pairs trained on."""
    scores: dict[str, float]
    """Balanced accuracy on held-out pairs of each source."""


class Weights(NamedTuple):
    """What the file holds."""

    card: Card
    tensors: "Mapping[str, Array]"


def write(path: Path, card: Card, tensors: Mapping[str, Any]) -> None:
    """Write the file in half precision; until it is whole it has another name."""
    import numpy as np

    safetensors = _safetensors()
    half = {name: np.ascontiguousarray(np.asarray(tensor), dtype=np.float16) for name, tensor in tensors.items()}
    part = path.with_name(path.name + ".part")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        part.write_bytes(safetensors.save(half, metadata={"card": card.model_dump_json()}))
        os.replace(part, path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise ConfigurationError(f"can't write {path}: {error.strerror}; make room, or name another file") from None


def card_of(path: Path) -> Card:
    """What a file says of itself; the weights aren't read.

    Raises:
        ConfigurationError: It is missing or damaged.
    """
    try:
        with path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            return Card.model_validate_json(json.loads(file.read(min(size, HEADER)))["__metadata__"]["card"])
    except OSError as error:
        raise ConfigurationError(
            f"no grounding model at {str(path)!r}: {error.strerror}; train one: "
            "python -m agentkit.knowledge.grounding.train"
        ) from None
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(damaged(path, error)) from None


def read(path: Path) -> Weights:
    """Read the file.

    Raises:
        ConfigurationError: It is missing or damaged.
        MissingExtra: The packages that read it aren't installed.
    """
    import numpy as np

    safetensors = _safetensors()
    card = card_of(path)
    try:
        tensors = {name: tensor.astype(np.float32) for name, tensor in safetensors.load_file(path).items()}
    except Exception as error:  # the native reader raises bare Exceptions for a bad file
        raise ConfigurationError(damaged(path, error)) from None
    return Weights(card, {name: tensors[name] for name in sorted(tensors)})


def damaged(path: Path, error: Exception) -> str:
    """What to say of a file that can't be read."""
    why = " ".join(str(error).split())[:120]
    return (
        f"the grounding model at {str(path)!r} is damaged ({why}); install agentkit again, or train one: "
        "python -m agentkit.knowledge.grounding.train"
    )


def merged(base: "Mapping[str, Array]", changes: "Mapping[str, Array]") -> "dict[str, Array]":
    """The base's weights, matrices as the encoder has them (in, out), with the changes added."""
    weights = dict(base)
    for name in changes:
        if name.endswith(UP):
            weight = name.removesuffix(UP) + ".weight"
            change: Array = changes[name] @ changes[name.removesuffix(UP) + DOWN]
            weights[weight] = base[weight] + change.T
    return weights


def fingerprint_of(folder: Path) -> str:
    """SHA-256 of a base's weights."""
    with (folder / BASE).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _safetensors() -> Any:
    try:
        return import_module("safetensors.numpy")
    except ImportError as error:
        raise MissingExtra(f"the grounding model ({error.name})", extra="retrieval") from None
