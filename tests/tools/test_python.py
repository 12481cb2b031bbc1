"""The python tool: what the model reads when a program worked, failed, or was refused."""

import asyncio
from typing import Any

import pytest

from agentkit import sandbox
from agentkit.errors import ConfigurationError
from agentkit.tools import Outcome, load_tools
from agentkit_tools.python import PythonSettings, python


def call(code: str, **settings: Any) -> Outcome:
    return asyncio.run(python.bind(settings=settings).invoke({"code": code}))


def test_the_model_sees_one_argument_and_a_short_description() -> None:
    assert python.name == "python"
    assert list(python.parameters["properties"]) == ["code"]
    assert len(python.description.split()) <= 20
    assert python.pure
    assert not python.approval


def test_it_is_found_by_entry_point() -> None:
    assert load_tools(["python"]) == [python]


@pytest.mark.parametrize("code", ["print(sum(range(11)))", "sum(range(11))"])
def test_the_result_is_what_the_program_prints_or_its_last_value(code: str) -> None:
    outcome = call(code)
    assert [part.text.strip() for part in outcome.parts] == ["55"]
    assert outcome.error == ""


@pytest.mark.parametrize(
    ("code", "error", "hint"),
    [
        ("x = 4\nprint(x / 0)", "ZeroDivisionError: division by zero in line 2: print(x / 0)", "mend that line"),
        ("x = 4", "the program ran but printed nothing", "end it with print(result)"),
        (
            "import numpy as np",
            "ModuleNotFoundError: No module named 'numpy' in line 1: import numpy as np",
            "standard",
        ),
        ("print(total)", "NameError: name 'total' is not defined in line 1: print(total)", "define that name"),
        ("print(input())", "NameError: name 'input' is not defined in line 1: print(input())", "no input"),
        ("open('/etc/passwd')", "PermissionError: Permission denied: '/etc/passwd' in line 1", "no files"),
        ("def f(n): return f(n)\nf(1)", "RecursionError: maximum recursion depth exceeded", "a loop"),
        ("for i in", "SyntaxError: ", "plain Python"),
    ],
)
def test_an_error_says_what_where_and_what_to_change(code: str, error: str, hint: str) -> None:
    outcome = call(code)
    assert outcome.parts == ()
    assert outcome.error.startswith(error)
    assert hint in outcome.hint


@pytest.mark.parametrize(
    ("code", "error", "hint"),
    [
        ("while True: pass", "TimeoutError: it ran longer than 0.3 s", "compute less"),
        ("x = 'a'\nwhile True: x += x", "MemoryError: it needs more than 64 MB", "compute less"),
        ("while True: print(1)", "OutputLimit: it printed more than 50 characters", "print only the result"),
    ],
)
def test_a_limit_says_what_to_do(code: str, error: str, hint: str) -> None:
    outcome = call(code, seconds=0.3, memory_mb=64, output_chars=50)
    assert outcome.error.startswith(error)
    assert hint in outcome.hint


def test_a_refusal_passes_through_with_its_hint() -> None:
    outcome = call("def f():\n    yield 1", tier="monty")
    assert outcome.error.startswith("Monty can't run this program: NotImplementedError")
    assert outcome.hint


@pytest.mark.parametrize("tier", ["sandlock", "bubblewrap"])
def test_the_tier_is_a_setting(tier: str) -> None:
    if reason := sandbox.tiers()[tier].unavailable():
        pytest.skip(reason)
    assert call("import sys\nprint(sys.implementation.name)", tier=tier).parts[0].text == "cpython\n"


@pytest.mark.parametrize("settings", [{"tier": "docker"}, {"second": 3}, {"seconds": 0}])
def test_settings_that_do_not_fit_are_an_error(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="settings of tool 'python'"):
        python.bind(settings=settings)


def test_the_tool_outlasts_its_slowest_program() -> None:
    """Else a time-out of the framework would leave a thread behind."""
    longest = next(m.le for m in PythonSettings.model_fields["seconds"].metadata if hasattr(m, "le"))
    assert python.timeout > 2 * (longest + 1)


def test_calls_at_once_do_not_meet() -> None:
    async def both() -> list[Outcome]:
        bound = python.bind()
        return await asyncio.gather(*(bound.invoke({"code": f"print({n} * 2)"}) for n in range(4)))

    assert [outcome.parts[0].text for outcome in asyncio.run(both())] == ["0\n", "2\n", "4\n", "6\n"]
