"""The catalog's models as Hugging Face folders: the same ids, and the same words from torch as from llama.cpp."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from agentkit.compress.weights import gguf_to_hf, hf_to_gguf
from agentkit.models import catalog
from agentkit.models.llama_server import LlamaServer
from agentkit.models.llamacpp import LlamaCpp
from agentkit.models.model import Completion, Grammar, Message, Model, Sampling
from agentkit.models.tokenizer import HFTokenizer
from agentkit.models.transformers import Transformers

from .odd import texts

pytestmark = [pytest.mark.model, pytest.mark.slow]

TASK = "A farmer has 12 hens. Each lays 5 eggs a week. How many eggs are that in 3 weeks?"
CHOICE = Grammar(
    json_schema={
        "type": "object",
        "properties": {"tool": {"enum": ["calculator", "retrieval", "python"]}, "why": {"type": "string"}},
        "required": ["tool", "why"],
        "additionalProperties": False,
    }
)


@pytest.fixture(scope="module")
def folder(model_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return gguf_to_hf(model_path, tmp_path_factory.mktemp("real") / "folder")


async def decisions(model: Model) -> list[Completion]:
    """A run of a free text and a decision, the second after the first."""
    messages = [Message(role="system", content="You are brief."), Message(role="user", content=TASK)]
    told: list[Completion] = []
    async with model, model.session() as session:
        for grammar in (None, CHOICE):
            sampling = Sampling(max_tokens=16, logprobs=2)
            told.append(await session.generate(messages, grammar=grammar, sampling=sampling))
            messages += [
                Message(role="assistant", content=told[-1].text),
                Message(role="user", content="Which tool would you use?"),
            ]
    return told


def agree(ours: Sequence[Completion], theirs: Sequence[Completion]) -> None:
    for mine, other in zip(ours, theirs, strict=True):
        assert mine.text == other.text
        assert (mine.usage.prompt, mine.finish) == (other.usage.prompt, other.finish)
        for token, same in zip(mine.logprobs, other.logprobs, strict=True):
            assert token.token == same.token
            assert token.logprob == pytest.approx(same.logprob, abs=0.05)


def test_torch_writes_what_llama_cpp_does_with_the_same_probabilities(folder: Path, model_path: Path) -> None:
    wide = hf_to_gguf(folder, folder.parent / "wide.gguf", format="F32", like=model_path)

    async def both() -> tuple[list[Completion], list[Completion]]:
        theirs = await decisions(await LlamaCpp.load(wide, context=1024, parallel=1, threads=1))
        return await decisions(await Transformers.load(folder, context=1024, parallel=1, threads=1)), theirs

    agree(*asyncio.run(both()))


def test_the_file_comes_back_byte_for_byte(folder: Path, model_path: Path) -> None:
    import gguf

    again = hf_to_gguf(folder, folder.parent / "again.gguf", format="Q8_0", like=model_path)
    old, new = (gguf.GGUFReader(path) for path in (model_path, again))
    found: dict[str, Any] = {tensor.name: tensor for tensor in new.tensors}
    assert found.keys() == {tensor.name for tensor in old.tensors}
    rounded: list[str] = []
    for tensor in old.tensors:
        if (tensor.data != found[tensor.name].data).any():
            rounded.append(tensor.name)
    assert rounded == []


@pytest.mark.parametrize("name", ["smollm2-135m", "qwen2.5-coder-0.5b"])
def test_any_text_has_the_same_ids(name: str, tmp_path: Path) -> None:
    from agentkit.compress.vocabulary import write_tokenizer
    from agentkit.models.gguf_files import open_gguf

    path = catalog.locate(name)
    if path is None:
        pytest.skip(f"no {name} on this machine: run `agentkit models pull {name}`")
    reader = open_gguf(path)

    def field(key: str) -> Any:
        found = reader.get_field(key)
        return None if found is None else found.contents()

    write_tokenizer(field, tmp_path)
    tokenizer = HFTokenizer(tmp_path)
    server = LlamaServer(path, context=256, parallel=1, threads=1)
    try:
        for text in texts(60):
            for control in (False, True):
                assert tokenizer.tokenize(text, control=control) == server.tokenize(text, control=control), text
        messages = [Message(role="user", content=TASK)]
        assert tokenizer.apply_template(messages) == server.apply_template(messages)
    finally:
        server.close()
