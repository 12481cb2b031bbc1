"""Which weights a file or a folder holds, whatever it is called."""

import hashlib
from pathlib import Path

from agentkit.errors import ConfigurationError


def sha256(path: Path) -> str:
    """A file's hash."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def weights_hash(place: Path) -> str:
    """SHA-256 of a GGUF file, or of the weights in a Hugging Face folder.

    Raises:
        ConfigurationError: It is a folder without weights.
    """
    if not place.is_dir():
        return sha256(place)
    files = sorted(place.glob("*.safetensors"))
    if not files:
        raise ConfigurationError(f"there is no model.safetensors in {place}; name a Hugging Face folder")
    hashes = [sha256(file) for file in files]
    return hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(hashes).encode()).hexdigest()
