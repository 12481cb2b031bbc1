"""Running a recorded run again: the recorded decisions, the real loop, the real tools and checks."""

import dataclasses
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import aclosing
from typing import Any, cast

from agentkit.agent import Agent
from agentkit.answer import Evidence
from agentkit.errors import ToolError, TraceError
from agentkit.events import Asked, Called, Decided, Event, Finished, Observed, Started
from agentkit.models.model import Completion, Model
from agentkit.models.scripted import ScriptedModel
from agentkit.tools import Part, Tool

TIMES = frozenset({"seconds", "usage.seconds", "answer.usage.seconds"})
"""Fields of an event that differ from run to run, and so never count as a difference. Seconds elsewhere, among a call's
arguments say, do count."""
SHOWN = 160
"""Characters of a value that a difference shows."""
ABSENT = object()
"""Stands where only one of the two has a field; null is a value."""

AgentFor = Callable[[Model, Started], Agent[Any]]
"""Builds the agent that the header of a trace describes, around the given model."""


async def reexecute(events: Sequence[Event], agent_for: AgentFor) -> str:
    """Run it again up to where the record goes; the first difference, or nothing if there is none.

    A tool that acts on the world isn't called again: it reports what it reported then. How a run was ended
    by the clock or by a full context isn't repeated either: neither comes from the loop.

    Raises:
        TraceError: The events don't begin with a header.
        ConfigurationError: The agent can't be built here.
    """
    if not events or not isinstance(events[0], Started):
        raise TraceError("the trace has no 'started' line, so it can't be run again")
    header = events[0]
    expected = list(repeatable(events))
    agent = agent_for(recorded_model(events), header)
    agent.tools = [recorded_tool(t, events) if t.approval else t for t in agent.tools]
    number = 0
    async with aclosing(agent.stream(header.task, history=header.history, passages=header.passages)) as stream:
        async for new in stream:
            # Another version that does the same is no difference.
            event = new.model_copy(update={"agentkit": header.agentkit}) if isinstance(new, Started) else new
            if difference := where(as_data(expected[number]), as_data(event)):
                return f"event {number + 1} ({event.event}): {difference}"
            number += 1
            if number == len(expected):
                return ""
    return f"event {number + 1}: the run is over, but the trace goes on"


def as_data(event: Event) -> Any:
    return json.loads(event.model_dump_json(by_alias=True))


def where(was: Any, now: Any, path: str = "") -> str:
    """The first field that differs, times apart, with its two values; empty when none does."""
    if path in TIMES:
        return ""
    if isinstance(was, dict) and isinstance(now, dict):
        old, new = cast(dict[Any, Any], was), cast(dict[Any, Any], now)
    elif isinstance(was, list) and isinstance(now, list):
        old, new = (dict[Any, Any](enumerate(values)) for values in cast(tuple[list[Any], list[Any]], (was, now)))
    else:
        return "" if was == now else f"{path or 'it'} was {short(was)}, is now {short(now)}"
    pairs = ((old.get(key, ABSENT), new.get(key, ABSENT), f"{path}.{key}".lstrip(".")) for key in {**old, **new})
    return next((found for pair in pairs if (found := where(*pair))), "")


def short(value: Any) -> str:
    text = "absent" if value is ABSENT else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"


def repeatable(events: Sequence[Event]) -> Iterator[Event]:
    """The events that the loop alone decides: all, but for an end that came from outside it.

    Such an end follows a question that was never answered.
    """
    for i, event in enumerate(events):
        if isinstance(event, Finished) and i and isinstance(events[i - 1], Asked | Called):
            return
        yield event


def recorded_model(events: Sequence[Event]) -> ScriptedModel:
    """A model that writes what was written then, malformed replies included."""
    header = events[0]
    replies = [
        Completion(text=e.text, finish=e.finish, usage=e.usage, confidence=e.confidence)
        for e in events
        if isinstance(e, Decided)
    ]
    if not isinstance(header, Started):
        return ScriptedModel(replies, lenient=True)
    return ScriptedModel(replies, name=header.model, lenient=True, taught=bool(header.settings.get("taught")))


def recorded_tool(tool: Tool, events: Sequence[Event]) -> Tool:
    """A tool that reports what it reported then, in the same order."""
    calls = {e.call for e in events if isinstance(e, Called) and e.tool == tool.name and not e.repeated}
    reports = iter([e for e in events if isinstance(e, Observed) and e.call in calls])
    found: dict[int, Evidence] = {e.id: e for o in events if isinstance(o, Observed) for e in o.evidence}

    async def report(**_arguments: Any) -> list[Part]:
        observed = next(reports, None)
        if observed is None:
            raise ToolError(f"{tool.name} was called once more than in the trace")
        if observed.error:
            raise ToolError(observed.error, hint=observed.hint)
        pieces = [*observed.evidence, *(found[n] for n in observed.known)]
        return [Part(text=e.text, source=e.source) for e in pieces]

    return dataclasses.replace(tool, function=report, approval=False, injected={}, bound={})
