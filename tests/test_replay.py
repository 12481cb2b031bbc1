"""A recorded run runs again, and the first thing that goes otherwise is told."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from agentkit.agent import Agent
from agentkit.answer import Answer, Passage
from agentkit.errors import ContextOverflow, TraceError
from agentkit.events import Asked, Called, Checked, Decided, Drafted, Event, Finished, Observed, Started, Turn
from agentkit.limits import Limits
from agentkit.models.model import Completion, Model
from agentkit.models.scripted import ScriptedModel
from agentkit.protocol import GIVE_UP
from agentkit.replay import as_data, reexecute, repeatable, where
from agentkit.tools import Tool, ToolError, load_tools, tool

HISTORY = (Turn(task="What is the fee?", answer="It is 12."),)
GIVES_UP = {"give_up": {"reason": GIVE_UP[0]}}


@tool(pure=True)
def double(number: int) -> int:
    """Twice a number."""
    return 2 * number


def recorded(replies: Sequence[Any], *, tools: Sequence[Tool] = (double,), **settings: Any) -> list[Event]:
    """The events of a run."""

    async def run() -> list[Event]:
        model = ScriptedModel(replies, name="small", lenient=True)
        agent = Agent(model, tools=tools, **settings)
        return [event async for event in agent.stream("Double 21.", history=HISTORY)]

    return asyncio.run(run())


def again(events: Sequence[Event], tools: Sequence[Tool] = (double,), **settings: Any) -> str:
    def agent_for(model: Model, started: Started) -> Agent[Any]:
        return Agent(model, tools=tools, seed=started.seed, **settings)

    return asyncio.run(reexecute(events, agent_for))


RUN = (
    {"plan": [{"for": "twice", "tool": "double"}]},
    {"tool": "double", "arguments": {"number": 21}},
    {"tool": "double", "arguments": {"number": 21}},
    {"answer": {"evidence": [1], "text": "It is 43."}},
    {"answer": {"evidence": [1], "text": "It is 42."}},
)


def test_a_run_repeats_itself() -> None:
    events = recorded(RUN)
    assert isinstance(events[-1], Finished)
    assert again(events) == ""


def test_malformed_and_cut_off_replies_repeat_too() -> None:
    events = recorded(["nonsense", Completion(text='{"dou', finish="length"), GIVES_UP], plan=False)
    assert [e.malformed != "" for e in events if isinstance(e, Decided)] == [True, True]
    assert again(events, plan=False) == ""


def test_another_version_is_no_difference_but_another_protocol_is() -> None:
    header, *rest = recorded(RUN)
    assert isinstance(header, Started)
    assert again([header.model_copy(update={"agentkit": "0.0.1"}), *rest]) == ""
    difference = again([header.model_copy(update={"protocol": "other"}), *rest])
    assert difference.startswith('event 1 (started): protocol was "other", is now ')


def test_a_tool_that_reports_something_else_is_the_first_difference() -> None:
    events = recorded(RUN)

    @tool(name="double", pure=True)
    def triple(number: int) -> int:
        """Twice a number."""
        return 3 * number

    position = next(i for i, e in enumerate(events, 1) if isinstance(e, Observed))
    difference = again(events, tools=[triple])
    assert difference == f'event {position} (observed): evidence.0.text was "42", is now "63"'


def test_a_long_value_that_differs_is_cut() -> None:
    header, *rest = recorded(RUN)
    difference = again([header.model_copy(update={"model": "x" * 500}), *rest])
    assert difference == ""  # the model is whatever the trace says
    decided = next(i for i, e in enumerate(rest) if isinstance(e, Observed))
    long = rest[decided].model_copy(update={"error": "y" * 500})
    difference = again([header, *rest[:decided], long, *rest[decided + 1 :]])
    assert difference.endswith(f'error was "{"y" * 158}…, is now ""')


def slower(event: Event) -> Event:
    """The same event on a slower machine."""
    match event:
        case Decided():
            return event.model_copy(update={"usage": event.usage.model_copy(update={"seconds": 99.0})})
        case Observed() | Checked():
            return event.model_copy(update={"seconds": 99.0})
        case Finished():
            usage = event.answer.usage.model_copy(update={"seconds": 99.0})
            return event.model_copy(update={"answer": event.answer.model_copy(update={"usage": usage})})
        case _:
            return event


def test_runs_that_differ_in_their_times_only_do_not_differ() -> None:
    events = recorded(RUN)
    other = [slower(event) for event in events]
    assert other != events
    assert {where(as_data(was), as_data(now)) for was, now in zip(events, other, strict=True)} == {""}
    assert again(other) == ""


def test_whatever_event_took_the_place_of_another_is_told() -> None:
    events = recorded(RUN)
    for number, event in enumerate(events, 1):
        if isinstance(event, Started | Decided):  # what is run again comes from these
            continue
        other = Drafted(text="Something else.", cited=())
        difference = again([*events[: number - 1], other, *events[number:]])
        assert difference.startswith(f"event {number} ({event.event}): ")
        field = "text" if isinstance(event, Drafted) else "event"
        assert f" {field} was " in difference


@pytest.mark.parametrize(
    ("was", "now", "told"),
    [
        ({"a": {"b": 1}}, {"a": {"b": 1}}, ""),
        ({"a": {"b": 1}}, {"a": {"b": 2}}, "a.b was 1, is now 2"),
        ({"a": [1, 2]}, {"a": [1]}, "a.1 was 2, is now absent"),
        ({"a": [1]}, {"a": [1, None]}, "a.1 was absent, is now null"),
        ({"a": None}, {}, "a was null, is now absent"),
        ({"a": {}}, {"a": []}, "a was {}, is now []"),
        ({"seconds": 1, "usage": {"seconds": 1}}, {"seconds": 2, "usage": {"seconds": 2}}, ""),
        ({"arguments": {"seconds": 1}}, {"arguments": {"seconds": 2}}, "arguments.seconds was 1, is now 2"),
        ("x", "y", 'it was "x", is now "y"'),
    ],
)
def test_the_first_field_that_differs_is_named_with_both_values(was: object, now: object, told: str) -> None:
    assert where(was, now) == told


def test_an_interrupted_run_repeats_as_far_as_it_went() -> None:
    events = recorded(RUN)
    for end in range(1, len(events)):
        assert again(events[:end]) == ""


def test_a_trace_that_goes_on_after_the_end_differs() -> None:
    events = recorded(RUN)
    assert "the run is over" in again([*events, events[-1]])


def test_a_trace_without_a_header_is_an_error() -> None:
    with pytest.raises(TraceError, match="no 'started' line"):
        again(recorded(RUN)[1:])


def acting(world: list[str]) -> Tool:
    @tool(approval=True)
    def act(target: str) -> list[Passage]:
        """Changes the world."""
        world.append(target)
        if target == "wall":
            raise ToolError("it is hard", hint="try another")
        return [Passage(text=f"hit {target}", source="world"), Passage(text="hit", source="world")]

    return act


def approve(_name: str, arguments: Mapping[str, Any]) -> bool:
    return arguments["target"] != "friend"


def test_a_tool_that_acts_on_the_world_is_not_called_again() -> None:
    targets = ("door", "wall", "gate", "friend")
    replies = [*({"tool": "act", "arguments": {"target": target}} for target in targets), GIVES_UP]
    world: list[str] = []
    events = recorded(replies, tools=[acting(world)], plan=False, approve=approve)
    assert world == ["door", "wall", "gate"]
    assert [e.known for e in events if isinstance(e, Observed)] == [(), (), (2,), ()]
    assert again(events, tools=[acting(world)], plan=False) == ""
    assert world == ["door", "wall", "gate"]


def test_an_end_that_came_from_the_clock_is_not_repeated() -> None:
    @tool(timeout=5)
    async def wait() -> str:
        """Waits."""
        await asyncio.sleep(5 if waiting else 0)
        return "done"

    waiting = True
    events = recorded([{"tool": "wait", "arguments": {}}], tools=[wait], plan=False, limits=Limits(seconds=0.2))
    assert isinstance(events[-2], Called)
    assert finished(events).status == "exhausted"
    waiting = False
    assert len(list(repeatable(events))) == len(events) - 1
    assert again(events, tools=[wait], plan=False, limits=Limits(seconds=0.2)) == ""


def test_an_end_that_came_from_a_full_context_is_not_repeated() -> None:
    replies: list[Any] = [{"tool": "double", "arguments": {"number": 21}}]

    def full(*_: object) -> Any:
        if not replies:
            raise ContextOverflow(needed=9, context=8)
        return replies.pop()

    async def run() -> list[Event]:
        agent: Agent[Any] = Agent(ScriptedModel(full, name="small"), tools=[double], plan=False)
        return [event async for event in agent.stream("Double 21.")]

    events = asyncio.run(run())
    assert finished(events).status == "exhausted"
    assert again(events, plan=False) == ""


def finished(events: Sequence[Event]) -> Answer[Any]:
    assert isinstance(events[-1], Finished)
    return events[-1].answer


def test_a_limit_that_the_loop_keeps_itself_is_repeated() -> None:
    events = recorded(RUN, limits=Limits(steps=2))
    assert finished(events).reason == "the limit of 2 steps"
    assert len(list(repeatable(events))) == len(events)
    assert again(events, limits=Limits(steps=2)) == ""


def test_a_taught_model_is_sent_no_worked_examples_and_its_run_repeats_itself() -> None:
    async def run(taught: bool) -> list[Event]:
        agent = Agent(ScriptedModel(RUN, taught=taught), tools=[*load_tools(["calculator"]), double])
        return [event async for event in agent.stream("Double 21.")]

    usual, taught = asyncio.run(run(False)), asyncio.run(run(True))
    told = [[m for e in events if isinstance(e, Asked) for m in e.suffix] for events in (usual, taught)]
    assert told[1][1:] == told[0][-len(told[1]) + 1 :]
    assert len(told[0]) > len(told[1])
    assert isinstance(taught[0], Started)
    assert taught[0].settings["taught"] is True
    assert isinstance(usual[0], Started)
    assert "taught" not in usual[0].settings
    assert again(taught, tools=[*load_tools(["calculator"]), double]) == ""
