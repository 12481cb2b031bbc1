"""`agentkit tool` runs one tool by hand."""

import io
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from agentkit.cli.tool import converted

from .conftest import Cli


def test_without_a_name_the_tools_are_listed(cli: Cli, plugins: Sequence[str]) -> None:
    ran = cli("tool")
    assert ran.code == 0
    assert "calculator EXPRESSION" in ran.out
    assert "several COUNT NAMES [LOUD]" in ran.out
    assert "absent" in ran.out
    assert "can't be loaded: No module named 'cli_test_tools_absent'" in ran.out


def test_a_result_is_the_output(cli: Cli) -> None:
    assert cli("tool", "calculator", "15% of 80") == (0, "12\n", "")


def test_the_outcome_can_be_had_as_json(cli: Cli) -> None:
    ran = cli("tool", "calculator", "6*7", "--json")
    assert json.loads(ran.out)["parts"] == [{"text": "42", "source": ""}]


def test_an_error_is_one_line_with_a_hint_and_exit_code_1(cli: Cli) -> None:
    ran = cli("tool", "calculator", "1/0")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("agentkit: at 2: 1 / 0 is undefined")
    assert ran.err.count("\n") == 1


def test_a_tool_that_raises_or_hangs_is_exit_code_1(cli: Cli, plugins: Sequence[str]) -> None:
    assert cli("tool", "broken", "me") == (1, "", "agentkit: broken: RuntimeError: bad luck with me and more\n")
    ran = cli("tool", "hanging")
    assert (ran.code, ran.out) == (1, "")
    assert "hanging took longer than 0.2 s; try a smaller" in ran.err


def test_arguments_are_read_as_the_schema_says(cli: Cli, plugins: Sequence[str]) -> None:
    assert cli("tool", "several", "3", '["a"]', "true").out == "(3, ['a'], True)\n"
    assert cli("tool", "several", "3", "--arg", 'names=["a", "b"]').out == "(3, ['a', 'b'], False)\n"
    assert cli("tool", "broken", "3").err == "agentkit: broken: RuntimeError: bad luck with 3 and more\n"
    assert cli("tool", "broken", "--arg", "text=@a=b").err.startswith(
        "agentkit: broken: RuntimeError: bad luck with @a=b"
    )


def test_a_program_can_come_from_a_file_or_the_input(cli: Cli, alone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (alone / "p.py").write_text("print(2**10)")
    assert cli("tool", "python", "@p.py").out == "1024\n"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"print(2**11)")))
    assert cli("tool", "python", "-").out == "2048\n"


def test_the_tier_and_other_settings_of_a_tool_can_be_set(cli: Cli) -> None:
    assert cli("tool", "python", "print(1)", "--tier", "monty").out == "1\n"
    ran = cli("tool", "python", "while True: pass", "--tier", "monty", "--set", "seconds=0.2")
    assert (ran.code, ran.out) == (1, "")
    assert "longer than 0.2 s" in ran.err


def test_a_tool_that_acts_on_the_world_needs_no_further_approval_by_hand(
    cli: Cli, alone: Path, plugins: Sequence[str]
) -> None:
    assert cli("tool", "launch", "mars").out == "launched mars\n"
    assert (alone / "launched.txt").read_text() == "mars"


def test_what_a_tool_returns_does_not_steer_the_terminal(cli: Cli, plugins: Sequence[str]) -> None:
    assert cli("tool", "rude").out == "red [bold]text[/bold]\n"
    assert not set(cli("tool", "rude", "--json").out) & set("\x1b\x07\u202e\x9b")


def test_a_tool_whose_package_is_broken_is_one_line_and_exit_code_2(cli: Cli, plugins: Sequence[str]) -> None:
    ran = cli("tool", "absent", "x")
    assert (ran.code, ran.out) == (2, "")
    assert "entry point 'absent' (cli_test_tools_absent:tool) can't be loaded: ModuleNotFoundError: " in ran.err
    assert ran.err.count("\n") == 1


@pytest.mark.model
def test_retrieval_prints_passages_with_their_sources(cli: Cli, alone: Path, tmp_path: Path, embedder: Path) -> None:
    (tmp_path / "cache" / "models").mkdir(parents=True)
    (tmp_path / "cache" / "models" / embedder.name).symlink_to(embedder)
    (alone / "docs").mkdir()
    (alone / "docs" / "fees.md").write_text("# Fees\n\nThe entrance fee is 12 euros.\n\n# Hours\n\nWe open at nine.\n")
    ran = cli("tool", "retrieval", "What is the entrance fee?", "--docs", "docs", "--set", "passages=1")
    assert (ran.code, ran.err) == (0, "")
    assert "fees.md" in ran.out
    assert "The entrance fee is 12 euros." in ran.out
    ran = cli("tool", "retrieval", "xylophone quartet", "--docs", "docs", "--set", "floor=1.5")
    assert ran == (0, "", "agentkit: nothing found\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nope",), "no tool named 'nope'; there are: calculator, python, retrieval"),
        (("calculator",), "calculator: expression: Field required; usage: agentkit tool calculator EXPRESSION"),
        (("calculator", "1", "2"), "calculator takes 1 arguments, not 2; usage: agentkit tool calculator EXPRESSION"),
        (("calculator", "1", "--arg", "expression=2"), "expression is given twice"),
        (("calculator", "--arg", "x=2"), "calculator has no parameter 'x'; usage"),
        (("calculator", "--arg", "2"), "--arg '2' must be written key=value"),
        (("calculator", "1", "--tier", "monty"), "tool 'calculator' has no setting 'tier'; it has none"),
        (("python", "1", "--set", "sceonds=1"), "tool 'python' has no setting 'sceonds'; there are: "),
        (("python", "1", "--tier", "magic"), "tier"),
        (("python", "@latin.py"), "latin.py is not UTF-8 (byte 1)"),
        (("python", "@nowhere.py"), "can't read nowhere.py: No such file or directory"),
        (("python", "@~nosuchuser/p.py"), "can't read ~nosuchuser/p.py: No such file or directory"),
        (("retrieval", "x"), "name their folder with --docs DIR"),
        (("retrieval", "x", "--docs", "nowhere"), "there is no folder nowhere"),
    ],
)
def test_a_call_that_makes_no_sense_is_exit_code_2(cli: Cli, alone: Path, arguments: Sequence[str], said: str) -> None:
    (alone / "latin.py").write_bytes(b"#\xe9")
    ran = cli("tool", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err
    assert ran.err.count("\n") == 1


def test_a_text_is_read_as_json_only_where_no_string_will_do() -> None:
    either = {"anyOf": [{"type": "integer"}, {"type": "string"}]}
    maybe = {"anyOf": [{"type": "integer"}, {"type": "null"}]}
    assert converted("3", either) == "3"
    assert converted("3", maybe) == 3
    assert converted("3", {"enum": ["3", 4]}) == "3"
    assert converted("3", {"enum": [3, 4]}) == 3
    assert converted("x", {"type": ["integer", "null"]}) == "x"  # for the schema to refuse
