"""Tools and checks of other packages are found by entry point and loaded by name."""

import sys
from pathlib import Path
from typing import cast

import pytest

from agentkit.answer import Finding
from agentkit.checks import Draft, known_checks, load_checks
from agentkit.errors import DefinitionError, UnknownName
from agentkit.tools import known_tools, load_tools

MODULE = """
from agentkit.answer import Finding
from agentkit.tools import tool

@tool
def abacus(beads: int) -> int:
    \"\"\"Counts.\"\"\"
    return beads

def polite(draft):
    return [Finding(check="polite", claim=draft.text, verdict="supported")]

number = 7
"""
POINTS = """
[agentkit.tools]
abacus = plugins_test_package:abacus
bare = plugins_test_package:polite
absent = plugins_test_package_absent:tool

[agentkit.checks]
polite = plugins_test_package:polite
number = plugins_test_package:number
"""


@pytest.fixture(autouse=True)
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed package that brings tools and checks."""
    info = tmp_path / "plugins_test_package-1.0.dist-info"
    info.mkdir()
    (tmp_path / "plugins_test_package.py").write_text(MODULE)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plugins-test-package\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(POINTS)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.delitem(sys.modules, "plugins_test_package", raising=False)


def test_what_is_installed_is_known_in_order_without_being_loaded() -> None:
    assert {"abacus", "absent", "calculator"} <= known_tools().keys()
    assert list(known_tools()) == sorted(known_tools())
    assert list(known_checks()) == ["agreement", "number", "polite"]
    assert "plugins_test_package" not in sys.modules


def test_only_what_is_named_is_loaded() -> None:
    [abacus] = load_tools(["abacus"])  # not `absent`, which would fail
    assert (abacus.name, abacus.description) == ("abacus", "Counts.")
    [polite] = load_checks(["polite"])
    draft = Draft(text="Please.", cited=(), task="Ask.", evidence=())
    [finding] = cast("list[Finding]", polite(draft))
    assert finding.verdict == "supported"


def test_what_is_not_what_it_says_is_refused() -> None:
    with pytest.raises(
        DefinitionError, match=r"entry point 'bare' \(.*:polite\) is not a tool; decorate it with @tool"
    ):
        load_tools(["bare"])
    with pytest.raises(DefinitionError, match=r"entry point 'number' \(.*:number\) is not callable, so not a check"):
        load_checks(["number"])


def test_what_breaks_on_import_is_told_in_one_line() -> None:
    with pytest.raises(DefinitionError) as raised:
        load_tools(["absent"])
    assert str(raised.value) == (
        "entry point 'absent' (plugins_test_package_absent:tool) can't be loaded: ModuleNotFoundError: "
        "No module named 'plugins_test_package_absent'; mend its package or uninstall it"
    )


def test_an_unknown_name_lists_those_there_are() -> None:
    with pytest.raises(UnknownName, match="no tool named 'slide'; there are: abacus, absent, bare, calculator"):
        load_tools(["slide"])
    with pytest.raises(UnknownName, match="no check named 'rude'; there are: agreement, number, polite"):
        load_checks(["rude"])
