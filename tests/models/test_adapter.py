"""The adapter's file: what is written is read back, and what is no adapter is told in a line."""

import json
import os
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agentkit.errors import ConfigurationError
from agentkit.models.adapter import Card, read, read_card, recarded, write

CARD = Card(
    name="sums",
    base="smollm2-135m",
    base_sha256="0" * 64,
    protocol="abc",
    rank=2,
    alpha=4,
    targets=("q_proj",),
    seed=3,
    steps=7,
    lessons=20,
    fingerprint="f",
    data={"gsm8k_train": "MIT"},
    command="agentkit distil train",
    hardware="two cores",
)
MODULE = "model.layers.0.self_attn.q_proj"


def tensors(rows: int = 8, columns: int = 6, module: str = MODULE) -> dict[str, Any]:
    chance = np.random.default_rng(0)
    return {
        f"{module}.lora_A.weight": chance.normal(size=(CARD.rank, columns)).astype("float32"),
        f"{module}.lora_B.weight": chance.normal(size=(rows, CARD.rank)).astype("float32"),
    }


@pytest.fixture
def file(tmp_path: Path) -> Path:
    write(path := tmp_path / "sums.safetensors", CARD, tensors())
    return path


def test_what_is_written_is_read_back_to_the_precision_of_bfloat16(file: Path) -> None:
    adapter = read(file)
    assert adapter.card == read_card(file) == CARD
    assert adapter.modules == (MODULE,)
    for name, tensor in tensors().items():
        assert adapter.tensors[name].dtype == np.float32
        np.testing.assert_allclose(adapter.tensors[name], tensor, rtol=2**-8)
    up, down = adapter.change(MODULE)
    np.testing.assert_array_equal(up, adapter.tensors[f"{MODULE}.lora_B.weight"] * 2)
    np.testing.assert_array_equal(down, adapter.tensors[f"{MODULE}.lora_A.weight"])


def test_torch_reads_the_same_numbers_rounded_as_it_would_round_them(file: Path) -> None:
    torch: Any = pytest.importorskip("torch")
    safetensors: Any = import_module("safetensors.torch")
    stored = safetensors.load_file(file)
    for name, tensor in tensors().items():
        assert torch.equal(stored[f"base_model.model.{name}"], torch.from_numpy(tensor).to(torch.bfloat16))


def test_a_card_can_be_replaced_without_touching_the_numbers(file: Path, tmp_path: Path) -> None:
    card = CARD.model_copy(update={"name": "more-sums", "scores": {"svamp": 0.25}})
    recarded(file, tmp_path / "more.safetensors", card)
    more = read(tmp_path / "more.safetensors")
    assert more.card == card
    assert all((more.tensors[name] == tensor).all() for name, tensor in read(file).tensors.items())
    recarded(file, file, card)
    assert read(file).card == card


def test_nothing_is_left_of_a_file_that_could_not_be_written(tmp_path: Path) -> None:
    part = tmp_path / f"a.safetensors.{os.getpid()}.part"
    part.symlink_to("/dev/full")
    with pytest.raises(ConfigurationError, match=r"can't write .*a.safetensors: No space left on device; make room"):
        write(tmp_path / "a.safetensors", CARD, tensors())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is no adapter of agentkit's"),
        (b"GGUF and what not, but longer than that", "is no adapter of agentkit's"),
        ((2).to_bytes(8, "little") + b"{}", "is no adapter of agentkit's"),
        ((2).to_bytes(8, "little") + b"[]", "is no adapter of agentkit's"),
        ((18).to_bytes(8, "little") + b'{"__metadata__":5}', "is no adapter of agentkit's"),
        ((31).to_bytes(8, "little") + b'{"__metadata__":{"agentkit":5}}', "is no adapter of agentkit's"),
        ((9_999).to_bytes(8, "little") + b"[" * 9_999, "is no adapter of agentkit's"),
    ],
)
def test_what_is_no_adapter_is_told_in_a_line(tmp_path: Path, content: bytes, said: str) -> None:
    (path := tmp_path / "x.safetensors").write_bytes(content)
    with pytest.raises(ConfigurationError, match=said) as caught:
        read(path)
    assert "\n" not in str(caught.value)
    with pytest.raises(ConfigurationError, match="can't read the adapter"):
        read_card(tmp_path / "nothing.safetensors")


def test_a_file_that_is_cut_off_is_damaged(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-5])
    with pytest.raises(ConfigurationError, match=r"sums.safetensors is damaged \(.*\); get it anew"):
        read(file)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"version": 2}, "of version 2, this agentkit reads version 1; train it anew"),
        ({"rank": "two"}, "is damaged \\(its card's rank"),
        ({"name": "../../etc/passwd"}, "is damaged \\(its card's name"),
    ],
)
def test_a_card_that_cannot_be_used_says_why(file: Path, changed: dict[str, Any], said: str) -> None:
    content = file.read_bytes()
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    header["__metadata__"]["agentkit"] = json.dumps(CARD.model_dump() | changed)
    text = json.dumps(header).encode()
    file.write_bytes(len(text).to_bytes(8, "little") + text + content[8 + size :])
    with pytest.raises(ConfigurationError, match=said):
        read_card(file)


def test_matrices_that_are_no_change_of_the_cards_rank_are_damage(tmp_path: Path) -> None:
    write(path := tmp_path / "a.safetensors", CARD.model_copy(update={"rank": 3}), tensors())
    with pytest.raises(ConfigurationError, match="is no half of a change of rank 3"):
        read(path)
    half = {name: tensor for name, tensor in tensors().items() if "lora_A" in name}
    write(path, CARD, half)
    with pytest.raises(ConfigurationError, match="is no half of a change of rank 2"):
        read(path)
