"""Learning from a teacher: divergences, and what the student writes itself."""

from pathlib import Path
from random import Random
from typing import Any

import pytest

from agentkit.compress.packing import pack
from agentkit.compress.recipe import Recipe
from agentkit.compress.student import Student, cut
from agentkit.compress.teacher import Teacher
from agentkit.errors import ConfigurationError
from agentkit.models.adapter import read

from .letters import END, RECIPE, SPEECH, example, text_of, tiny_llama
from .test_train import trained

EXAMPLES = [example(n) for n in (12, 13, 140)]


@pytest.fixture(scope="module")
def teacher_folder(letters: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another model with the same letters, and a larger vocabulary than it needs."""
    return tiny_llama(tmp_path_factory.mktemp("teacher"), hidden_size=32, vocab_size=160, initializer_range=0.4)


def taught(letters: Path, folder: Path, **changes: Any) -> tuple[Student, Teacher]:
    recipe = RECIPE.model_copy(update={"teacher": str(folder)} | changes)
    student = Student(letters, recipe, device="cpu")
    return student, Teacher(folder, student, letters)


@pytest.mark.parametrize("divergence", ["forward", "reverse"])
@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_divergence_is_that_of_the_two_distributions_at_each_learned_token(
    letters: Path, teacher_folder: Path, divergence: str, temperature: float
) -> None:
    student, teacher = taught(letters, teacher_folder, divergence=divergence, temperature=temperature)
    torch = student.torch
    rows = [pack(EXAMPLES)]
    with torch.no_grad():
        mine = student.logits(rows)
        other = teacher._network.logits(rows)[:, :128]  # pyright: ignore[reportPrivateUsage]
        found = float(teacher.divergence(rows, mine))
    expected = 0.0
    for a, b in zip(mine / temperature, other / temperature, strict=True):
        p, q = torch.softmax(b, -1), torch.softmax(a, -1)
        if divergence == "reverse":
            p, q = q, p
        expected += float((p * (p / q).log()).sum()) * temperature**2
    assert found == pytest.approx(expected, rel=1e-3)


def test_nothing_is_to_be_learned_from_oneself(letters: Path) -> None:
    student, teacher = taught(letters, letters, weight=1.0)
    rows = [pack(EXAMPLES)]
    with student.torch.no_grad():
        loss = float(teacher.mixed(rows, student.logits(rows), student.wanted(rows)))
    assert loss == pytest.approx(0, abs=1e-3)


def test_the_loss_is_a_mean_of_both(letters: Path, teacher_folder: Path) -> None:
    student, teacher = taught(letters, teacher_folder, weight=0.25)
    rows = [pack(EXAMPLES)]
    logits, wanted = student.logits(rows).detach(), student.wanted(rows)
    own, other = student.cross_entropy(rows, logits, wanted), teacher.divergence(rows, logits)
    assert float(teacher.mixed(rows, logits, wanted)) == pytest.approx(float(0.75 * own + 0.25 * other), rel=1e-5)


def test_the_student_writes_its_own_decision_after_the_lessons_transcript(letters: Path, teacher_folder: Path) -> None:
    student, teacher = taught(letters, teacher_folder, on_policy=1.0)
    student.torch.manual_seed(0)
    written = teacher.rewritten(EXAMPLES, chance=Random(0), ends=SPEECH.ends)
    for old, new in zip(EXAMPLES, written, strict=True):
        [(start, end)] = new.decisions
        assert start in {first for first, _ in old.decisions}
        assert new.ids[:start] == old.ids[:start]
        assert end == len(new.ids) > start
        assert END not in new.ids[start : end - 1]
        assert text_of(new.ids[:start]).endswith("<|im_start|>assistant\n")
    student.torch.manual_seed(0)
    assert written == teacher.rewritten(EXAMPLES, chance=Random(0), ends=SPEECH.ends)


def test_a_batch_of_prompts_is_continued_as_each_by_itself(letters: Path) -> None:
    """At a temperature where only the likeliest token is ever sampled."""
    student = Student(letters, RECIPE.model_copy(update={"temperature": 1e-4}), device="cpu")
    prompts = [e.ids[: e.decisions[0][0]] for e in EXAMPLES]
    together = student.write(prompts, longest=8, ends=SPEECH.ends)
    assert together == [student.write([prompt], longest=8, ends=SPEECH.ends)[0] for prompt in prompts]


def test_what_comes_after_the_end_of_turn_is_cut() -> None:
    assert cut([5, 6, END, 0, 0], (END,)) == [5, 6, END]
    assert cut([5, 6], (END,)) == [5, 6]


@pytest.mark.parametrize("on_policy", [0.0, 1.0])
def test_the_student_comes_closer_to_its_teacher(
    letters: Path, teacher_folder: Path, tmp_path: Path, on_policy: float
) -> None:
    changes = {"weight": 1.0, "on_policy": on_policy, "steps": 20, "held_out": 0.0, "rate": 2e-2}
    student, teacher = taught(letters, teacher_folder, **changes)
    torch, rows = student.torch, [pack(EXAMPLES)]

    def distance() -> float:
        with torch.no_grad():
            return float(teacher.divergence(rows, student.logits(rows)))

    before = distance()
    result = trained(letters, tmp_path, student.recipe)
    student.put({name: torch.from_numpy(tensor) for name, tensor in read(result.path).tensors.items()})
    assert distance() < 0.9 * before


def test_a_teacher_with_another_tokenizer_is_refused(letters: Path, tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text('{"model": {"vocab": {"a": 1}}}', encoding="utf-8")
    with pytest.raises(ConfigurationError, match="has another tokenizer than the student"):
        taught(letters, tmp_path)
    (tmp_path / "tokenizer.json").write_text("{", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"can't read .*tokenizer.json"):
        taught(letters, tmp_path)


def test_a_recipe_that_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="on_policy needs a teacher"):
        Recipe(on_policy=0.5)
    recipe = Recipe(rate=1.0, warm_up=0.1)
    assert (
        recipe.rate_at(0, 100) < recipe.rate_at(9, 100) == 1.0 > recipe.rate_at(50, 100) > recipe.rate_at(99, 100) > 0
    )
    assert recipe.validated_after(100) == frozenset(range(10, 101, 10))
    assert recipe.validated_after(3) == {1, 2, 3}
