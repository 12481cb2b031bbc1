"""Transcripts as a model was taught to read them.

A chat template mixes control tokens with the text of the messages. Rendered at once, a message that
spells a control token would become one. So the template is rendered around placeholders: what it writes
itself is control text, what stands for a message is replaced by that message, which stays text.
"""

import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from agentkit.errors import ModelError
from agentkit.models.model import Message, Role


@dataclass(frozen=True)
class Layout:
    """How a template arranges messages of certain roles."""

    control: tuple[str, ...]
    """What the template writes before, between and after the messages: one more than there are messages."""
    order: tuple[int, ...]
    """Which message stands in each gap."""
    trims: bool
    """Whether the template strips the messages' outer white space."""


@dataclass(frozen=True)
class Piece:
    """A stretch of a rendered transcript: control text, or the content of one message."""

    text: str
    message: int | None = None
    """The index of the message whose content this is; None for control text."""


class Template:
    """A chat template, given as a function from messages to text."""

    def __init__(self, apply: Callable[[Sequence[Message]], str]) -> None:
        self._apply = apply
        self._mark = f"text{secrets.token_hex(8)}number"
        # A run asks for each prefix of one sequence of roles, each twice at most: rendered again only once.
        self._layout = lru_cache(maxsize=256)(self._arrange)

    def render(self, messages: Sequence[Message]) -> list[Piece]:
        """The pieces of the transcript, ready for the assistant to write.

        Raises:
            ModelError: The template doesn't take these roles in this order.
        """
        roles = tuple(message.role for message in messages)
        if not roles or roles[-1] == "assistant":
            last = "nothing" if not roles else "an assistant message"
            raise ModelError(f"the transcript ends with {last}; end it with a user message to be answered")
        layout = self._layout(roles)
        pieces = [Piece(layout.control[0])]
        for index, control in zip(layout.order, layout.control[1:], strict=True):
            content = messages[index].content
            pieces += [Piece(content.strip() if layout.trims else content, index), Piece(control)]
        return pieces

    def _arrange(self, roles: tuple[Role, ...]) -> Layout:
        plain = self._split(roles, padding="")
        padded = self._split(roles, padding=" ")
        control, order = plain
        if sorted(order) != list(range(len(roles))):
            raise ModelError(
                f"the model's chat template doesn't write each of the messages {', '.join(roles)} once; "
                "use roles that it knows, the system message first"
            )
        return Layout(control=control, order=order, trims=plain == padded)

    def _split(self, roles: tuple[Role, ...], *, padding: str) -> tuple[tuple[str, ...], tuple[int, ...]]:
        """Render placeholders, in white space or not, and cut the result at them."""
        marked = [
            Message(role=role, content=f"{padding}{self._mark}{index}end{padding}") for index, role in enumerate(roles)
        ]
        parts = re.split(f"{self._mark}([0-9]+)end", self._apply(marked))
        return tuple(parts[::2]), tuple(int(index) for index in parts[1::2])


def shared_prefix(one: Sequence[object], other: Sequence[object]) -> int:
    """How many tokens (or words) two transcripts have in common at their beginning."""
    return next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
