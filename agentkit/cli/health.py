"""Everything that `agentkit doctor` looks at."""

import os
import platform
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from agentkit.cli import machine
from agentkit.cli.opening import check_model, load_settings
from agentkit.errors import AgentkitError, ConfigurationError
from agentkit.models import catalog
from agentkit.models.llamacpp import physical_cores
from agentkit.sandbox import tiers
from agentkit.settings import Settings, unknown_variables


class Report(BaseModel, frozen=True):
    """Everything that `doctor` found out."""

    agentkit: str
    python: str
    executable: str
    system: str
    packages: dict[str, str | None]
    extras: dict[str, dict[str, Any]]
    cores: int
    threads: int
    memory_total: int | None
    memory_available: int | None
    cache: str
    cache_free: int | None
    models: list[dict[str, Any]]
    model: str
    """The one that `ask` would take."""
    sandbox: list[dict[str, Any]]
    settings: list[dict[str, Any]]
    ignored: list[str]
    """Variables that look like settings but are none."""
    problems: list[str]
    """Why the main job can't run here; empty when it can."""


def loaded_settings() -> tuple[Settings, list[str]]:
    """The settings or, where these are wrong, the defaults and what is wrong."""
    try:
        return load_settings(), []
    except ConfigurationError as error:
        return Settings(), [str(error)]


def examined(settings: Settings, problems: list[str]) -> Report:
    """Look at everything; a part that can't be looked at is a problem, not an error."""
    base, extras = machine.packages()
    total, available = machine.memory()
    model = settings.model or catalog.DEFAULT
    sandbox = [
        {"tier": t.name, "description": t.description, "unavailable": t.unavailable(), "install": t.install}
        for t in tiers().values()
    ]
    return Report(
        agentkit=machine.installed("agentkit") or "unknown",
        python=platform.python_version(),
        executable=sys.executable,
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        packages={p.name: p.version for p in base},
        extras={
            e.name: {"packages": {p.name: p.version for p in e.packages}, "missing": e.missing, "install": e.command}
            for e in extras
        },
        cores=machine.cores(),
        threads=settings.threads or physical_cores(),
        memory_total=total,
        memory_available=available,
        cache=str(catalog.cache()),
        cache_free=machine.disk_free(catalog.cache()),
        models=[entry.model_dump(mode="json") for entry in catalog.listing()],
        model=model,
        sandbox=sandbox,
        settings=[
            {"key": k, "value": str(v) if isinstance(v, Path) else v, "from": origin}
            for k, v, origin in settings.in_force()
        ],
        ignored=unknown_variables(os.environ),
        problems=[
            *problems,
            *(f"{p.name} is not installed: pip install agentkit" for p in base if p.version is None),
            *obstacles(settings),
            *([] if any(not t["unavailable"] for t in sandbox) else ["no tier of the sandbox can be used"]),
        ],
    )


def obstacles(settings: Settings) -> Iterator[str]:
    """What keeps `ask` from loading a model and from reading documents."""
    try:
        check_model(settings)
    except AgentkitError as error:
        yield str(error)
    if catalog.locate(catalog.EMBEDDER) is None:
        yield f"the embedder is not here; fetch it: agentkit models pull {catalog.EMBEDDER}"
    if not machine.importable("numpy", "safetensors", "tokenizers", "chromadb"):
        yield "retrieval can't run: pip install 'agentkit[retrieval]'"
