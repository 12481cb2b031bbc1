"""Small tasks, models that are watched, and records to compare."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from agentkit.evaluate.corpora import TaskCorpus
from agentkit.evaluate.item import Function, Header, Item, Record, Reply
from agentkit.evaluate.runner import evaluate
from agentkit.evaluate.scorers.numbers import NumberScorer
from agentkit.evaluate.strategies import Bench, build
from agentkit.evaluate.task import Task
from agentkit.models.model import Completion, Grammar, Message, Model, Sampling, Session
from agentkit.models.scripted import ScriptedModel

LIGHT = Function(
    name="light",
    description="Turns a light on.",
    parameters={"type": "object", "properties": {"room": {"type": "string"}}, "required": ["room"]},
)

Replies = Callable[[Sequence[Message], Grammar | None], Any]


def sums(count: int, **changes: Any) -> Task:
    """Sums of a number with itself."""
    items = [Item(id=f"sum-{n}", question=f"What is {n} + {n}?", gold=str(2 * n)) for n in range(count)]
    given: dict[str, Any] = {"name": "sums", "items": items, "scorer": NumberScorer(), "form": "number"}
    given |= {"tools": ("calculator",), "digest": "d"}
    return Task(**(given | changes))


def number_in(messages: Sequence[Message]) -> int:
    """Which of the sums is asked."""
    task = next(m.content for m in reversed(messages) if "What is " in m.content)
    return int(task.rpartition("What is ")[2].partition(" ")[0])


def adds(messages: Sequence[Message], grammar: Grammar | None) -> Any:
    """Every sum right: the answer alone, or as an agent finds it."""
    schema, number = str(grammar and grammar.json_schema), number_in(messages)
    if "'plan'" in schema:
        return {"plan": [{"for": "add them", "tool": "calculator"}]}
    if "give_up" not in schema:
        return {**({"reasoning": "Add."} if "'reasoning'" in schema else {}), "answer": 2 * number}
    if messages[-1].content.startswith("[1] "):
        return {"answer": {"evidence": [1], "value": 2 * number}}
    return {"tool": "calculator", "arguments": {"expression": f"{number} + {number}"}}


def redrafts(messages: Sequence[Message], grammar: Grammar | None) -> Any:
    """As `adds`, but the first draft of an agent is wrong."""
    if messages[-1].content.startswith("[1] "):
        return {"answer": {"evidence": [1], "value": 2 * number_in(messages) + 1000}}
    if messages[-1].content.startswith("That answer failed"):
        return {"answer": {"evidence": [1], "value": 2 * number_in(messages)}}
    return adds(messages, grammar)


def run(task: Task, model: Model, folder: Path, **options: Any) -> tuple[Header, list[Record]]:
    """What came of a task."""
    return asyncio.run(evaluate(task, model, folder=folder, **options))


def replied(
    strategy: str,
    replies: Iterable[Any] | Replies,
    *,
    form: str = "number",
    corpus: TaskCorpus | None = None,
    task: Mapping[str, Any] | None = None,
    lenient: bool = False,
    **item: Any,
) -> tuple[Reply, ScriptedModel]:
    """What a strategy makes of a scripted model's replies to one question."""
    model = ScriptedModel(replies, lenient=lenient)
    given: dict[str, Any] = {"id": "i", "question": "What is 6 * 7?", "gold": "42"}
    asked = Item(**(given | item))
    bench = Bench(sums(0, form=form, items=[asked], **(task or {})), model, corpus=corpus)
    return asyncio.run(_answered(strategy, bench, asked)), model


async def _answered(strategy: str, bench: Bench, item: Item) -> Reply:
    return await build(strategy, bench)(item)


def untimed(records: Iterable[Record]) -> list[dict[str, Any]]:
    """All that records say but how long things took."""
    told = [record.model_dump(mode="json") for record in records]
    for record in told:
        del record["overhead"]
        if record["reply"]:
            for name in ("seconds", "tool_seconds"):
                del record["reply"][name]
            del record["reply"]["usage"]["seconds"]
    return told


class Watched(Model):
    """A model that records what it is asked, in what sessions, and how many ask at a time."""

    def __init__(self, inner: Model, *, name: str | None = None) -> None:
        self.inner = inner
        self.name = name or inner.name
        self.context = inner.context
        self.asked: list[tuple[Message, ...]] = []
        self.repeatable: set[bool] = set()
        self.running = 0
        self.most = 0

    def session(self, *, repeatable: bool = False) -> Session:
        self.repeatable.add(repeatable)
        return WatchedSession(self, self.inner.session(repeatable=repeatable))


class WatchedSession(Session):
    def __init__(self, model: Watched, inner: Session) -> None:
        self._model = model
        self._inner = inner

    async def generate(
        self, messages: Sequence[Message], *, grammar: Grammar | None = None, sampling: Sampling = Sampling()
    ) -> Completion:
        self._model.asked.append(tuple(messages))
        self._model.running += 1
        self._model.most = max(self._model.most, self._model.running)
        try:
            await asyncio.sleep(0.001)
            return await self._inner.generate(messages, grammar=grammar, sampling=sampling)
        finally:
            self._model.running -= 1

    async def aclose(self) -> None:
        await self._inner.aclose()


def described(records: Sequence[Record], **changes: Any) -> Header:
    """The header of a run that has come to these records."""
    of: dict[str, Any] = {"task": "gsm8k", "metric": "accuracy", "form": "number", "data": "d", "model": "Qwen"}
    of |= {"strategy": "direct", "seed": 0, "limit": len(records), "parallel": 1, "agentkit": "0", "protocol": "p"}
    return Header(ids=tuple(r.id for r in records), **(of | changes))
