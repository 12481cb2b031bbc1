"""Where weights are kept on this machine."""

import os
from pathlib import Path


def cache() -> Path:
    """Where weights are kept: AGENTKIT_CACHE, else agentkit's folder in the user's cache."""
    if own := os.environ.get("AGENTKIT_CACHE"):
        return Path(own).expanduser().absolute()
    users = os.environ.get("XDG_CACHE_HOME")
    return (Path(users) if users else Path.home() / ".cache") / "agentkit"
