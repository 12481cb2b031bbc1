"""Rewriting small GGUF files made here, and the real model."""

import builtins
from pathlib import Path
from typing import Any

import gguf
import numpy
import pytest
from gguf.quants import dequantize, quantize

from agentkit.errors import ConfigurationError, MissingExtra, ModelError, UnknownName
from agentkit.models.requantize import FORMATS, Format, requantize

KINDS = gguf.GGMLQuantizationType
TENSORS = {
    "token_embd.weight": ((48, 64), KINDS.Q8_0),
    "blk.0.attn_norm.weight": ((64,), KINDS.F32),
    "blk.0.attn_q.weight": ((64, 64), KINDS.Q4_1),
    "blk.0.odd.weight": ((8, 24), KINDS.F16),
    "output_norm.weight": ((64,), KINDS.F32),
}


def finish(writer: Any) -> None:
    """Write what was added, and close."""
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A file with every sort of metadata and tensor that matters here."""
    path = tmp_path / "source.gguf"
    writer: Any = gguf.GGUFWriter(path, "llama")
    writer.add_uint32("llama.block_count", 1)
    writer.add_float32("llama.rope.freq_base", 1e5)
    writer.add_bool("tokenizer.ggml.add_bos_token", False)
    writer.add_string("general.name", "Tiny — ünïcode\nmodel")
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q4_1)
    writer.add_array("tokenizer.ggml.tokens", ["a", "Ġb", "<|im_end|>"])
    writer.add_array("tokenizer.ggml.token_type", [1, 1, 3])
    random = numpy.random.default_rng(0)
    for name, (shape, kind) in TENSORS.items():
        writer.add_tensor(name, quantize(random.normal(size=shape).astype("float32"), kind), raw_dtype=kind)
    finish(writer)
    return path


def metadata(path: Path) -> dict[str, tuple[list[int], Any]]:
    reader: Any = gguf.GGUFReader(path)
    return {
        key: ([int(t) for t in field.types], field.contents())
        for key, field in reader.fields.items()
        if key != "general.file_type"
    }


def tensors(path: Path) -> dict[str, Any]:
    reader: Any = gguf.GGUFReader(path)
    return {t.name: t for t in reader.tensors}


def weights(tensor: Any) -> Any:
    return dequantize(tensor.data, tensor.tensor_type)


def test_the_same_format_gives_the_same_file_byte_for_byte(source: Path, tmp_path: Path) -> None:
    # The odd tensor is F16 either way; the embedding is wider than Q4_1 and stays.
    target = requantize(source, tmp_path / "again.gguf", "Q4_1")
    assert target.read_bytes() == source.read_bytes()


@pytest.mark.parametrize("to", FORMATS)
def test_metadata_tokenizer_and_order_stay(source: Path, tmp_path: Path, to: Format) -> None:
    target = requantize(source, tmp_path / "out.gguf", to)
    assert metadata(target) == metadata(source)
    assert list(tensors(target)) == list(tensors(source))
    assert [list(t.shape) for t in tensors(target).values()] == [list(t.shape) for t in tensors(source).values()]


@pytest.mark.parametrize("to", FORMATS)
def test_the_file_says_which_format_it_is_in(source: Path, tmp_path: Path, to: Format) -> None:
    reader: Any = gguf.GGUFReader(requantize(source, tmp_path / "out.gguf", to))
    assert reader.get_field("general.file_type").contents() == gguf.LlamaFileType[f"MOSTLY_{to}"]
    assert tensors(tmp_path / "out.gguf")["blk.0.attn_q.weight"].tensor_type.name == to


@pytest.mark.parametrize(("to", "error"), [("F16", 1e-3), ("Q8_0", 0.01), ("Q5_0", 0.08), ("Q4_0", 0.15)])
def test_weights_are_rounded_no_more_than_the_format_does(
    source: Path, tmp_path: Path, to: Format, error: float
) -> None:
    before, after = tensors(source), tensors(requantize(source, tmp_path / "out.gguf", to))
    old, new = weights(before["blk.0.attn_q.weight"]), weights(after["blk.0.attn_q.weight"])
    assert numpy.linalg.norm(new - old) <= error * numpy.linalg.norm(old)


def test_vectors_and_wider_embeddings_are_left_alone(source: Path, tmp_path: Path) -> None:
    before, after = tensors(source), tensors(requantize(source, tmp_path / "out.gguf", "Q4_0"))
    for name in ("token_embd.weight", "blk.0.attn_norm.weight", "output_norm.weight"):
        assert after[name].tensor_type == before[name].tensor_type
        assert (after[name].data == before[name].data).all()


def test_an_embedding_in_16_bits_takes_8_in_a_narrow_format(source: Path, tmp_path: Path) -> None:
    wide = requantize(source, tmp_path / "wide.gguf", "BF16")
    after = tensors(requantize(wide, tmp_path / "out.gguf", "Q4_0"))
    assert after["token_embd.weight"].tensor_type.name == "Q8_0"
    assert after["blk.0.attn_q.weight"].tensor_type.name == "Q4_0"


def test_f16_holds_everything_but_the_vectors(source: Path, tmp_path: Path) -> None:
    kinds = {t.tensor_type.name for t in tensors(requantize(source, tmp_path / "out.gguf", "F16")).values()}
    assert kinds == {"F16", "F32"}


def test_progress_counts_tensors(source: Path, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    requantize(source, tmp_path / "out.gguf", "Q8_0", progress=lambda done, total: seen.append((done, total)))
    assert seen == [(n, len(TENSORS)) for n in range(1, len(TENSORS) + 1)]


def test_a_file_that_is_not_gguf_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.gguf"
    path.write_text("just text, long enough to be read as a header of some sort")
    with pytest.raises(ModelError, match="can't be read as a GGUF file"):
        requantize(path, tmp_path / "out.gguf", "Q8_0")


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.99])
def test_a_truncated_file_is_refused_and_leaves_nothing(source: Path, tmp_path: Path, kept: float) -> None:
    data = source.read_bytes()
    source.write_bytes(data[: int(len(data) * kept)])
    with pytest.raises(ModelError):
        requantize(source, tmp_path / "out.gguf", "Q8_0")
    assert [p.name for p in tmp_path.iterdir()] == ["source.gguf"]


def test_a_format_that_cannot_be_read_is_one_clear_line(tmp_path: Path) -> None:
    writer: Any = gguf.GGUFWriter(source := tmp_path / "one-bit.gguf", "llama")
    _, nbytes = gguf.GGML_QUANT_SIZES[KINDS.Q8_K]
    writer.add_tensor("token_embd.weight", numpy.zeros((4, 2 * nbytes), dtype="uint8"), raw_dtype=KINDS.Q8_K)
    finish(writer)
    with pytest.raises(ModelError, match=r"can't be rewritten as .*: Dequantization for Q8_K is not yet implemented"):
        requantize(source, tmp_path / "target.gguf", "Q8_0")
    assert list(tmp_path.iterdir()) == [source]


def test_a_part_of_a_model_is_refused(tmp_path: Path) -> None:
    writer: Any = gguf.GGUFWriter(part := tmp_path / "model-00001-of-00002.gguf", "llama")
    writer.add_uint16("split.count", 2)
    writer.add_tensor("output_norm.weight", numpy.zeros(64, dtype="float32"))
    finish(writer)
    with pytest.raises(ModelError, match=r"is one of 2 files of a model; join them: llama-gguf-split --merge"):
        requantize(part, tmp_path / "target.gguf", "Q8_0")
    assert list(tmp_path.iterdir()) == [part]


def test_an_interruption_leaves_nothing_under_the_final_name(source: Path, tmp_path: Path) -> None:
    def interrupt(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        requantize(source, tmp_path / "out.gguf", "Q8_0", progress=interrupt)
    assert [p.name for p in tmp_path.iterdir()] == ["source.gguf"]


def test_unknown_formats_and_overwriting_the_source_are_refused(source: Path, tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="Q4_K_M"):
        requantize(source, tmp_path / "out.gguf", "Q4_K_M")  # pyright: ignore[reportArgumentType]  # the point
    with pytest.raises(ConfigurationError, match="onto itself"):
        requantize(source, source, "Q8_0")


def test_a_missing_extra_names_the_command(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without_gguf(name: str, *rest: Any) -> Any:
        if name == "gguf":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without_gguf)
    with pytest.raises(MissingExtra, match=r"pip install 'agentkit\[quantize\]'"):
        requantize(source, tmp_path / "out.gguf", "Q8_0")


@pytest.mark.model
def test_the_real_model_still_speaks(model_path: Path, tmp_path: Path) -> None:
    import xllamacpp

    engine: Any = xllamacpp
    params: Any = engine.CommonParams()
    params.model.path = str(requantize(model_path, tmp_path / "out.gguf", "Q5_1"))
    params.n_ctx, params.n_parallel, params.verbosity, params.api_keys = 128, 1, -1, ["test"]
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 2
    server: Any = engine.Server(params)
    prompt = {"prompt": "1, 2, 3, 4, 5, 6, 7,", "n_predict": 6, "temperature": 0}
    assert server.handle_completions(prompt)["choices"][0]["text"].startswith(" 8, 9")
