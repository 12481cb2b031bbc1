"""Pruning from a file to a file: healing brings the loss down, and nothing is left half done."""

import shutil
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import gguf
import numpy
import pytest

from agentkit import protocol
from agentkit.compress import cutting
from agentkit.compress.base import open_base
from agentkit.compress.cutting import Wanted
from agentkit.compress.prune import Pruned, prune
from agentkit.compress.recipe import Recipe
from agentkit.compress.train import Conditions, train
from agentkit.compress.weights import hf_to_gguf
from agentkit.errors import AgentkitError, ConfigurationError, ModelError, TraceError
from agentkit.knowledge.database import alone
from agentkit.models import adapters
from agentkit.models.adapter import Card, write
from agentkit.models.gguf_header import PROTOCOL, properties, taught_protocol

from ..tiny import write_folder, write_like
from .letters import lessons_file
from .test_cutting import generates
from .test_train import silent

HEALING = Recipe(method="full", rate=3e-3, steps=12, tokens=300, row=1024, held_out=0.2, validations=2, weight=1.0)


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("AGENTKIT_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A GGUF file of a Llama of four layers that was taught to write lessons, with these next to it."""
    home = tmp_path_factory.mktemp("original")
    start = write_folder(home / "llama", layers=4)
    recipe = HEALING.model_copy(update={"steps": 40, "rate": 1e-2, "weight": 0.0})
    run = Conditions(out=home, command="train", device="cpu", tell=silent)
    taught = train(lessons_file(home), open_base(str(start)), recipe, run).path
    like = write_like(home / "like.gguf", start)
    said = {PROTOCOL: protocol.fingerprint()}
    return hf_to_gguf(taught, home / "original.gguf", format="F32", like=like, properties=said)


def smaller(original: Path, out: Path, *told: list[str], **changes: Any) -> Pruned:
    minutes: float | None = changes.pop("minutes", None)
    tell = told[0].append if told else silent
    run = Conditions(
        out=out, command="agentkit prune", device="cpu", tell=tell, minutes=minutes, licences={"sums": "MIT"}
    )
    given: dict[str, Any] = {
        "spec": str(original),
        "lessons": original.with_name("lessons.jsonl"),
        "wanted": Wanted(layers=3, ffn=64),
        "recipe": HEALING,
        "conditions": run,
    }
    return prune(**(given | changes))


@pytest.fixture(scope="module")
def healed(original: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Pruned, list[str]]:
    told: list[str] = []
    return smaller(original, tmp_path_factory.mktemp("healed") / "small.gguf", told), told


def test_healing_brings_the_loss_on_held_out_lessons_down(healed: tuple[Pruned, list[str]]) -> None:
    pruned, _ = healed
    before, after = pruned.cut.losses
    assert before < after
    assert pruned.loss < before + 0.5 * (after - before)
    assert pruned.finished


def test_what_is_left_is_written_like_its_base_with_a_card(
    original: Path, healed: tuple[Pruned, list[str]], tmp_path: Path
) -> None:
    pruned, told = healed
    assert sorted(path.name for path in pruned.path.parent.iterdir()) == ["small.gguf", "small.md"]
    found, base = properties(pruned.path), properties(original)
    assert (found["llama.block_count"], found["llama.feed_forward_length"]) == (3, 64)
    assert found["tokenizer.chat_template"] == base["tokenizer.chat_template"]
    assert taught_protocol(pruned.path) == protocol.fingerprint()
    reader: Any = gguf.GGUFReader(pruned.path)
    assert {t.tensor_type.name for t in reader.tensors if len(t.shape) > 1} == {"Q8_0"}
    card = pruned.path.with_suffix(".md").read_text(encoding="utf-8")
    [gone] = pruned.cut.gone
    for said in (
        f"Layers that went: {gone}.",
        f"| weights | {pruned.cut.weights[0]:,} | {pruned.cut.weights[1]:,} |",
        "| layers | 4 | 3 |",
        "| neurons of a layer | 96 | 64 |",
        "| sums | MIT |",
        f"| before | {pruned.cut.losses[0]:.4f} |",
        f"| cut | {pruned.cut.losses[1]:.4f} |",
        f"steps | {pruned.loss:.4f} |",
        "All that is left then learned from the whole model.",
        "    agentkit prune",
        f"**Protocol** {protocol.fingerprint()}",
    ):
        assert said in card, said
    assert [line for line in told if line.endswith(", goes")] == [told[1 + gone]]
    assert told[1 + gone] == f"layer {gone}: influence {pruned.cut.influence[gone]:.4f}, goes"
    assert "3 of 4 layers stay, 64 of 96 neurons in each" in told
    assert told[-1] == f"held-out loss {pruned.loss:.4f} after healing"


@pytest.mark.model
def test_a_pruned_model_loads_and_generates(healed: tuple[Pruned, list[str]]) -> None:
    generates(healed[0].path)


def test_stopped_and_gone_on_with_it_is_the_same_file_byte_for_byte(
    original: Path, healed: tuple[Pruned, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "small.gguf"
    stopped = smaller(original, out, minutes=0)
    assert (stopped.finished, stopped.loss) == (False, pytest.approx(stopped.cut.losses[1], abs=1e-4))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["small.gguf", "small.gguf.work", "small.md"]
    card = out.with_suffix(".md").read_text(encoding="utf-8")
    assert "It is as it was cut: no step of healing has brought the loss" in card
    assert "healed, 0 steps" not in card
    assert out.read_bytes() != healed[0].path.read_bytes()
    with pytest.raises(ConfigurationError, match=r"small.gguf.work is of another model, other lessons or options"):
        smaller(original, out, wanted=Wanted(layers=3))
    monkeypatch.delattr(cutting, "measure")  # what was cut is still there
    assert smaller(original, out).finished
    assert out.read_bytes() == healed[0].path.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["small.gguf", "small.md"]


def test_a_folder_is_pruned_like_a_file_that_is_named(original: Path, tmp_path: Path) -> None:
    """Of a model trained whole, whose card says what it was taught; without healing, it is as it was cut."""
    folder, like = original.with_name("model"), original.with_name("like.gguf")
    one = smaller(original, tmp_path / "one.gguf", spec=str(folder), like=like, heal=False)
    other = smaller(original, tmp_path / "other.gguf", heal=False)
    assert taught_protocol(one.path) == protocol.fingerprint()
    assert one.cut.losses == pytest.approx(other.cut.losses)
    assert one.loss == one.cut.losses[1]
    assert "It is as it was cut." in (tmp_path / "one.md").read_text(encoding="utf-8")
    with pytest.raises(ConfigurationError, match="name a GGUF file of the same model with --like"):
        smaller(original, tmp_path / "out.gguf", spec=str(folder))


def test_a_known_model_is_pruned_with_its_adapter(original: Path, tmp_path: Path) -> None:
    name = "smollm2-135m"
    base = adapters.folder().with_name("models") / f"{name}-q8_0.gguf"
    base.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(original.with_name("like.gguf"), base)  # which was taught nothing
    card = Card(
        name="sums",
        base=name,
        base_sha256=adapters.sha256(base),
        protocol=protocol.fingerprint(),
        rank=1,
        alpha=1,
        targets=("up_proj",),
        seed=0,
        steps=1,
        lessons=1,
        fingerprint="",
        data={},
        command="",
        hardware="",
    )
    up, down = numpy.ones((96, 1), dtype="float32"), numpy.ones((1, 64), dtype="float32")
    module = "model.layers.0.mlp.up_proj"
    write(tmp_path / "sums.safetensors", card, {f"{module}.lora_A.weight": down, f"{module}.lora_B.weight": up})
    adapters.add(tmp_path / "sums.safetensors")
    taught, untaught = (
        smaller(original, tmp_path / f"{spec}.gguf", spec=spec, heal=False).path
        for spec in (f"{name}+sums", f"{name}+none")
    )
    assert (taught_protocol(taught), taught_protocol(untaught)) == (protocol.fingerprint(), "")
    assert f"{name}+sums with 3 of its 4 layers" in taught.with_suffix(".md").read_text(encoding="utf-8")


# What can't be done


@pytest.mark.parametrize(
    ("changes", "kind", "said"),
    [
        ({"wanted": Wanted()}, ConfigurationError, "say how many --layers or --ffn neurons are to stay"),
        ({"wanted": Wanted(layers=0)}, ConfigurationError, "--layers 0 of 4 can't stay; give a number from 1 to 3"),
        ({"wanted": Wanted(layers=5)}, ConfigurationError, "--layers 5 of 4 can't stay"),
        ({"wanted": Wanted(ffn=70)}, ConfigurationError, "--ffn 70 of 96 .* multiple of 32 .* nearest: 32 or 64"),
        ({"wanted": Wanted(ffn=-32)}, ConfigurationError, "--ffn -32 of 96 neurons can't stay"),
        ({"wanted": Wanted(ffn=96)}, ConfigurationError, "--ffn 96 of 96 neurons can't stay"),
        ({"spec": "gpt-9"}, ConfigurationError, "no model named 'gpt-9'"),
        ({"lessons": Path("nothing.jsonl")}, TraceError, "can't read nothing.jsonl"),
        ({"recipe": Recipe(held_out=0.0)}, ConfigurationError, "0 of 20 lessons are held out.*--held-out"),
    ],
)
def test_what_cannot_be_is_one_line_and_writes_nothing(
    original: Path, tmp_path: Path, changes: dict[str, Any], kind: type[AgentkitError], said: str
) -> None:
    with pytest.raises(kind, match=said) as caught:
        smaller(original, tmp_path / "small.gguf", **changes)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_no_lessons_are_too_few(original: Path, tmp_path: Path) -> None:
    (empty := tmp_path / "lessons.jsonl").write_text("", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="there is no lesson to learn from"):
        smaller(original, tmp_path / "small.gguf", lessons=empty)


def test_a_listener_that_is_gone_is_no_full_disk(original: Path, tmp_path: Path) -> None:
    def gone(line: str) -> None:
        raise BrokenPipeError(32, f"nobody reads {line}")

    with pytest.raises(BrokenPipeError):
        smaller(original, tmp_path / "small.gguf", conditions=Conditions(out=tmp_path / "small.gguf", tell=gone))


def test_it_is_not_written_over_itself_or_as_something_else(original: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="over its own model would lose it"):
        smaller(original, original)
    with pytest.raises(ConfigurationError, match="is to be a GGUF file; name one"):
        smaller(original, tmp_path / "small.md")


def test_another_architecture_is_refused(original: Path, tmp_path: Path) -> None:
    other = tmp_path / "gemma.gguf"
    other.write_bytes(original.read_bytes().replace(b"llama", b"gemma"))
    with pytest.raises(ModelError, match="its architecture is 'gemma', but only llama and qwen2"):
        smaller(original, tmp_path / "small.gguf", spec=str(other))
    folder = write_folder(tmp_path / "gemma")
    config = folder / "config.json"
    config.write_text(config.read_text(encoding="utf-8").replace('"llama"', '"gemma"'), encoding="utf-8")
    with pytest.raises(ModelError, match=r"gemma can't be trained or pruned: its architecture is 'gemma'"):
        smaller(original, tmp_path / "small.gguf", spec=str(folder), like=original)


def test_a_second_pruning_to_the_same_file_is_refused_and_leaves_the_firsts_work(
    original: Path, tmp_path: Path
) -> None:
    work = tmp_path / "small.gguf.work"
    with alone(work, ".prune.lock"):
        (work / "cut").mkdir()
        with pytest.raises(ConfigurationError, match=r"another process is at work in .*small\.gguf\.work: wait for it"):
            smaller(original, tmp_path / "small.gguf")
        assert (work / "cut").is_dir()


def test_what_was_taught_another_protocol_is_refused(original: Path, tmp_path: Path) -> None:
    old = tmp_path / "old.gguf"
    old.write_bytes(original.read_bytes().replace(protocol.fingerprint().encode(), b"0" * len(protocol.fingerprint())))
    with pytest.raises(ConfigurationError, match="was taught protocol 0000"):
        smaller(original, tmp_path / "small.gguf", spec=str(old))


@pytest.mark.parametrize(
    ("owner", "name"),
    [("gguf.GGUFWriter", "write_tensor_data"), ("transformers.PreTrainedModel", "save_pretrained")],
)
def test_a_full_disk_leaves_nothing(
    original: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: str, name: str
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    module, _, kind = owner.rpartition(".")
    monkeypatch.setattr(getattr(import_module(module), kind), name, full)
    with pytest.raises(AgentkitError, match="No space left on device") as caught:
        smaller(original, tmp_path / "small.gguf", heal=False)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())
