"""What a program gets, in every tier alike, and which tier runs it."""

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentkit import sandbox
from agentkit.errors import SandboxRefused, ToolError, UnknownName
from agentkit.sandbox import SandboxLimits, run, seccomp

SHORT = SandboxLimits(seconds=0.5, memory_mb=128, output_chars=100, scratch_mb=1)


@pytest.fixture(autouse=True)
def there(request: pytest.FixtureRequest) -> None:
    if "tier" in request.fixturenames:
        tier = request.getfixturevalue("tier")
        if reason := sandbox.tiers()[tier].unavailable():
            pytest.skip(f"{tier} can't be used here: {reason}")


@pytest.fixture
def no_native_tier(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine without bubblewrap and sandlock."""
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setitem(sys.modules, "sandlock", None)
    sandbox.forget()
    yield
    monkeypatch.undo()
    sandbox.forget()


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("print(1, 2)\nprint('x')", "1 2\nx\n"),
        ("6 * 7", "42"),
        ("x = 6\nx * 7  # no print", "42"),
        ("x = 1; (x,\n 2)", "(1, 2)"),
        ("print('shown')\n'not shown'", "shown\n"),
        ("'ä' + 'ö'; 'ü'", "ü"),
        ("x = 3", ""),
        ("None", ""),
        ("", ""),
        ("# nothing", ""),
        ("def f():\n    return 1\n\nf()", "1"),
        ("for i in range(3):\n\tprint(i)", "0\n1\n2\n"),
        ("print('a')\r\nprint('b')\rprint('c')", "a\nb\nc\n"),
        ("import sys\nprint('to stderr', file=sys.stderr)", "to stderr\n"),
        ("open('note.txt', 'w').write('kept')\nopen('note.txt').read()", "kept"),
        ("import random\nrandom.random()", "0.8444218515250481"),
        ("__name__", "__main__"),
    ],
)
def test_the_result_is_what_was_printed_or_else_the_last_value(tier: str, code: str, text: str) -> None:
    result = run(code, tier=tier)
    assert (result.text, result.error, result.limit) == (text, "", None)
    assert result.tier == tier


@pytest.mark.parametrize(
    ("code", "error", "line"),
    [
        ("x = 1\nx / 0", "ZeroDivisionError: division by zero", 2),
        ("def f():\n    return [][1]\n\nf()", "IndexError: list index out of range", 2),
        ("print(y)", "NameError: name 'y' is not defined", 1),
        ("import numpy", "ModuleNotFoundError: No module named 'numpy'", 1),
        ("raise ValueError('two\\nlines')", "ValueError: two lines", 1),
        ("assert False", "AssertionError", 1),
    ],
)
def test_an_error_is_one_line_with_its_type_and_the_line_it_arose_in(
    tier: str, code: str, error: str, line: int
) -> None:
    result = run(code, tier=tier)
    assert (result.error, result.line, result.limit) == (error, line, None)


def test_a_syntax_error_names_its_line(tier: str) -> None:
    result = run("x = 1\nfor i in\n", tier=tier)
    assert result.error.startswith("SyntaxError: ")
    assert result.line == 2


def test_what_was_printed_before_an_error_is_kept(tier: str) -> None:
    result = run("print('so far')\n1 / 0", tier=tier)
    assert result.stdout == "so far\n"


@pytest.mark.parametrize(
    ("code", "limit", "error"),
    [
        ("print('begun')\nwhile True: pass", "seconds", "TimeoutError: it ran longer than 0.5 s"),
        ("x = []\nwhile True: x.append('y' * 10**6)", "memory", "MemoryError: it needs more than 128 MB"),
        ("while True: print('z' * 40)", "output", "OutputLimit: it printed more than 100 characters"),
        ("'v' * 101", "output", "OutputLimit: it printed more than 100 characters"),
    ],
)
def test_a_limit_ends_the_program_and_is_named(tier: str, code: str, limit: str, error: str) -> None:
    start = time.monotonic()
    result = run(code, tier=tier, limits=SHORT)
    assert time.monotonic() - start < SHORT.seconds + 1
    assert (result.limit, result.error) == (limit, error)
    assert (result.timed_out, result.truncated) == (limit == "seconds", limit == "output")
    assert len(result.stdout) <= SHORT.output_chars


def test_output_of_exactly_the_limit_is_no_error(tier: str) -> None:
    result = run("print('ü' * 99)", tier=tier, limits=SHORT)
    assert (len(result.stdout), result.error) == (100, "")


def test_a_program_starts_from_nothing(tier: str) -> None:
    assert run("left_over = 1\nopen('left', 'w').write('x')\n1", tier=tier).text == "1"
    assert run("left_over", tier=tier).error == "NameError: name 'left_over' is not defined"
    assert run("open('left').read()", tier=tier).error.startswith("FileNotFoundError")


def test_inputs_are_variables(tier: str) -> None:
    inputs = {"prices": [1, 2.5, None, {"a": True}], "name": "ü\n'"}
    assert run("print(prices, name)", tier=tier, inputs=inputs).stdout == "[1, 2.5, None, {'a': True}] ü\n'\n"


def test_programs_of_several_threads_do_not_meet(tier: str) -> None:
    found: dict[int, str] = {}

    def work(number: int) -> None:
        found[number] = run(f"open('n', 'w').write('{number}')\nprint(open('n').read())", tier=tier).text

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: f"{number}\n" for number in range(4)}


def test_it_runs_beside_an_event_loop(tier: str) -> None:
    async def both() -> list[str]:
        return [r.text for r in await asyncio.gather(*(asyncio.to_thread(run, "1 + 1", tier=tier) for _ in range(2)))]

    assert asyncio.run(both()) == ["2", "2"]


@pytest.mark.parametrize(
    "code", ["import fractions\nfractions.Fraction(1, 3)", "import heapq\nheapq.heapify([])\n'1/3'"]
)
def test_native_tiers_have_the_standard_library(tier: str, code: str) -> None:
    if not sandbox.tiers()[tier].native:
        pytest.skip("Monty has its own")
    assert run(code, tier=tier).text == "1/3"


def test_native_tiers_run_asyncio_and_sqlite(tier: str) -> None:
    if not sandbox.tiers()[tier].native:
        pytest.skip("Monty has its own")
    code = """
import asyncio, sqlite3
async def rows():
    await asyncio.sleep(0)
    return sqlite3.connect("data.db").execute("select 6 * 7").fetchone()[0]
asyncio.run(rows())"""
    assert run(code, tier=tier).text == "42"


def native() -> str:
    """The native tier that auto mode would take."""
    names = [tier.name for tier in sandbox.tiers().values() if tier.native and not tier.unavailable()]
    return names[0] if names else pytest.skip("no native tier here")


@pytest.mark.parametrize(
    "code",
    [
        "def f():\n    yield 1\nprint(list(f()))",
        "class A: pass\nclass B(A): pass\nprint([1])",
        "import fractions\nprint([1])",
        "from collections import UserDict\nprint([1])",
        "import sys\nprint([1])\nsys.exit()",
        "print([1])\nexit()",
        "print(list(bytearray(b'\\x01')))",
        "print([pow(1, -1, 7)])",
        "x = {}\nx['a'] = 1\ndel x['a']\nprint([1])",
    ],
)
def test_what_monty_has_not_got_goes_to_a_native_tier(code: str) -> None:
    result = run(code)
    assert (result.tier, result.stdout, result.error) == (native(), "[1]\n", "")


@pytest.mark.parametrize(
    "code",
    [
        "1 / 0",
        "print(nothing)",
        "import numpy",
        "'x'.nonsense()",
        "raise NotImplementedError('later')",
        "x = [",
        "open('/etc/passwd').read()",
        "input()",
        "while True: pass",
        "print('x' * 1000)",
    ],
)
def test_a_mistake_or_a_limit_is_the_result_and_tried_nowhere_else(code: str) -> None:
    result = run(code, limits=SHORT)
    assert result.tier == "monty"
    assert result.error


def test_a_tier_that_was_asked_for_never_falls_through() -> None:
    with pytest.raises(SandboxRefused, match=r"^Monty can't run this program: NotImplementedError: .*yield"):
        run("def f():\n    yield 1", tier="monty")


@pytest.mark.usefixtures("no_native_tier")
def test_without_a_native_tier_what_monty_cannot_run_is_refused_with_the_way_out() -> None:
    assert run("6 * 7").text == "42"
    with pytest.raises(SandboxRefused) as refused:
        run("import fractions")
    message = str(refused.value)
    assert "No module named 'fractions'" in message
    assert "sandlock: MissingExtra" in message
    assert "bubblewrap: FileNotFoundError: there is no program 'bwrap' on the PATH" in message
    assert "pip install 'agentkit[sandbox]'" in refused.value.hint
    assert "apt-get install bubblewrap" in refused.value.hint


@pytest.mark.usefixtures("no_native_tier")
def test_an_unavailable_tier_that_was_asked_for_is_refused() -> None:
    with pytest.raises(SandboxRefused, match="the sandbox tier 'sandlock' can't be used here: MissingExtra"):
        run("1", tier="sandlock")


def test_a_tier_whose_program_fails_is_unavailable_and_says_why(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = tmp_path / "bwrap"
    broken.write_text("#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    sandbox.forget()
    assert "No permissions to create new namespace" in sandbox.tiers()["bubblewrap"].unavailable()
    monkeypatch.undo()
    sandbox.forget()


def test_an_unknown_tier_is_an_error_that_lists_the_tiers() -> None:
    with pytest.raises(
        UnknownName, match="no sandbox tier named 'docker'; there are: auto, monty, sandlock, bubblewrap"
    ):
        run("1", tier="docker")


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("x" * 50_001, "has 50001 characters, at most 50000"),
        ("print('\ud800')", "not a character"),
        ("print('\0')", "null character"),
    ],
)
def test_a_program_that_is_no_text_of_sensible_length_is_refused(code: str, message: str) -> None:
    with pytest.raises(ToolError, match=message):
        run(code)


@pytest.mark.parametrize("field", ["seconds", "memory_mb", "output_chars", "scratch_mb"])
def test_limits_can_not_be_zero(field: str) -> None:
    with pytest.raises(ValueError, match=field):
        SandboxLimits.model_validate({field: 0})


END = """
import sys, threading, time
from agentkit import sandbox
def endless():
    sandbox.run("while True: pass", tier=sys.argv[1], limits=sandbox.SandboxLimits(seconds=3))
print(sandbox.run("1", tier=sys.argv[1]).text)
threading.Thread(target=endless, daemon=True).start()
time.sleep(0.7)
print("running", flush=True)
input()
"""


def descendants(parent: int) -> list[int]:
    found: list[int] = []
    for children in Path(f"/proc/{parent}/task").glob("*/children"):
        for child in map(int, children.read_text().split()):
            found += [child, *descendants(child)]
    return found


def alive(process: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{process}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
@pytest.mark.parametrize("how", ["the end of the agent", "the killing of the agent"])
def test_no_program_outlives(tier: str, how: str) -> None:
    agent = subprocess.Popen(
        [sys.executable, "-c", END, tier], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert agent.stdout is not None
    assert agent.stdin is not None
    with agent, agent.stdout, agent.stdin:
        assert agent.stdout.readline() + agent.stdout.readline() == b"1\nrunning\n"
        started = descendants(agent.pid)
        assert started
        if how == "the end of the agent":
            agent.stdin.write(b"\n")
            agent.stdin.flush()
        else:
            agent.kill()
        agent.wait()
        # Monty's worker, when the agent was killed, ends at its own limit.
        deadline = time.monotonic() + (4 if tier == "monty" and how != "the end of the agent" else 1)
        while any(map(alive, started)) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert not [process for process in started if alive(process)]


def test_importing_the_sandbox_loads_no_engine() -> None:
    code = "import sys, agentkit.sandbox; print(*{'sandlock', 'pydantic_monty', 'asyncio'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"


def test_a_root_that_may_not_change_its_id_still_confines() -> None:
    """As in a container: root without the capabilities to trace, to make namespaces and the like."""
    if os.getuid() != 0 or sandbox.tiers()["sandlock"].unavailable():
        pytest.skip("needs root and sandlock")
    kept = ",+".join(("-all", "chown", "dac_override", "fowner", "setgid", "setuid", "setpcap"))
    code = """
from agentkit import sandbox
print(sandbox.run("print(open('/etc/shadow').read())", tier="sandlock").error)
print(sandbox.run("import os\\nos.chmod('/tmp', 0o755)", tier="sandlock").error)
"""
    done = subprocess.run(
        ["setpriv", f"--bounding-set={kept}", sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert [line.partition(":")[0] for line in done.stdout.splitlines()] == ["PermissionError", "PermissionError"]


def test_every_jump_of_the_filter_lands_inside_it() -> None:
    program = seccomp.program()
    assert len(program) < 4096
    for index, (_, true, false, _) in enumerate(program):
        assert max(true, false) < 256
        assert index + 1 + max(true, false) < len(program) or program[index][0] == 0x06
    assert program[-1] == (0x06, 0, 0, 0x00050001)
