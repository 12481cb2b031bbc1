"""From lessons to a GGUF file and to an adapter in the catalog, by the commands that a user gives."""

import asyncio
import json
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.main import get_command

from agentkit import protocol
from agentkit.agent import Agent
from agentkit.cli import distilling
from agentkit.compress.base import converted
from agentkit.compress.export import export
from agentkit.compress.recipe import Recipe
from agentkit.compress.results import add_scores, card_of, trained
from agentkit.compress.student import Student
from agentkit.compress.weights import gguf_to_hf, hf_to_gguf
from agentkit.errors import ConfigurationError, UnknownName
from agentkit.knowledge.database import alone
from agentkit.models import adapters, catalog
from agentkit.models.adapter import CARD_FILE, Score, folder_protocol, read, read_card, write
from agentkit.models.gguf_header import taught_protocol
from agentkit.models.identity import sha256

from ..tiny import write_like
from .letters import lessons_file

BASE = "smollm2-135m"
SMALL = ("--rank", 4, "--alpha", 8, "--steps", 3, "--tokens", 50, "--row", 256, "--held-out", 0.2, "--rate", 0.01)


def weights(path: Path) -> dict[str, Any]:
    safetensors: Any = import_module("safetensors.torch")
    return safetensors.load_file(path)


def distil(*words: object) -> int:
    """A command of `agentkit distil`."""
    app = typer.Typer()
    for command in (distilling.train, distilling.export, distilling.evaluate):
        app.command()(command)
    return int(get_command(app).main([str(word) for word in words], standalone_mode=False) or 0)


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny_llama: Path) -> Path:
    """A tiny Llama in the place of the catalog's smallest model."""
    monkeypatch.setenv("AGENTKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)

    def licences(_lessons: Path) -> dict[str, str]:
        return {"sums": "MIT"}

    monkeypatch.setattr(distilling, "licences", licences)
    path = tmp_path / "cache" / "models" / f"{BASE}-q8_0.gguf"
    path.parent.mkdir(parents=True)
    return hf_to_gguf(tiny_llama, path, format="Q8_0", like=write_like(tmp_path / "like.gguf", tiny_llama))


@pytest.fixture
def run(base: Path, tmp_path: Path) -> Path:
    """What `agentkit distil train` left."""
    folder = tmp_path / "runs" / "sums"
    folder.mkdir(parents=True)
    lessons_file(folder)
    assert distil("train", "--run", folder, *SMALL) == 0
    return folder


def merged_by_peft(run: Path, base: Path) -> dict[str, Any]:
    """The matrices of the base with the adapter merged into it, as PEFT computes them."""
    adapter = read(run / "adapter.safetensors")
    recipe = Recipe(rank=adapter.card.rank, alpha=adapter.card.alpha)
    student = Student(converted(base), recipe, device="cpu")
    student.put({name: student.torch.from_numpy(tensor) for name, tensor in adapter.tensors.items()})
    found: dict[str, Any] = {}
    for name, module in student.model.named_modules():
        if hasattr(module, "merge"):
            module.merge()
            found[f"{name}.weight"] = module.get_base_layer().weight.detach()
    return found


def test_an_exported_file_holds_what_peft_would_have_merged(run: Path, base: Path, tmp_path: Path) -> None:
    assert distil("export", tmp_path / "out.gguf", "--run", run, "--format", "f16") == 0
    expected = merged_by_peft(run, base)
    assert len(expected) == 14
    found = weights(gguf_to_hf(tmp_path / "out.gguf", tmp_path / "back") / "model.safetensors")
    before = weights(converted(base) / "model.safetensors")
    for name, matrix in expected.items():
        assert (found[name] - matrix).abs().max() < 2e-3, name
    assert any((found[name] - before[name]).abs().max() > 4e-3 for name in expected)
    assert taught_protocol(tmp_path / "out.gguf") == protocol.fingerprint()
    card = (tmp_path / "out.md").read_text(encoding="utf-8")
    for said in ("# sums", "| sums | MIT |", "Apache-2.0", adapters.sha256(base), "held-out loss", "rank 4, alpha 8"):
        assert said in card


def test_two_that_need_a_base_at_once_convert_it_once_and_what_was_left_half_done_goes(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (left := tmp_path / "cache/hf/other-0123.4321.part").mkdir(parents=True)
    made: list[Path] = []

    def slow(source: Path, target: Path) -> Path:
        made.append(target)
        time.sleep(0.5)  # so that the other one comes meanwhile
        return gguf_to_hf(source, target)

    monkeypatch.setattr("agentkit.compress.weights.gguf_to_hf", slow)
    with ThreadPoolExecutor(2) as both:
        one, other = both.map(converted, [base, base])
    assert made == [one] == [other]
    assert not left.exists()


@pytest.mark.model
def test_an_added_adapter_runs_by_its_name(run: Path, base: Path) -> None:
    card = adapters.add(run / "adapter.safetensors")
    assert (card.name, card.base, card.base_sha256) == ("sums", BASE, adapters.sha256(base))
    assert (card.protocol, card.data) == (protocol.fingerprint(), {"sums": "MIT"})

    async def opened(spec: str) -> tuple[str, bool, str]:
        async with await catalog.load(spec, context=2048, parallel=1, threads=1) as model:
            await Agent(model, checks=[]).arun("1+1?")
            return model.name, model.taught, model.protocol

    assert asyncio.run(opened("sums")) == (f"{BASE}+sums", True, protocol.fingerprint())
    assert asyncio.run(opened(f"{BASE}+none")) == (BASE, False, "")
    assert len(list(base.parent.glob(f"{BASE}+sums-*.gguf"))) == 1


def test_all_weights_trained_are_exported_like_their_base(base: Path, tmp_path: Path) -> None:
    (folder := tmp_path / "full").mkdir()
    lessons_file(folder)
    assert distil("train", "--run", folder, "--method", "full", *SMALL) == 0
    export(folder, tmp_path / "full.gguf", "BF16")
    assert taught_protocol(tmp_path / "full.gguf") == protocol.fingerprint()
    assert folder_protocol(folder / "model") == protocol.fingerprint()
    found = weights(gguf_to_hf(tmp_path / "full.gguf", tmp_path / "back") / "model.safetensors")
    trained = weights(folder / "model" / "model.safetensors")
    assert found.keys() == trained.keys()
    assert all((found[name] - tensor).abs().max() < 1e-2 for name, tensor in trained.items())
    assert "All weights trained" in (tmp_path / "full.md").read_text(encoding="utf-8")
    before = base.read_bytes()
    refused(ConfigurationError, "over its own model would lose it", "export", base, "--run", folder, "--base", base)
    assert base.read_bytes() == before


def test_a_base_that_is_a_folder_is_exported_like_a_file_that_is_named(
    run: Path, base: Path, tmp_path: Path, tiny_llama: Path
) -> None:
    other = tmp_path / "from-folder"
    assert distil("train", "--run", other, "--lessons", run / "lessons.jsonl", "--base", tiny_llama, *SMALL) == 0
    with pytest.raises(ConfigurationError, match="name a GGUF file of the same model with --like"):
        export(other, tmp_path / "out.gguf")
    assert not (tmp_path / "out.gguf").exists()
    assert distil("export", tmp_path / "out.gguf", "--run", other, "--like", base, "--format", "bf16") == 0
    with pytest.raises(ConfigurationError, match="which the catalog doesn't know; export it as a GGUF file"):
        adapters.add(other / "adapter.safetensors")


def refused(kind: type[Exception], said: str, *words: object) -> None:
    with pytest.raises(kind, match=said) as caught:
        distil(*words)
    assert "\n" not in str(caught.value)


def test_what_cannot_be_exported_is_one_line_and_writes_nothing(run: Path, base: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.gguf"
    refused(ConfigurationError, r"there is no adapter.safetensors and no model in", "export", out, "--run", tmp_path)
    refused(UnknownName, "no format named 'Q4_K_M'", "export", out, "--run", run, "--format", "Q4_K_M")
    refused(ConfigurationError, "notes.md is to be a GGUF file", "export", tmp_path / "notes.md", "--run", run)
    before = base.read_bytes()
    refused(ConfigurationError, "over its own model would lose it", "export", base, "--run", run, "--base", base)
    assert base.read_bytes() == before
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / CARD_FILE).write_text("{}", encoding="utf-8")
    refused(ConfigurationError, r"agentkit.json can't be read: .*; train it again", "export", out, "--run", tmp_path)
    with base.open("ab") as file:
        file.write(b"x")
    refused(ConfigurationError, r"was trained on weights of SHA-256 .*--base", "export", out, "--run", run)
    assert not list(tmp_path.glob("out*"))


BAD: Sequence[tuple[tuple[object, ...], str]] = (
    (("--rank", 0), "--rank 0: .* greater than or equal to 1"),
    (("--held-out", 1), "--held-out 1.0: .* less than 1"),
    (("--on-policy", 0.5), "on_policy needs a teacher"),
    (("--minutes", "nan"), "nan minutes are no time to train for"),
    (("--minutes", -1), "-1 minutes are no time to train for"),
    (("--device", "tpu"), "there is no device 'tpu' here"),
    (("--base", "gpt-9"), "no model named 'gpt-9'"),
    (("--base", "~nosuchuser/hf"), "no model named '~nosuchuser/hf'"),
    (("--lessons", "nothing.jsonl"), "can't read nothing.jsonl"),
    (("--teacher", "nowhere"), "can't read .*nowhere"),
)


@pytest.mark.parametrize(("words", "said"), BAD)
def test_what_cannot_be_trained_is_one_line(base: Path, tmp_path: Path, words: Sequence[object], said: str) -> None:
    (folder := tmp_path / "sums").mkdir()
    lessons_file(folder)
    refused(Exception, said, "train", "--run", folder, *SMALL, *words)
    assert [path.name for path in folder.iterdir()] == ["lessons.jsonl"]


def test_scores_measured_later_stand_in_the_card(run: Path) -> None:
    some, more = (Score(value=right, low=right / 2, high=2 * right, items=40) for right in (0.1, 0.3))
    add_scores(trained(run), {"svamp, base": some, "svamp, taught": some})
    add_scores(trained(run), {"svamp, taught": more})
    card = read_card(run / "adapter.safetensors")
    assert card.scores.keys() == {"held-out loss"}
    assert card.tasks == {"svamp, base": some, "svamp, taught": more}
    told = (run / "adapter.md").read_text(encoding="utf-8")
    assert "| svamp, taught | 30.0 [15.0, 60.0], n = 40 |" in told


def test_scores_stay_when_a_training_that_is_over_is_run_again_and_go_with_other_weights(run: Path) -> None:
    score = Score(value=0.2, low=0.1, high=0.3, items=40)
    add_scores(trained(run), {"svamp, taught": score})
    assert distil("train", "--run", run, *SMALL, "--minutes", 5) == 0
    assert read_card(run / "adapter.safetensors").tasks == {"svamp, taught": score}
    assert "svamp, taught" in (run / "adapter.md").read_text(encoding="utf-8")
    (run / "checkpoint.pt").unlink()
    assert distil("train", "--run", run, *SMALL, "--seed", 1) == 0
    assert read_card(run / "adapter.safetensors").tasks == {}
    assert "svamp" not in (run / "adapter.md").read_text(encoding="utf-8")


@pytest.mark.model
def test_scores_of_a_model_trained_whole_stand_in_its_card_and_stay(base: Path, tmp_path: Path) -> None:
    (folder := tmp_path / "full").mkdir()
    lessons_file(folder)
    train = ("train", "--run", folder, "--method", "full", *SMALL)
    assert distil(*train) == 0
    assert distil("evaluate", two_sums(tmp_path), "--run", folder, "--base-limit", 0) == 0
    for _ in range(2):
        assert {name: score.items for name, score in card_of(folder / "model").tasks.items()} == {"items, taught": 2}
        assert "| items, taught |" in (folder / "model.md").read_text(encoding="utf-8")
        assert distil(*train) == 0


def two_sums(folder: Path) -> Path:
    (items := folder / "items.jsonl").write_text(
        '{"question": "1+1?", "answer": "2"}\n{"question": "2+2?", "answer": "4"}\n', encoding="utf-8"
    )
    return items


def taught_root(run: Path) -> Path:
    """The folder of the runs with what was trained, named for its weights."""
    evaluation = run / "evaluation"
    return evaluation / f"taught-{sha256(evaluation / 'taught.gguf')[:12]}"


@pytest.mark.model
def test_evaluating_compares_base_and_student_and_keeps_the_scores(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert distil("evaluate", two_sums(tmp_path), "--run", run) == 0
    card = read_card(run / "adapter.safetensors")
    assert {name: score.items for name, score in card.tasks.items()} == {"items, base": 2, "items, taught": 2}
    assert taught_protocol(run / "evaluation" / "taught.gguf") == protocol.fingerprint()
    names = {path.name for path in (run / "evaluation").iterdir()}
    assert names == {".lock", "base", taught_root(run).name, "taught.gguf", "taught.md"}
    assert "items" in capsys.readouterr().out


@pytest.mark.model
def test_each_adapter_of_a_run_keeps_the_results_of_its_own_weights(run: Path, tmp_path: Path) -> None:
    items, last = two_sums(tmp_path), run / "last.safetensors"
    changed = read(last)
    write(last, changed.card, {name: 2 * tensor for name, tensor in changed.tensors.items()})
    assert distil("evaluate", items, "--run", run, "--base-limit", 0) == 0
    own = taught_root(run)
    (records,) = own.glob("*/items.jsonl")
    before = records.read_bytes()
    (run / "evaluation/taught.gguf").unlink()
    assert distil("evaluate", items, "--run", last, "--base-limit", 0) == 0
    assert taught_root(run) != own
    assert records.read_bytes() == before
    assert distil("evaluate", items, "--run", run, "--base-limit", 0) == 0
    assert taught_root(run) == own
    assert records.read_bytes() == before


def test_two_evaluations_of_what_was_trained_do_not_share_a_folder(run: Path, tmp_path: Path) -> None:
    with alone(run / "evaluation"):
        refused(ConfigurationError, "at work in .*evaluation: wait", "evaluate", two_sums(tmp_path), "--run", run)
    assert not (run / "evaluation" / "taught.gguf").exists()
    refused(ConfigurationError, "train first", "evaluate", two_sums(tmp_path), "--run", tmp_path / "none")
    assert not (tmp_path / "none").exists()


@pytest.mark.model
def test_the_base_can_be_left_out_and_have_fewer_items(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    items = two_sums(tmp_path)
    out = tmp_path / "evaluation"

    def counted(limit: int) -> dict[str, int]:
        assert distil("evaluate", items, "--run", run, "--out", out, "--base-limit", limit) == 0
        tasks = read_card(run / "adapter.safetensors").tasks
        return {name: score.items for name, score in tasks.items()}

    assert counted(0) == {"items, taught": 2}
    assert counted(1) == {"items, taught": 2, "items, base": 1}
    assert "n = 1" in capsys.readouterr().out


@pytest.mark.model
def test_items_are_run_side_by_side(run: Path, tmp_path: Path) -> None:
    assert distil("evaluate", two_sums(tmp_path), "--run", run, "--base-limit", 0, "--parallel", 2) == 0
    (header,) = taught_root(run).glob("*/run.json")
    assert json.loads(header.read_text())["parallel"] == 2
    with pytest.raises(ConfigurationError, match="parallel is 0"):
        distil("evaluate", two_sums(tmp_path), "--run", run, "--base-limit", 0, "--parallel", 0)
