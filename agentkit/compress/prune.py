"""Pruning by depth and by width: what does least on lessons goes, and what is left learns from the whole."""

import shutil
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from agentkit import protocol
from agentkit.compress import card as cards
from agentkit.compress import pruned, results
from agentkit.compress.base import Base, folder_of, gguf_file, open_base, shape_of
from agentkit.compress.checkpoints import CHECKPOINT, unwritable
from agentkit.compress.cutting import Cut, Wanted, cut_folder, report
from agentkit.compress.examples import Example, Examples, encode, split
from agentkit.compress.export import refuse_over
from agentkit.compress.lesson import Lesson, read_lessons
from agentkit.compress.recipe import Recipe
from agentkit.compress.train import Conditions, train
from agentkit.compress.weights import Format, hf_to_gguf
from agentkit.errors import ConfigurationError
from agentkit.knowledge.database import alone
from agentkit.models import adapters, catalog
from agentkit.models.adapter import folder_protocol
from agentkit.models.gguf_header import PROTOCOL, taught_protocol
from agentkit.models.identity import weights_hash

HEALING = Recipe(method="full", rate=1e-4, steps=200, weight=1.0)
"""All weights learn the whole model's distributions and nothing else (Minitron, Muralidharan et al. 2024, found that
better than a mixture): what comes back is what was lost, and the lessons are only what both read."""


@dataclass(frozen=True, kw_only=True)
class Original:
    """The model that is pruned."""

    base: Base
    place: Path
    """The GGUF file or the folder that it is."""
    like: Path
    """The GGUF file whose metadata and tokenizer the pruned one gets."""
    protocol: str
    """Fingerprint of the one that it was taught; empty if it was taught none."""


class Material(NamedTuple):
    """What a model is measured on, healed on, and scored on."""

    lessons: list[Lesson]
    examples: Examples
    own: list[Example]
    """Those that decide what goes, and heal."""
    held: list[Example]
    """Those that are scored."""


class Pruned(NamedTuple):
    """What came of it."""

    path: Path
    cut: Cut
    loss: float
    """A learned token of the held-out lessons."""
    finished: bool
    """Whether all steps of healing were taken."""


def prune(
    spec: str,
    lessons: Path,
    wanted: Wanted,
    conditions: Conditions,
    recipe: Recipe = HEALING,
    *,
    heal: bool = True,
    to: Format = "Q8_0",
    like: Path | None = None,
) -> Pruned:
    """Cut a model, heal it with the whole one as its teacher, and write it as a GGUF file with its card.

    Stopped or killed, the same call goes on. What it needs for that lies next to the file in a folder OUT.work, until
    healing is over.

    Args:
        spec: A model of the catalog, with an adapter or without, a GGUF file, or a Hugging Face folder.
        lessons: Those that aren't held out say what goes, and heal; the others are scored.
        conditions: `out` is the GGUF file.
        recipe: How lessons are computed and held out, and how it is healed: all weights of it with the model as the
            teacher, whatever the recipe says of these.
        heal: False leaves it as it was cut.
        like: The GGUF file that has the metadata and tokenizer, where the model is a Hugging Face folder.

    Raises:
        ConfigurationError: The model isn't there, so much can't go, there are too few lessons, another process prunes
            to the same file, or the disk is full.
        TraceError: A line of the lessons is none.
        ModelError: The architecture can't be pruned, or the file can't be written.
        MissingExtra: torch, transformers or gguf isn't installed.
    """
    began = time.monotonic()
    out, tell = conditions.out, conditions.tell
    original = opened(spec, like)
    refuse_over(out, original.place, original.like)
    shape = shape_of(original.base.folder)
    wanted.check(shape)
    recipe = recipe.model_copy(update={"method": "full", "teacher": str(original.base.folder)})
    given = material(lessons, original.base, recipe, context=min(recipe.context, shape.context))
    with workplace(out) as work:
        folder = work / "cut"
        asked = f"{original.base.sha256} {given.examples.fingerprint} {wanted} {recipe.model_dump_json()}"
        if (cut := begun(work, folder, asked)) is None:
            held = given.held[: recipe.validated]
            tell(f"looking at what each layer does on lessons, and at the loss on {len(held)} held out")
            cut = cut_folder(
                original.base.folder,
                folder,
                wanted,
                own=given.own,
                held=held,
                recipe=recipe,
                device=conditions.device,
                asked=asked,
            )
        for line in described(cut):
            tell(line)
        done = Pruned(out, cut, cut.losses[1], finished=True)
        healed = None
        if heal:
            left = conditions.minutes and max(0.0, conditions.minutes - (time.monotonic() - began) / 60)
            base = replace(original.base, folder=folder, sha256=weights_hash(folder))
            result = train(lessons, base, recipe, replace(conditions, out=work, minutes=left))
            folder, healed = result.path, (result.card.steps, result.card.scores["held-out loss"])
            done = done._replace(loss=healed[1], finished=result.finished)
            tell(f"held-out loss {done.loss:.4f} after healing")
        properties = {PROTOCOL: original.protocol} if original.protocol else None
        hf_to_gguf(folder, out, format=to, like=original.like, properties=properties)
        card = pruned.text(
            cut,
            name=out.stem,
            base=spec,
            sha256=original.base.sha256,
            protocol=original.protocol,
            sizes=(cards.size(original.place), cards.size(out)),
            healed=healed,
            lessons=len(given.examples.kept),
            fingerprint=given.examples.fingerprint,
            data=results.sources(given.lessons, given.examples, conditions.licences),
            seed=recipe.seed,
            command=conditions.command,
        )
        cards.put(out.with_suffix(".md"), card)
        if heal and done.finished:
            (work / CHECKPOINT).unlink()
    return done


def opened(spec: str, like: Path | None) -> Original:
    """The model of a spec.

    Raises:
        ConfigurationError: It isn't there, can't be pruned, or was taught another protocol than the lessons'.
        ModelError: Its architecture can't be pruned.
    """
    if place := folder_of(spec):
        if like is None:
            raise ConfigurationError(f"{spec} is a folder; name a GGUF file of the same model with --like")
        taught = folder_protocol(place)
    else:
        source = catalog.resolve(spec)
        place = adapters.merged(source.adapter, source.path) if source.adapter and source.path else gguf_file(spec)
        like, taught = place, taught_protocol(place)
    if taught:
        protocol.require(taught, of=spec)
    return Original(base=replace(open_base(str(place)), name=spec), place=place, like=like, protocol=taught)


def material(file: Path, base: Base, recipe: Recipe, *, context: int) -> Material:
    """The lessons of a file as the model reads them, on the sides on which `train` has them.

    Raises:
        ConfigurationError: There are none for one of the sides, or they are in another protocol.
        TraceError: A line is no lesson.
    """
    lessons = list(read_lessons(file))
    examples = encode(lessons, base.speech.whole, context=context, protocol=protocol.fingerprint())
    own, held = split(examples.kept, recipe.held_out)
    if not own or not held:
        raise ConfigurationError(
            f"{len(held)} of {len(examples.kept)} lessons are held out, but some must be and some mustn't; "
            "change --held-out, or collect more"
        )
    return Material(lessons, examples, own, held)


def begun(work: Path, folder: Path, asked: str) -> Cut | None:
    """What an earlier call cut that was asked for the same; None if there is nothing to go on with.

    Raises:
        ConfigurationError: Another pruning isn't over there.
    """
    there = report(folder)
    if there and there.asked != asked and (work / CHECKPOINT).is_file():
        raise ConfigurationError(
            f"{work} is of another model, other lessons or options, and not yet healed; go on with those, delete it to "
            "begin anew, or name another file"
        )
    return there if there and there.asked == asked else None


@contextmanager
def workplace(out: Path) -> Generator[Path]:
    """A folder next to a file, which stays afterwards if there is a training run in it to go on with.

    Raises:
        ConfigurationError: Another process is pruning to that file, or nothing can be written there.
    """
    work = out.with_name(f"{out.name}.work")
    try:
        with alone(work, ".prune.lock"):  # healing takes the usual one
            try:
                yield work
            finally:
                if not (work / CHECKPOINT).is_file():
                    shutil.rmtree(work, ignore_errors=True)
    except BrokenPipeError:  # whoever is told of it has gone
        raise
    except OSError as error:
        raise unwritable(out, error.strerror or error) from None


def described(cut: Cut) -> Generator[str]:
    """What was cut, line by line."""
    for at, influence in enumerate(cut.influence):
        yield f"layer {at}: influence {influence:.4f}{', goes' if at in cut.gone else ''}"
    yield f"{len(cut.layers)} of {len(cut.influence)} layers stay, {cut.neurons[1]} of {cut.neurons[0]} neurons in each"
    yield f"{cut.weights[0]:,} weights before, {cut.weights[1]:,} after"
    yield f"held-out loss {cut.losses[0]:.4f} before, {cut.losses[1]:.4f} after the cut"
