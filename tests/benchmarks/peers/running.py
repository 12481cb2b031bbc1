"""A peer on a task's items: judged, counted and kept as agentkit's own runs are."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from peers.conversation import Peer
from peers.endpoint import Endpoint
from peers.events import End, Event, read
from peers.records import known_as, malformed, reply
from pydantic import BaseModel, JsonValue

from agentkit.errors import MissingExtra
from agentkit.evaluate.folder import RunFolder, mend, whole_lines
from agentkit.evaluate.item import Header, Item, Record
from agentkit.evaluate.runner import Told, blank, told_of
from agentkit.evaluate.strategies.completion import functions
from agentkit.evaluate.task import Task
from agentkit.tools import Tool, load_tools

PEERS = ("smolagents-tool", "smolagents-code", "pydantic-ai")
STEPS = 10
"""As many as agentkit's limits have."""
MAX_TOKENS = 700
"""Generated tokens of one completion, as of one of agentkit's decisions."""
EVENTS = "events.jsonl"
"""Beside a run's records: for each item, all that the peer did."""


class Trace(BaseModel, frozen=True):
    """One line of `events.jsonl`."""

    id: str
    events: tuple[dict[str, JsonValue], ...]


def header(like: Header, peer: str, versions: Mapping[str, str], settings: Mapping[str, Any]) -> Header:
    """The header of a peer's run, made from that of agentkit's own on the same items."""
    package = "pydantic-ai-slim" if peer == "pydantic-ai" else "smolagents"
    own = {"peer": f"{package} {versions[package]}", "openai": versions["openai"], **settings}
    return like.model_copy(update={"strategy": peer, "protocol": "", "settings": own})


async def run(
    task: Task,
    items: Sequence[Item],
    wanted: Header,
    folder: Path,
    *,
    python: Path,
    endpoint: Endpoint,
    told: Told,
) -> tuple[Header, list[Record]]:
    """Put the items to the peer that the header names, one after the other; goes on with what the folder has."""
    options = {
        "peer": wanted.strategy,
        "url": f"{endpoint.url}/v1",
        "key": endpoint.key,
        "model": wanted.model,
        "steps": STEPS,
        "max_tokens": MAX_TOKENS,
    }
    with RunFolder.open(folder, wanted, resume=True) as kept:
        for record in kept.in_order():
            told(record)
        mend(folder / EVENTS)
        async with Peer(python, options) as peer:
            with (folder / EVENTS).open("a", encoding="utf-8") as traces:
                for item in items:
                    if item.id in kept.records:
                        continue
                    record, events = await one(item, task, peer, tools(task, item, wanted.strategy))
                    endpoint.check()
                    trace = Trace(id=item.id, events=tuple(e.model_dump(mode="json") for e in events))
                    traces.write(trace.model_dump_json() + "\n")
                    traces.flush()
                    kept.add(record)
                    told(record)
        return kept.header, kept.in_order()


def tools(task: Task, item: Item, peer: str) -> list[Tool]:
    """What the peer gets: the item's functions or the task's tools. A CodeAgent runs Python itself, and gets no tool
    for it."""
    if task.form == "calls":
        return functions(item)
    return [tool.bind() for tool in load_tools(task.tools) if (peer, tool.name) != ("smolagents-code", "python")]


async def one(item: Item, task: Task, peer: Peer, given: Sequence[Tool]) -> tuple[Record, list[Event]]:
    """Have an item answered and judge it. An exception of the peer's is kept beside what it did until then."""
    names = {known_as(tool.name): tool.name for tool in given}
    question = f"{item.question}\n{task.instruction}" if task.instruction else item.question
    events, seconds = await peer.answer(question, {known_as(tool.name): tool for tool in given})
    made = reply(events, names, seconds=seconds, programs=task.form != "calls")
    end = events[-1]
    error = end.text if isinstance(end, End) and end.how == "raised" else ""
    record = blank(item, task).model_copy(update={"reply": made, "error": error})
    try:
        return record.model_copy(update={"score": await task.scorer(item, made)}), events
    except MissingExtra:
        raise
    except Exception as raised:  # a user's scorer
        return record.model_copy(update={"error": f"not judged: {told_of(raised)}"}), events


class Counts(BaseModel, frozen=True):
    """What an item's record doesn't tell of a peer's run."""

    kinds: Mapping[str, int]
    """Malformed calls."""
    raised: int
    """Items that ended by an exception."""
    out_of_time: int
    out_of_steps: int
    """Those where the peer made up an answer after its last step are among them."""


def counted(folder: Path, names: Mapping[str, Sequence[str]]) -> Counts:
    """The same for all items of a run folder.

    Args:
        names: By item, the peer's names of its tools.
    """
    traces = {t.id: t for t in map(Trace.model_validate_json, whole_lines(folder / EVENTS))}
    kinds: Counter[str] = Counter()
    ends: list[End] = []
    for trace in traces.values():
        events = [read.validate_python(event) for event in trace.events]
        kinds += Counter({str(kind): n for kind, n in malformed(events, names[trace.id]).items()})
        ends += [event for event in events[-1:] if isinstance(event, End)]
    out_of_time = sum(end.how == "limit" and "seconds" in end.text for end in ends)
    return Counts(
        kinds=kinds,
        raised=sum(end.how == "raised" for end in ends),
        out_of_time=out_of_time,
        out_of_steps=sum(end.how == "limit" or end.steps_used_up for end in ends) - out_of_time,
    )
