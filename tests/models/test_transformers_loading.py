"""Folders that can't be loaded, and options that can't be."""

import asyncio
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from agentkit.errors import AgentkitError, ConfigurationError, ModelError
from agentkit.models.adapter import CARD_FILE
from agentkit.models.transformers import Transformers


@pytest.fixture
def folder(tiny_llama: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_llama, tmp_path / "folder"))


def without(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def cut(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:2000])


def unknown(folder: Path) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"model_type": "nope", "architectures": ["Nope"]}))


@pytest.mark.parametrize(
    ("spoil", "error", "said"),
    [
        (without("tokenizer.json"), ConfigurationError, "tokenizer.json can't be read: No such file"),
        (without("config.json"), ConfigurationError, "config.json can't be read: No such file"),
        (without("model.safetensors"), ModelError, "can't be loaded"),
        (cut, ModelError, "can't be loaded"),
        (unknown, ModelError, "can't be loaded"),
    ],
)
def test_a_folder_that_is_not_whole_is_one_clear_line(
    folder: Path, spoil: Callable[[Path], None], error: type[AgentkitError], said: str
) -> None:
    spoil(folder)
    with pytest.raises(error, match=said) as raised:
        asyncio.run(Transformers.load(folder))
    assert str(folder) in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("option", ["context", "parallel", "threads"])
def test_an_option_of_zero_is_refused(folder: Path, option: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{option} is 0 but must be at least 1"):
        asyncio.run(Transformers.load(folder, **{option: 0}))  # pyright: ignore[reportArgumentType]  # options vary


def test_a_device_and_a_format_that_are_not_there_are_refused(folder: Path) -> None:
    with pytest.raises(ConfigurationError, match="dtype is 'int8' but must be float32, float16 or bfloat16"):
        asyncio.run(Transformers.load(folder, dtype="int8"))
    with pytest.raises(ModelError, match="can't be loaded"):
        asyncio.run(Transformers.load(folder, device="nowhere"))


def test_half_precision_is_loaded_as_such(folder: Path) -> None:
    async def loaded() -> str:
        async with await Transformers.load(folder, dtype="bfloat16", device="cpu") as model:
            weights = model._engine.network._model.lm_head.weight  # pyright: ignore[reportPrivateUsage]
            return str(weights.dtype)

    assert asyncio.run(loaded()) == "torch.bfloat16"


def test_a_folder_that_was_taught_says_which_protocol(folder: Path) -> None:
    plain = asyncio.run(Transformers.load(folder))
    assert (plain.taught, plain.protocol) == (False, "")
    (folder / CARD_FILE).write_text('{"protocol": "abc"}')
    taught = asyncio.run(Transformers.load(folder))
    assert (taught.taught, taught.protocol) == (True, "abc")
    (folder / CARD_FILE).write_text("{")
    with pytest.raises(ConfigurationError, match=r"agentkit\.json can't be read"):
        asyncio.run(Transformers.load(folder))
