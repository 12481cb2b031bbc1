"""Transcripts as token ids.

Control text and the messages' contents are tokenized apart, so that text never becomes a control token, and what the
model wrote itself stands there as it wrote it, so that its keys and values are reused. A student is taught on the
same ids that it is given later.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from agentkit.errors import ModelError
from agentkit.models.model import Message
from agentkit.models.template import Piece, Template


class Tokenize(Protocol):
    """Token ids of a text; only control text may give control tokens, the first piece what opens a text."""

    def __call__(self, text: str, *, control: bool, first: bool = False) -> Sequence[int]: ...


@dataclass(frozen=True)
class Owned:
    """The ids of a whole transcript, and whose they are."""

    ids: tuple[int, ...]
    owners: tuple[int | None, ...]
    """For each id the index of the message that it belongs to; None for control text."""


@dataclass(frozen=True)
class _Written:
    """An assistant message as the model wrote it."""

    opening: str
    """The control text it was written after."""
    tokens: tuple[int, ...]


class Transcript:
    """One run's messages as the token ids that a model is given for them."""

    def __init__(self, tokenize: Tokenize, template: Template) -> None:
        self._tokenize = tokenize
        self._template = template
        self._written: dict[tuple[int, str], _Written] = {}

    @property
    def begun(self) -> bool:
        """Whether the model has written anything."""
        return bool(self._written)

    def prompt(self, messages: Sequence[Message]) -> tuple[int, ...]:
        """The ids for these messages, ready for the assistant to write.

        Raises:
            ModelError: The template doesn't take these roles in this order.
        """
        return self._owned(self._template.render(messages), messages).ids

    def before_last(self, messages: Sequence[Message]) -> tuple[int, ...]:
        """The ids of what comes before the content of the last message."""
        return self._owned(self._template.render(messages)[:-2], messages).ids

    def wrote(self, messages: Sequence[Message], text: str, tokens: Sequence[int]) -> None:
        """Remember that the model answered these messages with this text, in these tokens."""
        opening = self._template.render(messages)[-1].text
        self._written[len(messages), text] = _Written(opening, tuple(tokens))

    def whole(self, messages: Sequence[Message], *, own: Collection[int], ends: Collection[int]) -> Owned:
        """The ids of a transcript that is over, as if the model had written its own messages.

        Args:
            messages: The last one is an assistant message, whose end of turn ends the ids.
            own: Indices of the assistant messages that the model writes. The token that ends its turn belongs to such
                a message.
            ends: Ids that end a turn.

        Raises:
            ModelError: The template doesn't take these roles in this order, or writes no end after the last message.
        """
        taught = Transcript(self._tokenize, self._template)
        for index in own:
            content = messages[index].content
            taught.wrote(messages[:index], content, self._tokenize(content, control=False))
        following = [*messages, Message(role="user", content="")]
        owned = taught._owned(self._template.render(following), following)
        owners = list(owned.owners)
        for at, (before, owner) in enumerate(zip(owned.owners, owned.owners[1:], strict=False), 1):
            if before in own and owner is None and owned.ids[at] in ends:
                owners[at] = before
        last = max((at for at, owner in enumerate(owned.owners) if owner == len(messages) - 1), default=len(owners))
        end = next((at for at in range(last + 1, len(owners)) if owned.ids[at] in ends), None)
        if end is None:
            raise ModelError(
                "the transcript's last message is empty, or the chat template writes no end of turn after it"
            )
        return Owned(owned.ids[: end + 1], tuple(owners[: end + 1]))

    def _owned(self, pieces: Sequence[Piece], messages: Sequence[Message]) -> Owned:
        written = [
            None if piece.message is None else self._written.get((piece.message, messages[piece.message].content))
            for piece in pieces
        ]
        ids: list[int] = []
        owners: list[int | None] = []
        for index, piece in enumerate(pieces):
            own, following = written[index], written[index + 1] if index + 1 < len(pieces) else None
            if own:
                tokens: Sequence[int] = own.tokens
            elif piece.message is not None:
                tokens = self._tokenize(piece.text, control=False)
            else:
                text = following.opening if following else piece.text
                tokens = self._tokenize(text, control=True, first=index == 0)
            ids += tokens
            owners += [piece.message] * len(tokens)
        return Owned(tuple(ids), tuple(owners))
