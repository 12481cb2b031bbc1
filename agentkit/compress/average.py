"""One adapter from several of the same base: the mean of what they change.

Weights from the ends of several passes, averaged, are often better than each (Wortsman et al. 2022, *Model soups*). The
mean of n changes of rank r has a rank of up to n * r; kept is what of rank r is closest to it (Eckart and Young 1936).
"""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from agentkit.compress import card as cards
from agentkit.compress.results import name_for
from agentkit.errors import ConfigurationError
from agentkit.models import adapter as adapters
from agentkit.models.adapter import DOWN, UP, Adapter, Card


def average(files: Sequence[Path], out: Path, *, command: str) -> Card:
    """Write the mean of adapters, and its card as `.md` next to it.

    Args:
        files: Of the adapters, at least two. How the last one was trained the mean's card says as well.
        out: Its stem is the new adapter's name.
        command: What was called, for the card.

    Raises:
        ConfigurationError: They are fewer than two, damaged or of different bases, layers, ranks or protocols, or the
            place is one of theirs or can't be written to.
        MissingExtra: numpy or safetensors isn't installed.
    """
    if len(files) < 2:
        raise ConfigurationError(f"the mean of {len(files)} adapter is no other one; name two or more")
    if out.resolve() in {file.resolve() for file in files}:
        raise ConfigurationError(f"writing {out} over an adapter that it is made of would lose it; name another file")
    read = [adapters.read(file) for file in files]
    last = read[-1].card
    for file, one in zip(files, read, strict=True):
        if what := differs(one, read[-1]):
            raise ConfigurationError(f"{file} and {files[-1]} can't be averaged: they differ in their {what}")
    tensors: dict[str, Any] = {}
    for module in read[0].modules:
        tensors[module + UP], tensors[module + DOWN] = mean([one.change(module) for one in read], last.rank)
    names = tuple(f"{one.card.name} ({one.card.fingerprint}, step {one.card.steps})" for one in read)
    own = {"name": name_for(out.with_suffix("")), "alpha": last.rank, "command": command}
    card = last.model_copy(update=own | {"began": last, "mean_of": names, "scores": {}, "tasks": {}})
    out.parent.mkdir(parents=True, exist_ok=True)
    adapters.write(out, card, tensors)
    cards.write(out.with_suffix(".md"), card, out)
    return card


def differs(one: Adapter, other: Adapter) -> str:
    """What keeps two adapters from being averaged; empty if nothing does."""
    has, wants = one.card, other.card
    found = {
        "base": has.base_sha256 != wants.base_sha256,
        "protocol": has.protocol != wants.protocol,
        "layers": set(one.modules) != set(other.modules),
        "rank": has.rank != wants.rank,
    }
    return " and ".join(what for what, so in found.items() if so)


def mean(changes: Sequence[tuple[Any, Any]], rank: int) -> tuple[Any, Any]:
    """`up` and `down` whose product comes closest to the mean of the products of all.

    Args:
        changes: Of each adapter `up` of shape (rows, rank) and `down` of shape (rank, columns).
    """
    np: Any = import_module("numpy")
    up = np.concatenate([up for up, _ in changes], axis=1) / len(changes)
    down = np.concatenate([down for _, down in changes], axis=0)
    # The singular values of up @ down, from the small matrix between two orthogonal ones.
    left, between = np.linalg.qr(up)
    right, across = np.linalg.qr(down.T)
    u, values, v = np.linalg.svd(between @ across.T)
    root = np.sqrt(values[:rank])
    kept = len(root)  # fewer than the rank where a layer is narrower
    near, far = left @ (u[:, :kept] * root), (v[:kept] * root[:, None]) @ right.T
    return np.pad(near, ((0, 0), (0, rank - kept))), np.pad(far, ((0, rank - kept), (0, 0)))
