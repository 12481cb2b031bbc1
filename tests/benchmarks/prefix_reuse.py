"""How much of a run's prompt is computed, and how much reused: a five-step run of the quickstart, decision by decision.

    python tests/benchmarks/prefix_reuse.py [--model smollm2-135m] [--free]

The run is the real one: agent, tools, corpus, engine. Which decisions a model takes varies, so by default it
is led: a grammar that admits one text only has it write the decisions of `DECISIONS`, token by token, as it writes its
own. With --free it decides for itself, and the run has as many steps as it takes.

The bound: prefilled tokens are at most 1.1 × the distinct tokens of the transcript, which are the last prompt and
what was generated after it.
"""

import argparse
import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from plain_tasks import DOCUMENTS, TOOLS, corpus_of

from agentkit.agent import Agent
from agentkit.answer import Usage
from agentkit.errors import AgentkitError, ModelError
from agentkit.events import Asked, Decided, Event
from agentkit.models import catalog
from agentkit.models.grammar import admits
from agentkit.models.model import Completion, Grammar, Message, Model, Sampling, Session
from agentkit.models.scripted import as_json

BOUND = 1.1
"""Most prefilled tokens for each distinct one."""
TASK = (DOCUMENTS.parent / "task.txt").read_text("utf-8")
DECISIONS: tuple[dict[str, Any], ...] = (
    {
        "plan": [
            {"for": "volume of Tank B", "tool": "retrieval"},
            {"for": "15 percent of the volume", "tool": "calculator"},
            {"for": "count of the multiples of 7", "tool": "python"},
        ]
    },
    {"tool": "retrieval", "arguments": {"query": "how many litres does Tank B hold, behind the North Laboratory"}},
    {"tool": "calculator", "arguments": {"expression": "8,500 * 0.15"}},
    {"tool": "python", "arguments": {"code": "print(sum(1 for n in range(1, 1276) if n % 7 == 0), 'multiples of 7')"}},
    {"answer": {"evidence": [1], "text": "15 percent of 8,500 litres is 1,275, and 182 numbers are multiples of 7."}},
)
"""Plan, look up, compute, run a program, answer.

The program is one line: the llguidance inside xllamacpp 2026.10 ends a constant string early that has an escape and
some 35 characters after it. (The engine notices and raises; only constants and long literals in patterns are hit.)
"""


class Led(Model):
    """A real model that takes given decisions: it computes and writes every token itself, but has no choice.

    What it writes is thereby the transcript, as in any run; a script's text in its place would be computed again.
    """

    def __init__(self, model: Model, decisions: Iterable[dict[str, Any]]) -> None:
        self.name = model.name
        self.context = model.context
        self._model = model
        self._decisions = iter(decisions)

    def session(self, *, repeatable: bool = False) -> "LedSession":
        return LedSession(self._model.session(), self._decisions)


class LedSession(Session):
    """A session of the real model under grammars of one text each."""

    def __init__(self, session: Session, decisions: Iterator[dict[str, Any]]) -> None:
        self._session = session
        self._decisions = decisions

    async def generate(
        self, messages: Sequence[Message], *, grammar: Grammar | None = None, sampling: Sampling = Sampling()
    ) -> Completion:
        decision = next(self._decisions, None)
        if decision is None:
            raise ModelError(f"one decision more than planned is asked for, after: {messages[-1].content}")
        if grammar and not admits(grammar, as_json(decision)):
            raise ModelError(f"the grammar admits no {as_json(decision)}; adapt it to the protocol: {grammar.lark}")
        return await self._session.generate(
            messages, grammar=Grammar(json_schema={"const": decision}), sampling=sampling
        )

    async def aclose(self) -> None:
        await self._session.aclose()


@dataclass(frozen=True)
class Reuse:
    """What a run's decisions computed."""

    kinds: tuple[str, ...]
    usages: tuple[Usage, ...]

    @classmethod
    def of(cls, events: Iterable[Event]) -> "Reuse":
        """From a run's events."""
        kept = list(events)
        return cls(
            kinds=tuple(e.kind for e in kept if isinstance(e, Asked)),
            usages=tuple(e.usage for e in kept if isinstance(e, Decided)),
        )

    @property
    def distinct(self) -> int:
        """Tokens of the final transcript."""
        return self.usages[-1].prompt + self.usages[-1].generated

    @property
    def prefilled(self) -> int:
        return sum(usage.prefilled for usage in self.usages)

    @property
    def generated(self) -> int:
        return sum(usage.generated for usage in self.usages)

    @property
    def prompts(self) -> int:
        """What would be prefilled if nothing were reused."""
        return sum(usage.prompt for usage in self.usages)

    def __str__(self) -> str:
        lines = ["| decision | prompt | prefilled | cached | generated | seconds |", "|---|---|---|---|---|---|"]
        for number, (kind, u) in enumerate(zip(self.kinds, self.usages, strict=False), 1):
            cells = [f"{number} {kind}", u.prompt, u.prefilled, u.cached, u.generated, f"{u.seconds:.1f}"]
            lines.append(f"| {' | '.join(map(str, cells))} |")
        total = self.prefilled + self.generated
        return "\n".join(
            [
                *lines,
                "",
                f"{self.distinct} distinct tokens in the transcript; {self.prompts} sent in all",
                f"prefilled {self.prefilled}, {self.prefilled / self.distinct:.2f} × distinct (bound {BOUND})",
                f"prefilled and generated {total}, {total / self.distinct:.2f} × distinct",
            ]
        )


async def measure(model: Model, *, store: Path | None = None) -> list[Event]:
    """The events of a run of the quickstart's task. Without checks, which cost no tokens, a draft ends it."""
    with corpus_of(store=store) as corpus:
        agent: Agent[Any] = Agent(model, tools=TOOLS, resources=[corpus], checks=[])
        return [event async for event in agent.stream(TASK)]


async def run(spec: str, *, free: bool) -> None:
    async with await catalog.load(spec, parallel=1) as model:
        events = await measure(model if free else Led(model, DECISIONS))
    for event in events:
        if isinstance(event, Decided):
            print(f"{event.step}: {event.text}")
    print(f"\n{spec}\n\n{Reuse.of(events)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=catalog.DEFAULT)
    parser.add_argument("--free", action="store_true", help="let the model decide for itself")
    options = parser.parse_args()
    try:
        asyncio.run(run(options.model, free=options.free))
    except AgentkitError as error:
        raise SystemExit(str(error)) from None


if __name__ == "__main__":
    main()
