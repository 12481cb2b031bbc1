"""Weights are known by their content, from wherever a model was loaded."""

import asyncio
import hashlib
from pathlib import Path

import pytest

from agentkit.compress.weights import hf_to_gguf
from agentkit.errors import ConfigurationError
from agentkit.models import catalog
from agentkit.models.identity import sha256, weights_hash
from agentkit.models.openai import OpenAI
from agentkit.models.scripted import ScriptedModel

from ..tiny import write_like


def test_a_folder_in_several_files_is_known_by_all_of_them(tmp_path: Path) -> None:
    (tmp_path / "model-1.safetensors").write_text("one")
    assert weights_hash(tmp_path) == hashlib.sha256(b"one").hexdigest()
    (tmp_path / "model-2.safetensors").write_text("two")
    both = weights_hash(tmp_path)
    (tmp_path / "model-2.safetensors").write_text("three")
    assert len({both, weights_hash(tmp_path), sha256(tmp_path / "model-1.safetensors")}) == 3
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigurationError, match=r"there is no model\.safetensors in .*empty"):
        weights_hash(tmp_path / "empty")


@pytest.mark.model
def test_a_loaded_model_tells_its_weights(tiny_llama: Path, tmp_path: Path) -> None:
    file = hf_to_gguf(tiny_llama, tmp_path / "a.gguf", format="Q8_0", like=write_like(tmp_path / "like", tiny_llama))

    async def told(spec: Path) -> str:
        async with await catalog.load(str(spec), context=256, parallel=1, threads=1) as model:
            return model.weights

    assert asyncio.run(told(file)) == sha256(file)
    assert asyncio.run(told(tiny_llama)) == sha256(tiny_llama / "model.safetensors")


def test_what_runs_elsewhere_has_none_to_tell() -> None:
    assert ScriptedModel(["1"]).weights == ""
    assert OpenAI("http://localhost:1/v1", model="m").weights == ""
