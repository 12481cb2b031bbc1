"""GGUF to a Hugging Face folder and back, on tiny models: llama.cpp computes of one what torch does of the other."""

import asyncio
import json
import shutil
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import gguf
import pytest

from agentkit.compress.weights import FORMATS, Format, gguf_to_hf, hf_to_gguf
from agentkit.errors import ConfigurationError, ModelError, UnknownName
from agentkit.models.llamacpp import LlamaCpp
from agentkit.models.model import Completion, Grammar, Message, Model, Sampling
from agentkit.models.tokenizer import HFTokenizer
from agentkit.models.transformers import Transformers

from ..tiny import write_like
from .odd import texts

stored: Any = import_module("safetensors.torch")
load_file, save_file = stored.load_file, stored.save_file
QUESTION = (
    Message(role="system", content="You answer in one short sentence. " * 12),
    Message(role="user", content="What is 15% of 80?<|im_end|>"),
)


@pytest.fixture(params=["tiny_llama", "tiny_qwen"])
def folder(request: pytest.FixtureRequest) -> Path:
    return request.getfixturevalue(request.param)


@pytest.fixture
def like(folder: Path, tmp_path: Path) -> Path:
    return write_like(tmp_path / "like.gguf", folder)


def tensors(path: Path) -> dict[str, Any]:
    reader: Any = gguf.GGUFReader(path)
    return {tensor.name: tensor for tensor in reader.tensors}


def metadata(path: Path) -> dict[str, Any]:
    reader: Any = gguf.GGUFReader(path)
    return {name: field.contents() for name, field in reader.fields.items()}


WORDS = Grammar(json_schema={"type": "string", "pattern": "^[a-z ]{40}$"})
"""Letters only: where a character takes several tokens, llama.cpp reports them together."""


async def greedy(model: Model) -> Completion:
    async with model, model.session() as session:
        return await session.generate(QUESTION, grammar=WORDS, sampling=Sampling(max_tokens=24, logprobs=3))


@pytest.mark.model
def test_llama_cpp_computes_of_the_file_what_torch_does_of_the_folder(folder: Path, like: Path, tmp_path: Path) -> None:
    path = hf_to_gguf(folder, tmp_path / "tiny.gguf", format="F32", like=like)

    async def both() -> tuple[Completion, Completion]:
        ours = await Transformers.load(folder, threads=1)
        theirs = await LlamaCpp.load(path, context=1024, parallel=1, threads=1)
        return await greedy(ours), await greedy(theirs)

    ours, theirs = asyncio.run(both())
    assert ours.usage.prompt == theirs.usage.prompt
    assert ours.text == theirs.text
    for mine, other in zip(ours.logprobs, theirs.logprobs, strict=True):
        assert mine.token == other.token
        assert mine.logprob == pytest.approx(other.logprob, abs=0.05)  # llama.cpp keeps keys and values in 16 bits


@pytest.mark.model
def test_the_folder_has_the_files_ids_for_any_text(tiny_llama: Path, tmp_path: Path) -> None:
    like = write_like(tmp_path / "like.gguf", tiny_llama)
    rebuilt = HFTokenizer(gguf_to_hf(like, tmp_path / "folder"))

    async def same() -> None:
        async with await LlamaCpp.load(like, context=512, parallel=1, threads=1) as model:
            server = model._server  # pyright: ignore[reportPrivateUsage]
            for text in texts(40):
                for control in (False, True):
                    assert rebuilt.tokenize(text, control=control) == server.tokenize(text, control=control), text
            assert rebuilt.apply_template(QUESTION) == server.apply_template(QUESTION)

    asyncio.run(same())


def test_there_and_back_in_float32_loses_nothing(folder: Path, like: Path, tmp_path: Path) -> None:
    path = hf_to_gguf(folder, tmp_path / "tiny.gguf", format="F32", like=like)
    back = gguf_to_hf(path, tmp_path / "back")
    old, new = load_file(folder / "model.safetensors"), load_file(back / "model.safetensors")
    assert old.keys() == new.keys()
    for name, tensor in old.items():
        assert (tensor == new[name]).all(), name
    for name in ("hidden_size", "num_key_value_heads", "rms_norm_eps", "rope_parameters", "tie_word_embeddings"):
        configs = [json.loads((at / "config.json").read_text()) for at in (folder, back)]
        assert configs[0][name] == configs[1][name]
    assert HFTokenizer(back).ends == {0, 2}  # its own end, and the one that llama.cpp takes for one as well


@pytest.mark.parametrize("to", FORMATS)
def test_file_to_folder_to_file_is_the_same_file_byte_for_byte(
    folder: Path, like: Path, tmp_path: Path, to: Format
) -> None:
    first = hf_to_gguf(folder, tmp_path / "first.gguf", format=to, like=like)
    again = hf_to_gguf(gguf_to_hf(first, tmp_path / "folder"), tmp_path / "again.gguf", format=to, like=first)
    assert again.read_bytes() == first.read_bytes()
    assert metadata(first)["general.file_type"] == gguf.LlamaFileType["ALL_F32" if to == "F32" else f"MOSTLY_{to}"]
    kinds = {name: tensor.tensor_type.name for name, tensor in tensors(first).items()}
    assert kinds["blk.0.attn_q.weight"] == to
    assert kinds["blk.0.attn_norm.weight"] == "F32"
    assert kinds["token_embd.weight"] == ("Q8_0" if to == "Q4_0" else to)


def test_bfloat16_and_sixteen_bit_folders_are_half_as_large(tiny_llama: Path, tmp_path: Path) -> None:
    like = write_like(tmp_path / "like.gguf", tiny_llama)
    path = hf_to_gguf(tiny_llama, tmp_path / "tiny.gguf", format="Q8_0", like=like)
    sizes = {
        dtype: (gguf_to_hf(path, tmp_path / dtype, dtype=dtype) / "model.safetensors").stat().st_size
        for dtype in ("float32", "float16", "bfloat16")
    }
    assert max(sizes["float16"], sizes["bfloat16"]) < 0.55 * sizes["float32"]


@pytest.mark.model
def test_a_pruned_folder_is_a_model_of_its_own_shape(tiny_llama: Path, tmp_path: Path) -> None:
    like = write_like(tmp_path / "like.gguf", tiny_llama)
    pruned = tmp_path / "pruned"
    shutil.copytree(tiny_llama, pruned)
    state = {
        name: (tensor[:64] if "gate" in name or "up_proj" in name else tensor[:, :64] if "down" in name else tensor)
        for name, tensor in load_file(tiny_llama / "model.safetensors").items()
        if ".layers.1." not in name
    }
    save_file({name: tensor.contiguous() for name, tensor in state.items()}, pruned / "model.safetensors")
    config = json.loads((pruned / "config.json").read_text()) | {"num_hidden_layers": 1, "intermediate_size": 64}
    (pruned / "config.json").write_text(json.dumps(config))
    path = hf_to_gguf(pruned, tmp_path / "pruned.gguf", format="F16", like=like)
    found = metadata(path)
    assert (found["llama.block_count"], found["llama.feed_forward_length"]) == (1, 64)
    assert found["tokenizer.chat_template"] == metadata(like)["tokenizer.chat_template"]

    async def said() -> str:
        return (await greedy(await LlamaCpp.load(path, context=1024, parallel=1, threads=1))).text

    assert asyncio.run(said())


def test_an_output_matrix_that_came_apart_from_the_embedding_is_written_too(tiny_llama: Path, tmp_path: Path) -> None:
    like = write_like(tmp_path / "like.gguf", tiny_llama)
    untied = tmp_path / "untied"
    shutil.copytree(tiny_llama, untied)
    state = load_file(untied / "model.safetensors")
    save_file({**state, "lm_head.weight": state["model.embed_tokens.weight"] * 2}, untied / "model.safetensors")
    assert "output.weight" not in tensors(hf_to_gguf(untied, tmp_path / "tied.gguf", format="F32", like=like))
    config = json.loads((untied / "config.json").read_text()) | {"tie_word_embeddings": False}
    (untied / "config.json").write_text(json.dumps(config))
    found = tensors(hf_to_gguf(untied, tmp_path / "untied.gguf", format="F32", like=like))
    assert (found["output.weight"].data == 2 * found["token_embd.weight"].data).all()


# What can't be done


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 3 // 4])


def text(path: Path) -> None:
    path.write_bytes(b"hello" * 100)


def renamed(old: bytes, new: bytes) -> Callable[[Path], None]:
    """The same file with one word for another of the same length."""

    def rename(path: Path) -> None:
        data = path.read_bytes()
        assert old in data
        path.write_bytes(data.replace(old, new))

    return rename


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (cut, "can't be"),
        (renamed(b"llama", b"gemma"), "its architecture is 'gemma', but only llama and qwen2 can be converted"),
        (renamed(b"gpt2", b"bert"), "its vocabulary is of the kind 'bert', but only byte-level BPE"),
        (renamed(b"smollm", b"viking"), "its vocabulary cuts words as 'viking' does, but only these are known"),
        (renamed(b"ffn_gate", b"ffn_door"), "tensor 'blk.0.ffn_door.weight' is none of a Llama or Qwen2"),
        (renamed(b"llama.block_count", b"llama.block_caunt"), "its header lacks llama.block_count"),
        (text, "can't be read as a GGUF file"),
    ],
)
def test_a_file_that_cannot_be_converted_is_one_clear_line_and_leaves_nothing(
    tiny_llama: Path, tmp_path: Path, spoil: Callable[[Path], None], said: str
) -> None:
    path = write_like(tmp_path / "spoilt.gguf", tiny_llama)
    spoil(path)
    with pytest.raises(ModelError) as raised:
        gguf_to_hf(path, tmp_path / "folder")
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)
    assert [left.name for left in tmp_path.iterdir()] == ["spoilt.gguf"]


def test_a_folder_that_is_there_is_not_written_over(tiny_llama: Path, tmp_path: Path) -> None:
    like = write_like(tmp_path / "like.gguf", tiny_llama)
    (tmp_path / "mine").mkdir()
    gguf_to_hf(like, tmp_path / "mine")  # it was empty
    with pytest.raises(ConfigurationError, match="mine is there already; name a folder that isn't"):
        gguf_to_hf(like, tmp_path / "mine")


def test_a_full_disk_leaves_nothing(tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    like = write_like(tmp_path / "like.gguf", tiny_llama)

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("safetensors.torch.save_file", full)
    monkeypatch.setattr(gguf.GGUFWriter, "write_tensor_data", full)
    with pytest.raises(ModelError, match="can't be made a Hugging Face folder: No space left on device"):
        gguf_to_hf(like, tmp_path / "folder")
    with pytest.raises(ModelError, match=r"can't be written as .*: No space left on device"):
        hf_to_gguf(tiny_llama, tmp_path / "new.gguf", format="F32", like=like)
    assert [left.name for left in tmp_path.iterdir()] == ["like.gguf"]


def test_an_interruption_leaves_nothing(tiny_llama: Path, tmp_path: Path) -> None:
    like = write_like(tmp_path / "like.gguf", tiny_llama)

    def interrupt(done: int, _total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        gguf_to_hf(like, tmp_path / "folder", progress=interrupt)
    with pytest.raises(KeyboardInterrupt):
        hf_to_gguf(tiny_llama, tmp_path / "new.gguf", format="Q8_0", like=like, progress=interrupt)
    assert [left.name for left in tmp_path.iterdir()] == ["like.gguf"]


def test_a_folder_and_a_file_that_do_not_fit_are_refused(tiny_llama: Path, tiny_qwen: Path, tmp_path: Path) -> None:
    like = write_like(tmp_path / "like.gguf", tiny_llama)
    target = tmp_path / "new.gguf"
    with pytest.raises(ModelError, match="it is a qwen2, but the file to be like is a llama"):
        hf_to_gguf(tiny_qwen, target, format="F32", like=like)
    broken = tmp_path / "broken"
    shutil.copytree(tiny_llama, broken)
    state = load_file(tiny_llama / "model.safetensors")
    save_file({k: v for k, v in state.items() if "layers.1.mlp.up" not in k}, broken / "model.safetensors")
    with pytest.raises(ModelError, match=r"it lacks blk\.1\.ffn_up\.weight"):
        hf_to_gguf(broken, target, format="F32", like=like)
    save_file(
        {**state, "model.embed_tokens.weight": state["model.embed_tokens.weight"][:400].clone()},
        broken / "model.safetensors",
    )
    with pytest.raises(ModelError, match=r"it has 400 tokens, but the file to be like has \d+"):
        hf_to_gguf(broken, target, format="F32", like=like)
    cut(broken / "model.safetensors")
    with pytest.raises(ModelError, match="broken can't be written as") as raised:
        hf_to_gguf(broken, target, format="F32", like=like)
    assert "\n" not in str(raised.value)
    (broken / "config.json").unlink()
    with pytest.raises(ConfigurationError, match=r"config\.json can't be read: No such file"):
        hf_to_gguf(broken, target, format="F32", like=like)
    with pytest.raises(ConfigurationError, match="over its own model"):
        hf_to_gguf(tiny_llama, like, format="F32", like=like)
    with pytest.raises(UnknownName, match="Q4_K_M"):
        hf_to_gguf(tiny_llama, target, format="Q4_K_M", like=like)  # pyright: ignore[reportArgumentType]  # the point
    assert not target.exists()
