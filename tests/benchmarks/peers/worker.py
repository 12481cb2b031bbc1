"""The peers' side: runs in their environment, gets items from the driver and has it call the tools.

Everything that a peer prints goes to standard error; the driver's lines have standard output to themselves. No
connection but to loopback can be opened from here.
"""

# pyright: basic, reportMissingImports=false, reportMissingModuleSource=false
# (the peers aren't installed where types are checked)

import json
import os
import resource
import sys
import threading
from pathlib import Path
from typing import Any

LOOPBACK = ("127.0.0.1", "::1", "localhost")
MEMORY = 4 << 30
"""Bytes of address space: a CodeAgent runs what the model wrote in this process."""
TEXT_CHARS = 4000
"""Of a completion that are told."""


class ToolFailed(Exception):
    """A tool's error, to be told the model."""


class Line:
    """To the driver and back."""

    def __init__(self) -> None:
        self._out = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)
        sys.stdout = sys.stderr
        self._writing, self._asking = threading.Lock(), threading.Lock()

    def read(self) -> Any:
        """The driver's next line; ends this process when there is none."""
        line = sys.stdin.readline()
        if not line:
            os._exit(0)  # a peer's threads may still be running
        return json.loads(line)

    def tell(self, event: str, **fields: Any) -> None:
        with self._writing:
            self._out.write(json.dumps({"event": event, **fields}, default=repr) + "\n")
            self._out.flush()

    def call(self, name: str, arguments: dict[str, Any]) -> str:
        """Have the driver call a tool."""
        with self._asking:  # peers call tools from several threads
            self.tell("call", name=name, arguments=arguments)
            outcome = self.read()
        if outcome["error"]:
            raise ToolFailed(outcome["error"])
        return outcome["text"]

    def completed(self, status: int, body: bytes, seconds: float) -> None:
        """Tell what the endpoint replied."""
        told: Any
        try:
            told = json.loads(body)
        except ValueError:
            told = {"error": body[:200].decode(errors="replace")}
        if status != 200 or "choices" not in told:
            self.tell("completion", seconds=seconds, error=f"{status}: {json.dumps(told.get('error', told))[:600]}")
            return
        usage, choice = told["usage"], told["choices"][0]
        message = choice["message"]
        self.tell(
            "completion",
            prompt=usage["prompt_tokens"],
            cached=(usage.get("prompt_tokens_details") or {}).get("cached_tokens", 0),
            generated=usage["completion_tokens"],
            seconds=seconds,
            finish=choice.get("finish_reason") or "",
            text=(message.get("content") or "")[:TEXT_CHARS],
            calls=[
                {"name": c["function"]["name"], "arguments": c["function"]["arguments"][:TEXT_CHARS]}
                for c in message.get("tool_calls") or ()
            ],
        )


def confine() -> None:
    """No network but loopback, and not all of the memory."""

    def audit(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "socket.connect" and isinstance(arguments[1], tuple) and arguments[1][0] not in LOOPBACK:
            raise PermissionError(f"a peer wanted to connect to {arguments[1]!r}: only loopback is allowed")
        if event == "socket.getaddrinfo" and arguments[0] not in LOOPBACK:
            raise PermissionError(f"a peer wanted to look up {arguments[0]!r}: only loopback is allowed")

    sys.addaudithook(audit)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def main() -> None:
    line = Line()
    confine()
    options = line.read()
    if options["peer"] == "pydantic-ai":
        from peers.pydantic_ai_peer import answerer
    else:
        from peers.smolagents_peer import answerer
    answer = answerer(line, options)
    line.tell("ready")
    while True:
        item = line.read()
        try:
            answer(item["question"], item["tools"])
        except Exception as error:
            line.tell("end", how="raised", text=f"{type(error).__name__}: {' '.join(str(error).split())[:600]}")


if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).parents[1])
    # The one in `peers` too, so that its classes are the same as ours.
    sys.modules["peers.worker"] = sys.modules["__main__"]
    main()
