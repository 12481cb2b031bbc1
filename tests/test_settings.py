"""Flags beat the environment, which beats agentkit.toml, which beats the defaults; errors say where and what."""

from pathlib import Path

import pytest

from agentkit.errors import ConfigurationError
from agentkit.limits import Limits
from agentkit.settings import Settings, find_file, unknown_variables


def written(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "agentkit.toml"
    file.write_text(text)
    return file


def load(folder: Path, flags: dict[str, object] | None = None, **environ: str) -> Settings:
    return Settings.load(flags, environ={"HOME": str(folder / "home"), **environ}, folder=folder)


def test_without_any_source_the_defaults_hold(tmp_path: Path) -> None:
    settings = load(tmp_path)
    assert settings == Settings()
    assert settings.origin("model") == "default"


def test_a_flag_beats_the_environment_which_beats_the_file(tmp_path: Path) -> None:
    file = written(tmp_path, 'model = "a"\nseed = 1\nthreads = 1')
    settings = load(tmp_path, {"seed": 3, "model": None}, AGENTKIT_SEED="2", AGENTKIT_THREADS="4")
    assert (settings.model, settings.seed, settings.threads) == ("a", 3, 4)
    assert [settings.origin(k) for k in ("model", "seed", "threads")] == [str(file), "--seed", "AGENTKIT_THREADS"]


def test_the_working_folders_file_hides_the_users(tmp_path: Path) -> None:
    users = written(tmp_path / "home" / ".config" / "agentkit", "seed = 7\nunchecked = true")
    assert load(tmp_path).origin("seed") == str(users)
    written(tmp_path, "seed = 8")
    settings = load(tmp_path)
    assert (settings.seed, settings.unchecked) == (8, False)


def test_the_configuration_folder_follows_xdg(tmp_path: Path) -> None:
    file = written(tmp_path / "xdg" / "agentkit", "seed = 7")
    assert find_file({"XDG_CONFIG_HOME": str(tmp_path / "xdg")}, tmp_path) == file


def test_tables_of_several_sources_add_up(tmp_path: Path) -> None:
    written(tmp_path, '[limits]\nsteps = 5\nseconds = 10\n[tools.python]\ntier = "monty"\nseconds = 2')
    settings = load(tmp_path, {"tools.python.tier": "native"}, AGENTKIT_LIMITS_STEPS="6")
    assert settings.table("limits", Limits) == Limits(steps=6, seconds=10)
    assert settings.tools == {"python": {"tier": "native", "seconds": 2}}
    assert settings.origin("tools", "python", "tier") == "--tier"
    assert settings.origin("limits", "steps") == "AGENTKIT_LIMITS_STEPS"


def test_a_limit_can_be_switched_off(tmp_path: Path) -> None:
    written(tmp_path, '[limits]\nseconds = "none"')
    limits = load(tmp_path, AGENTKIT_LIMITS_STEPS="none").table("limits", Limits)
    assert (limits.seconds, limits.steps) == (None, None)


def test_a_path_in_a_file_is_relative_to_the_file(tmp_path: Path) -> None:
    written(tmp_path / "home" / ".config" / "agentkit", 'docs = "handbook"')
    assert load(tmp_path).docs == tmp_path / "home" / ".config" / "agentkit" / "handbook"


def test_the_home_of_nobody_is_left_as_it_is(tmp_path: Path) -> None:
    written(tmp_path, 'docs = "~nosuchuser/docs"')
    settings = load(tmp_path, AGENTKIT_DATA="~nosuchuser/data")
    assert (settings.docs, settings.data) == (tmp_path / "~nosuchuser/docs", Path("~nosuchuser/data"))


def test_a_setting_of_a_tool_may_be_nested(tmp_path: Path) -> None:
    written(tmp_path, f"tools.mine.where{20 * '.a'} = 1")
    assert "where" in load(tmp_path).tools["mine"]


def test_an_empty_variable_sets_nothing(tmp_path: Path) -> None:
    assert load(tmp_path, AGENTKIT_MODEL="", AGENTKIT_THREADS="") == Settings()


def test_checks_in_the_environment_are_separated_by_commas(tmp_path: Path) -> None:
    assert load(tmp_path, AGENTKIT_CHECKS="a, b").checks == ["a", "b"]


def test_what_is_in_force_tells_every_value_with_its_origin(tmp_path: Path) -> None:
    written(tmp_path, "[limits]\nsteps = 5")
    told = {key: (value, origin) for key, value, origin in load(tmp_path, {"seed": 2}).in_force()}
    assert told["seed"] == (2, "--seed")
    assert told["limits.steps"] == (5, str(tmp_path / "agentkit.toml"))
    assert told["model"] == ("", "default")
    assert not {"limits", "tools"} & told.keys()


def test_variables_that_are_no_settings_are_told_apart() -> None:
    environ = {"AGENTKIT_MODLE": "x", "AGENTKIT_MODEL": "y", "AGENTKIT_API_KEY": "k", "AGENTKIT_X": "", "PATH": "z"}
    assert unknown_variables(environ) == ["AGENTKIT_MODLE"]


def test_a_tool_may_have_any_name(tmp_path: Path) -> None:
    written(tmp_path, '[tools."fs.read"]\nroot = "/tmp"')
    settings = load(tmp_path)
    assert settings.tools == {"fs.read": {"root": "/tmp"}}
    assert settings.origin("tools", "fs.read", "root") == str(tmp_path / "agentkit.toml")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("modle = 'x'", "no setting is called 'modle'; did you mean 'model'?"),
        ("zzzzz = 1", "no setting is called 'zzzzz'; there are: model, docs,"),
        ("model = 3", "model = 3 should be a valid string"),
        ("threads = 'two'", "threads = 'two' should be a valid integer"),
        ("threads = 0", "threads = 0 should be greater than or equal to 1"),
        ("seed = true", "seed = True should be a valid integer"),
        ("docs = 3", "docs = 3 "),
        ("checks = ['a', 2]", "checks = ['a', 2] should be a valid string"),
        ("limits = 3", "limits = 3 must be a table: write [limits]"),
        ("[tools]\npython = 3", "tools.python = 3 must be a table: write [tools.python]"),
        ("model = ", "is not TOML: "),
        ("'a.b' = 1", "no setting is called 'a.b'"),
        ("checks = " + 3000 * "[", "is nested too deeply to be read; make it flatter"),
        (f"model{3000 * '.a'} = 1", "model is nested more than 30 levels deep; make it flatter"),
        (f"checks = [{{ a{3000 * '.a'} = 1 }}]", "checks is nested more than 30 levels deep; make it flatter"),
        (f"[tools.python]\ntier{3000 * '.a'} = 1", "tools is nested more than 30 levels deep; make it flatter"),
    ],
)
def test_what_is_wrong_in_a_file_is_named_with_file_key_and_value(tmp_path: Path, text: str, said: str) -> None:
    file = written(tmp_path, text)
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path)
    assert str(caught.value).startswith(str(file))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("step = 3", "no setting is called 'limits.step'; did you mean 'steps'?"),
        ("steps = 0", "limits.steps = 0 should be greater than or equal to 1"),
        ("seconds = 'long'", "limits.seconds = 'long' should be a valid number"),
    ],
)
def test_what_is_wrong_in_a_table_is_named_when_it_is_read(tmp_path: Path, text: str, said: str) -> None:
    file = written(tmp_path, f"[limits]\n{text}")
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path).table("limits", Limits)
    assert f"{file}: {said}" in str(caught.value)


def test_what_is_wrong_in_the_environment_is_named_with_its_variable(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"^AGENTKIT_THREADS='two': should be a valid integer"):
        load(tmp_path, AGENTKIT_THREADS="two")
    with pytest.raises(ConfigurationError, match=r"^AGENTKIT_CONTEXT: context = 1 should be greater"):
        load(tmp_path, AGENTKIT_CONTEXT="1")
    with pytest.raises(ConfigurationError, match=r"^AGENTKIT_LIMITS_STEPS='x': should be a valid integer"):
        load(tmp_path, AGENTKIT_LIMITS_STEPS="x")


def test_what_is_wrong_in_a_flag_is_named_with_the_flag(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"^--steps 0 should be greater"):
        load(tmp_path, {"limits.steps": 0}).table("limits", Limits)


def test_a_file_that_is_not_utf8_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "agentkit.toml").write_bytes(b"model = '\xff'")
    with pytest.raises(ConfigurationError, match=r"agentkit.toml is not UTF-8 \(byte 9\)"):
        load(tmp_path)


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "agentkit.toml").mkdir()
    with pytest.raises(ConfigurationError, match=r"can't read .*agentkit.toml"):
        load(tmp_path)
