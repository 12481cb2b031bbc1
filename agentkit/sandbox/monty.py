"""The Monty tier: an interpreter of a Python subset, in worker processes that are kept warm."""

import ast
import atexit
import builtins
import contextlib
import functools
import os
import re
import signal
import stat
import sys
import tempfile
import threading
import time
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

from agentkit.errors import ConfigurationError
from agentkit.sandbox.result import Limit, Result, SandboxLimits, finished, one_line, over

NAME = "monty"
SCRATCH = "/scratch"
GRACE = 0.5
"""Seconds a worker has to report that its time is up before it is killed."""
VALUE = "agentkit_last_value"
CHUNK = 16 << 10
"""Output arrives in pieces of up to 8 KB; the collector gets room for the piece that overflows."""


class Unsupported(Exception):
    """Monty can't run this program, though CPython might; the message is Monty's own."""


def run(code: str, inputs: Mapping[str, Any], limits: SandboxLimits) -> Result:
    """Run a program in a Monty worker.

    Raises:
        Unsupported: It needs syntax, a module or a builtin that Monty hasn't got.
        ConfigurationError: The package isn't installed.
    """
    monty = _library()
    start = time.monotonic()
    room = limits.output_chars * 4 + CHUNK
    printed = monty.CollectString(max_bytes=room)
    found: dict[str, Any] = {}
    last: str | None = None
    with (
        tempfile.TemporaryDirectory(prefix="agentkit-scratch-") as empty,
        monty.MountDir(
            host_path=empty, virtual_path=SCRATCH, mode="overlay", memory_usage_limit=limits.scratch_mb << 20
        ) as scratch,
        _workers().session(limits) as session,
    ):
        try:
            value = session.feed_run(
                with_last_value(code, limits.output_chars),
                inputs=dict(inputs),
                print_callback=printed,
                mount=scratch,
                cwd=SCRATCH,
            )
            last = value if isinstance(value, str) else None
        except monty.MontyError as error:
            found |= _failure(monty, error, code, limits, room)
    text = printed.output
    result = Result(tier=NAME, stdout=text[: limits.output_chars], seconds=time.monotonic() - start)
    if len(text) > limits.output_chars:
        return result.model_copy(update={"limit": "output", "error": over("output", limits)})
    return result.model_copy(update=found) if found else finished(result, last, limits)


def with_last_value(code: str, most: int) -> str:
    """The program, so changed that it evaluates to the text of its last expression, or to None.

    A value must not leave the sandbox as an object: Monty copies it into this process, shared parts once
    for each reference, so ten short lines took 24 GB here. The f-string can't be shadowed by the program.
    """
    try:
        body = ast.parse(code).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        body = []  # Monty reads newer syntax than this interpreter may, and reports errors itself
    if not body or not isinstance(last := body[-1], ast.Expr):
        return f"{code}\n\nNone\n"
    lines = code.encode().split(b"\n")
    first, final = last.lineno - 1, (last.end_lineno or last.lineno) - 1
    for row, column, text in ((final, last.end_col_offset or 0, ")"), (first, last.col_offset, f"{VALUE} = (")):
        lines[row] = lines[row][:column] + text.encode() + lines[row][column:]
    program = b"\n".join(lines).decode()
    return f"{program}\n\nNone if {VALUE} is None else f'{{{VALUE}!s:.{most + 1}}}'\n"


def _failure(monty: Any, error: Any, code: str, limits: SandboxLimits, room: int) -> dict[str, Any]:
    """What a failed program's result says."""
    if isinstance(error, monty.MontyCrashedError):
        if error.timed_out:
            return {"limit": "seconds", "error": over("seconds", limits)}
        return {"error": f"Crash: {one_line(str(error))}"}
    inner = error.exception()
    kind = type(inner).__name__
    message = one_line(str(inner))
    lines = [frame.line for frame in error.traceback() if frame.filename != "<string>"]
    line = min(lines[-1], code.count("\n") + 1) if lines else None
    limit: Limit | None = None
    if kind == "MemoryError":
        limit = "output" if f"> {room} bytes" in message else "memory"
    elif kind == "TimeoutError" and message.startswith("feed time limit exceeded"):
        limit = "seconds"
    if limit is not None:
        return {"limit": limit, "error": over(limit, limits), "line": line}
    text = f"{kind}: {message}" if message else kind
    if cannot_run(kind, message, code):
        raise Unsupported(text)
    return {"error": text, "line": line}


_SITE = frozenset({"input", "breakpoint", "help", "copyright", "credits", "license"})
"""Builtins that no tier offers: they talk to a person."""


def cannot_run(kind: str, message: str, code: str) -> bool:
    """Whether an error tells of what Monty hasn't got, rather than of a mistake in the program."""
    match kind:
        case "NotImplementedError":
            return "monty" in message or "NotImplementedError" not in code
        case "ModuleNotFoundError" | "ImportError":
            module = re.search(r"(?:No module named|from) '(\w+)", message)
            return module is not None and module[1] in sys.stdlib_module_names
        case "NameError":
            name = re.match(r"name '(\w+)' is not defined", message)
            return name is not None and name[1] not in _SITE and name[1] in {*dir(builtins), "exit", "quit"}
        case "AttributeError":
            return _cpython_has(message)
        case "TypeError":
            return message.startswith("cannot create '")
        case "ValueError":  # the inverse modulo m, which CPython computes since 3.8
            return message.startswith("pow() 2nd argument cannot be negative")
        case _:
            return "is not supported in this environment" in message


def _cpython_has(message: str) -> bool:
    """Whether the attribute that Monty misses is one of a standard module or of a builtin type."""
    if module := re.match(r"module '(\w+)", message):
        return module[1] in sys.stdlib_module_names
    if member := re.match(r"(?:type object )?'(\w+)'(?: object)? has no attribute '(\w+)'", message):
        return hasattr(getattr(builtins, member[1], None), member[2])
    return False


def _library() -> Any:
    try:
        import pydantic_monty
    except ImportError:
        raise ConfigurationError(
            "pydantic-monty isn't installed, though agentkit needs it; pip install agentkit"
        ) from None
    return pydantic_monty


class _Workers:
    """The Monty processes of this process: none until the first program, then one kept warm, at most one a core."""

    def __init__(self) -> None:
        self.pool = _library().Monty(
            binary_path=_worker(),
            min_processes=1,
            max_processes=max(2, os.cpu_count() or 1),
            feed_duration_limit_grace=GRACE,
        )
        self.pool.__enter__()
        self._busy: set[int] = set()
        atexit.register(self.close)

    @contextlib.contextmanager
    def session(self, limits: SandboxLimits) -> Generator[Any, None, None]:
        """A session with a worker of its own, for one program."""
        with self.pool.checkout(
            limits={"max_feed_duration_secs": limits.seconds, "max_memory": limits.memory_mb << 20},
            os_policy={"sleep": "zero", "random_start": {"seed": 0}},
        ) as session:
            worker: int = session.worker_pid
            self._busy.add(worker)
            try:
                yield session
            finally:
                self._busy.discard(worker)

    def close(self) -> None:
        """End the workers, first those that a thread left behind still uses: these would run to their limit."""
        for worker in tuple(self._busy):
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)
        self.pool.__exit__(None, None, None)


_starting = threading.Lock()


def _workers() -> _Workers:
    with _starting:  # programs run in threads: without it, two first ones would start two pools
        return _started()


@functools.lru_cache(maxsize=1)
def _started() -> _Workers:
    return _Workers()


def _worker() -> str | None:
    """A script that starts Monty with no environment, no core dumps and nowhere to complain.

    A worker says on stderr that it ran out of memory, in the middle of whatever screen is shown there;
    the error itself comes through the pool. None where such a script can't be run.
    """
    from pydantic_monty._binary import find_monty_binary

    if os.name != "posix":
        return None
    folder = tempfile.TemporaryDirectory(prefix="agentkit-monty-")
    atexit.register(folder.cleanup)
    script = Path(folder.name, "monty-worker")
    binary = find_monty_binary().replace("'", "'\\''")
    script.write_text(f"#!/bin/sh\nulimit -c 0\nexec env -i '{binary}' \"$@\" 2>/dev/null\n")
    script.chmod(stat.S_IRWXU)
    return str(script) if os.access(script, os.X_OK) else None  # a folder may be mounted noexec
