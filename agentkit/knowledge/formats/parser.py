"""Reading documents whose parsers may hang or swell up: in a process that is killed when it does.

One process reads many files, one after the other; the next file after a kill starts another. It is given bytes and
returns text, its memory and processor time are bounded, and it can't write files. Its clock is the processor's, so that
a busy machine fails no file.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
from types import TracebackType
from typing import IO, Any, Self, cast

from agentkit.errors import MissingExtra
from agentkit.knowledge.formats import FORMATS, TEXT_CHARS, Format
from agentkit.knowledge.formats.content import Content, NotNow, Section, Unreadable

SECONDS = 60
"""Of processor time that one file may take."""
WALL = 10
"""Times as much may pass on the clock."""
MEMORY = 2_000_000_000
"""Bytes of address space."""
_START = """
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from agentkit.knowledge.formats.parser import serve
serve()
"""


class Parser:
    """Reads files of every format. Not for several threads at once."""

    def __init__(self, *, seconds: int = SECONDS, memory: int = MEMORY) -> None:
        """`seconds` of processor time and `memory` (bytes of address space) are what one file may take."""
        self._limits = {"seconds": seconds, "memory": memory}
        self._process: subprocess.Popen[bytes] | None = None

    def parse(self, data: bytes, format_: Format) -> Content:
        """The text of a file.

        Raises:
            Unreadable: It can't be read, or isn't what its ending says.
            NotNow: It takes more time or memory than there is, or its reader was killed.
            MissingExtra: The package that reads it isn't installed.
        """
        return self._confined(data, format_) if format_.confined else format_.read(data)

    def _confined(self, data: bytes, format_: Format) -> Content:
        process = self._process = self._process or self._start()
        stdin, stdout = cast(IO[bytes], process.stdin), cast(IO[bytes], process.stdout)
        request = json.dumps({"format": format_.name, "bytes": len(data), **self._limits})
        try:
            stdin.write(request.encode() + b"\n" + data)
            stdin.flush()
            line = stdout.readline()
        except BrokenPipeError:
            line = b""
        if not line.endswith(b"\n"):
            raise NotNow(self._ended())
        reply: dict[str, Any] = json.loads(line)
        if what := reply.get("missing"):
            raise MissingExtra(what, extra="documents")
        if why := reply.get("unreadable"):
            raise (NotNow if reply.get("now") else Unreadable)(why)
        return Content(sections=tuple(Section(**section) for section in reply["sections"]), notice=reply["notice"])

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-P", "-B", "-c", _START, json.dumps([os.path.abspath(path) for path in sys.path])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for whoever waits for it
        )

    def _ended(self) -> str:
        """Why the process is no more."""
        process, self._process = self._process, None
        if process is None:
            return "can't be read"
        code = _stop(process)
        if code in (-signal.SIGPROF, -signal.SIGALRM):
            return f"takes more than {self._limits['seconds']} s to read"
        return f"ended its reader ({signal.strsignal(-code) if code < 0 else f'exit code {code}'})"

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            _stop(self._process)
            self._process = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def _stop(process: subprocess.Popen[bytes]) -> int:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
    return process.wait()


def serve() -> None:
    """The other side: read a request and its bytes, write a line; until the pipe is closed."""
    out, source = os.fdopen(os.dup(1), "wb"), sys.stdin.buffer
    os.dup2(2, 1)  # what a library prints must not end up among the replies
    while line := source.readline():
        request: dict[str, Any] = json.loads(line)
        data = source.read(request["bytes"])
        _confine(request["seconds"], request["memory"])
        reply = _reply(data, next(format_ for format_ in FORMATS if format_.name == request["format"]))
        for timer in (signal.ITIMER_PROF, signal.ITIMER_REAL):
            signal.setitimer(timer, 0)
        out.write(json.dumps(reply).encode() + b"\n")
        out.flush()


def _confine(seconds: int, memory: int) -> None:
    """Bounds that the kernel keeps, whatever the parser does; the signal of the timer ends the process."""
    import resource

    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.setitimer(signal.ITIMER_REAL, seconds * WALL)  # for what waits rather than works
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    wanted = memory if most == resource.RLIM_INFINITY else min(memory, most)
    with contextlib.suppress(ValueError, OSError):  # macOS has no such limit
        resource.setrlimit(resource.RLIMIT_AS, (wanted, most))


def _reply(data: bytes, format_: Format) -> dict[str, Any]:
    try:
        content = format_.read(data)
    except Unreadable as error:
        return {"unreadable": str(error), "now": isinstance(error, NotNow)}
    except MissingExtra as error:
        return {"missing": error.what}
    except MemoryError:
        return {"unreadable": "takes too much memory to read", "now": True}
    except RecursionError:
        return {"unreadable": "nests too deeply"}
    except OSError as error:
        return {"unreadable": f"can't be read: {error.strerror}", "now": True}
    except Exception as error:
        return {"unreadable": f"can't be read: {type(error).__name__}: {' '.join(str(error).split())}"}
    sections = [
        {"text": s.text, "markdown": s.markdown, "heading": s.heading, "page": s.page} for s in content.sections
    ]
    if sum(len(s.text) for s in content.sections) > TEXT_CHARS:
        return {"unreadable": f"holds more than {TEXT_CHARS:,} characters of text; split it"}
    return {"sections": sections, "notice": content.notice}
