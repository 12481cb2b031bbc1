"""What this machine and this installation have: processors, memory, disk, packages."""

import os
import re
import shutil
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec
from pathlib import Path

from pydantic import BaseModel

EXTRA = re.compile(r"extra\s*==\s*['\"]([^'\"]+)['\"]")
NAME = re.compile(r"[A-Za-z0-9._-]+")
BUNDLES = frozenset({"all", "dev"})
"""Extras that only repeat others, or that users don't need."""


class Package(BaseModel, frozen=True):
    """A package that agentkit uses."""

    name: str
    version: str | None
    """None: it isn't installed."""


class Extra(BaseModel, frozen=True):
    """An optional part, with the packages that it takes."""

    name: str
    packages: tuple[Package, ...]

    @property
    def missing(self) -> list[str]:
        return [p.name for p in self.packages if p.version is None]

    @property
    def command(self) -> str:
        """What installs it."""
        return f"pip install 'agentkit[{self.name}]'"


def packages() -> tuple[list[Package], list[Extra]]:
    """The packages that agentkit needs, and those of its extras, as its own metadata lists them."""
    base: list[Package] = []
    extras: dict[str, list[Package]] = {}
    for requirement in requires("agentkit") or []:
        found, extra = NAME.match(requirement), EXTRA.search(requirement)
        if found is None:
            continue
        package = Package(name=found[0], version=installed(found[0]))
        if extra is None:
            base.append(package)
        elif extra[1] not in BUNDLES:
            extras.setdefault(extra[1], []).append(package)
    return base, [Extra(name=name, packages=tuple(parts)) for name, parts in sorted(extras.items())]


def installed(package: str) -> str | None:
    """The version of a package, or None."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def importable(*modules: str) -> bool:
    """Whether all of these could be imported; none is."""
    return all(find_spec(module) is not None for module in modules)


def cores() -> int:
    """Logical processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def memory() -> tuple[int | None, int | None]:
    """Bytes of memory in all and to be had, a container's limit included; None where the system doesn't say."""
    total, available = _meminfo()
    limit, used = _cgroup()
    if limit is not None:
        total = min(total, limit) if total is not None else limit
        left = limit - (used or 0)
        available = min(available, left) if available is not None else left
    return total, available


def _meminfo() -> tuple[int | None, int | None]:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return _sysconf(), None
    told = {name: int(rest.split()[0]) * 1024 for name, _, rest in (line.partition(":") for line in lines) if rest}
    return told.get("MemTotal"), told.get("MemAvailable")


def _sysconf() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return None


def _cgroup() -> tuple[int | None, int | None]:
    """Limit and use of the container's memory (cgroup v2, then v1)."""
    for limit, used in (
        ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
        ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
    ):
        try:
            return int(Path(limit).read_text()), int(Path(used).read_text())
        except (OSError, ValueError):  # absent, or "max"
            continue
    return None, None


def disk_free(folder: Path) -> int | None:
    """Bytes free where a folder is or would be."""
    for place in (folder, *folder.parents):
        try:
            return shutil.disk_usage(place).free
        except OSError:
            continue
    return None
