"""From a spec to a model."""

import asyncio
import os
import shutil
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from agentkit.errors import ConfigurationError, MissingExtra, UnknownName
from agentkit.models import catalog
from agentkit.models.model import Message
from agentkit.models.openai import OpenAI

pytestmark = pytest.mark.usefixtures("empty_cache", "nothing_ships")


def test_a_known_model_that_is_not_here_says_how_to_get_it() -> None:
    with pytest.raises(ConfigurationError, match=r"isn't on this machine; .*: agentkit models pull smollm2-135m$"):
        catalog.resolve("smollm2-135m")


def test_a_path_resolves_to_itself(tmp_path: Path) -> None:
    path = tmp_path / "my model.gguf"
    path.write_bytes(b"GGUF")
    assert catalog.resolve(str(path)) == catalog.Source(engine="llamacpp", name=str(path), path=path)


def test_a_file_that_is_called_after_a_base_and_an_adapter_is_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # as quantize writes it with --out .
    (file := Path("smollm2-135m+driver-Q4_0.gguf")).write_bytes(b"GGUF")
    assert catalog.resolve(str(file)).path == file


def test_a_url_resolves_to_an_endpoint() -> None:
    source = catalog.resolve("https://example.org:8443/v1/#Qwen/Qwen3-8B")
    assert (source.engine, source.url, source.model) == ("openai", "https://example.org:8443/v1", "Qwen/Qwen3-8B")
    assert catalog.resolve(source.name) == source


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("missing.gguf", "No such file"),
        ("http://localhost:8000/v1", "must name a host and a model"),
        ("https://#m", "must name a host and a model"),
        ("http://user:hunter2@[::1/v1#m", "is no URL: Invalid IPv6 URL"),
        ("http://user:hunter2@host/v1#m", "put the key in AGENTKIT_API_KEY"),
        ("Qwen/Qwen3-0.6B", "isn't in this machine's cache of the Hugging Face hub, and nothing is fetched"),
        ("all-minilm-l6-v2", "is an embedder"),
        (".", "isn't a Hugging Face folder: it has no config.json"),
    ],
)
def test_what_cannot_be_used_says_why(spec: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as caught:
        catalog.resolve(spec)
    assert "hunter2" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_model_is_refused_before_an_engine_sees_it(tmp_path: Path) -> None:
    for name in ("notes.txt", "fake.gguf"):
        (tmp_path / name).write_text("hello")
        with pytest.raises(ConfigurationError, match="isn't a GGUF file: it starts with b'hell'"):
            catalog.resolve(str(tmp_path / name))


@pytest.mark.parametrize("call", [catalog.resolve, catalog.locate, catalog.pull])
def test_an_unknown_name_lists_the_known_ones(call: Any) -> None:
    with pytest.raises(UnknownName, match=r"no model named 'gpt-9'; there are: smollm2-135m, .*qwen2\.5-coder-1\.5b"):
        call("gpt-9")


def test_an_endpoint_is_loaded_without_being_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    model = asyncio.run(catalog.load("http://127.0.0.1:9/v1#m", context=100))
    assert isinstance(model, OpenAI)
    assert (model.name, model.context) == ("http://127.0.0.1:9/v1#m", 100)


def test_a_script_is_a_model_that_writes_its_lines(tmp_path: Path) -> None:
    script = tmp_path / "script.txt"
    script.write_text('{"plan":[]}\n\n  \nsecond\n')
    spec = f"scripted:{script}"
    assert catalog.resolve(spec) == catalog.Source(engine="scripted", name=spec, path=script)

    async def replies() -> tuple[str, list[str]]:
        async with await catalog.load(spec) as model, model.session() as session:
            hello = [Message(role="user", content="Hello")]
            return model.name, [(await session.generate(hello)).text for _ in range(2)]

    assert asyncio.run(replies()) == (spec, ['{"plan":[]}', "second"])


def test_a_script_that_comes_through_a_pipe_is_read_only_once(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    threading.Thread(target=pipe.write_text, args=("only\n",), daemon=True).start()

    async def reply() -> str:
        async with await catalog.load(f"scripted:{pipe}") as model, model.session() as session:
            return (await session.generate([Message(role="user", content="Hello")])).text

    assert asyncio.run(reply()) == "only"


@pytest.mark.parametrize(
    ("content", "reason"), [(None, "No such file or directory"), (b"caf\xe9\n", "it is not UTF-8")]
)
def test_a_script_that_cannot_be_read_is_refused_before_a_model_is_opened(
    tmp_path: Path, content: bytes | None, reason: str
) -> None:
    script = tmp_path / "script.txt"
    if content is not None:
        script.write_bytes(content)
    with pytest.raises(ConfigurationError, match=f"can't read the script .*script.txt: {reason}; give a text, one"):
        catalog.resolve(f"scripted:{script}")


@pytest.mark.model
def test_a_gguf_file_is_loaded_by_its_path(model_path: Path, tmp_path: Path) -> None:
    path = tmp_path / "mine.gguf"
    shutil.copy(model_path, path)

    async def opened() -> tuple[str, int | None]:
        async with await catalog.load(str(path), context=512, parallel=1) as model:
            return model.name, model.context

    assert asyncio.run(opened()) == (str(path), 512)


def test_a_folder_resolves_to_itself_and_is_loaded(tiny_llama: Path) -> None:
    spec = str(tiny_llama)
    assert catalog.resolve(spec) == catalog.Source(engine="transformers", name=spec, path=tiny_llama)

    async def opened() -> tuple[str, int | None]:
        async with await catalog.load(spec, context=512, parallel=1, threads=1) as model:
            return model.name, model.context

    assert asyncio.run(opened()) == (spec, 512)


def test_an_id_of_the_hub_resolves_to_its_folder_in_the_local_cache(
    tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = tmp_path / "models--tiny--llama"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text(revision := "0" * 40)
    folder = repository / "snapshots" / revision
    folder.parent.mkdir()
    shutil.copytree(tiny_llama, folder)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    source = catalog.resolve("tiny/llama")
    assert (source.engine, source.name, source.path) == ("transformers", "tiny/llama", folder)


def test_without_the_extra_a_folder_names_the_command_that_installs_it(
    tiny_llama: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(
        MissingExtra, match=r"running Hugging Face models needs .*pip install 'agentkit\[transformers\]'"
    ):
        asyncio.run(catalog.load(str(tiny_llama)))
