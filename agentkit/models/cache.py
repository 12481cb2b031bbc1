"""Where weights are kept on this machine."""

import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from agentkit.models.download import locked
from agentkit.settings import expanded


def cache() -> Path:
    """Where weights are kept: AGENTKIT_CACHE, else agentkit's folder in the user's cache."""
    if own := os.environ.get("AGENTKIT_CACHE"):
        return expanded(own).absolute()
    users = os.environ.get("XDG_CACHE_HOME")
    return (Path(users) if users else Path.home() / ".cache") / "agentkit"


@contextmanager
def writing(folder: Path) -> Generator[None]:
    """Hold a folder of the cache to write into it, waiting while another process does.

    What is half written there is of processes that were killed, and deleted.
    """
    with locked(folder / ".lock"):
        for part in folder.glob("*.part"):
            with suppress(OSError):
                shutil.rmtree(part) if part.is_dir() else part.unlink()
        yield
