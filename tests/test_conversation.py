"""What later questions are told of earlier ones, and what is kept."""

import asyncio
import dataclasses
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from agentkit.agent import Agent
from agentkit.answer import Evidence, Passage
from agentkit.checks import default_checks
from agentkit.conversation import SHARE, TOKEN_CHARS, Conversation, written
from agentkit.errors import ContextOverflow, ModelError, TraceError
from agentkit.events import Asked, Event, Started, Turn
from agentkit.models.model import Grammar, Message
from agentkit.models.scripted import Reply, ScriptedModel
from agentkit.tools import tool
from agentkit.trace import read_trace


def replies_for(messages: Sequence[Message], _grammar: Grammar | None) -> str:
    """Doubles the last number that was asked about; gives up on anything else."""
    task = [m.content for m in messages if m.content.startswith("Task: ")][-1].removeprefix("Task: ")
    since = [m.role for m in messages[[m.content for m in messages].index(f"Task: {task}") :]].count("assistant")
    number = task.rpartition(" ")[2].rstrip(".")
    if not number.isdigit():
        return ['{"plan":[]}', '{"give_up":{"reason":"no tool fits the task"}}'][since]
    return [
        '{"plan":[{"for":"twice the number","tool":"calculator"}]}',
        f'{{"tool":"calculator","arguments":{{"expression":"2 * {number}"}}}}',
        f'{{"answer":{{"evidence":[1],"text":"Twice {number} is {2 * int(number)}."}}}}',
    ][since]


def conversation(context: int | None = None) -> Conversation:
    return Conversation(Agent(ScriptedModel(replies_for, context=context), tools=["calculator"]))


def ask(talk: Conversation, task: str) -> list[Event]:
    async def run() -> list[Event]:
        return [event async for event in talk.stream(task)]

    return asyncio.run(run())


def told(events: Sequence[Event]) -> list[str]:
    """The earlier questions that a run was told."""
    header = events[0]
    assert isinstance(header, Started)
    return [turn.task for turn in header.history]


def test_later_questions_are_told_what_was_supported_and_nothing_else() -> None:
    talk = conversation()
    ask(talk, "Double 21.")
    ask(talk, "Sing.")
    assert told(ask(talk, "Double 4.")) == ["Double 21."]
    assert [turn.answer for turn in talk.history] == ["Twice 21 is 42.", "Twice 4 is 8."]


def test_the_oldest_are_left_out_and_kept_with_their_evidence() -> None:
    long = "Of all the numbers that there are in the world, which are many, please take and double 2"
    talk = conversation(context=round(2.5 * (len(long) + 70) / SHARE / TOKEN_CHARS))
    for digit in "345":
        ask(talk, f"{long}{digit}.")
    assert len(told(ask(talk, "Double 5."))) == 2
    assert talk.forgotten == 1
    assert [e.text for e in talk.exchanges[0].sources] == ["46"]


def test_a_run_that_does_not_fit_begins_again_with_less(monkeypatch: pytest.MonkeyPatch) -> None:
    talk = conversation()
    ask(talk, "Double 21.")
    ask(talk, "Double 22.")
    decide = Agent[Any].decide

    async def cramped(agent: Agent[Any], need: Any, session: Any) -> Any:
        if any("Task: Double 21." in message.content for message in need.messages):
            raise ContextOverflow(needed=9, context=8)
        return await decide(agent, need, session)

    monkeypatch.setattr(Agent, "decide", cramped)
    events = ask(talk, "Double 5.")
    assert events[-1].event == "finished"
    assert talk.forgotten == 1
    exchange = talk.exchanges[-1]
    assert [e.event for e in exchange.events].count("started") == 1
    assert told(exchange.events) == ["Double 22."]


def approve(_tool: str, _arguments: Mapping[str, Any]) -> bool:
    return True


@pytest.mark.parametrize("acting", [False, True])
def test_a_run_that_outgrows_the_context_begins_again_unless_it_has_acted(
    monkeypatch: pytest.MonkeyPatch, acting: bool
) -> None:
    talk = conversation()
    ask(talk, "Double 21.")
    if acting:
        talk.agent.tools = [dataclasses.replace(tool, approval=True) for tool in talk.agent.tools]
        talk.agent.approve = approve
    decide = Agent[Any].decide

    async def cramped(agent: Agent[Any], need: Any, session: Any) -> Any:
        earlier = any("Task: Double 21." in message.content for message in need.messages)
        if earlier and need.messages[-1].content.startswith("[1] calculator"):
            raise ContextOverflow(needed=9, context=8)
        return await decide(agent, need, session)

    monkeypatch.setattr(Agent, "decide", cramped)
    events = ask(talk, "Double 5.")
    answer = talk.exchanges[-1].answer
    assert answer is not None
    if acting:
        assert (answer.status, talk.forgotten) == ("exhausted", 0)
        assert [e.event for e in events].count("called") == 1
    else:
        assert (answer.text, talk.forgotten) == ("Twice 5 is 10.", 1)
        assert [e.event for e in talk.exchanges[-1].events].count("called") == 1


def test_what_does_not_fit_alone_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    async def cramped(agent: Agent[Any], need: Any, session: Any) -> Any:
        raise ContextOverflow(needed=9, context=8)

    monkeypatch.setattr(Agent, "decide", cramped)
    with pytest.raises(ModelError):
        ask(conversation(), "Double 5.")


def test_it_is_saved_as_one_trace_all_or_nothing(tmp_path: Path) -> None:
    talk = conversation()
    first, second = ask(talk, "Double 21."), ask(talk, "Sing.")
    assert talk.save(tmp_path / "talk.jsonl") == 2
    assert read_trace(tmp_path / "talk.jsonl") == [*first, *second]
    assert [path.name for path in tmp_path.iterdir()] == ["talk.jsonl"]
    (tmp_path / "folder").mkdir()
    with pytest.raises(TraceError, match=r"can't write .*folder"):
        talk.save(tmp_path / "folder")
    with pytest.raises(TraceError, match="can't write"):
        talk.save(tmp_path / "absent" / "talk.jsonl")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "talk.jsonl"]


@tool(pure=True)
def lookup(topic: str) -> list[Passage]:
    """Passages about a topic."""
    return [Passage(text=f"The {topic} holds 800 litres.", source="water.md", page=2)]


FIRST = (
    {"plan": [{"for": "its volume", "tool": "lookup"}]},
    {"tool": "lookup", "arguments": {"topic": "tank"}},
    {"answer": {"evidence": [1], "text": "The tank holds 800 litres."}},
)


def test_a_follow_up_may_cite_what_an_earlier_answer_stands_on() -> None:
    follow_up: tuple[Reply, ...] = ({"plan": []}, {"answer": {"evidence": [1], "text": "The tank holds 800 litres."}})
    checks = [check for check in default_checks() if "citations" not in str(check)]
    talk = Conversation(Agent(ScriptedModel([*FIRST, *follow_up]), tools=[lookup], checks=checks))
    first = ask(talk, "How much does the tank hold?")
    assert not any(isinstance(e, Asked) and "given" in e.suffix[-1].content for e in first)
    asked = [event for event in ask(talk, "How many litres is that?") if isinstance(event, Asked)]
    said = [message.content for message in asked[0].suffix[-3:]]
    assert said == [
        "[1] given (water.md, p. 2): The tank holds 800 litres.\nTask: How much does the tank hold?",
        '{"answer":{"evidence":[1],"text":"The tank holds 800 litres."}}',
        "Task: How many litres is that?",
    ]
    answer = talk.exchanges[-1].answer
    assert answer is not None
    assert (answer.status, answer.cited) == ("supported", (1,))
    assert [e.source for e in talk.exchanges[-1].sources] == ["water.md, p. 2"]


def test_evidence_counts_as_what_takes_the_context() -> None:
    turn = Turn(task="t", answer="a")
    passage = Evidence(id=1, tool="lookup", call=1, text="x" * 300, source="water.md")
    assert written([turn.model_copy(update={"evidence": (passage,)})]) > written([turn]) + 300


@pytest.mark.parametrize("name", [".", "/", "~nosuch/x", "afile/x", "n" * 300, "a\0b", "link", "pipe"])
def test_what_can_not_be_a_file_is_one_line_and_stays_as_it_is(tmp_path: Path, name: str) -> None:
    (tmp_path / "afile").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "afile")
    os.mkfifo(tmp_path / "pipe")
    talk = conversation()
    ask(talk, "Double 21.")
    with pytest.raises(TraceError) as raised:
        talk.save(tmp_path / name, replace=True)
    assert "\n" not in str(raised.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["afile", "link", "pipe"]
    assert (tmp_path / "pipe").is_fifo()
    assert (tmp_path / "afile").read_text() == "mine"


def test_a_file_that_is_there_is_replaced_only_when_that_is_wanted(tmp_path: Path) -> None:
    talk = conversation()
    events = ask(talk, "Double 21.")
    path = tmp_path / ("n" * 250)
    path.write_text("mine")
    with pytest.raises(TraceError, match="is there already; name another file or have it replaced"):
        talk.save(path)
    assert path.read_text() == "mine"
    talk.save(path, replace=True)
    assert read_trace(path) == events
    assert list(tmp_path.iterdir()) == [path]


def test_what_was_interrupted_is_kept_without_an_answer() -> None:
    talk = conversation()

    async def run() -> None:
        stream = talk.stream("Double 21.")
        async for event in stream:
            if event.event == "called":
                await stream.aclose()
                break

    asyncio.run(run())
    [exchange] = talk.exchanges
    assert exchange.answer is None
    assert exchange.sources == []
    assert exchange.events[-1].event == "called"
    assert talk.history == []
