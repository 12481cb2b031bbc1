"""`agentkit doctor` says what is here, what is missing, and how to get it."""

import json
from pathlib import Path

import pytest

from agentkit.cli import health, machine
from agentkit.models import adapters, catalog

from .conftest import Cli


def present(cache: Path, *names: str) -> None:
    """Files that look as if they had been pulled: `doctor` believes their sizes."""
    for name in names:
        entry = catalog.KNOWN[name]
        for file in entry.files:
            folder = cache / "models" / (entry.name if entry.kind == "embedder" else "")
            path = folder / file.name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as stream:
                stream.write(b"GGUF")
                stream.truncate(file.bytes)


def test_without_models_the_main_job_cannot_run_and_the_way_out_is_named(cli: Cli) -> None:
    ran = cli("doctor")
    assert ran.code == 1
    assert f"agentkit models pull {catalog.DEFAULT}" in ran.out
    assert f"agentkit models pull {catalog.EMBEDDER}" in ran.out
    assert "ready" not in ran.out


def test_with_models_it_is_ready(cli: Cli, tmp_path: Path) -> None:
    present(tmp_path / "cache", catalog.DEFAULT, catalog.EMBEDDER)
    ran = cli("doctor")
    assert ran.out.splitlines()[-1].strip() == "✓ ready: agentkit ask TASK"
    assert ran.code == 0


def test_it_tells_the_settings_in_force_and_where_they_come_from(
    cli: Cli, alone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (alone / "agentkit.toml").write_text('model = "smollm2-135m"\n')
    monkeypatch.setenv("AGENTKIT_THREADS", "1")
    monkeypatch.setenv("AGENTKIT_MODLE", "x")
    out = cli("doctor").out
    assert f"model = 'smollm2-135m'  {alone / 'agentkit.toml'}" in out
    assert "threads = 1  AGENTKIT_THREADS" in out
    assert "1 threads used" in out
    assert "AGENTKIT_MODLE is no setting and is ignored" in out
    assert "ask takes smollm2-135m" in out


def test_settings_that_are_wrong_are_a_problem_not_the_end(cli: Cli, alone: Path) -> None:
    (alone / "agentkit.toml").write_text("threads = 0\n")
    ran = cli("doctor")
    assert ran.code == 1
    assert "agentkit.toml: threads = 0 should be greater than or equal to 1" in ran.out


def test_the_same_can_be_had_as_json(cli: Cli) -> None:
    report = json.loads(cli("doctor", "--json").out)
    assert report["packages"]["pydantic"]
    assert set(report["extras"]) >= {"retrieval", "sandbox", "quantize"}
    assert [tier["tier"] for tier in report["sandbox"]] == ["monty", "sandlock", "bubblewrap"]
    assert {model["name"] for model in report["models"]} == {*catalog.KNOWN, *adapters.SHIPPED.values()}
    assert {"key": "seed", "value": 0, "from": "default"} in report["settings"]
    assert report["cores"] >= 1
    assert len(report["problems"]) >= 2


def test_an_extra_that_is_not_installed_names_its_command(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def installed(package: str) -> str | None:
        return None if package == "chromadb" else "1.0"

    def importable(*modules: str) -> bool:
        return "chromadb" not in modules

    monkeypatch.setattr(machine, "installed", installed)
    monkeypatch.setattr(machine, "importable", importable)
    out = cli("doctor").out
    assert "✗ retrieval  lacks chromadb: pip install 'agentkit[retrieval]'" in out
    assert "✓ quantize" in out
    assert "✗ retrieval can't run: pip install 'agentkit[retrieval]'" in out


def test_a_report_can_be_made_of_any_settings() -> None:
    report = health.examined(*health.loaded_settings())
    assert report.threads >= 1
    assert report.memory_total is None or report.memory_total > 10**8
    assert report.cache_free is None or report.cache_free > 0
