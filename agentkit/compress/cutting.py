"""Cutting a model: the layers and the neurons that do least on lessons go."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from pydantic import BaseModel

from agentkit.compress.architecture import Shape
from agentkit.compress.examples import Example
from agentkit.compress.importance import measure
from agentkit.compress.network import library
from agentkit.compress.packing import packed
from agentkit.compress.recipe import Recipe
from agentkit.compress.results import hardware, save_model
from agentkit.compress.student import Student
from agentkit.errors import ConfigurationError

SAMPLE = 64
"""Lessons that the model is measured on."""
BLOCK = 32
"""Numbers that share a scale in Q8_0 and Q4_0; rows that don't fill their blocks would be kept in 16 bits."""
REPORT = "cut.json"
"""What was cut, in the folder of what is left."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is to be left of a model."""

    layers: int | None = None
    """None leaves all."""
    ffn: int | None = None
    """Neurons of each layer's feed-forward part, a multiple of 32; None leaves all."""

    def check(self, shape: Shape) -> None:
        """Refuse what can't be left of a model of this shape.

        Raises:
            ConfigurationError: Nothing would go, or too much, or the rest has no right size.
        """
        if self.layers is None and self.ffn is None:
            raise ConfigurationError("nothing is to go; say how many --layers or --ffn neurons are to stay")
        if self.layers is not None and not 0 < self.layers < shape.layers:
            raise ConfigurationError(
                f"--layers {self.layers} of {shape.layers} can't stay; give a number from 1 to {shape.layers - 1}"
            )
        if self.ffn is not None and (self.ffn % BLOCK or not 0 < self.ffn < shape.inner):
            nearest = sorted(range(BLOCK, shape.inner, BLOCK), key=lambda n: abs(n - (self.ffn or 0)))[:2]
            raise ConfigurationError(
                f"--ffn {self.ffn} of {shape.inner} neurons can't stay; give a multiple of {BLOCK} below that, "
                f"the nearest: {' or '.join(map(str, sorted(nearest))) or 'there is none'}"
            )


class Cut(BaseModel, frozen=True):
    """What was cut from a model, and what that did."""

    asked: str
    """All that decides it."""
    influence: tuple[float, ...]
    """Of each layer there was."""
    layers: tuple[int, ...]
    """The ones that are left, by their old indices."""
    neurons: tuple[int, int]
    """Of a layer, before and after."""
    weights: tuple[int, int]
    """Before and after."""
    losses: tuple[float, float]
    """A learned token of the held-out lessons, before and after."""
    hardware: str

    @property
    def gone(self) -> tuple[int, ...]:
        """The layers that went."""
        return tuple(at for at in range(len(self.influence)) if at not in self.layers)


def cut_folder(
    base: Path,
    folder: Path,
    wanted: Wanted,
    *,
    own: Sequence[Example],
    held: Sequence[Example],
    recipe: Recipe,
    device: str,
    asked: str,
) -> Cut:
    """Write what is left of a Hugging Face folder, with a report; it appears complete or not at all.

    Args:
        own: A sample of these decides what goes.
        held: These are scored before and after.
        recipe: How they are packed and computed, and the seed of the sample.
        asked: For the report.

    Raises:
        ConfigurationError: It can't be read, or the disk is full.
        MissingExtra: torch or transformers isn't installed.
    """
    student = Student(base, recipe, device=device)
    sample = Random(recipe.seed).sample(own, min(SAMPLE, len(own)))
    scored = packed(held, size=recipe.row)
    importance = measure(student, packed(sample, size=recipe.row), at_once=recipe.at_once)
    layers = importance.layers(wanted.layers or len(importance.influence))
    neurons = [importance.kept(at, wanted.ffn or len(importance.neurons[at])) for at in layers]
    weights, loss = size(student.model), student.score(scored)[0]
    cut(student.model, layers, neurons)
    found = Cut(
        asked=asked,
        influence=importance.influence,
        layers=tuple(layers),
        neurons=(len(importance.neurons[0]), len(neurons[0])),
        weights=(weights, size(student.model)),
        losses=(loss, student.score(scored)[0]),
        hardware=hardware(student),
    )
    save_model(student.model, base, folder, found, REPORT)
    return found


def cut(model: Any, layers: Sequence[int], neurons: Sequence[Any]) -> None:
    """Leave only these layers of a model and, of each, only these neurons.

    Args:
        layers: Their indices, in order.
        neurons: For each of them the indices to keep, int64 [kept], as many for all.
    """
    nn = library("torch.nn")
    decoder, config = model.get_decoder(), model.config
    decoder.layers = nn.ModuleList([decoder.layers[at] for at in layers])
    config.num_hidden_layers = len(layers)
    if getattr(config, "layer_types", None):  # Qwen2 has one for each
        config.layer_types = [config.layer_types[at] for at in layers]
    for layer, kept in zip(decoder.layers, neurons, strict=True):
        mlp = layer.mlp
        for part, axis in ((mlp.gate_proj, 0), (mlp.up_proj, 0), (mlp.down_proj, 1)):
            part.weight = nn.Parameter(part.weight.detach().index_select(axis, kept.to(part.weight.device)))
            part.out_features, part.in_features = part.weight.shape
        config.intermediate_size = len(kept)


def size(model: Any) -> int:
    """How many weights it has; an output matrix that is the embedding counts once."""
    return sum(parameter.numel() for parameter in model.parameters())


def report(folder: Path) -> Cut | None:
    """What was cut from the model of a folder; None if there is no such folder."""
    try:
        return Cut.model_validate_json((folder / REPORT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
