"""Runs programs in one tier and measures; a process of its own so that it can be another user's.

Reads {"tier", "limits", "programs": {name: code}} from stdin, writes what came of each to stdout. With
"command" it starts `agentkit tool python` for each program, else it calls the sandbox itself.
"""

import ctypes
import functools
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from agentkit import sandbox
from agentkit.errors import SandboxRefused

AT_ONCE = 2
HUNG = 60
"""Seconds after which a command is killed: none takes so long, however busy the machine is."""
PR_SET_CHILD_SUBREAPER = 36


def own_peak_kilobytes() -> int:
    """Largest resident memory of this program; getrusage would count the process that it was forked from."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def attempt(tier: str, limits: sandbox.SandboxLimits, code: str) -> dict[str, Any]:
    try:
        return sandbox.run(code, tier=tier, limits=limits).model_dump()
    except SandboxRefused as refused:
        return {"refused": str(refused), "stdout": "", "value": None, "error": "", "seconds": 0.0}


def command(tier: str, limits: sandbox.SandboxLimits, code: str) -> dict[str, Any]:
    settings = [f"--set={name}={value}" for name, value in limits.model_dump().items()]
    line = [sys.executable, "-m", "agentkit", "tool", "python", code, "--tier", tier, "--json", *settings]
    start = time.monotonic()
    with subprocess.Popen(
        line, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tempfile.gettempdir()
    ) as process:
        try:
            out, err = process.communicate(timeout=HUNG)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
    told = {"out": out.decode(errors="replace"), "err": err.decode(errors="replace")}
    return told | {"code": process.returncode, "wall": time.monotonic() - start}


def adopt_orphans() -> None:
    """What a command leaves behind becomes a child of this process, and so is found."""
    if ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError("this process can't adopt orphans")


def bury(seconds: float = 5.0) -> None:
    """Wait for adopted orphans that are about to end."""
    until = time.monotonic() + seconds
    while descendants(os.getpid()) and time.monotonic() < until:
        try:
            if os.waitpid(-1, os.WNOHANG) == (0, 0):
                time.sleep(0.02)
        except ChildProcessError:
            return


def descendants(process: int) -> dict[int, dict[str, str]]:
    """The status of each living process that `process` started, or one of these did."""
    found: dict[int, dict[str, str]] = {}
    try:
        started = [
            int(i) for file in Path(f"/proc/{process}/task").glob("*/children") for i in file.read_text().split()
        ]
    except (FileNotFoundError, ProcessLookupError):
        return found
    for child in started:
        try:
            lines = Path(f"/proc/{child}/status").read_text().splitlines()
        except (FileNotFoundError, ProcessLookupError):
            continue
        found[child] = {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}
        found |= descendants(child)
    return found


class Peak(threading.Thread):
    """The largest resident memory of any one descendant, looked at often: bwrap's are reaped by others."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.kilobytes = 0
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.wait(0.02):
            sizes = [int(s["VmHWM"].split()[0]) for s in descendants(os.getpid()).values() if "VmHWM" in s]
            self.kilobytes = max([self.kilobytes, *sizes])

    def __enter__(self) -> "Peak":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join()


def main() -> None:
    job = json.load(sys.stdin)
    tier, limits = job["tier"], sandbox.SandboxLimits(**job["limits"])
    if reason := sandbox.tiers()[tier].unavailable():
        json.dump({"unavailable": reason}, sys.stdout)
        return
    programs: dict[str, str] = job["programs"]
    run = command if job.get("command") else attempt
    if run is command:
        adopt_orphans()
    with Peak() as peak, tempfile.TemporaryFile() as secret, ThreadPoolExecutor(AT_ONCE) as threads:
        secret.write(b"inherited secret")
        secret.flush()
        os.set_inheritable(secret.fileno(), True)  # a careless parent hands it down
        ran = threads.map(functools.partial(run, tier, limits), programs.values())
        outcomes = dict(zip(programs, ran, strict=True))
    if run is command:
        bury()
    left = descendants(os.getpid())
    ended = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    json.dump(
        {
            "outcomes": outcomes,
            "uid": os.getuid(),
            "peak_mb": max(ended, peak.kilobytes) // 1024,
            "own_peak_mb": own_peak_kilobytes() // 1024,
            "left": sorted(status["Name"] for status in left.values()),
            "scratch": sorted(path.name for path in Path(tempfile.gettempdir()).glob("agentkit-scratch-*")),
        },
        sys.stdout,
    )


if __name__ == "__main__":
    main()
