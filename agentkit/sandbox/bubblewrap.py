"""The bubblewrap tier: CPython in namespaces of its own, with a file system that holds nothing else."""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, cast

from agentkit.sandbox.native import SYS_ADMIN, Interpreter, interpreter, payload, spare_uid, supervise
from agentkit.sandbox.result import MAX_FILES, Result, SandboxLimits

NAME = "bubblewrap"
SCRATCH = "/scratch"


def run(code: str, inputs: Mapping[str, Any], limits: SandboxLimits) -> Result:
    """Run a program under `bwrap`.

    Raises:
        FileNotFoundError: There is no `bwrap` on this machine.
    """
    # Real root drops to a spare uid inside, after bwrap has mounted what only root may reach;
    # anybody else gets the same view through a user namespace.
    uid = spare_uid(SYS_ADMIN)
    setup = payload(code, inputs, limits, uid=uid, keep_reading=False)
    process = _Bwrap(command(interpreter(), limits, as_root=uid is not None))
    return supervise(NAME, process, setup, limits, scratch_full=process.scratch_full)


def command(python: Interpreter, limits: SandboxLimits, *, as_root: bool) -> list[str]:
    """The whole command line."""
    binary = shutil.which("bwrap")
    if binary is None:
        raise FileNotFoundError("there is no program 'bwrap' on the PATH")
    line = [binary, "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
    line += ["--die-with-parent", "--new-session", "--clearenv", "--setenv", "PYTHONHASHSEED", "0"]
    line += (
        ["--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"] if as_root else ["--unshare-user"]
    )
    parents = {str(folder) for path in (*python.reads, SCRATCH) for folder in Path(path).parents} - {"/"}
    for folder in sorted(parents):
        line += ["--perms", "0755", "--dir", folder]
    for path in python.reads:
        line += ["--ro-bind", path, path]
    for link in ("/lib", "/lib32", "/lib64"):  # every executable names its loader by such a path
        if os.path.islink(link):
            line += ["--symlink", os.readlink(link), link]
    for path in python.hides:
        line += ["--perms", "0555", "--tmpfs", path, "--remount-ro", path]
    line += ["--perms", "0777", "--size", str(limits.scratch_mb << 20), "--tmpfs", SCRATCH]
    return [*line, "--remount-ro", "/", "--chdir", SCRATCH, "--", *python.command]


class _Bwrap:
    """One `bwrap`; its death ends the pid namespace and with it everything inside."""

    def __init__(self, line: list[str]) -> None:
        self._info, theirs = os.pipe()
        os.set_blocking(self._info, False)
        try:
            self._process = subprocess.Popen(
                [line[0], "--info-fd", str(theirs), *line[1:]],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                env={},
                pass_fds=[theirs],
            )
        except BaseException:
            os.close(self._info)
            raise
        finally:
            os.close(theirs)
        pipes = (self._process.stdin, self._process.stdout, self._process.stderr)
        self.stdin, self.stdout, self.report = (cast(IO[bytes], pipe) for pipe in pipes)
        self._told = b""
        self._inside: int | None = None

    def scratch_full(self) -> bool:
        """Whether the scratch folder holds too many files; of their bytes its mount takes care."""
        try:
            if self._inside is None:
                self._told += os.read(self._info, 4096)
                found = re.search(rb'"child-pid": (\d+)\b[^\d]', self._told)
                if found is None:
                    return False
                self._inside = int(found[1])
            state = os.statvfs(f"/proc/{self._inside}/root{SCRATCH}")
        except OSError:  # it has told nothing yet, not mounted it yet, or ended
            return False
        return state.f_files - state.f_ffree > MAX_FILES

    def stop(self) -> tuple[int, int]:
        self._process.kill()
        code = self._process.wait()
        os.close(self._info)
        for pipe in (self.stdin, self.stdout, self.report):
            pipe.close()
        if code < 0:
            return -1, -code
        # bwrap says as a shell does which signal ended the program; a program may also exit with such a code.
        return (-1, code - 128) if 128 < code < 128 + signal.NSIG else (code, 0)
