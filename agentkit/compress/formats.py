"""What a number format costs and what it buys: the same weights, rounded in several ways, side by side."""

import math
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from agentkit.compress.checkpoints import unwritable
from agentkit.compress.network import library, open_model
from agentkit.compress.vocabulary import write_tokenizer
from agentkit.compress.weights import gguf_to_hf
from agentkit.errors import ConfigurationError
from agentkit.models import adapters, catalog, gguf_header
from agentkit.models.adapter import read
from agentkit.models.gguf_files import gguf_package, open_gguf
from agentkit.models.llama_server import LlamaServer
from agentkit.models.merge import merge
from agentkit.models.requantize import Format, requantize
from agentkit.models.tokenizer import HFTokenizer, one_line

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
    file, added = parts_of(spec)
    if added is None:
        return file
    adapter = read(added)
    adapters.require(adapter.card, file)
    return merge(file, adapter, folder / f"{adapter.card.base}+{adapter.card.name}-BF16.gguf", "BF16")


def parts_of(spec: str) -> tuple[Path, Path | None]:
    """The GGUF file of a model, and the adapter that is to be merged into it.

    Raises:
        ConfigurationError: It isn't a model of this machine's in GGUF.
        UnknownName: There is no such model.
    """
    found = catalog.resolve(spec)
    if found.engine != "llamacpp" or found.path is None:
        raise ConfigurationError(f"{spec!r} isn't a GGUF file; name one, or a model or adapter of `agentkit models`")
    return found.path, found.adapter


def windows_of(spec: str, text: str, count: int) -> list[list[int]]:
    """The first windows of a text in the tokens of a model.

    Raises:
        ConfigurationError: The text is shorter than a window.
        ModelError: The model's vocabulary is of a kind that can't be converted.
        MissingExtra: gguf or tokenizers isn't installed.
    """
    reader = open_gguf(parts_of(spec)[0])

    def field(key: str) -> Any:
        found = reader.get_field(key)
        return None if found is None else found.contents()

    with tempfile.TemporaryDirectory(prefix="agentkit-") as folder:
        write_tokenizer(field, Path(folder))
        ids = HFTokenizer(Path(folder)).tokenize(text, control=False)
    if len(ids) < WINDOW:
        raise ConfigurationError(f"the text has {len(ids)} tokens; give one with {WINDOW} or more")
    return [list(ids[at : at + WINDOW]) for at in range(0, len(ids) - WINDOW + 1, WINDOW)][:count]


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
    files: Mapping[str, Path], windows: Sequence[Sequence[int]], *, device: str = "cpu", tell: Tell = str
) -> dict[str, Prediction]:
    """How each file predicts a text, next to the first of them; in single precision, from the rounded weights.

    How llama.cpp rounds activations on top of that is left out. What the first one predicts is kept on disk in half
    precision: of a vocabulary of 150,000 a window's distributions take 300 MB of memory.

    Args:
        windows: Of the text, as `windows_of` cuts it.

    Raises:
        ConfigurationError: The disk is full.
        ModelError: A file is of an architecture that can't be converted.
        MissingExtra: torch or transformers isn't installed.
    """
    torch = library("torch")
    found: dict[str, Prediction] = {}
    places = sum(len(window) - 1 for window in windows)
    with tempfile.TemporaryDirectory(prefix="agentkit-") as kept:
        for name, path in files.items():
            tell(f"predicting with {name}")
            totals = [0.0, 0.0, 0.0]
            for number, own in enumerate(distributions(torch, path, windows, device)):
                file, reference, likeliest = Path(kept) / f"{number}.pt", own, own.argmax(-1)
                if found:
                    reference, likeliest = torch.load(file, map_location=device)
                else:
                    save(torch, (own.half(), likeliest), file)
                for at, value in enumerate(compared(torch, own, reference, likeliest, windows[number])):
                    totals[at] += value
            lost, divergence, same = (total / places for total in totals)
            found[name] = Prediction(math.exp(lost), divergence, same)
    return found


def distributions(torch: Any, path: Path, windows: Sequence[Sequence[int]], device: str) -> Iterator[Any]:
    """For each window in turn the log-probabilities of its next tokens, [tokens - 1, vocabulary]."""
    with tempfile.TemporaryDirectory(prefix="agentkit-") as work:
        model = open_model(gguf_to_hf(path, Path(work) / "model")).to(device).eval()
        for window in windows:
            with torch.inference_mode():
                found = model(torch.tensor([window], device=device)).logits[0, :-1].log_softmax(-1)
            yield found


def save(torch: Any, what: Any, file: Path) -> None:
    """Keep tensors in a file.

    Raises:
        ConfigurationError: The disk is full.
    """
    try:
        torch.save(what, file)
    except (OSError, RuntimeError) as error:  # torch's writer raises RuntimeError on a full disk
        raise unwritable(file, one_line(error)) from None


def compared(torch: Any, own: Any, reference: Any, likeliest: Any, window: Sequence[int]) -> tuple[float, float, float]:
    """What log-probabilities lose on a window, how far they are from a reference, how often they agree: the sums.

    Args:
        reference: Log-probabilities of another model, maybe in half precision, which can't tell two that are close.
        likeliest: So these are its likeliest tokens.
    """
    wanted = torch.tensor(window[1:], device=own.device).unsqueeze(-1)
    lost = -float(own.gather(-1, wanted).sum())
    reference = reference.float()
    divergence = float((reference.exp() * (reference - own)).sum())
    return lost, divergence, float((own.argmax(-1) == likeliest).sum())
