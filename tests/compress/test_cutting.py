"""Cutting: what does nothing is what goes, and what is left computes as before."""

import asyncio
import itertools
from pathlib import Path
from typing import Any

import pytest

from agentkit.compress import cutting
from agentkit.compress.cutting import Wanted, cut, cut_folder
from agentkit.compress.importance import measure
from agentkit.compress.packing import pack, packed
from agentkit.compress.student import Student
from agentkit.compress.weights import hf_to_gguf
from agentkit.models.llamacpp import LlamaCpp
from agentkit.models.model import Message, Sampling

from ..tiny import write_like
from .letters import RECIPE, example, tiny_llama

EXAMPLES = [example(n) for n in (12, 13, 140)]
ROWS = packed(EXAMPLES, size=256)


@pytest.fixture(scope="module")
def deep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Llama of four layers."""
    return tiny_llama(tmp_path_factory.mktemp("deep"), num_hidden_layers=4)


def student(folder: Path) -> Student:
    return Student(folder, RECIPE.model_copy(update={"method": "full"}), device="cpu")


def logits(of: Student) -> Any:
    with of.torch.no_grad():
        return of.logits(ROWS)


def same(one: Any, other: Any) -> bool:
    return bool((one - other).abs().max() < 1e-5)


def without(folder: Path, target: Path, wanted: Wanted) -> Path:
    """What is left of a folder."""
    given: dict[str, Any] = {"own": EXAMPLES, "held": EXAMPLES, "device": "cpu", "asked": str(wanted)}
    cut_folder(folder, target, wanted, recipe=RECIPE.model_copy(update={"method": "full"}), **given)
    return target


# What is measured


def test_influence_is_how_far_a_layer_turns_its_input_the_mean_over_tokens(deep: Path) -> None:
    of = student(deep)
    found = measure(of, [pack(EXAMPLES[:1])], at_once=512).influence
    with of.torch.no_grad():
        states = of.model(of.torch.tensor([EXAMPLES[0].ids]), output_hidden_states=True).hidden_states
    turned = [
        1 - float(of.torch.nn.functional.cosine_similarity(a, b, dim=-1).mean())
        for a, b in itertools.pairwise(states[:-1])  # the last is given after the norm
    ]
    assert found[:-1] == pytest.approx(turned, abs=1e-5)


def test_a_neuron_matters_as_much_as_it_fires_and_writes(deep: Path) -> None:
    of = student(deep)
    layer = of.model.get_decoder().layers[0]
    seen: list[Any] = []

    def fired(_: Any, given: tuple[Any, ...]) -> None:
        seen.append(given[0].detach())

    layer.mlp.down_proj.register_forward_pre_hook(fired)
    [row] = [pack(EXAMPLES)]
    found = measure(of, [row], at_once=512).neurons[0]
    expected = seen[0][0].abs().mean(0) * (layer.mlp.down_proj.weight**2).sum(0) ** 0.5
    assert found.tolist() == pytest.approx(expected.tolist(), rel=1e-4)


def test_a_layer_that_does_nothing_is_the_one_that_goes(deep: Path) -> None:
    of = student(deep)
    idle = of.model.get_decoder().layers[2]
    with of.torch.no_grad():
        idle.self_attn.o_proj.weight.zero_()
        idle.mlp.down_proj.weight.zero_()
    whole = logits(of)
    importance = measure(of, ROWS, at_once=512)
    assert importance.influence[2] == pytest.approx(0, abs=1e-9)
    assert min(value for at, value in enumerate(importance.influence) if at != 2) > 1e-4
    left = importance.layers(3)
    assert left == [0, 1, 3]
    cut(of.model, left, [importance.kept(at, 96) for at in left])
    assert same(logits(of), whole)


def test_neurons_that_write_nothing_are_the_ones_that_go(deep: Path) -> None:
    of = student(deep)
    dead = of.torch.arange(1, 96, 3)  # 32 of them
    alive = [at for at in range(96) if at not in dead.tolist()]
    with of.torch.no_grad():
        for layer in of.model.get_decoder().layers:
            layer.mlp.down_proj.weight[:, dead] = 0
    whole = logits(of)
    importance = measure(of, ROWS, at_once=512)
    neurons = [importance.kept(at, 64) for at in range(4)]
    assert all(kept.tolist() == alive for kept in neurons)
    cut(of.model, range(4), neurons)
    assert of.model.config.intermediate_size == 64
    assert same(logits(of), whole)


# What is left


def test_a_folder_that_was_cut_computes_as_if_the_layer_were_skipped(deep: Path, tmp_path: Path) -> None:
    folder = without(deep, tmp_path / "cut", Wanted(layers=3))
    found = cutting.report(folder)
    assert found is not None
    [gone] = found.gone
    of = student(deep)

    def skipped(states: Any, **_: Any) -> Any:
        return states

    of.model.get_decoder().layers[gone].forward = skipped
    assert same(logits(student(folder)), logits(of))
    assert found.losses[1] == pytest.approx(of.score(ROWS)[0], abs=1e-4)
    assert found.weights == (cutting.size(student(deep).model), cutting.size(student(folder).model))
    assert (folder / "tokenizer.json").read_bytes() == (deep / "tokenizer.json").read_bytes()


@pytest.mark.model
def test_a_qwen_is_cut_as_well(tiny_qwen: Path, tmp_path: Path) -> None:
    folder = without(tiny_qwen, tmp_path / "cut", Wanted(layers=1, ffn=32))
    like = write_like(tmp_path / "like.gguf", tiny_qwen)
    generates(hf_to_gguf(folder, tmp_path / "cut.gguf", format="Q8_0", like=like))


def generates(path: Path) -> None:
    """It loads like any model, and writes."""

    async def said() -> str:
        async with await LlamaCpp.load(path, context=512, parallel=1, threads=1) as model, model.session() as session:
            asked = [Message(role="user", content="1+1?")]
            return (await session.generate(asked, sampling=Sampling(max_tokens=8))).text

    assert asyncio.run(said())
