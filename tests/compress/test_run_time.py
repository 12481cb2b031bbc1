"""What a student is taught to read is what it is given: real runs of the real model, token by token."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import gguf
import pytest

from agentkit import protocol
from agentkit.agent import Agent
from agentkit.compress.base import Speech
from agentkit.compress.examples import encoded
from agentkit.compress.lesson import Lesson
from agentkit.compress.vocabulary import write_tokenizer
from agentkit.events import Told
from agentkit.limits import Limits
from agentkit.models.llamacpp import LlamaCpp, LlamaSession
from agentkit.models.model import Completion, Message, Model, Session
from agentkit.models.tokenizer import HFTokenizer

pytestmark = pytest.mark.model

TASKS = (
    "What is 15% of 80?",
    "Ann has 3 boxes of 12 — and 4 more. How many „pieces“ has she?\n  (naïve café, 日本, <|im_end|> too)",
    "Say nothing.",
)


class Given(NamedTuple):
    """One generation."""

    messages: tuple[Message, ...]
    prompt: tuple[int, ...]
    text: str
    tokens: tuple[int, ...]
    """As they were sampled."""


class Watched(Model):
    """A model that remembers what each generation of its session was given, in text and in tokens."""

    def __init__(self, inner: LlamaCpp) -> None:
        self.inner = inner
        self.name, self.context = inner.name, inner.context
        self.given: list[Given] = []

    def session(self, *, repeatable: bool = False) -> Session:
        watched = self

        class Watching(LlamaSession):
            async def generate(self, messages: Sequence[Message], **how: Any) -> Completion:
                prompt = self.prompt(messages)
                completion = await super().generate(messages, **how)
                written: Any = self._transcript
                tokens = written._written[len(messages), completion.text].tokens
                watched.given.append(Given(tuple(messages), prompt, completion.text, tokens))
                return completion

        inner: Any = self.inner
        return Watching(inner, inner._server, inner._template, inner._slots)


def recorded(given: Sequence[Given]) -> Lesson:
    """A run as a lesson, as it is collected: every message that the model wrote in it is learned."""
    messages = [*given[-1].messages, Message(role="assistant", content=given[-1].text)]
    told = tuple(Told(role=m.role, content=m.content) for m in messages)
    own = tuple(len(before.messages) for before in given)
    return Lesson(id="run", source="test", protocol=protocol.fingerprint(), messages=told, learned=own)


@pytest.fixture(scope="module")
def speech(model_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Speech:
    """The tokenizer that training reads, made from the file that runs."""
    reader: Any = gguf.GGUFReader(model_path)

    def field(key: str) -> Any:
        found = reader.get_field(key)
        return None if found is None else found.contents()

    write_tokenizer(field, folder := tmp_path_factory.mktemp("tokenizer"))
    tokenizer = HFTokenizer(folder)
    return Speech(tokenizer.tokenize, tokenizer.template, tuple(sorted(tokenizer.ends)))


@pytest.mark.parametrize("task", TASKS)
def test_a_lessons_ids_are_those_that_the_engine_was_given(model: LlamaCpp, speech: Speech, task: str) -> None:
    watched = Watched(model)
    limits = Limits(steps=3, decision_tokens=48)
    asyncio.run(Agent(watched, tools=["calculator"], limits=limits, checks=[]).arun(task))
    assert watched.given
    example = encoded(recorded(watched.given), speech.whole)
    fresh = model.session()
    assert isinstance(fresh, LlamaSession)
    assert len(example.decisions) == len(watched.given)
    server: Any = model._server  # pyright: ignore[reportPrivateUsage]
    spelled_alike = True
    for (start, end), given in zip(example.decisions, watched.given, strict=True):
        assert example.ids[:start] == fresh.prompt(given.messages)
        if spelled_alike:
            assert example.ids[:start] == given.prompt
        # Under a grammar a model may spell a text otherwise than its tokenizer, and the engine keeps it so.
        spelled = server.tokenize(given.text, control=False)
        spelled_alike = spelled_alike and given.tokens == spelled
        assert example.ids[start : end - 1] == spelled
        assert example.ids[end - 1] in speech.ends
