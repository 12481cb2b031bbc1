"""Adapters in the catalog: adding and removing them, and what a name of theirs opens."""

import os
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
from gguf.quants import dequantize, quantize

from agentkit import protocol
from agentkit.errors import ConfigurationError, ModelError, UnknownName
from agentkit.models import adapters, catalog
from agentkit.models.adapter import Card, read, write
from agentkit.models.gguf_header import properties, taught_protocol
from agentkit.models.known import KNOWN
from agentkit.models.merge import merge, rotated

from .test_adapter import CARD, MODULE, tensors

pytestmark = pytest.mark.usefixtures("empty_cache", "nothing_ships")
BASE = "smollm2-135m"
ROWS, COLUMNS, HEADS = 64, 32, 4


def gguf_model(path: Path, architecture: str = "llama", kind: Any = gguf.GGMLQuantizationType.F32) -> Path:
    """A file with the tensors that matter here, q in the order that Hugging Face has it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    writer: Any = gguf.GGUFWriter(path, architecture)
    writer.add_block_count(1)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_array("tokenizer.ggml.tokens", ["a", "b"])
    random = np.random.default_rng(1)
    for name in ("blk.0.attn_q.weight", "blk.0.attn_v.weight"):
        weights = random.normal(size=(ROWS, COLUMNS)).astype("float32")
        writer.add_tensor(name, quantize(weights, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.fixture
def base(empty_cache: Path) -> Path:
    """In the place of the smallest model of the catalog."""
    return gguf_model(empty_cache / "models" / f"{BASE}-q8_0.gguf")


def adapter(folder: Path, file: Path, **changes: Any) -> Path:
    given = {"base_sha256": adapters.sha256(file), "protocol": protocol.fingerprint()}
    card = Card.model_validate(CARD.model_dump() | given | changes)
    folder.mkdir(exist_ok=True)
    write(path := folder / "given.safetensors", card, tensors(ROWS, COLUMNS))
    return path


def weights(path: Path, name: str) -> Any:
    reader: Any = gguf.GGUFReader(path)
    [tensor] = [t for t in reader.tensors if t.name == name]
    return dequantize(tensor.data, tensor.tensor_type)


@pytest.mark.parametrize("architecture", ["llama", "qwen2"])
def test_the_change_is_added_in_the_order_that_the_file_has_its_rows_in(tmp_path: Path, architecture: str) -> None:
    base = gguf_model(tmp_path / "base.gguf", architecture)
    read_back = read(adapter(tmp_path, base))
    target = merge(base, read_back, tmp_path / "merged.gguf", "F16")
    up, down = read_back.change(MODULE)
    change = up @ down
    if architecture == "llama":
        # llama.cpp's own converter: each head's rows i and i + half become neighbours.
        order = [h * 16 + half * 8 + i for h in range(HEADS) for i in range(8) for half in range(2)]
        change = change[order]
    added = weights(target, "blk.0.attn_q.weight") - weights(base, "blk.0.attn_q.weight")
    np.testing.assert_allclose(added, change, atol=5e-3)
    np.testing.assert_allclose(weights(target, "blk.0.attn_v.weight"), weights(base, "blk.0.attn_v.weight"), atol=2e-3)


def test_a_merged_file_says_which_protocol_it_was_taught(tmp_path: Path) -> None:
    base = gguf_model(tmp_path / "base.gguf")
    target = merge(base, read(adapter(tmp_path, base)), tmp_path / "merged.gguf")
    assert taught_protocol(base) == ""
    assert taught_protocol(target) == protocol.fingerprint()
    assert properties(base).items() < properties(target).items() | {"general.file_type": 7}.items()
    again = merge(target, read(adapter(tmp_path, target, protocol="other")), tmp_path / "again.gguf")
    assert taught_protocol(again) == "other"


def test_rotating_rows_is_a_permutation_of_each_head() -> None:
    rows = np.arange(16, dtype="float32").reshape(8, 2)
    assert rotated(rows, 2)[:, 0].tolist() == [0, 4, 2, 6, 8, 12, 10, 14]


def test_an_adapter_of_another_architecture_or_size_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    base = gguf_model(tmp_path / "base.gguf")
    write(tmp_path / "a.safetensors", CARD, tensors(module="transformer.h.0.attn.c_attn"))
    with pytest.raises(ConfigurationError, match=r"changes transformer.h.0.attn.c_attn, which a model of .* llama"):
        merge(base, read(tmp_path / "a.safetensors"), tmp_path / "merged.gguf")
    write(tmp_path / "a.safetensors", CARD, tensors(module="model.layers.0.mlp.up_proj"))
    with pytest.raises(ModelError, match=r"it has no tensor blk.0.ffn_up.weight"):
        merge(base, read(tmp_path / "a.safetensors"), tmp_path / "merged.gguf")
    write(tmp_path / "a.safetensors", CARD, tensors(rows=2 * ROWS, columns=COLUMNS))
    with pytest.raises(ModelError, match="can't be rewritten"):
        merge(base, read(tmp_path / "a.safetensors"), tmp_path / "merged.gguf")
    assert {p.name for p in tmp_path.iterdir() if "merged" in p.name} == set()


# In the catalog


def test_an_added_adapter_is_listed_and_resolves_by_its_name_and_with_its_base(tmp_path: Path, base: Path) -> None:
    given = adapter(tmp_path, base)
    assert adapters.add(given).name == "sums"
    adapters.add(given)  # the same one again is no mistake
    [listed] = [entry for entry in catalog.listing() if entry.kind == "adapter"]
    assert (listed.name, listed.licence) == ("sums", KNOWN[BASE].licence)
    one, other = catalog.resolve("sums"), catalog.resolve(f"{BASE}+sums")
    assert one == other
    assert (one.name, one.path, one.adapter) == (f"{BASE}+sums", base, adapters.folder() / "sums.safetensors")
    assert one.protocol == protocol.fingerprint()
    assert catalog.resolve(BASE) == catalog.resolve(f"{BASE}+none")
    assert catalog.resolve(BASE).adapter is None


def test_the_adapter_that_ships_for_a_base_is_its_default(
    tmp_path: Path, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapters, "HERE", tmp_path / "shipped")
    monkeypatch.setattr(adapters, "SHIPPED", {BASE: "sums"})
    adapter(tmp_path / "shipped", base).rename(tmp_path / "shipped" / "sums.safetensors")
    assert catalog.resolve(BASE).name == f"{BASE}+sums"
    assert catalog.resolve(f"{BASE}+none").adapter is None
    with pytest.raises(ConfigurationError, match="sums came with agentkit and stays"):
        adapters.remove("sums")


def test_merging_is_done_once_and_what_was_merged_goes_with_the_adapter(tmp_path: Path, base: Path) -> None:
    adapters.add(adapter(tmp_path, base))
    source = catalog.resolve("sums")
    assert source.adapter is not None
    done: list[int] = []

    def tell(_done: int, _of: int) -> None:
        done.append(1)

    first = adapters.merged(source.adapter, base, progress=tell)
    assert first.parent == base.parent
    assert adapters.merged(source.adapter, base, progress=tell) == first
    assert len(done) == 2  # tensors
    adapters.remove("sums")
    assert list(base.parent.glob("*.gguf")) == [base]
    with pytest.raises(UnknownName, match="no adapter named 'sums'; there are: none"):
        adapters.remove("sums")


@pytest.mark.parametrize("to", ["Q8_0", "Q4_0"])
def test_it_is_merged_into_the_format_that_its_card_says(tmp_path: Path, base: Path, to: str) -> None:
    merged = adapters.merged(adapter(tmp_path, base, format=to), base)
    reader: Any = gguf.GGUFReader(merged)
    assert {tensor.tensor_type.name for tensor in reader.tensors} == {to}


def test_what_an_older_adapter_of_the_same_name_was_merged_into_is_deleted(tmp_path: Path, base: Path) -> None:
    other = adapters.merged(adapter(tmp_path / "other", base, name="differences"), base)
    old = adapters.merged(adapter(tmp_path / "old", base), base)
    new = adapters.merged(adapter(tmp_path / "new", base, seed=5), base)
    assert old != new
    assert set(base.parent.glob("*.gguf")) == {base, other, new}


def test_what_a_killed_process_left_half_written_is_deleted_by_the_next_one(tmp_path: Path, base: Path) -> None:
    (left := base.parent / "other-q8_0.gguf.4321.part").write_text("half")
    adapters.merged(adapter(tmp_path, base), base)
    assert not left.exists()


def test_another_base_of_the_same_name_is_refused(tmp_path: Path, base: Path) -> None:
    given = adapter(tmp_path, base, base_sha256="1" * 64)
    with pytest.raises(ConfigurationError, match=r"was trained on a smollm2-135m of SHA-256 1111.*pull .*--again") as e:
        adapters.merged(given, base)
    assert "\n" not in str(e.value)
    assert [p.name for p in base.parent.iterdir()] == [base.name]


def test_what_cannot_be_added_is_refused_and_nothing_is_kept(tmp_path: Path, base: Path) -> None:
    with pytest.raises(ConfigurationError, match="for 'my-model', which the catalog doesn't know; export it"):
        adapters.add(adapter(tmp_path, base, base="my-model"))
    with pytest.raises(ConfigurationError, match=f"can't be named {BASE}"):
        adapters.add(adapter(tmp_path, base, name=BASE))
    cut = adapter(tmp_path, base)
    cut.write_bytes(cut.read_bytes()[:-9])
    with pytest.raises(ConfigurationError, match="is damaged"):
        adapters.add(cut)
    assert adapters.installed() == {}
    adapters.add(adapter(tmp_path, base))
    with pytest.raises(
        ConfigurationError, match=r"there is an adapter sums already; .*--name, or agentkit models remo"
    ):
        adapters.add(adapter(tmp_path, base, seed=9))
    with pytest.raises(ConfigurationError, match="can't be named 'My sums'; use small letters"):
        adapters.add(adapter(tmp_path, base, seed=9), name="My sums")


def test_an_adapter_whose_name_is_taken_can_be_added_under_another(tmp_path: Path, base: Path) -> None:
    first = adapters.add(adapter(tmp_path, base))
    assert adapters.add(adapter(tmp_path, base)) == first
    again = adapters.add(adapter(tmp_path, base, seed=9), name="more-sums")
    assert (again.name, again.seed) == ("more-sums", 9)
    assert list(adapters.installed()) == ["more-sums", "sums"]
    assert catalog.resolve("more-sums").name == f"{BASE}+more-sums"
    with pytest.raises(ConfigurationError, match="there is an adapter more-sums already"):
        adapters.add(adapter(tmp_path, base), name="more-sums")


def test_a_shipped_name_is_taken_for_good(tmp_path: Path, base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    adapter(tmp_path / "shipped", base).rename(tmp_path / "shipped/sums.safetensors")
    monkeypatch.setattr(adapters, "HERE", tmp_path / "shipped")
    with pytest.raises(ConfigurationError, match=r"sums already; name this one otherwise with --name$"):
        adapters.add(adapter(tmp_path, base, seed=9))


def test_names_that_are_none_are_told_what_there_is(tmp_path: Path, base: Path) -> None:
    adapters.add(adapter(tmp_path, base))
    with pytest.raises(UnknownName, match=r"no adapter named 'products'; there are: sums; agentkit models add FILE"):
        catalog.resolve(f"{BASE}+products")
    with pytest.raises(ConfigurationError, match=r"sums is for smollm2-135m, not for qwen.*use smollm2-135m\+sums"):
        catalog.resolve("qwen2.5-coder-0.5b+sums")
    with pytest.raises(UnknownName, match=r"there are: .*sums"):
        catalog.resolve("gpt-9")
    base.unlink()
    with pytest.raises(ConfigurationError, match=f"agentkit models pull {BASE}"):
        catalog.resolve("sums")


def test_a_damaged_adapter_does_not_hide_the_other_models(tmp_path: Path, base: Path) -> None:
    adapters.add(adapter(tmp_path, base))
    (adapters.folder() / "bad.safetensors").write_bytes(b"nothing")
    adapter(adapters.folder(), base, base="gone").rename(adapters.folder() / "stranger.safetensors")
    listed = {entry.name: entry.description for entry in catalog.listing()}
    assert "is no adapter" in listed["bad"]
    assert "is for 'gone', which the catalog doesn't know" in listed["stranger"]
    assert "taught with 20 lessons" in listed["sums"]
    with pytest.raises(ConfigurationError, match="is no adapter"):
        catalog.resolve("bad")


def test_a_full_disk_keeps_nothing(tmp_path: Path, base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    given = adapter(tmp_path, base)
    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(
        ConfigurationError, match=r"can't write .*sums\.safetensors: No space left on device; make room"
    ):
        adapters.add(given)
    assert adapters.installed() == {}
