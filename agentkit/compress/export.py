"""From a training run to a GGUF file that any llama.cpp runs, with a card next to it."""

import shutil
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

from agentkit.compress import card as cards
from agentkit.compress.base import folder_of, gguf_file
from agentkit.compress.checkpoints import unwritable
from agentkit.compress.network import library
from agentkit.compress.results import card_of, trained
from agentkit.errors import ConfigurationError
from agentkit.models import adapter as adapters
from agentkit.models.adapter import Adapter, Card
from agentkit.models.gguf_header import PROTOCOL
from agentkit.models.identity import weights_hash
from agentkit.models.merge import merge
from agentkit.models.requantize import Format, requantize
from agentkit.models.tokenizer import one_line


def export(run: Path, out: Path, to: Format | None = None, *, base: str = "", like: Path | None = None) -> Card:
    """Write what was trained as a GGUF file, and its card as `.md` next to it.

    Args:
        run: A run's folder, or an adapter's file.
        to: By default the format that its card says.
        base: What it was trained on, if that isn't where the run had it.
        like: The GGUF file that has the metadata and tokenizer, where the base is a Hugging Face folder.

    Raises:
        ConfigurationError: There is nothing to export, the base is another one, the file is no place for it, or the
            disk is full.
        ModelError: The file can't be written.
    """
    place = trained(run)
    card = card_of(place)
    to = to or card.format
    base = base or card.base
    whole = place.is_dir()
    source = (like if whole else folder_of(base)) or gguf_file(base)
    refuse_over(out, source, like)
    out.parent.mkdir(parents=True, exist_ok=True)
    if whole:
        written(place, out, to, card, like=source)
    else:
        merged(adapters.read(place), source, out, to, like=like)
    cards.write(out.with_suffix(".md"), card, out)
    return card


def refuse_over(out: Path, *models: Path | None) -> None:
    """Refuse to write what isn't a GGUF file, or over a model that it is made of.

    Raises:
        ConfigurationError: It would.
    """
    if out.suffix != ".gguf" or out.is_dir():
        raise ConfigurationError(f"{out} is to be a GGUF file; name one that ends in .gguf")
    if out.resolve() in {model.resolve() for model in models if model}:
        raise ConfigurationError(f"writing {out} over its own model would lose it; name another file")


def merged(adapter: Adapter, base: Path, out: Path, to: Format, *, like: Path | None) -> None:
    """Merge an adapter into its base, a folder or a GGUF file."""
    found = weights_hash(base)
    if found != adapter.card.base_sha256:
        raise ConfigurationError(
            f"adapter {adapter.card.name} was trained on weights of SHA-256 {adapter.card.base_sha256[:12]}…, but "
            f"{base} has {found[:12]}…; name the base that it was trained on with --base"
        )
    if not base.is_dir():
        merge(base, adapter, out, to)
        return
    if like is None:
        raise ConfigurationError(f"{base} is a folder; name a GGUF file of the same model with --like")
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as work:
        written(merged_folder(adapter, base, Path(work) / "merged"), out, to, adapter.card, like=like)


def merged_folder(adapter: Adapter, base: Path, folder: Path) -> Path:
    """A copy of a Hugging Face folder with an adapter's changes added to its weights."""
    safetensors: Any = import_module("safetensors.torch")
    torch: Any = import_module("torch")
    shutil.copytree(base, folder, ignore=shutil.ignore_patterns("*.safetensors"))
    left = set(adapter.modules)
    for file in sorted(base.glob("*.safetensors")):
        tensors: dict[str, Any] = safetensors.load_file(file)
        for module in adapter.modules:
            if (name := f"{module}.weight") in tensors:
                up, down = adapter.change(module)
                tensors[name] = (tensors[name].float() + torch.from_numpy(up @ down)).to(tensors[name].dtype)
                left.discard(module)
        try:
            safetensors.save_file(tensors, folder / file.name, metadata={"format": "pt"})
        except library("safetensors").SafetensorError as error:  # what a full disk raises there
            raise unwritable(folder, one_line(error)) from None
    if left:
        raise ConfigurationError(f"adapter {adapter.card.name} changes {min(left)}, which {base} hasn't got")
    return folder


def written(folder: Path, out: Path, to: Format, card: Card, *, like: Path) -> None:
    """A Hugging Face folder as a GGUF file that says which protocol it was taught."""
    from agentkit.compress.weights import hf_to_gguf

    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as work:
        plain = Path(work) / out.name
        hf_to_gguf(folder, plain, format="BF16", like=like)
        requantize(plain, out, to, properties={PROTOCOL: card.protocol})
