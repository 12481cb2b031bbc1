"""The mean of adapters changes each layer by the mean of what they change."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from typer.main import get_command

from agentkit.cli import distilling
from agentkit.errors import ConfigurationError
from agentkit.models.adapter import Card, read, read_card, write

RANK = 4
MODULES = ("model.layers.0.mlp.up_proj", "model.layers.1.mlp.up_proj")
CARD = Card(
    name="sums", base="smollm2-135m", base_sha256="0" * 64, protocol="abc", rank=RANK, alpha=8, targets=("up_proj",),
    seed=3, steps=7, lessons=20, fingerprint="f", data={"gsm8k_train": "MIT"}, command="agentkit distil train",
    hardware="two cores",
)  # fmt: skip


def made(
    path: Path, *, seed: int, used: int = RANK, rows: int = 12, modules: tuple[str, ...] = MODULES, **other: Any
) -> Path:
    """An adapter whose changes have this rank."""
    chance = np.random.default_rng(seed)
    tensors: dict[str, Any] = {}
    for module in modules:
        up, down = chance.normal(size=(rows, RANK)), chance.normal(size=(RANK, 9))
        up[:, used:] = 0
        tensors |= {f"{module}.lora_A.weight": down.astype("f4"), f"{module}.lora_B.weight": up.astype("f4")}
    write(path, CARD.model_copy(update={"name": path.stem, **other}), tensors)
    return path


def changes(path: Path) -> Mapping[str, Any]:
    adapter = read(path)
    return {module: np.matmul(*adapter.change(module)) for module in adapter.modules}


def average(*words: object) -> int:
    app = typer.Typer()
    app.command()(distilling.average)
    return int(get_command(app).main([str(word) for word in words], standalone_mode=False) or 0)


def test_the_mean_is_exact_where_its_rank_allows_and_says_what_it_is_of(tmp_path: Path) -> None:
    one, other = (made(tmp_path / f"pass{n}.safetensors", seed=n, used=RANK // 2) for n in (1, 2))
    assert average(one, other, "--out", tmp_path / "both.safetensors") == 0
    wanted, found = (changes(one), changes(other)), changes(tmp_path / "both.safetensors")
    for module in MODULES:
        np.testing.assert_allclose(found[module], (wanted[0][module] + wanted[1][module]) / 2, atol=0.15)
    card = read_card(tmp_path / "both.safetensors")
    assert (card.name, card.rank, card.mean_of) == ("both", RANK, ("pass1 (f, step 7)", "pass2 (f, step 7)"))
    said = (tmp_path / "both.md").read_text()
    assert "mean of pass1 (f, step 7) and pass2 (f, step 7)" in said
    assert "gsm8k_train" in said


def test_of_a_mean_of_higher_rank_the_largest_part_is_kept(tmp_path: Path) -> None:
    one, other = (made(tmp_path / f"pass{n}.safetensors", seed=n) for n in (1, 2))
    average(one, other, "--out", tmp_path / "both.safetensors")
    for module in MODULES:
        whole = (changes(one)[module] + changes(other)[module]) / 2
        values = np.linalg.svd(whole, compute_uv=False)
        left_out = np.linalg.norm(whole - changes(tmp_path / "both.safetensors")[module])
        assert left_out == pytest.approx(np.sqrt((values[RANK:] ** 2).sum()), rel=0.02)


def test_a_layer_narrower_than_the_rank_is_averaged_like_any(tmp_path: Path) -> None:
    files = [made(tmp_path / f"pass{n}.safetensors", seed=n, rows=RANK - 1) for n in (1, 2)]
    assert average(*files, "--out", tmp_path / "both.safetensors") == 0
    wanted, found = list(map(changes, files)), changes(tmp_path / "both.safetensors")
    for module in MODULES:
        np.testing.assert_allclose(found[module], (wanted[0][module] + wanted[1][module]) / 2, atol=0.15)


@pytest.mark.parametrize(
    ("other", "what"),
    [
        ({"base_sha256": "1" * 64}, "base"),
        ({"protocol": "old"}, "protocol"),
        ({"modules": MODULES[:1]}, "layers"),
    ],
)
def test_adapters_that_differ_are_refused(tmp_path: Path, other: dict[str, Any], what: str) -> None:
    files = [made(tmp_path / "a.safetensors", seed=1), made(tmp_path / "b.safetensors", seed=2, **other)]
    with pytest.raises(ConfigurationError, match=rf"can't be averaged: they differ in their {what}$"):
        average(*files, "--out", tmp_path / "c.safetensors")
    assert not (tmp_path / "c.safetensors").exists()


def test_one_adapter_has_no_mean_and_a_mean_is_written_as_an_adapter(tmp_path: Path) -> None:
    file = made(tmp_path / "a.safetensors", seed=1)
    with pytest.raises(ConfigurationError, match="name two or more"):
        average(file, "--out", tmp_path / "c.safetensors")
    with pytest.raises(ConfigurationError, match=r"ends in \.safetensors"):
        average(file, file, "--out", tmp_path / "c.gguf")
    with pytest.raises(ConfigurationError, match="over an adapter that it is made of would lose it"):
        average(file, file, "--out", file)
