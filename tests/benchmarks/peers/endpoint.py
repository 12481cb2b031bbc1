"""llama.cpp as an OpenAI-compatible endpoint on loopback, in a process of its own.

Loaded as agentkit loads a model (agentkit.models.llama_server): same context, threads, batch, one slot, the model's own
chat template. Each request still finds the slot's keys and values where its prompt begins like the last one's.
"""

import json
import secrets
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from agentkit.models.llama_server import FIELDS, load_library

STARTED = "listening "


@dataclass(kw_only=True)
class Endpoint:
    """An endpoint while the block runs."""

    model: Path
    context: int
    threads: int
    url: str = ""
    key: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        # Not on the command line, where anyone on the machine can read it.
        wanted = {"path": str(self.model), "context": self.context, "threads": self.threads, "key": self.key}
        self._process.stdin.write(json.dumps(wanted) + "\n")
        self._process.stdin.flush()
        for line in self._process.stdout:
            if line.startswith(STARTED):
                self.url = line.removeprefix(STARTED).strip()
                return self
        raise SystemExit(f"the endpoint for {self.model} didn't start: it ended with {self._process.wait()}")

    def check(self) -> None:
        """Stop everything if the endpoint has died: what fails from then on isn't a peer's doing."""
        if (code := self._process.poll()) is not None:
            raise SystemExit(f"the endpoint ended with {code}; what is done is kept, the same command goes on")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()


def serve() -> None:
    """Serve until standard input ends."""
    wanted: dict[str, Any] = json.loads(sys.stdin.readline())
    xllamacpp = load_library()
    params = xllamacpp.CommonParams()
    params.model.path = wanted["path"]
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = wanted["threads"]
    fields = {
        **FIELDS,
        "n_ctx": wanted["context"],
        "n_parallel": 1,
        "hostnames": ["127.0.0.1"],
        "api_keys": [wanted["key"]],
    }
    for name, value in fields.items():
        setattr(params, name, value)
    server = xllamacpp.Server(params)
    print(f"{STARTED}{server.listening_address}", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    serve()
