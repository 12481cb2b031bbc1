"""The sandlock tier: CPython under Landlock and seccomp, where namespaces aren't to be had.

A program can't open a file outside its scratch folder and the interpreter's own, but Landlock doesn't
hide names: it can learn that a path exists, and its size.
"""

import importlib
import os
import tempfile
from collections.abc import Mapping
from typing import IO, Any

from agentkit.errors import MissingExtra
from agentkit.sandbox.native import SYS_PTRACE, interpreter, payload, spare_uid, supervise
from agentkit.sandbox.result import MAX_FILES, Result, SandboxLimits

NAME = "sandlock"


def run(code: str, inputs: Mapping[str, Any], limits: SandboxLimits) -> Result:
    """Run a program under sandlock.

    Raises:
        MissingExtra: The package isn't installed.
    """
    library = _library()
    python = interpreter()
    uid = spare_uid(SYS_PTRACE)  # sandlock reads the arguments of system calls from the program's memory
    setup = payload(code, inputs, limits, uid=uid, keep_reading=uid is not None and python.private)
    with tempfile.TemporaryDirectory(prefix="agentkit-scratch-") as scratch:
        if uid is not None:
            os.chown(scratch, uid, uid)
        box = library.Sandbox(
            fs_readable=list(python.reads),
            fs_denied=list(python.hides),
            fs_writable=[scratch],
            cwd=scratch,
            clean_env=True,
            env={"PYTHONHASHSEED": "0"},
            no_coredump=True,
        )
        process = _Sandlocked(library, box, python.command)
        return supervise(NAME, process, setup, limits, scratch_full=lambda: full(scratch, limits))


def full(scratch: str, limits: SandboxLimits) -> bool:
    """Whether the folder holds more than it may: sandlock's own quota (0.9) isn't applied to open files."""
    count = size = 0
    for _, folders, files, descriptor in os.fwalk(scratch):
        count += len(folders) + len(files)
        if count > MAX_FILES:
            return True
        for name in files:
            try:
                size += os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_blocks * 512
            except FileNotFoundError:  # removed meanwhile
                continue
    return size > limits.scratch_mb << 20


def _library() -> Any:
    try:
        return importlib.import_module("sandlock")
    except ImportError:
        raise MissingExtra("the sandlock tier", extra="sandbox") from None


class _Sandlocked:
    """One confined process; it can't have started others."""

    def __init__(self, library: Any, box: Any, line: list[str]) -> None:
        piped = library.StdioMode.PIPED
        self._process = box.popen(line, stdin=piped, stdout=piped, stderr=piped)
        self.stdin: IO[bytes] = self._process.stdin
        self.stdout: IO[bytes] = self._process.stdout
        self.report: IO[bytes] = self._process.stderr

    def stop(self) -> tuple[int, int]:
        self._process.kill()
        ended = self._process.wait()
        for pipe in (self.stdin, self.stdout, self.report):
            pipe.close()
        return ended.exit_code, max(ended.signal or 0, 0)  # -1: none
