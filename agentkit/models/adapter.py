"""The file that an adapter is: low-rank changes to a model's linear layers, and what it was trained for.

LoRA (Hu et al. 2021): of the change to a matrix W only `up @ down` of small rank is kept, and W + alpha / rank *
up @ down is computed once. The file is safetensors in bfloat16 with PEFT's names of the tensors; its header holds the
card. It is read and written here without torch.
"""

import hashlib
import json
import os
import re
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import BaseModel, Field, ValidationError

from agentkit.errors import ConfigurationError, MissingExtra
from agentkit.models.requantize import Format
from agentkit.models.tokenizer import read_json

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[np.float32]

VERSION = 1
"""Raised when a file changes in a way that older readers would misread."""
CARD = "agentkit"
"""The key of the card in the file's header."""
CARD_FILE = "agentkit.json"
"""The card in the folder of a model all of whose weights were trained."""
DOWN, UP = ".lora_A.weight", ".lora_B.weight"
PREFIX = "base_model.model."
_LARGEST_HEADER = 2**24


class Score(BaseModel, frozen=True, extra="forbid"):
    """How many items of a task were right, as shares with a 95 % interval."""

    value: float
    low: float
    high: float
    items: int


class Card(BaseModel, frozen=True, extra="forbid"):
    """What an adapter says of itself."""

    version: int = VERSION
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,60}$")
    base: str
    """The catalog's name of the model that it changes."""
    base_sha256: str
    """Of the GGUF file that it was trained on."""
    protocol: str
    """Fingerprint of the protocol that it was taught."""
    rank: int = Field(ge=0)
    """0 where all weights were trained: such a card goes with a model of its own."""
    alpha: int = Field(ge=1)
    targets: tuple[str, ...]
    """The kinds of layers that it changes."""
    seed: int
    steps: int
    """After which the weights were taken."""
    format: Format = "Q8_0"
    """The number format that it is merged into: the one that it was trained for, or that serves it best."""
    lessons: int
    fingerprint: str
    """Of the lessons that it was trained on."""
    data: dict[str, str]
    """Their sources and licences."""
    command: str
    hardware: str
    began: "Card | None" = None
    """Of the adapter that training went on from; of the last of several that this is the mean of."""
    mean_of: tuple[str, ...] = ()
    """The names of those, with the lessons' fingerprint and the step of each."""
    scores: dict[str, float] = {}
    """On held-out lessons."""
    tasks: dict[str, Score] = {}
    """By task and model: `svamp, base`, `svamp, taught`."""


class Adapter(NamedTuple):
    """What the file holds."""

    card: Card
    tensors: "Mapping[str, Array]"
    """By names such as `model.layers.0.self_attn.q_proj.lora_A.weight`."""

    @property
    def modules(self) -> tuple[str, ...]:
        """The names of the layers that it changes."""
        return tuple(name.removesuffix(UP) for name in self.tensors if name.endswith(UP))

    def change(self, module: str) -> "tuple[Array, Array]":
        """Of a layer `up` and `down`, scaled, so that their product is added to its matrix."""
        scale = self.card.alpha / self.card.rank
        return self.tensors[module + UP] * scale, self.tensors[module + DOWN]


def write(path: Path, card: Card, tensors: Mapping[str, Any]) -> None:
    """Write an adapter, in bfloat16; until it is whole it has another name.

    Args:
        tensors: Arrays in single precision, by the names that `Adapter` gives them.

    Raises:
        ConfigurationError: The disk is full, or the place can't be written to.
    """
    packed = {PREFIX + name: _rounded(tensor) for name, tensor in sorted(tensors.items())}
    header: dict[str, Any] = {"__metadata__": {CARD: card.model_dump_json(), "format": "pt"}}
    end = 0
    for name, tensor in packed.items():
        end, start = end + tensor.nbytes, end
        header[name] = {"dtype": "BF16", "shape": list(tensor.shape), "data_offsets": [start, end]}
    _write(path, header, (tensor.tobytes() for tensor in packed.values()))


def recarded(path: Path, target: Path, card: Card) -> None:
    """Write an adapter's tensors under another card: another name, or scores measured since."""
    header, body = _opened(path, whole=True)
    _write(target, header | {"__metadata__": {CARD: card.model_dump_json(), "format": "pt"}}, [body])


def named(card: Card, name: str) -> Card:
    """The card under another name.

    Raises:
        ConfigurationError: It can't be one.
    """
    try:
        return Card.model_validate(card.model_dump() | {"name": name})
    except ValidationError:
        raise ConfigurationError(
            f"an adapter can't be named {name!r}; use small letters, digits, points, hyphens and underscores"
        ) from None


def read_card(path: Path) -> Card:
    """What an adapter says of itself.

    Raises:
        ConfigurationError: The file is missing, damaged, no adapter, or of another version.
    """
    return _card(_opened(path)[0], path)


def folder_protocol(folder: Path) -> str:
    """The protocol that a Hugging Face folder's model was taught; empty if it was taught none.

    Raises:
        ConfigurationError: Its card can't be read.
    """
    return str(read_json(folder / CARD_FILE, missing={}).get("protocol", ""))


def tensors_hash(path: Path) -> str:
    """SHA-256 of an adapter's tensors, whatever its card says.

    Raises:
        ConfigurationError: The file is missing or no adapter.
    """
    return hashlib.sha256(_opened(path, whole=True)[1]).hexdigest()


def read(path: Path) -> Adapter:
    """Read an adapter whole.

    Raises:
        ConfigurationError: As for `read_card`.
        MissingExtra: numpy or safetensors isn't installed.
    """
    import_numpy()
    try:
        safetensors: Any = import_module("safetensors")
    except ImportError as error:
        raise MissingExtra("an adapter", extra="quantize") from error
    card = read_card(path)
    try:
        stored: list[tuple[str, dict[str, Any]]] = safetensors.deserialize(path.read_bytes())
        tensors = {name.removeprefix(PREFIX): _widened(tensor) for name, tensor in sorted(stored)}
    except Exception as error:  # the native reader raises bare Exceptions for a bad file
        raise _damaged(path, " ".join(str(error).split())[:120]) from None
    for name, tensor in tensors.items():
        stem = re.sub(r"\.lora_[AB]\.weight$", "", name)
        if not {stem + UP, stem + DOWN} <= tensors.keys() or tensor.shape[name.endswith(UP)] != card.rank:
            raise _damaged(path, f"{name} of shape {tensor.shape} is no half of a change of rank {card.rank}")
    return Adapter(card, tensors)


def import_numpy() -> Any:
    """numpy, which an install for remote models goes without."""
    try:
        return import_module("numpy")
    except ImportError as error:
        raise MissingExtra("an adapter", extra="quantize") from error


def _rounded(tensor: Any) -> Any:
    """Single precision to the bits of the nearest bfloat16, ties to even."""
    np = import_numpy()
    bits = np.ascontiguousarray(tensor, dtype="<f4").view("<u4")
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype("<u2")


def _widened(tensor: Mapping[str, Any]) -> "Array":
    np = import_numpy()
    if tensor["dtype"] != "BF16":
        raise ValueError(f"it holds {tensor['dtype']}, not BF16")
    bits = np.frombuffer(tensor["data"], dtype="<u2").astype("<u4") << 16
    return bits.view("<f4").reshape(tensor["shape"])


def _write(path: Path, header: Mapping[str, Any], parts: Any) -> None:
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            file.write(len(text).to_bytes(8, "little") + text)
            file.writelines(parts)
        os.replace(part, path)
    except OSError as error:
        raise ConfigurationError(f"can't write {path}: {error.strerror}; make room, or name another file") from None
    finally:
        part.unlink(missing_ok=True)


def _opened(path: Path, *, whole: bool = False) -> tuple[dict[str, Any], bytes]:
    """The header and, if `whole`, what comes after it."""
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            text, body = file.read(min(length, _LARGEST_HEADER)), file.read() if whole else b""
    except OSError as error:
        raise ConfigurationError(f"can't read the adapter {path}: {error.strerror}; name a file that exists") from None
    try:
        header: Any = json.loads(text)
        carded = isinstance(header["__metadata__"][CARD], str)
    except (ValueError, TypeError, KeyError, RecursionError):
        carded, header = False, {}
    if not carded:
        raise ConfigurationError(f"{path} is no adapter of agentkit's: it has no card; name another file")
    return header, body


def _card(header: Mapping[str, Any], path: Path) -> Card:
    try:
        fields = json.loads(header["__metadata__"][CARD])
        if (version := fields.get("version")) != VERSION:
            raise ConfigurationError(
                f"{path} is an adapter of version {version}, this agentkit reads version {VERSION}; "
                "train it anew, or install the agentkit that it was made with"
            )
        return Card.model_validate(fields)
    except (ValidationError, ValueError, AttributeError) as error:
        first = error.errors()[0] if isinstance(error, ValidationError) else None
        raise _damaged(path, f"its card's {first['loc'][0]}: {first['msg']}" if first else str(error)) from None


def _damaged(path: Path, why: str) -> ConfigurationError:
    return ConfigurationError(f"the adapter {path} is damaged ({why}); get it anew")
