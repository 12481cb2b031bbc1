"""What the harness itself costs an item: python tests/benchmarks/bench_harness.py [--items 200]

`Record.overhead` is an item's time outside model, tools, checks and judging; the model here is scripted, and what its
script takes counts as the model's. Completions are kept on disk, as `agentkit evaluate` does. Items with functions of
their own need a grammar and an agent each; for them the functions are those of bfcl-simple where its data is there
(AGENTKIT_DATA). The first items, which pay for imports and caches, are left out but for the very first. The issue's
bound is 5 ms an item.
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from agentkit.errors import ConfigurationError
from agentkit.evaluate.completions import Remembering
from agentkit.evaluate.item import Function, Item, Record
from agentkit.evaluate.runner import evaluate
from agentkit.evaluate.scorers.numbers import NumberScorer
from agentkit.evaluate.task import Task
from agentkit.evaluate.tasks import load_task
from agentkit.models.model import Completion, Grammar, Message, Model, Sampling, Session
from agentkit.models.scripted import ScriptedModel

WARM = 5
"""Items that pay for imports and caches."""
BOUND = 5.0
"""Milliseconds an item."""

Replies = Callable[[Sequence[Message], Grammar | None], Any]


class Timed(Model):
    """A model that says how long it took."""

    name = "scripted"

    def __init__(self, inner: Model) -> None:
        self._inner = inner

    def session(self, *, repeatable: bool = False) -> Session:
        return TimedSession(self._inner.session(repeatable=repeatable))


class TimedSession(Session):
    def __init__(self, inner: Session) -> None:
        self._inner = inner

    async def generate(
        self, messages: Sequence[Message], *, grammar: Grammar | None = None, sampling: Sampling = Sampling()
    ) -> Completion:
        start = time.monotonic()
        completion = await self._inner.generate(messages, grammar=grammar, sampling=sampling)
        usage = completion.usage.model_copy(update={"seconds": time.monotonic() - start})
        return completion.model_copy(update={"usage": usage})


def sums(count: int) -> Task:
    """Sums that the calculator can do."""
    items = [Item(id=f"sum-{n}", question=f"What is {n} + {n}?", gold=str(2 * n)) for n in range(count)]
    return Task(name="sums", items=items, scorer=NumberScorer(), form="number", tools=("calculator",), digest="d")


def calls(count: int) -> Task:
    """Function calls, each item with functions of its own."""
    try:
        task = load_task("bfcl-simple")
    except ConfigurationError:
        items = [
            Item(id=f"call-{n}", question=f"Turn {n} on.", gold=[], functions=(function(n),)) for n in range(count)
        ]
        return Task(name="calls", items=items, scorer=NumberScorer(), form="calls", digest="d")
    return Task(name="bfcl-simple", items=task.items[:count], scorer=task.scorer, form="calls", digest="d")


def function(number: int) -> Function:
    """A function like no other."""
    properties: dict[str, Any] = {
        f"device_{number}": {"type": "string", "description": "Which."},
        "level": {"type": "integer", "minimum": 0, "maximum": number + 1},
        "rooms": {"type": "array", "items": {"type": "string"}},
    }
    parameters = {"type": "object", "properties": properties, "required": list(properties)}
    return Function(name=f"turn_on_{number}", description="Turns a device on.", parameters=parameters)


def adds(messages: Sequence[Message], grammar: Grammar | None) -> Any:
    """Plan, sum, answer, as an agent does; or the answer alone."""
    last, schema = messages[-1].content, str(grammar and grammar.json_schema)
    task = next(m.content for m in reversed(messages) if "What is " in m.content)
    number = int(task.rpartition("What is ")[2].partition(" ")[0])
    if "'plan'" in schema:
        return {"plan": [{"for": "add them", "tool": "calculator"}]}
    if "give_up" not in schema:
        return {"answer": 2 * number}
    if last.startswith("[1] "):
        return {"answer": {"evidence": [1], "value": 2 * number}}
    return {"tool": "calculator", "arguments": {"expression": f"{number} + {number}"}}


def calls_nothing(messages: Sequence[Message], grammar: Grammar | None) -> Any:
    """An empty plan, then giving up; or no calls."""
    schema = str(grammar and grammar.json_schema)
    if "'plan'" in schema:
        return {"plan": []}
    return {"give_up": {"reason": "no tool fits the task"}} if "give_up" in schema else {"calls": []}


def run(task: Task, strategy: str, replies: Replies) -> list[Record]:
    """The records of a run."""
    with tempfile.TemporaryDirectory() as folder:
        model = Remembering(Timed(ScriptedModel(replies)), Path(folder, "completions.sqlite"))
        _, records = asyncio.run(evaluate(task, model, strategy=strategy, folder=Path(folder, "run")))
        asyncio.run(model.aclose())
    crashes = [record.error for record in records if record.error]
    if crashes:
        raise SystemExit(f"{task.name} {strategy}: {len(crashes)} items crashed, the first: {crashes[0]}")
    return records


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=200)
    count = parser.parse_args().items
    print(f"ms an item outside model, tools, checks and judging; {count} items, the first {WARM} left out")
    print(f"{'task':<12} {'strategy':<10} {'median':>8} {'p95':>8} {'most':>8} {'the first':>10}")
    slow: list[str] = []
    for task, replies in ((sums(count), adds), (calls(count), calls_nothing)):
        for strategy in ("direct", "agent"):
            took = [record.overhead * 1000 for record in run(task, strategy, replies)]
            rest = took[WARM:]
            p95 = quantiles(rest, n=20)[-1]
            print(f"{task.name:<12} {strategy:<10} {median(rest):8.2f} {p95:8.2f} {max(rest):8.2f} {took[0]:10.1f}")
            if median(rest) > BOUND:
                slow.append(f"{task.name} {strategy}")
    if slow:
        raise SystemExit(f"over {BOUND:g} ms an item: {', '.join(slow)}")


if __name__ == "__main__":
    main()
