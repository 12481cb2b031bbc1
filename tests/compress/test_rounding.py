"""Quantization-aware training: what is computed is what the exported file will compute, and it learns to."""

from importlib import import_module
from pathlib import Path
from typing import Any

import gguf
import pytest
from gguf.quants import dequantize, quantize

from agentkit.compress import train
from agentkit.compress.packing import pack
from agentkit.compress.rounding import q4_0, q8_0
from agentkit.compress.student import Student
from agentkit.compress.train import Conditions

from .letters import RECIPE, base, example, lessons_file, tiny_llama

torch: Any = import_module("torch")
TorchDispatchMode: Any = import_module("torch.utils._python_dispatch").TorchDispatchMode
Q4_0 = gguf.GGMLQuantizationType.Q4_0
ROUNDED = RECIPE.model_copy(update={"format": "Q4_0"})
LESSONS = [pack([example(n) for n in range(10, 30)])]
ROWS = [pack([example(n) for n in range(10, 16)])]


def rounded(matrix: Any) -> Any:
    return torch.from_numpy(dequantize(quantize(matrix.detach().float().numpy(), Q4_0), Q4_0))


def by_hand(student: Student) -> Student:
    """The same model with its matrices merged and rounded, and no changes left."""
    for name, module in student.model.named_modules():
        if hasattr(module, "base_layer"):
            change = module.scaling["default"] * module.lora_B["default"].weight @ module.lora_A["default"].weight
            module.base_layer.weight.data = rounded(module.base_layer.weight + change)
            torch.nn.init.zeros_(module.lora_B["default"].weight)
        elif isinstance(module, torch.nn.Linear) and name.endswith("_proj"):
            module.weight.data = rounded(module.weight)
    return student


def shaken(student: Student) -> Student:
    """With changes that aren't 0."""
    torch.manual_seed(5)
    student.put({name: tensor + 0.1 * torch.randn_like(tensor) for name, tensor in student.tensors().items()})
    return student


@pytest.mark.parametrize("name", ["Q4_0", "Q8_0"])
@pytest.mark.parametrize("width", [1e-6, 0.02, 300.0])
def test_rounded_where_the_weights_are_they_are_bit_for_bit_those_of_the_file(name: str, width: float) -> None:
    torch.manual_seed(1)
    matrix = width * torch.randn(96, 320)
    matrix[3] = 0.0
    matrix[4, :32] = width  # ties for the widest
    matrix[5, :32] = torch.arange(-16, 16) * width
    to = gguf.GGMLQuantizationType[name]
    kept = torch.from_numpy(dequantize(quantize(matrix.numpy(), to), to))
    assert torch.equal({"Q4_0": q4_0, "Q8_0": q8_0}[name](matrix), kept)


@pytest.mark.parametrize("method", ["lora", "full"])
def test_it_computes_with_the_weights_that_the_file_will_have(letters: Path, method: str) -> None:
    how = {"method": method}
    aware = shaken(Student(letters, ROUNDED.model_copy(update=how), device="cpu"))
    plain = shaken(Student(letters, RECIPE.model_copy(update=how), device="cpu"))
    assert not torch.allclose(aware.logits(ROWS), plain.logits(ROWS), atol=1e-3)
    torch.testing.assert_close(aware.logits(ROWS), by_hand(plain).logits(ROWS))


@pytest.mark.parametrize("method", ["lora", "full"])
def test_gradients_pass_the_rounding_as_if_it_were_not_there(letters: Path, method: str) -> None:
    """Where weights are such that rounding leaves them as they are, so must the gradients be."""
    how = {"method": method}
    plain = Student(letters, RECIPE.model_copy(update=how), device="cpu")
    aware = Student(letters, ROUNDED.model_copy(update=how), device="cpu")
    for student in (plain, aware):
        for name, parameter in student.model.named_parameters():
            if name.endswith(("_proj.weight", "base_layer.weight")):
                parameter.data = rounded(parameter)
        student.round_anew()
        student.cross_entropy(ROWS, student.logits(ROWS), student.wanted(ROWS)).backward()
    for name, parameter in plain.trained.items():
        torch.testing.assert_close(aware.trained[name].grad, parameter.grad, rtol=1e-4, atol=1e-5)


def test_rows_that_the_format_does_not_fill_and_the_output_stay_precise(tmp_path: Path) -> None:
    folder = tiny_llama(tmp_path / "narrow", hidden_size=48, intermediate_size=64)
    student = Student(folder, ROUNDED, device="cpu")
    assert student.rounding is not None
    assert {layer.base_layer.weight.shape for layer in student.rounding.layers} == {(48, 64)}  # down_proj alone


def test_it_learns_with_rounded_weights(letters: Path, tmp_path: Path) -> None:
    changes = {"method": "full", "rate": 1e-2, "steps": 60, "tokens": 600, "row": 1024, "held_out": 0.0}
    recipe = ROUNDED.model_copy(update=changes)
    how = Conditions(out=tmp_path, device="cpu", tell=lambda _: None)
    result = train.train(lessons_file(tmp_path), base(letters), recipe, how)
    untaught, _ = Student(letters, recipe, device="cpu").score(LESSONS)
    taught, _ = Student(result.path, recipe, device="cpu").score(LESSONS)
    assert taught < 0.1 * untaught


class AsOnGpu(TorchDispatchMode):
    """Divides by numbers as CUDA does: it multiplies by the reciprocal (BinaryDivTrueKernel.cu)."""

    def __torch_dispatch__(self, func: Any, _types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.ops.aten.div.Tensor and not (isinstance(args[1], torch.Tensor) and args[1].dim()):
            return args[0] * (1 / torch.tensor(float(args[1])))
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("to", [q4_0, q8_0])
def test_a_gpus_division_by_numbers_changes_no_bit(to: Any) -> None:
    torch.manual_seed(1)
    widest = 0.02 + 0.02 * torch.rand(20_000, 1)
    halves = (torch.arange(31) + 0.5) * (widest / 127)  # where the last bit of a scale decides
    matrix = torch.cat([widest, halves], 1)
    expected = to(matrix)
    with AsOnGpu():
        assert torch.equal(to(matrix), expected)
