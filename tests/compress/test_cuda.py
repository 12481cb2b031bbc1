"""Training on a GPU: the same as on the CPU, but for what rounding differs."""

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from agentkit.compress import train
from agentkit.compress.packing import pack
from agentkit.compress.rounding import q4_0, q8_0
from agentkit.compress.student import Student
from agentkit.compress.train import Conditions

from .letters import RECIPE, base, example, lessons_file

torch: Any = import_module("torch")
pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU that torch can use")
ROWS = [pack([example(n) for n in range(10, 16)]), pack([example(n) for n in (5, 12, 12, 120, 7)])]


@pytest.mark.parametrize("changes", [{}, {"format": "Q4_0"}, {"method": "full"}])
def test_logits_and_gradients_are_those_of_the_cpu(letters: Path, changes: dict[str, Any]) -> None:
    found: dict[str, Any] = {}
    for device in ("cpu", "cuda"):
        student = Student(letters, RECIPE.model_copy(update=changes), device=device)
        logits = student.logits(ROWS)
        student.cross_entropy(ROWS, logits, student.wanted(ROWS)).backward()
        gradients = {name: parameter.grad.cpu() for name, parameter in student.trained.items()}
        found[device] = logits.detach().cpu(), gradients
    torch.testing.assert_close(found["cuda"], found["cpu"], rtol=1e-3, atol=1e-3)


def test_in_bfloat16_the_logits_are_nearly_those_of_the_cpu(letters: Path) -> None:
    recipe = RECIPE.model_copy(update={"bf16": True})
    on = {device: Student(letters, recipe, device=device).logits(ROWS).detach().cpu() for device in ("cpu", "cuda")}
    assert float((on["cuda"] - on["cpu"]).norm() / on["cpu"].norm()) < 0.02


@pytest.mark.parametrize("rounded", [q4_0, q8_0])
def test_weights_are_rounded_to_the_same_bits(rounded: Any) -> None:
    torch.manual_seed(1)
    matrix = 0.02 * torch.randn(576, 1536)
    assert torch.equal(rounded(matrix.cuda()).cpu(), rounded(matrix))


def test_stopped_and_gone_on_with_it_learns(letters: Path, tmp_path: Path) -> None:
    recipe = RECIPE.model_copy(update={"bf16": True, "steps": 40, "tokens": 300, "at_once": 16384})
    told: list[str] = []
    lessons = lessons_file(tmp_path)
    train.train(lessons, base(letters), recipe, Conditions(out=tmp_path, device="cuda", minutes=0.0, tell=told.append))
    result = train.train(lessons, base(letters), recipe, Conditions(out=tmp_path, device="cuda", tell=told.append))
    assert result.path.is_file()
    first, last = (float(line.split("loss ")[1].split(",")[0]) for line in (told[1], told[-1]))
    assert last < 0.7 * first
