"""The peers' own environment: a venv in the cache, and what their process may see of this machine."""

import json
import subprocess
import sys
import venv
from collections.abc import Mapping
from pathlib import Path

from agentkit.models import catalog

PINNED = ("smolagents[openai]==1.26.0", "pydantic-ai-slim[openai]==2.68.0", "openai==3.54.0")
NAMED = ("smolagents", "pydantic-ai-slim", "openai")
"""Packages whose versions a run's header tells."""
SILENT = {
    "DO_NOT_TRACK": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_OFFLINE": "1",
    "LOGFIRE_SEND_TO_LOGFIRE": "false",
    "OTEL_SDK_DISABLED": "true",
}
"""Neither peer reports anything home by itself; their dependencies (huggingface_hub, logfire's and OpenTelemetry's
interfaces) could. The worker's audit hook refuses whatever isn't loopback all the same."""


def interpreter() -> Path:
    """The Python of an environment that has the peers; made at the first call (180 MB)."""
    top = catalog.cache() / "peers" / "-".join(pin.rpartition("==")[2] for pin in PINNED)
    python = top / "bin/python"
    if not (top / "ready").exists():
        print(f"making an environment with {', '.join(PINNED)} in {top}", file=sys.stderr)
        venv.create(top, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "-qq", *PINNED], check=True)
        (top / "ready").touch()
    return python


def versions(python: Path) -> Mapping[str, str]:
    """What is installed there."""
    code = (
        f"import json; from importlib.metadata import version as v; print(json.dumps({{n: v(n) for n in {NAMED!r}}}))"
    )
    told = subprocess.run([python, "-c", code], check=True, capture_output=True, text=True)
    return json.loads(told.stdout)


def variables(home: Path) -> dict[str, str]:
    """The environment variables of the peers' process: none of the user's, proxies and keys least of all."""
    return {"HOME": str(home), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1", **SILENT}
