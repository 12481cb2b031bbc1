"""What a student starts from."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from agentkit.compress.architecture import Shape
from agentkit.errors import ConfigurationError, ModelError
from agentkit.models import catalog
from agentkit.models.adapter import Adapter, read
from agentkit.models.adapters import NONE, installed, require
from agentkit.models.cache import cache, writing
from agentkit.models.identity import sha256, weights_hash
from agentkit.models.model import Message
from agentkit.models.template import Template
from agentkit.models.tokenizer import HFTokenizer, read_json
from agentkit.models.transcript import Owned, Tokenize, Transcript
from agentkit.settings import expanded


@dataclass(frozen=True)
class Speech:
    """How a model reads and writes transcripts."""

    tokenize: Tokenize
    template: Template
    ends: tuple[int, ...]
    """The ids that end a turn."""

    def whole(self, messages: Sequence[Message], own: Sequence[int]) -> Owned:
        """The ids of a transcript that is over; `own` are the indices of the messages that the model writes."""
        return Transcript(self.tokenize, self.template).whole(messages, own=own, ends=self.ends)


@dataclass(frozen=True)
class Base:
    """A model before training."""

    folder: Path
    """In Hugging Face's form."""
    name: str
    """As the catalog knows it, or where it was."""
    sha256: str
    """Of the GGUF file, or of the weights in the folder where there is none."""
    speech: Speech
    taught: Adapter | None = None
    """The changes that training goes on from."""


def open_base(spec: str) -> Base:
    """A base by its name in the catalog, its GGUF file, or its Hugging Face folder.

    A GGUF file is converted once and kept in the cache. `base+adapter` is the base, to be trained on from there.

    Raises:
        ConfigurationError: It isn't there, can't be trained, or isn't what the adapter was trained on.
        UnknownName: There is no such model or adapter.
        ModelError: It is of an architecture that can't be trained.
        MissingExtra: What converts or reads it isn't installed.
    """
    taught = None
    if given := folder_of(spec):
        folder, sha = given, weights_hash(given)
    else:
        file, adapter = files_of(spec)
        folder, sha = converted(file), sha256(file)
        if adapter:
            taught = read(adapter)
            require(taught.card, file)
    shape_of(folder)
    tokenizer = HFTokenizer(folder)
    speech = Speech(tokenizer.tokenize, tokenizer.template, tuple(sorted(tokenizer.ends)))
    name = taught.card.base if taught else spec.removesuffix(f"+{NONE}")
    return Base(folder=folder, name=name, sha256=sha, speech=speech, taught=taught)


def shape_of(folder: Path) -> Shape:
    """What the model in a Hugging Face folder is, besides its weights.

    Raises:
        ConfigurationError: The folder has no configuration, or one that lacks something.
        ModelError: No GGUF file could be made of it, or it would be computed otherwise than it is meant to be.
    """
    config = read_json(folder / "config.json")
    try:
        return Shape.of_folder(config)
    except ModelError as error:
        raise ModelError(f"{folder} can't be trained or pruned: {error}") from None
    except (KeyError, ValueError, TypeError) as error:
        raise ConfigurationError(
            f"{folder / 'config.json'} lacks or misstates {error}; save the folder again"
        ) from None


def folder_of(spec: str) -> Path | None:
    """The Hugging Face folder that a spec stands for; None for a name of the catalog, whatever lies here under it."""
    place = expanded(spec)
    return place if place.is_dir() and spec not in {*catalog.KNOWN, *installed()} else None


def gguf_file(spec: str) -> Path:
    """The GGUF file of a known model, without any adapter, or at a path.

    Raises:
        ConfigurationError: It isn't there, is no file of this machine's, or names an adapter.
    """
    file, adapter = files_of(spec)
    if adapter:
        raise ConfigurationError(f"{spec!r} has an adapter; name its base alone")
    return file


def files_of(spec: str) -> tuple[Path, Path | None]:
    """The GGUF file of a known model, which has only an adapter that is named, or of a path; and that adapter."""
    source = catalog.resolve(f"{spec}+{NONE}" if spec in catalog.KNOWN else spec)
    if source.path is None or source.engine != "llamacpp":
        raise ConfigurationError(f"{spec!r} can't be trained; name a model of the catalog, a GGUF file or an HF folder")
    return source.path, source.adapter


def converted(file: Path) -> Path:
    """The Hugging Face folder of a GGUF file."""
    from agentkit.compress.weights import gguf_to_hf

    folder = cache() / "hf" / f"{file.stem}-{sha256(file)[:16]}"
    if not folder.is_dir():
        with writing(folder.parent):
            if not folder.is_dir():  # else another has converted it meanwhile
                gguf_to_hf(file, folder)
    return folder
