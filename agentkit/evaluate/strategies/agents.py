"""Strategies that run the loop: `agent`, `agent-agreed` (results derived twice), `agent-unchecked` (no self-correction
pass), `react` (nor a plan)."""

import json
import time
from collections.abc import Sequence
from contextlib import aclosing
from typing import Annotated, Any, Literal

from pydantic import StringConstraints

from agentkit.agent import Agent
from agentkit.answer import Answer
from agentkit.checks import Check
from agentkit.evaluate.item import Called, Item, Reply
from agentkit.evaluate.strategies.bench import Bench, Strategy, certain
from agentkit.evaluate.strategies.completion import CODE_CHARS, functions, plain
from agentkit.events import Called as CallEvent
from agentkit.events import Checked, Decided, Drafted, Event, Finished, Observed
from agentkit.voting import RANK


def agent(
    bench: Bench,
    *,
    checks: Sequence[Check] | None = None,
    plan: bool = True,
) -> Strategy:
    """The full loop; what no check applies to is handed over as `unchecked`."""
    agents: dict[tuple[str, ...], Agent[Any]] = {}
    judging = bench.checks if checks is None else checks

    def agent_for(item: Item) -> Agent[Any]:
        key = (*item.choices, *(f.model_dump_json() for f in item.functions))
        if key not in agents:
            if len(agents) > 64:  # items with functions or choices of their own need one each
                agents.clear()
            tools = [*(bench.agent.tools if bench.agent else bench.task.tools), *functions(item)]
            names = {tool if isinstance(tool, str) else tool.name for tool in tools}
            agents[key] = Agent(
                bench.model,
                tools=tools,
                resources=bench.resources,
                checks=judging,
                output=output(bench, item),
                limits=bench.limits,
                tool_settings={name: table for name, table in bench.tool_settings.items() if name in names},
                plan=plan,
                seed=bench.seed,
                temperature=bench.temperature,
                unchecked=bench.agent is None or bench.agent.unchecked,
                instructions=bench.agent.instructions if bench.agent else "",
                refuse=bench.agent.refuse if bench.agent else None,
            )
        return agents[key]

    async def answer(item: Item) -> Reply:
        start = time.monotonic()
        events: list[Event] = []
        question, passages = bench.question(item), item.passages
        async with aclosing(agent_for(item).stream(question, passages=passages)) as stream:
            async for event in stream:
                events.append(event)
        return reply(bench, events, seconds=time.monotonic() - start)

    return answer


def output(bench: Bench, item: Item) -> Any:
    """The type that an agent's answer is decoded into; None for text."""
    match bench.task.form:
        case "number":
            return float
        case "choice":
            return Literal[item.choices]
        case "code":
            return Annotated[str, StringConstraints(min_length=1, max_length=CODE_CHARS)]
        case "text" | "calls":
            return None


def reply(bench: Bench, events: Sequence[Event], *, seconds: float) -> Reply:
    """What a run's events say of it."""
    typed = bench.task.form in ("number", "choice", "code")

    def text_of(written: str) -> str:
        return plain(json.loads(written)) if typed else written

    last = events[-1]
    assert isinstance(last, Finished)
    answer: Answer[Any] = last.answer
    decided = [e for e in events if isinstance(e, Decided)]
    observed = {e.call: e for e in events if isinstance(e, Observed)}
    checked = [e for e in events if isinstance(e, Checked)]
    called = [e for e in events if isinstance(e, CallEvent)]
    found = [evidence.source for o in observed.values() for evidence in o.evidence if evidence.source]
    return Reply(
        status=answer.status,
        text=None if answer.text is None else text_of(answer.text),
        drafts=tuple(text_of(e.text) for e in events if isinstance(e, Drafted)),
        calls=tuple(
            Called(
                name=c.tool,
                arguments=c.arguments,
                error=observed[c.call].error if c.call in observed else "",
                repeated=c.repeated,
                refused=c.call in observed and observed[c.call].refused,
            )
            for c in called
        ),
        sources=bench.sources(found) if bench.corpus or bench.agent else (),
        findings=tuple(f for e in checked for f in e.findings),
        malformed=sum(bool(e.malformed) for e in decided),
        completions=len(decided),
        confidence=confidence(answer),
        reason=answer.reason,
        usage=answer.usage,
        seconds=seconds,
        tool_seconds=sum(o.seconds for o in observed.values()) + sum(c.seconds for c in checked),
    )


def confidence(answer: Answer[Any]) -> float:
    """By which answers are ranked, from 0 to 1: by what the checks found, and then by how sure the model was."""
    return max(0.0, (RANK[answer.status] - 1 + certain(answer.confidence)) / 2)
