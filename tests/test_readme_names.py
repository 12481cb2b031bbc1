"""What the README names is there: targets of make, settings, statuses, checks, tasks, models, paths."""

import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import get_args

import pytest

from agentkit.answer import Answer, Status
from agentkit.assistant import Profile
from agentkit.checks import default_checks, name_of
from agentkit.cli.opening import open_tools
from agentkit.evaluate.strategies import NAMES
from agentkit.evaluate.tasks import BUILT_IN
from agentkit.limits import Limits
from agentkit.models import catalog
from agentkit.settings import Settings, unknown_variables

from .readme import README, ROOT, blocks, commands, inline, table

# make


def makefile(target: str) -> list[list[str]]:
    """What `make` would run for a target, word by word."""
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    ran = subprocess.run(
        ["make", "--dry-run", target], cwd=ROOT, capture_output=True, timeout=30, check=True, text=True
    )
    return [shlex.split(line, comments=True) for line in ran.stdout.splitlines()]


@pytest.mark.parametrize("target", [c.words[1] for c in commands() if c.words[0] == "make"])
def test_every_target_of_make_exists_and_pulls_what_the_catalog_has(target: str) -> None:
    ours = [words[1:] for words in makefile(target) if words and words[0].endswith("/agentkit")]
    pulled = [words[2:] for words in ours if words[:2] == ["models", "pull"]]
    assert pulled
    assert {name for names in pulled for name in names} <= catalog.KNOWN.keys()  # no name is the default ones


def test_there_are_no_other_commands() -> None:
    assert {c.words[0] for c in commands()} == {"make", "agentkit"}
    assert {c.words[1] for c in commands() if c.words[0] == "make"} == {"run", "test"}


# Settings


def test_the_settings_file_can_be_loaded_and_used(tmp_path: Path) -> None:
    _, block = blocks("toml")
    (tmp_path / "agentkit.toml").write_text(block.text, encoding="utf-8")
    settings = Settings.load(environ={"HOME": str(tmp_path)}, folder=tmp_path)
    given = tomllib.loads(block.text)
    assert settings.model == given["model"]
    assert settings.table("limits", Limits).steps == given["limits"]["steps"]
    assert [t.name for t in open_tools(given["tools"], settings)] == ["python"]


def test_the_profile_can_be_read(tmp_path: Path) -> None:
    block, _ = blocks("toml")
    (tmp_path / "assistant.toml").write_text(block.text, encoding="utf-8")
    profile = Profile.read(tmp_path / "assistant.toml")
    assert [tool.name for tool in profile.open_tools()] == ["retrieval", "calculator"]
    assert profile.model == catalog.DEFAULT


def test_every_variable_that_is_named_is_read() -> None:
    named = {name for code in inline() for name in re.findall(r"AGENTKIT_[A-Z_]*[A-Z]", code)}
    assert "AGENTKIT_API_KEY" in named
    assert unknown_variables(dict.fromkeys(named, "1")) == []


# What the tables and the text say


def test_every_status_is_explained() -> None:
    assert [row[0].strip("`") for row in table("`Answer.status`")] == list(get_args(Status))


def test_every_strategy_is_explained() -> None:
    assert [row[0].strip("`") for row in table("strategy")] == list(NAMES)


def test_every_built_in_task_is_named() -> None:
    for name in BUILT_IN:
        assert re.search(rf"\b{name.partition('-')[0]}\b", README), name


def test_every_check_is_explained() -> None:
    assert [row[0].strip("`") for row in table("check")] == [name_of(check) for check in default_checks()]


def test_every_model_is_in_the_table_of_the_plain_tasks() -> None:
    [between] = re.findall(r"<!-- plain-tasks -->\n(.*?)<!-- /plain-tasks -->", README, re.DOTALL)
    models = [entry.name for entry in catalog.KNOWN.values() if entry.kind == "model"]
    assert re.findall(r"^\| `([^`]+)`", between, re.MULTILINE) == models
    assert re.findall(r"`([^`]+)` \(default\)", between) == [catalog.DEFAULT]


def test_every_path_exists() -> None:
    named = [code for code in inline() if re.fullmatch(r"(?:examples|tests|agentkit)/[\w./-]+", code)]
    assert named
    for path in named:
        assert (ROOT / path).exists(), path


def test_every_event_and_attribute_that_is_named_exists() -> None:
    for owner, name in re.findall(r"\b(answer|Answer)\.(\w+)", README):
        assert name in Answer.model_fields or hasattr(Answer, name), f"{owner}.{name}"


def test_no_address_is_named_but_this_machine() -> None:
    assert set(re.findall(r"https?://([^\s`)\"/:]+)", README)) <= {"localhost"}
