"""The driver's side of a peer's worker: one item at a time, its calls answered by agentkit's tools."""

import asyncio
import contextlib
import json
import os
import signal
import tempfile
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from peers import environment
from peers.events import Call, End, Event, read

from agentkit.errors import ToolError
from agentkit.tools import Tool

ITEM_SECONDS = 900.0
"""One item may take that long, then its worker is killed; the next gets a new one. More than a peer's steps and tokens
take, so that the machine's other work doesn't decide who is right."""
START_SECONDS = 120.0
LINE_BYTES = 1 << 24
WORKER = Path(__file__).with_name("worker.py")


class Peer:
    """A peer in a process of its own. An asynchronous context manager."""

    def __init__(
        self, python: Path, options: Mapping[str, Any], *, item_seconds: float = ITEM_SECONDS, worker: Path = WORKER
    ) -> None:
        self._python = python
        self._options = options
        self._seconds = item_seconds
        self._worker = worker
        self._home = tempfile.TemporaryDirectory(prefix="agentkit-peers-")
        self._process: Process | None = None

    async def __aenter__(self) -> "Peer":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
        self._home.cleanup()

    async def answer(self, question: str, tools: Mapping[str, Tool]) -> tuple[list[Event], float]:
        """What the peer did, ending with an `End`, and the seconds it took; the worker's start isn't in them.

        Args:
            tools: By the names that the peer is to know them by.
        """
        if self._process is None:
            await self._start()
        events: list[Event] = []
        start = time.monotonic()
        try:
            async with asyncio.timeout(self._seconds):
                await self._send({"question": question, "tools": [shown(name, tool) for name, tool in tools.items()]})
                while not (events and isinstance(events[-1], End)):
                    event = read.validate_json(await self._line())
                    if isinstance(event, Call):
                        event = await call(event, tools[event.name])
                        await self._send({"text": event.text, "error": event.error})
                    events.append(event)
        except TimeoutError:
            await self.stop()
            events.append(End(how="limit", text=f"the limit of {self._seconds:g} seconds"))
        except (EOFError, ConnectionError, BrokenPipeError) as error:
            await self.stop()
            events.append(End(how="raised", text=f"{type(error).__name__}: {error}"))
        return events, time.monotonic() - start

    async def _start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            self._python,
            self._worker,
            stdin=PIPE,
            stdout=PIPE,
            env=environment.variables(Path(self._home.name)),
            cwd=self._home.name,
            start_new_session=True,
            limit=LINE_BYTES,
        )
        await self._send(self._options)
        async with asyncio.timeout(START_SECONDS):
            ready = json.loads(await self._line())
        if ready != {"event": "ready"}:
            raise SystemExit(f"the worker of {self._options['peer']} began with {ready!r} instead of being ready")

    async def _send(self, value: object) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(value, ensure_ascii=False).encode() + b"\n")
        await self._process.stdin.drain()

    async def _line(self) -> bytes:
        assert self._process is not None
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if not line.endswith(b"\n"):
            raise EOFError(f"the worker ended with {await self._process.wait()}")
        return line

    async def stop(self) -> None:
        """End the worker, and what it has started; the next item gets another one."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            await self._process.wait()
            self._process = None


def shown(name: str, tool: Tool) -> dict[str, Any]:
    """A tool as a peer is told of it; without patterns, which bind decoding only, and that only in agentkit."""
    properties: Mapping[str, Mapping[str, Any]] = tool.parameters.get("properties", {})
    bare = {field: {k: v for k, v in node.items() if k != "pattern"} for field, node in properties.items()}
    return {"name": name, "description": tool.description, "parameters": {**tool.parameters, "properties": bare}}


async def call(event: Call, tool: Tool) -> Call:
    """Call a tool as agentkit's own loop does: arguments checked, in its sandbox, with its time-out."""
    start = time.monotonic()
    try:
        tool.validate(event.arguments)
    except ToolError as error:
        return event.model_copy(update={"error": told(str(error), error.hint), "fits": False})
    outcome = await tool.invoke(event.arguments)
    update = {
        "text": "\n".join(part.text for part in outcome.parts),
        "error": told(outcome.error, outcome.hint),
        "seconds": time.monotonic() - start,
    }
    return event.model_copy(update=update)


def told(error: str, hint: str) -> str:
    """An error with what to try instead."""
    return f"{error}; {hint}" if error and hint else error
