"""Training: the loss falls to nothing on a few lessons, and neither kill nor clock changes the weights."""

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from agentkit.compress import checkpoints, train
from agentkit.compress.base import open_base
from agentkit.compress.network import library
from agentkit.compress.packing import pack
from agentkit.compress.recipe import Recipe
from agentkit.compress.results import Result
from agentkit.compress.student import Student
from agentkit.compress.train import Conditions
from agentkit.errors import ConfigurationError, ModelError, TraceError
from agentkit.knowledge.database import alone
from agentkit.models.adapter import Adapter, read

from .letters import RECIPE, SPEECH, base, example, lesson, lessons_file, text_of


def silent(_: str) -> None:
    """Say nothing."""


def trained(
    letters: Path, out: Path, recipe: Recipe = RECIPE, *, taught: Adapter | None = None, **conditions: Any
) -> Result:
    out.mkdir(parents=True, exist_ok=True)
    given: dict[str, Any] = {"out": out, "command": "train", "device": "cpu", "tell": silent}
    how = Conditions(**(given | conditions))
    return train.train(lessons_file(out), replace(base(letters), taught=taught), recipe, how)


def log_of(folder: Path) -> list[dict[str, Any]]:
    """What a run logged."""
    return [json.loads(line) for line in (folder / "train.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def unbroken(letters: Path, tmp_path_factory: pytest.TempPathFactory) -> Result:
    return trained(letters, tmp_path_factory.mktemp("runs") / "unbroken", licences={"sums": "MIT"})


def test_a_run_leaves_an_adapter_with_its_card_and_a_log(unbroken: Result) -> None:
    folder = unbroken.path.parent
    assert {p.name for p in folder.iterdir()} == {
        "lessons.jsonl", "train.jsonl", "checkpoint.pt", "adapter.safetensors", "adapter.md", "last.safetensors",
        ".lock",
    }  # fmt: skip
    adapter = read(unbroken.path)
    assert adapter.card == unbroken.card
    assert (adapter.card.name, adapter.card.lessons, adapter.card.data) == ("unbroken", 20, {"sums": "MIT"})
    assert adapter.card.targets == ("down_proj", "gate_proj", "k_proj", "o_proj", "q_proj", "up_proj", "v_proj")
    assert len(adapter.modules) == 14
    assert "| sums | MIT |" in (folder / "adapter.md").read_text(encoding="utf-8")
    log = log_of(folder)
    assert [line["step"] for line in log if "loss" in line] == [1, 2, 3, 4, 5, 6]
    held_out = {line["step"]: line["held_out_loss"] for line in log if "held_out_loss" in line}
    assert list(held_out) == [0, 3, 6]
    assert adapter.card.scores["held-out loss"] == pytest.approx(min(held_out.values()), abs=1e-3)
    assert held_out[6] < held_out[0]
    assert all(line["tokens_per_second"] > 0 and line["computed"] < line["tokens"] for line in log if "loss" in line)


def test_the_same_seed_gives_the_same_weights_and_another_one_others(
    letters: Path, unbroken: Result, tmp_path: Path
) -> None:
    last = read(unbroken.path.with_name("last.safetensors"))
    again = read(trained(letters, tmp_path / "again").path.with_name("last.safetensors"))
    other = read(trained(letters, tmp_path / "other", RECIPE.model_copy(update={"seed": 1})).path)
    assert all((again.tensors[name] == tensor).all() for name, tensor in last.tensors.items())
    assert not all((other.tensors[name] == tensor).all() for name, tensor in last.tensors.items())


KILLED = """
import sys
from pathlib import Path
from agentkit.compress import train
from tests.compress.letters import RECIPE, base
train.SAVE_SECONDS = -1.0
out = Path(sys.argv[2])
how = train.Conditions(out=out, command="train", device="cpu")
train.train(out / "lessons.jsonl", base(Path(sys.argv[1])), RECIPE, how)
"""


def test_killed_and_resumed_it_ends_with_the_weights_of_an_unbroken_run(
    letters: Path, unbroken: Result, tmp_path: Path
) -> None:
    out = tmp_path / "unbroken"
    out.mkdir()
    lessons_file(out)
    root = Path(__file__).parent.parent.parent
    paths = os.pathsep.join([str(root), str(root / "tools"), os.environ.get("PYTHONPATH", "")])
    run = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(letters), str(out)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": paths},
    )
    assert run.stdout is not None
    for line in run.stdout:
        if line.startswith("step 3"):
            run.send_signal(signal.SIGKILL)
            break
    assert run.wait() == -signal.SIGKILL
    run.stdout.close()
    assert not list(out.glob("*.safetensors"))
    told: list[str] = []
    how = Conditions(out=out, command="train", device="cpu", tell=told.append)
    result = train.train(out / "lessons.jsonl", base(letters), RECIPE, how)
    assert any(line.startswith("going on after step") for line in told), told
    for name in ("adapter.safetensors", "last.safetensors"):
        one, other = read(out / name), read(unbroken.path.with_name(name))
        assert one.card.steps == other.card.steps
        assert all((one.tensors[name] == tensor).all() for name, tensor in other.tensors.items())
    steps = [line["step"] for line in log_of(out) if "loss" in line]
    assert steps == [1, 2, 3, 4, 5, 6]
    assert result.finished


def test_a_second_training_in_the_same_folder_is_refused_and_touches_nothing(letters: Path, tmp_path: Path) -> None:
    lessons_file(tmp_path)
    (tmp_path / "train.jsonl").write_text('{"step": 1}\n', encoding="utf-8")
    with alone(tmp_path), pytest.raises(ConfigurationError) as caught:
        trained(letters, tmp_path)
    assert str(caught.value) == f"another process is at work in {tmp_path}: wait for it, or name another folder"
    assert {p.name for p in tmp_path.iterdir()} == {"lessons.jsonl", "train.jsonl", ".lock"}
    assert (tmp_path / "train.jsonl").read_text(encoding="utf-8") == '{"step": 1}\n'


class Clock:
    """Ten seconds a step."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


def test_a_run_ends_in_time_and_goes_on_later(
    letters: Path, unbroken: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, learn = Clock(), Student.learn

    def timed(student: Student, *given: Any, **named: Any) -> float:
        clock.now += 10
        return learn(student, *given, **named)

    monkeypatch.setattr(Student, "learn", timed)
    monkeypatch.setattr(train, "time", clock)
    told: list[str] = []
    short = trained(letters, tmp_path / "unbroken", minutes=25 / 60, tell=told.append)
    assert not short.finished
    assert told[-1].startswith("after step 2: held-out loss")
    assert told[-2].startswith("stopped in time after step 2 of 6")
    assert short.card.steps == 2  # they were scored, though it wasn't their turn
    assert trained(letters, tmp_path / "unbroken", minutes=10).finished
    for name in ("adapter.safetensors", "last.safetensors"):
        one, other = (read(path.with_name(name)) for path in (short.path, unbroken.path))
        assert one.card.steps == other.card.steps
        assert all((one.tensors[name] == tensor).all() for name, tensor in other.tensors.items())


def test_a_run_that_goes_on_leaves_time_to_score_as_well(
    letters: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, learn, score = Clock(), Student.learn, Student.score

    def learns(student: Student, *given: Any, **named: Any) -> float:
        clock.now += 10
        return learn(student, *given, **named)

    def scores(student: Student, *given: Any) -> Any:
        clock.now += 30
        return score(student, *given)

    monkeypatch.setattr(Student, "learn", learns)
    monkeypatch.setattr(Student, "score", scores)
    monkeypatch.setattr(train, "time", clock)
    assert trained(letters, tmp_path, minutes=2).card.steps == 3
    began = clock.now
    trained(letters, tmp_path, minutes=45 / 60)
    assert [line["step"] for line in log_of(tmp_path)][-2:] == [4, 4]  # a step, and its score
    assert clock.now - began <= 45


def test_a_checkpoint_from_before_the_time_to_score_was_kept_is_gone_on_from(letters: Path, tmp_path: Path) -> None:
    torch: Any = import_module("torch")
    assert not trained(letters, tmp_path, minutes=0).finished
    state = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    del state["progress"]["scoring"]
    torch.save(state, tmp_path / "checkpoint.pt")
    assert trained(letters, tmp_path).finished


def test_on_twenty_lessons_it_learns_to_write_every_decision_as_they_do(letters: Path, tmp_path: Path) -> None:
    changes = {"method": "full", "rate": 1e-2, "steps": 90, "tokens": 600, "row": 1024, "held_out": 0.0}
    recipe = RECIPE.model_copy(update=changes)
    result = trained(letters, tmp_path, recipe)
    examples = [example(n) for n in range(10, 30)]
    untaught, _ = Student(letters, recipe, device="cpu").score([pack(examples)])
    student = Student(result.path, recipe, device="cpu")
    torch = student.torch
    loss, taken = student.score([pack(examples)])
    assert taken == {"maths": (40, 40)}
    assert loss < 0.05 * untaught
    for found in examples[:3]:
        for start, end in found.decisions:
            written = student.model.generate(
                torch.tensor([found.ids[:start]]), max_new_tokens=40, do_sample=False, eos_token_id=SPEECH.ends[0]
            )
            assert text_of(written[0, start:].tolist()) == text_of(found.ids[start:end])


def test_all_weights_can_be_trained_into_a_folder_of_the_same_kind(letters: Path, tmp_path: Path) -> None:
    recipe = RECIPE.model_copy(update={"method": "full", "steps": 2, "rate": 1e-3, "checkpointing": True})
    result = trained(letters, tmp_path, recipe)
    assert result.card.rank == 0
    assert {p.name for p in result.path.iterdir()} >= {"config.json", "model.safetensors", "tokenizer.json"}
    assert Student(result.path, recipe, device="cpu").size == Student(letters, recipe, device="cpu").size


def test_bfloat16_learns_the_same_to_its_precision(letters: Path, tmp_path: Path) -> None:
    wide = trained(letters, tmp_path / "wide").card.scores["held-out loss"]
    narrow = trained(letters, tmp_path / "narrow", RECIPE.model_copy(update={"bf16": True}))
    assert narrow.card.scores["held-out loss"] == pytest.approx(wide, rel=0.05)


def test_training_goes_on_from_an_adapter(letters: Path, unbroken: Result, tmp_path: Path) -> None:
    taught = read(unbroken.path)
    further = trained(letters, tmp_path / "further", taught=taught, command="train on")
    log = log_of(tmp_path / "further")
    assert log[0]["step"] == 0
    # In bfloat16, as it is kept.
    assert log[0]["held_out_loss"] == pytest.approx(unbroken.card.scores["held-out loss"], rel=0.02)
    assert further.card.scores["held-out loss"] < unbroken.card.scores["held-out loss"]
    assert read(further.path).card.began == taught.card
    told = (tmp_path / "further" / "adapter.md").read_text(encoding="utf-8")
    assert told.index("    train\n") < told.index("From there:") < told.index("    train on\n")


@pytest.mark.parametrize("changed", [{"rank": 4}, {"alpha": 16}, {"method": "full"}])
def test_an_adapter_of_another_shape_is_not_gone_on_from(
    letters: Path, unbroken: Result, tmp_path: Path, changed: dict[str, Any]
) -> None:
    with pytest.raises(ConfigurationError, match=r"unbroken has changes of rank 8.*--method lora --rank 8 --alpha 8"):
        trained(letters, tmp_path, RECIPE.model_copy(update=changed), taught=read(unbroken.path))


@pytest.mark.parametrize("changed", [{"seed": 1}, {"rank": 4}, {"steps": 7}])
def test_another_recipe_does_not_go_on_from_a_checkpoint(
    letters: Path, unbroken: Result, changed: dict[str, Any]
) -> None:
    with pytest.raises(ConfigurationError, match=r"checkpoint.pt is of a run with another recipe.*name another place"):
        trained(letters, unbroken.path.parent, RECIPE.model_copy(update=changed))


def test_a_loss_that_is_no_number_ends_the_run_and_keeps_the_last_checkpoint(letters: Path, tmp_path: Path) -> None:
    wild = RECIPE.model_copy(update={"rate": 1e30, "clip": 1e30})
    with pytest.raises(
        ConfigurationError, match=r"is no finite number any more; begin anew with a --rate below 1e\+30"
    ):
        trained(letters, tmp_path, wild)
    assert not list(tmp_path.glob("*.safetensors"))


def test_a_device_whose_memory_is_full_is_one_line(
    letters: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise library("torch").OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB")

    monkeypatch.setattr(Student, "learn", full)
    with pytest.raises(ConfigurationError, match=r"the memory of cpu is full; lower --at-once \(512\)"):
        trained(letters, tmp_path)


def test_a_model_that_cannot_be_written_as_gguf_is_refused_before_hours_of_training(
    letters: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(letters, tmp_path / "mistral"))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"model_type": "mistral"}))
    with pytest.raises(ModelError, match="mistral can't be trained or pruned: its architecture is 'mistral'"):
        open_base(str(folder))


def test_a_name_of_the_catalog_is_no_folder_that_lies_here_under_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "smollm2-135m").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AGENTKIT_CACHE", str(tmp_path / "cache"))
    with pytest.raises(ConfigurationError, match="isn't on this machine; fetch it: agentkit models pull smollm2-135m"):
        open_base("smollm2-135m")


def test_a_damaged_checkpoint_is_one_line(letters: Path, tmp_path: Path) -> None:
    (tmp_path / "checkpoint.pt").write_bytes(b"PK\x03\x04 cut off")
    with pytest.raises(ConfigurationError, match=r"checkpoint.pt is damaged .*; delete it to begin anew") as caught:
        trained(letters, tmp_path)
    assert "\n" not in str(caught.value)


def other(**changes: Any) -> str:
    """A lesson's line with other fields."""
    return json.dumps(lesson(7).model_dump(mode="json") | changes)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"id": 3}', "Input should be a valid string"),
        (other(learned=[]), "at least 1 item"),
        (other(learned=[9]), r"learned are messages \(9,\) of 7"),
        (other(learned=[-1]), r"learned are messages \(-1,\) of 7"),
        (other(learned=[6, 4]), r"learned are messages \(6, 4\) of 7"),
        (other(learned=[3]), "message 3 is to be learned and isn't the assistant's"),
    ],
)
def test_a_line_that_is_no_lesson_is_named_before_anything_is_written(
    letters: Path, tmp_path: Path, line: str, said: str
) -> None:
    path = lessons_file(tmp_path)
    path.write_text(path.read_text(encoding="utf-8") + line + "\n", encoding="utf-8")
    with pytest.raises(TraceError, match=rf"lessons.jsonl:21 is not a lesson \(.*{said}"):
        train.train(path, base(letters), RECIPE, Conditions(out=tmp_path / "out", command="", tell=silent))
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_one_line_and_leaves_nothing_half_written(
    letters: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train, "SAVE_SECONDS", -1.0)
    part = tmp_path / f"{checkpoints.CHECKPOINT}.part"
    part.symlink_to("/dev/full")
    with pytest.raises(ConfigurationError, match=r"can't write .*checkpoint.pt: .*; make room") as caught:
        trained(letters, tmp_path)
    assert "\n" not in str(caught.value)
    assert not {p.name for p in tmp_path.iterdir()} & {"checkpoint.pt", "checkpoint.pt.part", "adapter.safetensors"}
