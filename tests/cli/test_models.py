"""`agentkit models` lists the known models and fetches them."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from agentkit.cli import models
from agentkit.errors import DownloadError
from agentkit.models import catalog

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
    assert "here" not in ran.out
    assert "agentkit models pull smollm2-135m" in ran.out


def test_what_is_here_says_so(cli: Cli, embedder: Path, tmp_path: Path) -> None:
    (tmp_path / "cache" / "models").mkdir(parents=True)
    (tmp_path / "cache" / "models" / embedder.name).symlink_to(embedder)
    [line] = [line for line in cli("models").out.splitlines() if "all-minilm-l6-v2" in line]
    assert line.startswith("here")


def test_the_list_can_be_had_as_json(cli: Cli) -> None:
    listing = json.loads(cli("models", "--json").out)
    assert [entry["name"] for entry in listing] == list(catalog.KNOWN)


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
