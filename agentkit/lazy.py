"""A package's public names, each imported when it is first used: a package with many costs what is used of it."""

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any


def lazy(package: str, homes: Mapping[str, Sequence[str]]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """The `__getattr__` and `__dir__` of a package.

    Args:
        package: Its name.
        homes: For each module, the public names that it has; `load_model=load` is called `load` there.
    """
    where = {
        public: (home, inner or public)
        for home, names in homes.items()
        for public, _, inner in (name.partition("=") for name in names)
    }

    def get(name: str) -> Any:
        if name not in where:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        home, inner = where[name]
        value = getattr(import_module(home), inner)
        setattr(sys.modules[package], name, value)
        return value

    return get, lambda: sorted(where)
