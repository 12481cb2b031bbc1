"""A process of its own for judging with code that may hang, swell up or run what a model wrote.

Parsers of computer algebra and the verifiers of procedural tasks evaluate the text they are given. In a worker such a
call has a time and a memory limit, and on Linux it can't change files, reach the network or start processes. That
holds from the first call on, once what its function needs has been imported: imports at the top of its module may
still write caches. What is left to a hostile text: it may read files, which gets it nowhere, and tamper with the
verdicts of its own worker.
"""

import json
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, cast

from pydantic import JsonValue

from agentkit.errors import AgentkitError
from agentkit.sandbox import seccomp
from agentkit.threads import in_thread

STARTUP = 60.0
"""Seconds for the interpreter to start and to import what a call needs; they don't count as the call's."""
PATIENCE = 4
"""By the clock a call may take so many times the processor time that it has: a busy machine changes no verdict."""
REPORT_BYTES = 1 << 20
"""A verdict is a few numbers and words."""


class WorkerError(AgentkitError):
    """A call in a worker raised, or ended the worker."""


class WorkerTimeout(WorkerError):
    """A call computed longer than it may, or slept; the worker was killed."""


class Worker:
    """A process that runs one call at a time; started by the first one, and anew after one that ended it.

    Calls wait for one another, and the wait doesn't count as their time. It holds no event loop: it can be used from
    several, one after the other. A worker that is forgotten or left at exit ends itself.
    """

    def __init__(self, *, memory_mb: int = 1024) -> None:
        """`memory_mb` bounds the address space, the interpreter and what it imports included."""
        self._memory = memory_mb << 20
        self._lock = threading.Lock()
        self._process: _Process | None = None

    async def call(self, function: str, *args: JsonValue, seconds: float = 5.0) -> Any:
        """Run `package.module:name` with these arguments over there; arguments and result are values of JSON.

        Raises:
            WorkerTimeout: It took more than `seconds` of processor time, or far more by the clock.
            WorkerError: It raised, its result isn't JSON, or it ended its process.
        """
        return await in_thread(lambda: self.call_blocking(function, *args, seconds=seconds))

    async def aclose(self) -> None:
        """End the process; a call that is running there fails. The next call starts another."""
        await in_thread(self.close)

    def close(self) -> None:
        """The same without an event loop."""
        if (running := self._process) is not None:
            running.kill()
        with self._lock:  # whoever is reading from it has noticed
            if self._process is not None:
                self._process.stop()
            self._process = None

    def call_blocking(self, function: str, *args: JsonValue, seconds: float = 5.0) -> Any:
        """`call` without an event loop."""
        with self._lock:
            process = self._process
            if process is None or process.ended:
                process = self._process = _Process(self._memory)
            try:
                told = process.ask({"function": function, "args": list(args), "seconds": seconds}, seconds)
            except WorkerError:
                process.stop()
                self._process = None
                raise
        if "error" in told:
            raise WorkerError(f"{function} failed in its worker: {' '.join(str(told['error']).split())}")
        return told.get("value")


class _Process:
    """One interpreter, and the pipes to it."""

    def __init__(self, memory: int) -> None:
        source = Path(__file__).with_name("confined.py").read_text("utf-8")
        kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH", "LANG", "HOME") if name in os.environ}
        # Its filter lets it start no threads, so numeric libraries must not try.
        single = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        self._popen = subprocess.Popen(
            [sys.executable, "-P", "-B", "-X", "utf8", "-c", source],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            env={**kept, **single, "PYTHONHASHSEED": "0"},
            start_new_session=True,  # Ctrl-C is for whoever owns it
        )
        self._stdin, self._stdout = (cast(IO[bytes], p) for p in (self._popen.stdin, self._popen.stdout))
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._stdout, selectors.EVENT_READ)
        self._read = bytearray()
        self.stop = weakref.finalize(self, _stop, self._popen, self._selector)
        setup = {
            "path": [os.path.abspath(path) for path in sys.path],
            "memory": memory,
            "filter": seccomp.program() if seccomp.supported() else [],
        }
        self._write(setup)

    def kill(self) -> None:
        self._popen.kill()

    @property
    def ended(self) -> bool:
        return self._popen.poll() is not None

    def ask(self, call: Mapping[str, Any], seconds: float) -> Mapping[str, Any]:
        """What the process reports of a call."""
        what = call["function"]
        self._write(call)
        first = self._line(STARTUP, f"{what}: its worker wasn't ready within {STARTUP:g} s")
        if first != b"found":
            return self._told(what, first)
        late = f"{what} took longer than {seconds:g} s; its worker was ended"
        return self._told(what, self._line(PATIENCE * seconds, late))

    def _told(self, what: str, line: bytes) -> Mapping[str, Any]:
        try:
            told = json.loads(line)
        except ValueError:
            told = None
        if not isinstance(told, dict):
            raise WorkerError(f"{what}: its worker reported {line[:80]!r}, which is no verdict")
        return cast(Mapping[str, Any], told)

    def _write(self, value: Mapping[str, Any]) -> None:
        data = memoryview(json.dumps(value).encode() + b"\n")
        try:
            while data:
                data = data[self._stdin.write(data) :]
        except BrokenPipeError:
            raise self._died() from None

    def _line(self, seconds: float, late: str) -> bytes:
        deadline = time.monotonic() + seconds
        while b"\n" not in self._read:
            left = deadline - time.monotonic()
            if left <= 0 or not self._selector.select(left):
                raise WorkerTimeout(late)
            chunk = os.read(self._stdout.fileno(), 65536)
            if not chunk:
                raise self._died(late)
            self._read += chunk
            if len(self._read) > REPORT_BYTES:
                raise WorkerError(f"a worker reported more than {REPORT_BYTES} bytes; it was ended")
        line, _, self._read = self._read.partition(b"\n")
        return bytes(line)

    def _died(self, late: str = "a call took too long; its worker was ended") -> WorkerError:
        try:
            code = self._popen.wait(1)
        except subprocess.TimeoutExpired:
            return WorkerError("a worker closed its pipe and was ended")
        if code == -signal.SIGXCPU:
            return WorkerTimeout(late)
        return WorkerError(f"a worker ended in mid-call, with {f'signal {-code}' if code < 0 else f'exit code {code}'}")


def _stop(process: "subprocess.Popen[bytes]", selector: selectors.BaseSelector) -> None:
    process.kill()
    process.wait()
    selector.close()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
