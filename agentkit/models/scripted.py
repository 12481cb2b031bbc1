"""A model that says what it is told to: for tests, replay and documentation.

sums = {"tool": "calculator", "arguments": {"expression": "6*7"}}
model = ScriptedModel([sums, {"answer": {"text": "42", "evidence": [1]}}])
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from agentkit.answer import Usage
from agentkit.errors import ModelError
from agentkit.models.grammar import admits
from agentkit.models.model import Completion, Grammar, Message, Model, Sampling, Session
from agentkit.models.template import shared_prefix

Reply = str | Mapping[str, Any] | BaseModel
"""A text, or what is written as JSON; a `Completion` is given back as it is."""


@dataclass(frozen=True)
class ScriptedCall:
    """What a scripted model was asked."""

    messages: tuple[Message, ...]
    grammar: Grammar | None
    sampling: Sampling


class ScriptedModel(Model):
    """Gives the replies in order, or what a function makes of the messages and the grammar.

    A reply that its grammar doesn't admit is an error: a script that no model could have written proves nothing.

    Args:
        replies: All sessions of the model take from the same ones.
        lenient: Give back replies that the grammar doesn't admit, to test how malformed output is handled.
        context: As a real model's; the script ignores it.
        taught: As a real model's: whether it is sent no worked examples.
    """

    def __init__(
        self,
        replies: Iterable[Reply] | Callable[[Sequence[Message], Grammar | None], Reply],
        *,
        name: str = "scripted",
        lenient: bool = False,
        context: int | None = None,
        taught: bool = False,
    ) -> None:
        self.name = name
        self.context = context
        self.taught = taught
        self.lenient = lenient
        self.calls: list[ScriptedCall] = []
        self._function = replies if callable(replies) else None
        self._replies = iter(()) if callable(replies) else iter(replies)

    def session(self, *, repeatable: bool = False) -> "ScriptedSession":  # noqa: ARG002 (always is)
        return ScriptedSession(self)

    def reply(self, call: ScriptedCall) -> Completion:
        """Record a call and give its reply, without usage."""
        self.calls.append(call)
        number = len(self.calls)
        if self._function:
            given = self._function(call.messages, call.grammar)
        else:
            try:
                given = next(self._replies)
            except StopIteration:
                raise ModelError(f"the script has {number - 1} replies but reply {number} was asked for") from None
        text = given if isinstance(given, str) else as_json(given)
        completion = given if isinstance(given, Completion) else Completion(text=text, finish="stop")
        fits = call.grammar is None or admits(call.grammar, completion.text)
        if not (fits or completion.finish == "length" or self.lenient):
            raise ModelError(
                f"scripted reply {number} is not admitted by the grammar: {completion.text!r}; "
                "correct it, or pass lenient=True to test malformed output"
            )
        return completion


class ScriptedSession(Session):
    """Counts usage in words: all of the messages are the prompt, what the last call began with is cached."""

    def __init__(self, model: ScriptedModel) -> None:
        self._model = model
        self._seen: list[str] = []

    async def generate(
        self,
        messages: Sequence[Message],
        *,
        grammar: Grammar | None = None,
        sampling: Sampling = Sampling(),
    ) -> Completion:
        completion = self._model.reply(ScriptedCall(tuple(messages), grammar, sampling))
        if completion.usage != Usage():
            return completion
        prompt = [word for message in messages for word in message.content.split()]
        generated = completion.text.split()
        usage = Usage(prompt=len(prompt), cached=shared_prefix(self._seen, prompt), generated=len(generated))
        self._seen = prompt + generated
        return completion.model_copy(update={"usage": usage})


def as_json(reply: object) -> str:
    """As a grammar's JSON is written: without white space between tokens, nothing escaped that needn't be."""
    value = reply.model_dump(mode="json") if isinstance(reply, BaseModel) else reply
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("\x7f", "\\u007f")
