"""What a number format costs and what it buys: the same weights, rounded in several ways, side by side."""

import math
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from agentkit.compress.network import library, open_model
from agentkit.compress.weights import gguf_to_hf
from agentkit.errors import ConfigurationError
from agentkit.models import adapters, catalog, gguf_header
from agentkit.models.adapter import read
from agentkit.models.gguf_files import gguf_package
from agentkit.models.llama_server import LlamaServer
from agentkit.models.merge import merge
from agentkit.models.requantize import Format, requantize
from agentkit.models.tokenizer import HFTokenizer

WINDOW = 512
"""Tokens of a prompt that is timed, and of a window of text that is predicted."""
WRITTEN = 96
"""Tokens that are written to time it."""
PAUSE = 0.2
"""Seconds between two engines' turns: the threads of the one before still wait awake for a while."""
UNTITLED = "The quick brown fox jumps over the lazy dog, and then it does so once more. "
"""What is read to time it where no text is given."""

Tell = Callable[[str], object]


class Speed(NamedTuple):
    """Tokens a second, one request at a time."""

    decode: float
    prefill: float


class Prediction(NamedTuple):
    """How a file predicts a text, a token."""

    perplexity: float
    divergence: float
    """KL(source, file) in nats, of the next token's distributions."""
    same: float
    """Share of the places where both have the same likeliest token."""


def source_of(spec: str, folder: Path) -> Path:
    """The GGUF file of a model that formats are made from; an adapter is merged into its base in BF16, in `folder`.

    Raises:
        ConfigurationError: It isn't a model of this machine's in GGUF, or the adapter was trained on another base.
        UnknownName: There is no such model.
        ModelError: The merged file can't be written.
    """
    found = catalog.resolve(spec)
    if found.engine != "llamacpp" or found.path is None:
        raise ConfigurationError(f"{spec!r} isn't a GGUF file; name one, or a model or adapter of `agentkit models`")
    if found.adapter is None:
        return found.path
    adapter = read(found.adapter)
    adapters.require(adapter.card, found.path)
    return merge(found.path, adapter, folder / f"{adapter.card.base}+{adapter.card.name}-BF16.gguf", "BF16")


def format_of(file: Path) -> str:
    """The number format that most of a file's weights have, as it says itself."""
    code = gguf_header.properties(file).get("general.file_type")
    names = {int(kind): kind.name.removeprefix("MOSTLY_").removeprefix("ALL_") for kind in gguf_package().LlamaFileType}
    return names.get(code if isinstance(code, int) else -1, "?")


def written(spec: str, folder: Path, formats: Sequence[Format], tell: Tell = str) -> dict[str, Path]:
    """Write a model in several formats; returns the files by format, first the source as it is.

    Raises:
        As `source_of` and `requantize`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    source = source_of(spec, folder)
    first = format_of(source)
    stem = source.stem.removesuffix(f"-{first}").removesuffix(f"-{first.lower()}")
    files = {first: source}
    for name in formats:
        if name not in files:
            tell(f"writing {name}")
            files[name] = requantize(source, folder / f"{stem}-{name}.gguf", name)
    return files


def speeds(
    files: Mapping[str, Path], *, text: str = "", threads: int, rounds: int, tell: Tell = str
) -> dict[str, Speed]:
    """How fast llama.cpp reads and writes with each file.

    They take turns and the best round counts: other work on the machine only ever slows one down.

    Raises:
        ModelError: One can't be loaded.
    """
    servers = {name: LlamaServer(path, context=2 * WINDOW, parallel=1, threads=threads) for name, path in files.items()}
    best = dict.fromkeys(files, Speed(0.0, 0.0))
    try:
        prompt = list(next(iter(servers.values())).tokenize(text or UNTITLED * 60, control=False))[:WINDOW]
        request = {"prompt": prompt, "n_predict": WRITTEN, "temperature": 0, "ignore_eos": True, "cache_prompt": False}
        for turn in range(rounds):
            for name, server in servers.items():
                tell(f"timing {name}, round {turn + 1} of {rounds}")
                done = server.complete(request, threading.Event())
                best[name] = Speed(max(best[name].decode, done.decode), max(best[name].prefill, done.prefill))
                time.sleep(PAUSE)
    finally:
        for server in servers.values():
            server.close()
    return best


def predictions(
    files: Mapping[str, Path], text: str, *, windows: int, device: str = "cpu", tell: Tell = str
) -> dict[str, Prediction]:
    """How each file predicts a text, next to the first of them; in single precision, from the rounded weights.

    How llama.cpp rounds activations on top of that is left out.

    Raises:
        ConfigurationError: The text is shorter than a window.
        ModelError: A file is of an architecture that can't be converted.
        MissingExtra: torch or transformers isn't installed.
    """
    torch = library("torch")
    found: dict[str, Prediction] = {}
    parts: list[list[int]] = []
    reference: list[Any] = []
    for name, path in files.items():
        tell(f"predicting with {name}")
        with tempfile.TemporaryDirectory(prefix="agentkit-") as work:
            folder = gguf_to_hf(path, Path(work) / "model")
            if not parts:
                ids = HFTokenizer(folder).tokenize(text, control=False)
                parts = [list(ids[at : at + WINDOW]) for at in range(0, len(ids) - WINDOW + 1, WINDOW)][:windows]
                if not parts:
                    raise ConfigurationError(f"the text has {len(ids)} tokens; give one with {WINDOW} or more")
            model = open_model(folder).to(device).eval()
            with torch.inference_mode():
                own = [model(torch.tensor([part], device=device)).logits[0, :-1].log_softmax(-1) for part in parts]
        reference = reference or own
        found[name] = compared(torch, own, reference, parts)
    return found


def compared(torch: Any, own: Sequence[Any], reference: Sequence[Any], parts: Sequence[Sequence[int]]) -> Prediction:
    """What log-probabilities come to, next to those of another model.

    Args:
        own: For each window [tokens - 1, vocabulary].
    """
    lost = divergence = same = 0.0
    for ours, theirs, part in zip(own, reference, parts, strict=True):
        wanted = torch.tensor(part[1:], device=ours.device).unsqueeze(-1)
        lost -= float(ours.gather(-1, wanted).sum())
        divergence += float((theirs.exp() * (theirs - ours)).sum())
        same += float((ours.argmax(-1) == theirs.argmax(-1)).sum())
    count = sum(len(part) - 1 for part in parts)
    return Prediction(math.exp(lost / count), divergence / count, same / count)
