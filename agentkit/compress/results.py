"""What a training run leaves: an adapter or a model, with its card."""

import os
import platform
import re
import shutil
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel

from agentkit import protocol
from agentkit.compress import card as cards
from agentkit.compress.base import Base
from agentkit.compress.checkpoints import Progress, unwritable
from agentkit.compress.examples import Examples
from agentkit.compress.lesson import Lesson
from agentkit.compress.network import library
from agentkit.compress.student import Student
from agentkit.errors import ConfigurationError
from agentkit.models import adapter
from agentkit.models.adapter import CARD_FILE, Card, Score
from agentkit.models.identity import weights_hash
from agentkit.models.tokenizer import one_line

ADAPTER = "adapter.safetensors"
"""The weights that were best on held-out lessons."""
LAST = "last.safetensors"
"""Those after the last step."""
MODEL = "model"
"""The folder of a model all of whose weights were trained."""


class Result(NamedTuple):
    """What came of it."""

    path: Path
    card: Card
    finished: bool
    """Whether all steps were taken."""


def sources(lessons: Sequence[Lesson], examples: Examples, licences: Mapping[str, str]) -> dict[str, str]:
    """The sources of the lessons that were kept, and their licences."""
    kept = {example.id for example in examples.kept}
    found = sorted({lesson.source for lesson in lessons if lesson.id in kept})
    return {source: licences.get(source, "not stated") for source in found}


def card(
    student: Student,
    progress: Progress,
    base: Base,
    examples: Examples,
    data: dict[str, str],
    *,
    out: Path,
    command: str,
) -> Card:
    """What the weights say of themselves; they are named for their folder."""
    recipe = student.recipe
    lora = recipe.method == "lora"
    return Card(
        name=name_for(out),
        base=base.name,
        base_sha256=base.sha256,
        protocol=protocol.fingerprint(),
        rank=recipe.rank if lora else 0,
        alpha=recipe.alpha,
        targets=student.targets,
        seed=recipe.seed,
        steps=progress.step if progress.best is None else progress.best_step,
        format=recipe.format or "Q8_0",
        lessons=len(examples.kept),
        fingerprint=examples.fingerprint,
        data=data,
        began=base.taught.card if base.taught else None,
        command=command,
        hardware=hardware(student),
        scores={} if progress.best is None else {"held-out loss": round(progress.best, 4)},
    )


def name_for(out: Path) -> str:
    """An adapter's name, after where it is written."""
    return re.sub(r"^[^a-z0-9]+|[^a-z0-9._-]+", "-", out.absolute().name.lower()).strip("-")[:60] or "adapter"


def keep(student: Student, progress: Progress, card: Card, base: Base, out: Path, *, finished: bool) -> Result:
    """Write the best weights, and of an adapter also the last ones; what tasks scored with the same ones stays.

    Raises:
        ConfigurationError: The disk is full, or the place can't be written to.
    """
    last = student.tensors()
    best = progress.tensors or last
    if card.rank:
        arrays = {name: tensor.numpy() for name, tensor in last.items()}
        with keeping_scores(out / LAST):
            adapter.write(out / LAST, card.model_copy(update={"steps": progress.step, "scores": {}}), arrays)
        with keeping_scores(out / ADAPTER):
            adapter.write(out / ADAPTER, card, {name: tensor.numpy() for name, tensor in best.items()})
            cards.write(out / "adapter.md", card, out / ADAPTER)
        return Result(out / ADAPTER, card_of(out / ADAPTER), finished)
    student.put(best)
    with keeping_scores(out / MODEL):
        save_model(student.model, base.folder, out / MODEL, card, CARD_FILE)
        cards.write(out / "model.md", card, out / MODEL)
    return Result(out / MODEL, card_of(out / MODEL), finished)


@contextmanager
def keeping_scores(place: Path) -> Generator[None]:
    """What is written over an adapter or a model of the same weights has the scores of its tasks, too."""
    try:
        tasks = card_of(place).tasks
        was = weights_of(place) if tasks else ""
    except (ConfigurationError, OSError, ValueError):  # there is none, or it is damaged
        tasks, was = {}, ""
    yield
    if tasks and weights_of(place) == was:
        add_scores(place, tasks)


def add_scores(place: Path, tasks: Mapping[str, Score]) -> None:
    """Put scores into the card of an adapter's file or a model's folder.

    Raises:
        ConfigurationError: It is damaged, the disk is full, or the place can't be written to.
    """
    old = card_of(place)
    new = old.model_copy(update={"tasks": {**old.tasks, **tasks}})
    if place.is_dir():
        cards.put(place / CARD_FILE, new.model_dump_json(indent=1))
    else:
        adapter.recarded(place, place, new)
    cards.write(place.with_suffix(".md"), new, place)


def trained(run: Path) -> Path:
    """What a run left, or an adapter's file that is named itself: the file, or the folder of a model.

    Raises:
        ConfigurationError: It has neither.
    """
    for place in (run, run / ADAPTER):
        if place.is_file():
            return place
    if not (run / MODEL).is_dir():
        raise ConfigurationError(f"there is no {ADAPTER} and no {MODEL} in {run}; train first: agentkit distil train")
    return run / MODEL


def card_of(place: Path) -> Card:
    """The card of an adapter's file or a model's folder.

    Raises:
        ConfigurationError: It can't be read.
    """
    if not place.is_dir():
        return adapter.read_card(place)
    try:
        return Card.model_validate_json((place / CARD_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{place / CARD_FILE} can't be read: {one_line(error)}; train it again") from None


def weights_of(place: Path) -> str:
    """The hash of what was trained, whatever the card says."""
    return weights_hash(place) if place.is_dir() else adapter.tensors_hash(place)


def save_model(model: Any, base: Path, folder: Path, said: BaseModel, name: str) -> None:
    """Write a folder like the base's, under another name until it is whole.

    Args:
        said: Written next to the weights, in a file of this name.

    Raises:
        ConfigurationError: The disk is full, or the place can't be written to.
    """
    part = folder.with_name(f"{folder.name}.part")
    weights = re.compile(r"(model.*|pytorch_model.*)\.(safetensors|bin)(\.index\.json)?")
    try:
        shutil.rmtree(part, ignore_errors=True)
        shutil.copytree(base, part, ignore=lambda _, names: [name for name in names if weights.fullmatch(name)])
        model.save_pretrained(str(part))
        (part / name).write_text(said.model_dump_json(indent=1), encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(part, folder)
    except (OSError, library("safetensors").SafetensorError) as error:  # the second is what a full disk raises there
        raise unwritable(folder, one_line(error)) from None
    finally:
        shutil.rmtree(part, ignore_errors=True)


def hardware(student: Student) -> str:
    """What it was computed on."""
    torch = student.torch
    if student.device.startswith("cuda"):
        return f"{torch.cuda.get_device_name(student.device)}, torch {torch.__version__}"
    return f"{processor()}, {torch.get_num_threads()} threads, torch {torch.__version__}"


def processor() -> str:
    """The processor's name, where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "a processor")
