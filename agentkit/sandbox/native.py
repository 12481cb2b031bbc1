"""What the native tiers share: a real CPython, what it may read, and watching it run."""

import functools
import glob
import json
import math
import os
import secrets
import selectors
import signal
import sys
import sysconfig
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any, Protocol

from pydantic import BaseModel, ValidationError

from agentkit.sandbox import seccomp
from agentkit.sandbox.result import Limit, Result, SandboxLimits, finished, one_line, over

STARTUP = 0.5
"""Seconds the interpreter may take to start: 15–70 ms alone, more on a busy machine."""
REPORT_BYTES = 16 << 20
"""Far above what the child reports: a value of `output_chars` in JSON and an error message."""
TICK = 0.02
"""Seconds between two looks at the scratch folder."""


class Confined(Protocol):
    """A confined interpreter that has been started."""

    stdin: IO[bytes]
    stdout: IO[bytes]
    report: IO[bytes]

    def stop(self) -> tuple[int, int]:
        """Kill what still runs, reap it, close the pipes; its exit code and the signal that ended it (0: none)."""
        ...


class Interpreter(BaseModel, frozen=True):
    """The CPython that programs run on, with what it must be able to read."""

    executable: str
    reads: tuple[str, ...]
    """Real paths: the executable, the standard library, the system's shared libraries."""
    hides: tuple[str, ...]
    """Folders inside `reads` that a program has no business in: other people's packages."""
    private: bool
    """It lies in a folder that only its owner may enter."""

    @property
    def command(self) -> list[str]:
        """The command line; the environment decides nothing but the hash seed."""
        source = Path(__file__).with_name("child.py").read_text()
        return [self.executable, "-s", "-S", "-P", "-B", "-X", "utf8", "-c", source]


@functools.lru_cache(maxsize=1)
def interpreter() -> Interpreter:
    """The interpreter beneath this one: a virtual environment's own packages stay out."""
    executable = os.path.realpath(getattr(sys, "_base_executable", "") or sys.executable)
    library = os.path.realpath(sysconfig.get_path("stdlib"))
    prefix = os.path.realpath(os.path.join(sys.base_prefix, "lib"))
    system = ("/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib32", "/usr/lib64", "/nix/store")
    wanted = [executable, library, prefix, *system, "/etc/ld.so.cache", "/usr/share/zoneinfo"]
    reads = [path for path in dict.fromkeys(map(os.path.realpath, wanted)) if os.path.exists(path)]
    hides = [folder for path in reads for folder in glob.glob(f"{path}/python*/*-packages")]
    hides.append(f"{library}/site-packages")
    return Interpreter(
        executable=executable,
        reads=tuple(path for path in reads if not any(path.startswith(f"{other}/") for other in reads)),
        hides=tuple(path for path in dict.fromkeys(map(os.path.realpath, hides)) if os.path.isdir(path)),
        private=not all(reachable(path) for path in (executable, library)),
    )


def reachable(path: str) -> bool:
    """Whether any user may enter every folder above `path`."""
    return all(folder.stat().st_mode & 0o001 for folder in Path(path).parents)


CHOWN, SETGID, SETUID, SYS_PTRACE, SYS_ADMIN = 0, 6, 7, 19, 21
"""Numbers of capabilities."""

_SPARE = range(61184, 65520)
"""User ids that nobody has: the range that systemd sets apart for passing users."""


def spare_uid(*capabilities: int) -> int | None:
    """A user id to become, picked anew for each program; None when this process is no root that could.

    In a container root often lacks what it takes (`capabilities` names what is needed besides changing the
    id): then a program keeps root's id and loses its capabilities.
    """
    if os.geteuid() != 0:
        return None
    status = Path("/proc/self/status").read_text()
    held = int(status.partition("CapEff:")[2].split()[0], 16)
    maps = (Path(f"/proc/self/{kind}_map").read_text().splitlines() for kind in ("uid", "gid"))
    mapped = all(any(_covers(line) for line in lines) for lines in maps)
    if not mapped or not all(held >> number & 1 for number in (CHOWN, SETGID, SETUID, *capabilities)):
        return None
    return secrets.choice(_SPARE)


def _covers(line: str) -> bool:
    first, _, count = map(int, line.split())
    return first <= _SPARE.start and _SPARE.stop <= first + count


def payload(
    code: str, inputs: Mapping[str, Any], limits: SandboxLimits, *, uid: int | None, keep_reading: bool
) -> bytes:
    """What the child reads from its stdin."""
    setup: dict[str, Any] = {
        "code": code,
        "inputs": dict(inputs),
        "memory": limits.memory_mb << 20,
        "file_size": limits.scratch_mb << 20,
        "cpu": math.ceil(limits.seconds) + 1,
        "output_chars": limits.output_chars,
        "uid": uid,
        "keep_reading": keep_reading,
        "filter": seccomp.program(),
    }
    return json.dumps(setup).encode()


class _Error(BaseModel):
    type: str
    message: str
    line: int | None


class _Report(BaseModel):
    value: str | None
    error: _Error | None


def supervise(
    tier: str,
    process: Confined,
    setup: bytes,
    limits: SandboxLimits,
    *,
    scratch_full: Callable[[], bool],
) -> Result:
    """Feed the child, read what it prints up to the limit, and kill it when a limit is reached."""
    start = time.monotonic()
    output, report = bytearray(), bytearray()
    try:
        broken = _watch(process, setup, output, report, limits=limits, scratch_full=scratch_full)
    finally:
        exit_code, signal_number = process.stop()
    seconds = time.monotonic() - start
    text = output.decode("utf-8", "replace")
    if len(text) > limits.output_chars:
        broken = "output"
    result = Result(tier=tier, stdout=text[: limits.output_chars], seconds=seconds)
    if broken is not None:
        return result.model_copy(update={"limit": broken, "error": over(broken, limits)})
    try:
        told = _Report.model_validate_json(bytes(report))
    except ValidationError:  # it ended before it could report, or forged a report, which tells on itself alone
        return result.model_copy(update={"error": _ended(bytes(report), exit_code, signal_number)})
    if told.error is None:
        return finished(result, told.value, limits)
    if told.error.type == "MemoryError":
        error, broken = over("memory", limits), "memory"
    else:
        error = ": ".join(filter(None, (one_line(told.error.type), one_line(told.error.message))))
    return result.model_copy(update={"limit": broken, "error": error, "line": told.error.line})


def _watch(
    process: Confined,
    setup: bytes,
    output: bytearray,
    report: bytearray,
    *,
    limits: SandboxLimits,
    scratch_full: Callable[[], bool],
) -> Limit | None:
    """Until both pipes are closed or a limit is reached: which one."""
    deadline = time.monotonic() + limits.seconds + STARTUP
    started = False
    waiting = memoryview(setup)
    with selectors.DefaultSelector() as selector:
        for pipe in (process.stdin, process.stdout, process.report):
            os.set_blocking(pipe.fileno(), False)
        selector.register(process.stdin, selectors.EVENT_WRITE)
        selector.register(process.stdout, selectors.EVENT_READ, output)
        reading = {selector.register(process.report, selectors.EVENT_READ, report).fd, process.stdout.fileno()}
        while reading:
            left = deadline - time.monotonic()
            if left <= 0:
                return "seconds"
            for key, _ in selector.select(min(left, TICK)):
                if key.data is None:
                    waiting = _write(key.fd, waiting)
                    if not waiting:
                        selector.unregister(process.stdin)
                        process.stdin.close()
                    continue
                chunk = os.read(key.fd, 65536)
                key.data.extend(chunk)
                if report and not started:  # the child's first word: from here on its time is the program's
                    started = True
                    deadline = min(deadline, time.monotonic() + limits.seconds)
                if len(output) > limits.output_chars * 4:
                    return "output"
                if not chunk or len(report) > REPORT_BYTES:
                    selector.unregister(key.fd)
                    reading.discard(key.fd)
            if scratch_full():
                return "scratch"
    return None


def _write(fd: int, waiting: memoryview) -> memoryview:
    try:
        return waiting[os.write(fd, waiting) :]
    except BrokenPipeError:  # it died before it read its program; its exit code tells
        return waiting[len(waiting) :]


def _ended(report: bytes, exit_code: int, signal_number: int) -> str:
    """The error of a program that ended without a report."""
    if signal_number:
        name = signal.strsignal(signal_number) if signal_number < signal.NSIG else None
        return f"Crash: the interpreter was ended by signal {signal_number}{f' ({name})' if name else ''}"
    if exit_code == 0:
        return ""
    last = one_line(report.decode("utf-8", "replace")[-200:])
    return f"SystemExit: {exit_code}{f' ({last})' if last else ''}"
