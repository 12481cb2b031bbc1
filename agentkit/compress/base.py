"""What a student starts from."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from agentkit.models.model import Message
from agentkit.models.transcript import Owned


class Speech(Protocol):
    """How a model reads and writes transcripts."""

    @property
    def ends(self) -> Sequence[int]:
        """The ids that end a turn."""
        ...

    def whole(self, messages: Sequence[Message], own: Sequence[int]) -> Owned:
        """The ids of a transcript that is over; `own` are the indices of the messages that the model writes."""
        ...


@dataclass(frozen=True)
class Base:
    """A model before training."""

    folder: Path
    """In Hugging Face's form."""
    name: str
    """As the catalog knows it, or where it was."""
    sha256: str
    """Of the GGUF file, or of the weights in the folder where there is none."""
    speech: Speech
