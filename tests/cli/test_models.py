"""`agentkit models` lists the known models and fetches them."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from agentkit import protocol
from agentkit.cli import models
from agentkit.errors import DownloadError
from agentkit.models import adapters, catalog
from agentkit.models.adapter import Card, write

from .conftest import Cli

Progress = Callable[[int, int, str], None]


@pytest.fixture
def pulled(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[tuple[str, bool]]:
    """What would have been fetched: the network is left alone."""
    names: list[tuple[str, bool]] = []

    def pull(name: str, progress: Progress, *, again: bool = False) -> Path:
        names.append((name, again))
        for done in range(0, 101, 10):
            progress(done * 10**6, 100 * 10**6, "fetching \x1b[31mpart\x1b[0m")
        progress(100 * 10**6, 100 * 10**6, "verifying")
        return tmp_path / name

    monkeypatch.setattr(catalog, "pull", pull)
    return names


def test_every_known_model_is_listed_with_its_size(cli: Cli) -> None:
    ran = cli("models")
    assert ran.code == 0
    for entry in catalog.KNOWN.values():
        assert entry.name in ran.out
    assert "1.1 GB" in ran.out
    here = {line.split()[1] for line in ran.out.splitlines() if line.startswith("here")}
    assert here == set(adapters.SHIPPED.values()), "nothing but what came with agentkit"
    assert "agentkit models pull smollm2-135m" in ran.out


def test_what_is_here_says_so(cli: Cli, embedder: Path, tmp_path: Path) -> None:
    (tmp_path / "cache" / "models").mkdir(parents=True)
    (tmp_path / "cache" / "models" / embedder.name).symlink_to(embedder)
    [line] = [line for line in cli("models").out.splitlines() if "all-minilm-l6-v2" in line]
    assert line.startswith("here")


def test_the_list_can_be_had_as_json(cli: Cli) -> None:
    listing = json.loads(cli("models", "--json").out)
    assert [entry["name"] for entry in listing] == [*catalog.KNOWN, *adapters.SHIPPED.values()]


def test_pull_fetches_what_is_named_and_prints_where_it_is(
    cli: Cli, pulled: list[tuple[str, bool]], tmp_path: Path
) -> None:
    ran = cli("models", "pull", "smollm2-135m", "qwen2.5-coder-0.5b", "smollm2-135m", "--again")
    assert pulled == [("smollm2-135m", True), ("qwen2.5-coder-0.5b", True)]
    assert ran.out.splitlines()[0] == f"smollm2-135m  {tmp_path / 'smollm2-135m'}"
    assert ran.err.splitlines()[:3] == [
        "smollm2-135m: fetching part (0 B of 100 MB)",
        "smollm2-135m: fetching part (30 MB of 100 MB)",
        "smollm2-135m: fetching part (50 MB of 100 MB)",
    ]


def test_pull_without_a_name_fetches_what_the_main_job_needs(cli: Cli, pulled: list[tuple[str, bool]]) -> None:
    assert cli("models", "pull").code == 0
    assert pulled == [(catalog.DEFAULT, False), (catalog.EMBEDDER, False)]


def test_an_unknown_model_is_exit_code_2_before_anything_is_fetched(cli: Cli, pulled: list[tuple[str, bool]]) -> None:
    ran = cli("models", "pull", "smollm2-135m", "gpt-9")
    assert (ran.code, ran.out) == (2, "")
    assert "no model named 'gpt-9'; there are: smollm2-135m" in ran.err
    assert pulled == []


def test_a_failed_download_is_exit_code_2(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def pull(name: str, progress: Progress, *, again: bool = False) -> Path:
        raise DownloadError(f"{name} can't be had; look at the network")

    monkeypatch.setattr(catalog, "pull", pull)
    assert cli("models", "pull", "smollm2-135m") == (
        2,
        "",
        "agentkit: smollm2-135m can't be had; look at the network\n",
    )


def test_on_a_terminal_a_bar_shows_the_progress(pulled: list[tuple[str, bool]], tmp_path: Path) -> None:
    file = io.StringIO()
    view = Console(file=file, width=100, force_terminal=True)
    assert models.with_bar(view, "smollm2-135m", again=False) == tmp_path / "smollm2-135m"
    assert "100.0/100.0 MB" in file.getvalue()
    assert "\x1b[31mpart" not in file.getvalue()


def adapter(folder: Path, **changes: Any) -> Path:
    """An adapter for the smallest model, of this protocol."""
    numpy: Any = pytest.importorskip("numpy")
    given: dict[str, Any] = {
        "name": "sums",
        "base": "smollm2-135m",
        "base_sha256": "0" * 64,
        "protocol": protocol.fingerprint(),
        "rank": 2,
        "alpha": 2,
        "targets": ("q_proj",),
        "seed": 0,
        "steps": 1,
        "lessons": 20,
        "fingerprint": "f",
        "data": {},
        "command": "",
        "hardware": "",
    }
    module = "model.layers.0.self_attn.q_proj"
    tensors = {f"{module}.lora_A.weight": numpy.ones((2, 8)), f"{module}.lora_B.weight": numpy.ones((8, 2))}
    write(path := folder / "file.safetensors", Card(**(given | changes)), tensors)
    return path


def test_an_adapter_is_added_listed_and_removed(cli: Cli, tmp_path: Path) -> None:
    ran = cli("models", "add", str(adapter(tmp_path)))
    assert ran == (0, "sums  smollm2-135m taught with 20 lessons; use it: --model sums\n", "")
    [line] = [line for line in cli("models").out.splitlines() if "sums" in line]
    assert line.split()[:2] == ["here", "sums"]
    [listed] = [entry for entry in json.loads(cli("models", "--json").out) if entry["name"] == "sums"]
    assert listed["kind"] == "adapter"
    ran = cli("ask", "What is 2+2?", "--model", "sums")
    assert (ran.code, ran.out) == (2, "")
    assert "agentkit models pull smollm2-135m" in ran.err
    assert cli("models", "remove", "sums") == (0, "sums: removed\n", "")
    ran = cli("models", "remove", "sums")
    others = ", ".join(adapters.SHIPPED.values())
    assert (ran.code, ran.err) == (2, f"agentkit: no adapter named 'sums'; there are: {others}\n")


def test_an_adapter_of_another_protocol_is_refused_with_a_way_out(cli: Cli, tmp_path: Path) -> None:
    ran = cli("models", "add", str(adapter(tmp_path, protocol="old")))
    now = protocol.fingerprint()
    said = f"agentkit: adapter sums was taught protocol old, but this agentkit writes {now}; train it anew"
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(said)
    assert len(ran.err.splitlines()) == 1
    assert "sums" not in cli("models").out


def test_what_is_no_adapter_is_refused(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "x.safetensors").write_bytes(b"nothing of the sort")
    ran = cli("models", "add", str(tmp_path / "x.safetensors"))
    assert (ran.code, ran.out) == (2, "")
    assert "x.safetensors is no adapter of agentkit's" in ran.err
