"""What the project promises of itself: few dependencies, pinned versions, layers, small files."""

import ast
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from importlib.metadata import distribution, entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from agentkit.tools import ENTRY_POINTS, Tool, load_tools

ROOT = Path(__file__).parent.parent
PACKAGES = {"agentkit": ROOT / "agentkit", "agentkit_tools": ROOT / "tools" / "agentkit_tools"}
FEWER_THAN = 30
"""Packages of a base install."""
UNPINNED = frozenset({"setuptools"})
"""Comes with torch; `pip freeze`, which writes the constraints, leaves it out as a part of Python's own tooling."""
LONGEST = 400
"""Lines of a file; one that grows past it has two jobs."""


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


# What is installed


def closure(requirements: Iterable[str]) -> dict[str, set[str]]:
    """Every package besides agentkit that requirements bring here, as installed, with the extras asked of it."""
    brought: dict[str, set[str]] = {}
    waiting = [(Requirement(text), frozenset({""})) for text in requirements]
    while waiting:
        requirement, wanted = waiting.pop()
        if requirement.marker and not any(requirement.marker.evaluate({"extra": extra}) for extra in wanted):
            continue
        name = canonicalize_name(requirement.name)
        if (
            name == "agentkit"
        ):  # its extras name one another; pyproject.toml is what counts, not what was installed once
            continue
        if name in brought and requirement.extras <= brought[name]:
            continue
        brought.setdefault(name, set()).update(requirement.extras)
        extras = frozenset({"", *brought[name]})
        waiting += [(Requirement(text), extras) for text in distribution(name).requires or ()]
    return brought


def test_a_base_install_is_small(project: Mapping[str, Any]) -> None:
    brought = closure(project["dependencies"])
    assert {"pydantic", "httpx", "xllamacpp", "pydantic-monty"} <= brought.keys()
    assert brought.keys().isdisjoint({"torch", "chromadb", "transformers", "sentence-transformers", "numpy"})
    assert len(brought) + 1 < FEWER_THAN, sorted(brought)  # one more: agentkit itself


def test_extras_bring_what_the_base_does_not(project: Mapping[str, Any]) -> None:
    everything = closure(in_extras(project))
    assert {"chromadb", "torch", "numpy", "pytest"} <= everything.keys()
    assert len(everything) > FEWER_THAN


def in_extras(project: Mapping[str, Any]) -> list[str]:
    """What the extras ask for; `gym` isn't installed for the tests, as one of its parts needs a C compiler."""
    extras = project["optional-dependencies"]
    return [text for extra, texts in extras.items() if extra != "gym" for text in texts]


def pins() -> Mapping[str, Requirement]:
    """What the constraints file says of each package."""
    lines = [line.partition("#")[0].strip() for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines()]
    read = [Requirement(line) for line in lines if line]
    named: dict[str, Requirement] = {canonicalize_name(requirement.name): requirement for requirement in read}
    assert len(named) == len(read), "a package is pinned twice"
    return named


def test_every_version_is_pinned_to_exactly_one() -> None:
    for requirement in pins().values():
        assert [s.operator for s in requirement.specifier] == ["=="], str(requirement)
        assert not requirement.url


@pytest.mark.parametrize(
    ("name", "version"), [("torch", "2.13.0"), ("pydantic-monty", "1.4.0"), ("xllamacpp", "2026.10.11549")]
)
def test_the_versions_that_were_measured_are_the_pinned_ones(name: str, version: str) -> None:
    assert str(pins()[name].specifier) == f"=={version}"


def test_everything_that_can_be_installed_is_pinned_and_the_pins_fit(project: Mapping[str, Any]) -> None:
    asked = [*project["dependencies"], *in_extras(project)]
    known = pins()
    gpu = {
        name for name in closure(asked) if name.startswith(("nvidia-", "cuda-", "triton"))
    }  # of torch's other builds
    missing = closure(asked).keys() - known.keys() - UNPINNED - gpu
    assert not missing, f"not in constraints.txt: {', '.join(sorted(missing))}"
    for requirement in map(Requirement, asked):
        if (name := canonicalize_name(requirement.name)) != "agentkit":
            pinned = next(iter(known[name].specifier)).version
            assert requirement.specifier.contains(pinned), f"{requirement} but {known[name]}"


def test_what_runs_these_tests_is_what_is_pinned() -> None:
    for name, requirement in pins().items():
        try:
            installed = distribution(name).version
        except ModuleNotFoundError:
            continue  # of another platform, or of an extra that isn't here
        assert requirement.specifier.contains(Version(installed).public), f"{requirement} but {installed} is installed"


def test_the_oldest_python_that_is_supported_is_3_11(project: Mapping[str, Any]) -> None:
    supported = SpecifierSet(project["requires-python"])
    assert supported.contains("3.11")
    assert not supported.contains("3.10")


# What is in it


@pytest.mark.parametrize("package", PACKAGES)
def test_both_packages_say_that_they_are_typed(package: str) -> None:
    spec = find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    assert (Path(spec.origin).parent / "py.typed").is_file()
    assert Path(spec.origin).parent == PACKAGES[package]


def test_every_tool_that_ships_loads_by_its_name(project: Mapping[str, Any]) -> None:
    shipped: dict[str, str] = project["entry-points"][ENTRY_POINTS]
    assert sorted(shipped) == ["calculator", "python", "retrieval"]
    installed = {point.name: point.value for point in entry_points(group=ENTRY_POINTS)}
    assert shipped.items() <= installed.items()
    for name in shipped:
        [found] = load_tools([name])
        assert isinstance(found, Tool)
        assert found.name == name
        assert found.examples, "a small model needs to see a tool used"


def sources() -> list[Path]:
    return [path for folder in PACKAGES.values() for path in sorted(folder.rglob("*.py"))]


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_is_longer_than_one_job_takes(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST


# Who may know whom

FLOOR = frozenset("answer errors events heap injections limits settings threads".split())
PARTS = frozenset("arithmetic knowledge models sandbox".split())
LOOP = frozenset("embedding tools checks grammars protocol needs".split())
MAY_KNOW: Mapping[str, frozenset[str]] = {
    "errors": frozenset(),
    "answer": frozenset(),
    "lazy": frozenset(),
    "heap": frozenset(),
    "threads": frozenset(),
    "limits": frozenset(),
    "injections": frozenset(),
    "events": frozenset({"answer"}),
    "settings": frozenset({"errors"}),
    "trace": frozenset({"errors", "events"}),
    "plugins": frozenset({"errors"}),
    **dict.fromkeys(PARTS, FLOOR),
    "embedding": FLOOR | PARTS,
    "tools": FLOOR | PARTS | {"plugins"},
    "checks": FLOOR | PARTS | {"plugins"},  # a check calls no tool
    "decision": FLOOR | {"tools"},
    "grammars": FLOOR | PARTS | {"tools"},
    "protocol": FLOOR | PARTS | {"tools", "decision", "grammars"},
    "needs": FLOOR | PARTS | {"tools", "checks"},
    "voting": FLOOR | {"checks"},
    "evidence": FLOOR | PARTS | {"tools", "protocol"},
    "run": FLOOR | PARTS | LOOP | {"evidence"},
    "agent": FLOOR | PARTS | LOOP | {"run", "voting"},
    "topics": FLOOR | PARTS | {"checks"},
    "assistant": FLOOR | PARTS | {"embedding", "tools", "checks", "agent", "topics"},
    "conversation": FLOOR | {"agent", "trace"},
    "replay": FLOOR | PARTS | LOOP | {"run", "agent"},
    "evaluate": FLOOR | PARTS | LOOP | {"lazy", "run", "agent", "voting"},
    "compress": FLOOR | PARTS | LOOP | {"decision", "evidence", "lazy", "run", "agent", "trace", "evaluate"},
    "cli": FLOOR
    | PARTS
    | LOOP
    | {"run", "agent", "voting", "trace", "replay", "evaluate", "assistant", "conversation", "compress"},
    "__main__": frozenset({"cli"}),
    "agentkit_tools": FLOOR | PARTS | {"tools"},  # a tool knows no agent
}
"""For each part of the house, the parts that it may import. `agentkit/__init__.py` imports nothing until asked."""


def part_of(path: Path) -> str:
    """The part of the house that a file belongs to; empty for the front door."""
    if path.is_relative_to(PACKAGES["agentkit_tools"]):
        return "agentkit_tools"
    first = path.relative_to(PACKAGES["agentkit"]).parts[0].removesuffix(".py")
    return "" if first == "__init__" else first


@lru_cache(maxsize=256)
def known_to(path: Path) -> frozenset[str]:
    """The parts that a file imports anywhere in it, also for type checkers only."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import hides what it imports"
            modules = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        found.update(parts_named(modules))
    return frozenset(found)


def parts_named(modules: Iterable[str]) -> Iterator[str]:
    for module in modules:
        package, _, inner = module.partition(".")
        if package == "agentkit":
            # What comes through the front door may be anything of the house.
            part = inner.partition(".")[0]
            yield part if part in MAY_KNOW else f"agentkit:{part}"
        elif package == "agentkit_tools":
            yield package


def test_every_part_has_its_place() -> None:
    assert {part_of(path) for path in sources()} - {""} == MAY_KNOW.keys()


def test_the_parts_know_one_another_as_they_are_seen_to() -> None:
    assert known_to(PACKAGES["agentkit"] / "agent.py") >= {"run", "protocol", "tools", "checks", "models"}
    assert known_to(PACKAGES["agentkit"] / "errors.py") == frozenset()
    assert known_to(PACKAGES["agentkit_tools"] / "retrieval.py") >= {"tools", "knowledge"}


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_knows_nobody_above_it(path: Path) -> None:
    part = part_of(path)
    if part:
        assert known_to(path) - {part} <= MAY_KNOW[part]


@pytest.mark.parametrize("part", sorted(PARTS))
def test_the_parts_below_the_loop_do_not_know_one_another(part: str) -> None:
    known = {k for path in sources() if part_of(path) == part for k in known_to(path)}
    assert known.isdisjoint(PARTS - {part})


def test_the_framework_knows_none_of_the_tools_that_ship() -> None:
    for path in PACKAGES["agentkit"].rglob("*.py"):
        assert "agentkit_tools" not in known_to(path), path
