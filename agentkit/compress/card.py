"""The model card that is written next to an adapter or a model."""

import os
from collections.abc import Mapping
from pathlib import Path

from agentkit.compress.checkpoints import unwritable
from agentkit.models.adapter import Card
from agentkit.models.known import KNOWN

TEMPLATE = """\
# {name}

{base}, taught to drive agentkit: which tool to call with which arguments, when to answer and from which evidence, when
to give up. {what}, {megabytes:.1f} MB ({file}).

* **For**: agentkit runs, whose checks hold every answer against evidence.
* **Not for**: use without those checks; other languages than the lessons'; decisions about people.
* **Number format** {format}, unless another is asked for.
* **Protocol** {protocol}: an agentkit that writes runs otherwise refuses it.

## Training

{training}

Base: {base} ({licence}), SHA-256 {base_sha256}.

## Scores

{scores}
"""

TRAINING = """\
    {command}

Seed {seed}, on {hardware}. The weights are those after step {steps}. {lessons} lessons (fingerprint {fingerprint}),
made from:

| source | licence |
|---|---|
{data}"""


def write(path: Path, card: Card, file: Path) -> None:
    """Write the card of a file.

    Raises:
        ConfigurationError: The disk is full, or the place can't be written to.
    """
    put(path, text(card, file))


def put(path: Path, said: str) -> None:
    """Write a text, under another name until it is whole.

    Raises:
        ConfigurationError: The disk is full, or the place can't be written to.
    """
    part = path.with_name(f"{path.name}.part")
    try:
        part.write_text(said, encoding="utf-8")
        os.replace(part, path)
    except OSError as error:
        raise unwritable(path, error.strerror) from None
    finally:
        part.unlink(missing_ok=True)


def text(card: Card, file: Path) -> str:
    """What the card says."""
    what = f"Low-rank changes (LoRA, rank {card.rank}, alpha {card.alpha})" if card.rank else "All weights trained"
    return TEMPLATE.format(
        **card.model_dump(include={"name", "base", "base_sha256", "format", "protocol"}),
        what=what,
        training=training(card),
        licence=licence(card.base),
        megabytes=size(file) / 1e6,
        file=file.name,
        scores=scores(card) or "None measured yet.",
    )


def training(card: Card) -> str:
    """How it was trained, what it went on from before it."""
    if card.mean_of:
        own = f"    {card.command}\n\nThe weights are the mean of {' and '.join(card.mean_of)}."
    else:
        own = TRAINING.format(**card.model_dump(exclude={"data"}), data=rows(card.data))
    return f"{training(card.began)}\n\nFrom there:\n\n{own}" if card.began else own


def scores(card: Card) -> str:
    """What was measured: on held-out lessons, then by tasks."""
    losses = rows({name: f"{score:.4g}" for name, score in card.scores.items()}, "score")
    tasks = {
        name: f"{100 * score.value:.1f} [{100 * score.low:.1f}, {100 * score.high:.1f}], n = {score.items}"
        for name, score in card.tasks.items()
    }
    return "\n\n".join(filter(None, (losses, rows(tasks, "right, % with its 95 % interval"))))


def licence(base: str) -> str:
    """Of a model by the name that the catalog has for it."""
    known = KNOWN.get(base)
    return known.licence if known else "see its publisher"


def rows(cells: Mapping[str, str], head: str = "") -> str:
    """Lines of a table, below a head of their own if one is named."""
    top = [f"| | {head} |", "|---|---|"] if head and cells else []
    return "\n".join([*top, *(f"| {name} | {value} |" for name, value in cells.items())])


def size(file: Path) -> int:
    """Bytes of a file, or of a folder's files."""
    return sum(f.stat().st_size for f in file.rglob("*") if f.is_file()) if file.is_dir() else file.stat().st_size
