"""What a student is taught to read is what it is given: runs of the real model, and recorded ones, token by token."""

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import gguf
import pytest

from agentkit import protocol
from agentkit.agent import Agent
from agentkit.answer import Usage
from agentkit.compress.base import Speech
from agentkit.compress.examples import encoded
from agentkit.compress.lesson import Lesson
from agentkit.compress.problem import Problem
from agentkit.compress.recording import agent_for, loaded, record
from agentkit.compress.sources import SOURCES
from agentkit.compress.vocabulary import write_tokenizer
from agentkit.events import Told
from agentkit.limits import Limits
from agentkit.models.llamacpp import LlamaCpp, LlamaSession
from agentkit.models.model import Completion, Message, Model, Session
from agentkit.models.tokenizer import HFTokenizer
from agentkit.models.transcript import Transcript

from .making import needs_data, training

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
        transcript = Transcript(inner._server.tokenize, inner._template)
        return Watching(inner, inner._server, inner._slots, transcript, repeatable=False)


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


# Recorded runs

RUNS = 100
SPREAD: Mapping[str, int] = {
    "gsm8k_train": 12,
    "word_problem_programs": 14,
    "functions": 18,
    "metatool": 12,
    "toolformer": 6,
    "squad": 4,
    "pubmedqa": 8,
    "strategyqa_given": 6,
    "hotpotqa_given": 2,
    "strategyqa": 10,
    "unanswerable": 6,
    "corrections": 2,
}
"""Recorded runs of each source; those with long passages are few, as the checks take long over them."""
MADE: Mapping[str, int] = {"gsm8k_train": 5, "functions": 65, "unanswerable": 30}
"""The same of what needs no data."""


class Played(Model):
    """The engine without its network: it is given what a run gives it, and writes what was recorded."""

    def __init__(self, inner: LlamaCpp, speech: Speech, written: Sequence[str]) -> None:
        self.inner, self.speech, self.written = inner, speech, iter(written)
        self.name, self.context, self.taught = inner.name, inner.context, True
        self.given: list[Given] = []

    def session(self, *, repeatable: bool = False) -> Session:
        played = self

        class Playing(LlamaSession):
            async def generate(self, messages: Sequence[Message], **how: Any) -> Completion:
                prompt, text = self.prompt(messages), next(played.written)
                tokens = self._workers.tokenize(text, control=False)
                self._transcript.wrote(messages, text, tokens)
                played.given.append(Given(tuple(messages), prompt, text, tokens))
                return Completion(text=text, finish="stop", usage=Usage(prompt=len(prompt), generated=len(tokens)))

        inner: Any = self.inner
        transcript = Transcript(inner._server.tokenize, inner._template)
        return Playing(inner, inner._server, inner._slots, transcript, repeatable=False)


def runs(spread: Mapping[str, int], folder: Path) -> Iterator[tuple[Problem, Lesson]]:
    """So many problems of each source that became lessons."""

    def kept(name: str) -> Iterator[tuple[Problem, Lesson]]:
        for problem in SOURCES[name].load()(folder, Random(0)):
            if isinstance(problem, Problem) and (lesson := asyncio.run(record(problem)).lesson):
                yield problem, lesson

    for name, count in spread.items():
        yield from islice(kept(name), count)


def played(problem: Problem, lesson: Lesson, model: LlamaCpp, speech: Speech) -> list[Given]:
    """What the engine is given when the recorded decisions are taken at run time."""
    own = [message.content for message in lesson.messages if message.role == "assistant"]
    engine = Played(model, speech, own)
    tools = [loaded(tool) if isinstance(tool, str) else tool for tool in problem.tools]
    asyncio.run(agent_for(problem, engine, tools).arun(problem.task, passages=problem.passages))
    return engine.given


def compared(problem: Problem, lesson: Lesson, model: LlamaCpp, speech: Speech) -> int:
    """Hold what is taught of a lesson against what a run of it gives the engine; how many decisions that were."""
    example = encoded(lesson, speech.whole)
    given = {len(turn.messages): turn for turn in played(problem, lesson, model, speech)}
    assert given.keys() >= set(lesson.learned)
    transformers = Transcript(speech.tokenize, speech.template)  # as a session of the other engine has it
    spans = dict(zip(lesson.learned, example.decisions, strict=True))
    for index, turn in given.items():
        assert [(m.role, m.content) for m in turn.messages] == [(m.role, m.content) for m in lesson.messages[:index]]
        assert transformers.prompt(turn.messages) == turn.prompt
        transformers.wrote(turn.messages, turn.text, tuple(speech.tokenize(turn.text, control=False)))
        if index in spans:
            start, end = spans[index]
            assert example.ids[:start] == turn.prompt
            assert example.ids[start : end - 1] == turn.tokens
            assert example.ids[end - 1] in speech.ends
    return len(spans)


@needs_data
def test_a_hundred_recorded_runs_are_taught_as_they_are_given(
    model: LlamaCpp, speech: Speech, first_rows: Path
) -> None:
    decisions: Counter[str] = Counter()
    seen = list(runs(SPREAD, first_rows))
    for problem, lesson in seen:
        decisions[lesson.kind] += compared(problem, lesson, model, speech)
    assert len(seen) == RUNS
    assert min(decisions[kind] for kind in ("maths", "choice of tool", "reading", "refusal", "correction", "plan")) >= 2
    assert decisions.total() > 2 * RUNS
    text = "".join(message.content for _, lesson in seen for message in lesson.messages if message.role == "assistant")
    assert all(f'"tool":"{name}","arguments"' in text for name in ("calculator", "python", "retrieval"))


def test_a_hundred_made_runs_are_taught_as_they_are_given(model: LlamaCpp, speech: Speech, tmp_path: Path) -> None:
    seen = list(runs(MADE, training(tmp_path)))
    assert len(seen) == RUNS
    assert sum(compared(problem, lesson, model, speech) for problem, lesson in seen) > 2 * RUNS
