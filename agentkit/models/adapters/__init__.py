"""The adapters on this machine: those that ship, as files of this folder, and those that the user added."""

import hashlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType

from agentkit.errors import ConfigurationError, UnknownName
from agentkit.models.adapter import Card, named, read, read_card, recarded, tensors_hash
from agentkit.models.cache import cache, writing
from agentkit.models.identity import sha256
from agentkit.models.known import KNOWN
from agentkit.models.merge import merge

SHIPPED: Mapping[str, str] = MappingProxyType({"smollm2-135m": "driver", "qwen2.5-coder-0.5b": "driver-0.5b"})
"""For each base the adapter that it is used with unless another is named."""
NONE = "none"
"""As an adapter's name: the base alone."""
HERE = Path(__file__).parent


def installed() -> dict[str, Path]:
    """The adapters by name."""
    files = [*folder().glob("*.safetensors"), *HERE.glob("*.safetensors")]  # none of the user's hides a shipped one
    return dict(sorted((file.stem, file) for file in files))


def folder() -> Path:
    """Where the user's adapters are kept."""
    return cache() / "adapters"


def find(name: str) -> tuple[Path, Card]:
    """An adapter's file and its card.

    Raises:
        UnknownName: There is none of this name.
        ConfigurationError: It is damaged, or for a model that the catalog doesn't know.
    """
    files = installed()
    if name not in files:
        raise UnknownName("adapter", name, files, hint="agentkit models add FILE puts one there")
    card = read_card(files[name])
    known(card)
    return files[name], card


def add(file: Path, *, name: str = "") -> Card:
    """Copy an adapter to the user's, under a name or the one in its card.

    Raises:
        ConfigurationError: It is damaged, for an unknown model, its name is taken or can't be one, or the disk is full.
    """
    card = read(file).card
    known(card)
    if name:
        card = named(card, name)
    if card.name in KNOWN or card.name == NONE:
        raise ConfigurationError(f"an adapter can't be named {card.name}; name it otherwise with --name")
    if there := installed().get(card.name):
        if read_card(there) == card and tensors_hash(there) == tensors_hash(file):
            return card
        removing = "" if there.parent == HERE else f", or agentkit models remove {card.name} first"
        raise ConfigurationError(
            f"there is an adapter {card.name} already; name this one otherwise with --name{removing}"
        )
    recarded(file, folder() / f"{card.name}.safetensors", card)
    return card


def remove(name: str) -> None:
    """Delete an adapter of the user's, and what it was merged into.

    Raises:
        UnknownName: There is none of this name.
        ConfigurationError: It came with agentkit.
    """
    files = installed()
    if name not in files:
        raise UnknownName("adapter", name, files)
    if files[name].parent == HERE:
        raise ConfigurationError(f"{name} came with agentkit and stays; BASE+{NONE} uses its base without it")
    files[name].unlink()
    for file in _made_of(name):
        file.unlink()


def merged(adapter: Path, base: Path, *, progress: Callable[[int, int], None] | None = None) -> Path:
    """The base with the adapter merged into it, in the format that its card says, made if it isn't there.

    What other adapters of that name and base were merged into, as the one that an older agentkit came with, is deleted
    then: nothing else would, and each is as large as the base.

    Raises:
        ConfigurationError: The adapter was trained on another file than this base.
        MissingExtra: numpy, gguf or safetensors isn't installed.
        ModelError: It can't be made; see `merge`.
    """
    card = read_card(adapter)
    # The base's hash as the adapter has it: once merged, the base needn't be read to know that it fitted.
    key = hashlib.sha256(f"{card.base_sha256}{sha256(adapter)}".encode()).hexdigest()[:16]
    target = _models() / f"{card.base}+{card.name}-{key}.gguf"
    if target.is_file():
        return target
    require(card, base)
    with writing(target.parent):
        if target.is_file():
            return target  # another has made it meanwhile
        older = _made_of(card.name, card.base)
        merge(base, read(adapter), target, card.format, progress=progress)
    for file in older:
        with suppress(OSError):  # in use, where files that are can't be deleted
            file.unlink()
    return target


def require(card: Card, base: Path) -> None:
    """Refuse a file that an adapter wasn't trained on.

    Raises:
        ConfigurationError: This is one.
    """
    if (found := sha256(base)) != card.base_sha256:
        raise ConfigurationError(
            f"adapter {card.name} was trained on a {card.base} of SHA-256 {card.base_sha256[:12]}…, but {base} has "
            f"{found[:12]}…; fetch that again (agentkit models pull {card.base} --again), or train the adapter anew"
        )


def known(card: Card) -> None:
    """Refuse an adapter of a model that the catalog doesn't know."""
    if card.base not in KNOWN:
        raise ConfigurationError(
            f"adapter {card.name} is for {card.base!r}, which the catalog doesn't know; "
            "export it as a GGUF file instead: agentkit distil export"
        )


def _made_of(name: str, base: str = "*") -> list[Path]:
    """What adapters of a name were merged into."""
    return list(_models().glob(f"{base}+{name}-????????????????.gguf"))


def _models() -> Path:
    return cache() / "models"
