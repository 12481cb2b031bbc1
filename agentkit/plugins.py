"""What installed packages add: found by entry point, loaded by name."""

from collections.abc import Callable, Iterable
from importlib.metadata import EntryPoint, entry_points
from typing import TypeGuard, TypeVar

from agentkit.errors import AgentkitError, DefinitionError, UnknownName

T = TypeVar("T")


def installed(group: str) -> dict[str, EntryPoint]:
    """The entry points of a group by name; nothing is loaded."""
    return {point.name: point for point in sorted(entry_points(group=group), key=lambda p: p.name)}


def load(group: str, names: Iterable[str], *, kind: str, fits: Callable[[object], TypeGuard[T]], unfit: str) -> list[T]:
    """Load the named entry points of a group, and only these.

    Args:
        kind: What the group holds, in the singular.
        unfit: What an error says of one that doesn't fit, after its name.

    Raises:
        UnknownName: No installed package offers such a name.
        DefinitionError: What stands there can't be loaded or doesn't fit.
    """
    wanted = list(names)
    known = installed(group) if wanted else {}  # looking through what is installed takes longer than many a run
    loaded: list[T] = []
    for name in wanted:
        if name not in known:
            raise UnknownName(kind, name, known)
        point = f"entry point {name!r} ({known[name].value})"
        try:
            found: object = known[name].load()
        except AgentkitError:
            raise
        except Exception as error:  # a package is anyone's code
            reason = f"{type(error).__name__}: {error}"
            raise DefinitionError(f"{point} can't be loaded: {reason}; mend its package or uninstall it") from error
        if not fits(found):
            raise DefinitionError(f"{point} {unfit}")
        loaded.append(found)
    return loaded
