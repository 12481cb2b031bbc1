"""The benchmark against other frameworks counts and keeps what they do; the frameworks aren't needed here."""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from peers import running
from peers.conversation import Peer
from peers.endpoint import Endpoint
from peers.events import Call, Code, Completion, End, Event, Malformed, Wanted
from peers.records import known_as, malformed, reply

from agentkit.evaluate.item import Function, Header, Item, Record
from agentkit.evaluate.runner import drawn
from agentkit.evaluate.scorers.calls import score_calls
from agentkit.evaluate.scorers.numbers import NumberScorer
from agentkit.evaluate.task import Task
from agentkit.tools import Tool

from .making import described

SUM = Item(id="sum", question="What is 12 and 30?", gold="42")
SUMS = Task(name="sums", items=[SUM], scorer=NumberScorer(), form="number", tools=("calculator", "python"))
AREA = Item(
    id="area",
    question="Area of a square of 3",
    gold=[{"square.area": {"side": [3]}}],
    functions=(
        Function(
            name="square.area",
            description="Area of a square.",
            parameters={"type": "object", "properties": {"side": {"type": "integer"}}, "required": ["side"]},
        ),
    ),
)
AREAS = Task(name="areas", items=[AREA], scorer=score_calls, form="calls")
START = """
import json, sys, time
def tell(event, **fields):
    print(json.dumps({"event": event, **fields}), flush=True)
def call(name, **arguments):
    tell("call", name=name, arguments=arguments)
    return json.loads(sys.stdin.readline())
json.loads(sys.stdin.readline())
tell("ready")
for line in sys.stdin:
    asked = json.loads(line)
"""


def peer(folder: Path, body: str, seconds: float = 20) -> Peer:
    """A peer whose worker does with each item what a few lines of Python say."""
    worker = folder / "worker.py"
    worker.write_text(START + "".join(f"    {line}\n" for line in body.strip().splitlines()), encoding="utf-8")
    return Peer(Path(sys.executable), {"peer": "stand-in"}, item_seconds=seconds, worker=worker)


def test_tools_have_names_that_every_peer_takes() -> None:
    assert [known_as(name) for name in ("math.factorial", "calculator", "2d-area", "class")] == [
        "math_factorial",
        "calculator",
        "_2d_area",
        "_class",
    ]


def test_malformed_calls_are_counted_by_kind() -> None:
    written = '{"name": "calculator", "arguments": {"expression": "2+2"}}'
    events: Sequence[Event] = [
        Malformed(kind="unreadable"),
        Malformed(kind="unknown tool"),
        Call(name="calculator", arguments={"bogus": 1}, fits=False),
        Completion(text=written),
        End(how="answered", text=written),
    ]
    assert malformed(events, ["calculator"]) == {
        "unreadable": 1,
        "unknown tool": 1,
        "bad arguments": 1,
        "call as text": 1,
    }
    # The peer has read this one, and the answer is another text.
    read = [Completion(text=written, calls=(Wanted(name="calculator", arguments="{}"),)), End(how="answered", text="4")]
    assert not malformed(read, ["calculator"])


def test_a_reply_adds_up_what_the_endpoint_reported_and_keeps_the_calls_that_reached_a_tool() -> None:
    events: Sequence[Event] = [
        Completion(prompt=100, cached=60, generated=10, seconds=1.5),
        Call(name="square_area", arguments={"side": 3}, text="done", seconds=0.25),
        Call(name="square_area", arguments={}, error="side is missing", fits=False),
        Completion(prompt=120, cached=110, generated=5, seconds=0.5),
        Code(code="print(1)", error="no"),
        End(how="limit", text="the limit of 180 seconds"),
    ]
    made = reply(events, {"square_area": "square.area"}, seconds=3.0)
    assert [(c.name, c.arguments) for c in made.calls] == [
        ("square.area", {"side": 3}),
        ("python_interpreter", {"code": "print(1)"}),
    ]
    alone = reply(events, {"square_area": "square.area"}, seconds=3.0, programs=False)
    assert [c.name for c in alone.calls] == ["square.area"]
    assert (made.usage.prompt, made.usage.cached, made.usage.generated, made.usage.seconds) == (220, 170, 15, 2.0)
    assert (made.status, made.text, made.reason) == ("exhausted", None, "the limit of 180 seconds")
    assert (made.completions, made.malformed, made.tool_seconds, made.seconds) == (2, 1, 0.25, 3.0)


def test_a_peer_gets_agentkits_own_tools_and_is_judged_as_agentkit_is(tmp_path: Path) -> None:
    async def run() -> None:
        body = 'tell("end", how="answered", text="That is " + call("calculator", expression="12 + 30")["text"])'
        async with peer(tmp_path, body) as working:
            record, _ = await running.one(SUM, SUMS, working, running.tools(SUMS, SUM, "pydantic-ai"))
        assert record.score is not None
        assert record.score.right
        assert record.reply is not None
        assert record.reply.text == "That is 42"

    asyncio.run(run())


def test_a_call_with_bad_arguments_is_told_and_not_judged(tmp_path: Path) -> None:
    async def run() -> None:
        body = """
assert "integer" in call("square_area", side="three")["error"]
assert call("square_area", side=3) == {"text": "done", "error": ""}
tell("end", how="answered", text="")
"""
        async with peer(tmp_path, body) as working:
            record, _ = await running.one(AREA, AREAS, working, running.tools(AREAS, AREA, "smolagents-tool"))
        assert record.score is not None
        assert record.score.right, record
        assert record.reply is not None
        assert record.reply.malformed == 1

    asyncio.run(run())


@pytest.mark.parametrize(
    ("body", "how", "said"),
    [
        ("time.sleep(60)", "limit", "the limit of 1 seconds"),
        ("sys.exit(3)", "raised", "the worker ended with 3"),
        ('tell("end", how="raised", text="ValueError: no")', "raised", "ValueError: no"),
    ],
)
def test_an_item_that_a_peer_fails_on_is_kept_and_the_next_one_runs(
    tmp_path: Path, body: str, how: str, said: str
) -> None:
    async def run() -> None:
        once = f'if asked["question"] == "fail":\n    {body}\nelse:\n    tell("end", how="answered", text="42")'
        async with peer(tmp_path, once, seconds=1) as working:
            failing = SUM.model_copy(update={"question": "fail"})
            record, events = await running.one(failing, SUMS, working, [])
            assert isinstance(events[-1], End)
            assert events[-1].how == how
            assert said in events[-1].text
            assert record.score is not None
            assert not record.score.right
            assert bool(record.error) == (how == "raised")
            after, _ = await running.one(SUM, SUMS, working, [])
            assert after.score is not None
            assert after.score.right

    asyncio.run(run())


def test_a_run_goes_on_item_by_item_and_can_be_enlarged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a kill in the middle of a line, with a larger sample: what is done isn't done again."""
    items = drawn([SUM.model_copy(update={"id": f"sum-{n}"}) for n in range(4)], limit=None, seed=0)
    put: list[str] = []

    async def answer(_peer: Peer, question: str, _tools: Mapping[str, Tool]) -> tuple[list[Event], float]:
        put.append(question)
        return [End(how="answered", text="42")], 1.0

    monkeypatch.setattr(Peer, "answer", answer)
    endpoint = cast(Endpoint, SimpleNamespace(url="", key="", check=lambda: None))

    def run(limit: int) -> tuple[Header, list[Record]]:
        own = described([Record(id=item.id) for item in items[:limit]])
        wanted = running.header(own, "pydantic-ai", {"pydantic-ai-slim": "2", "openai": "3"}, {"steps": 10})
        return asyncio.run(
            running.run(
                *(SUMS, items[:limit], wanted, tmp_path),
                python=Path(sys.executable),
                endpoint=endpoint,
                told=lambda _: None,
            )
        )

    run(2)
    with (tmp_path / running.EVENTS).open("a") as file:
        file.write('{"id":"sum-')
    header, records = run(4)
    assert (header.limit, [r.id for r in records], len(put)) == (4, [item.id for item in items], 4)
    assert all(r.score and r.score.right for r in records)
    assert running.counted(tmp_path, {item.id: [] for item in items}).raised == 0


def test_a_code_agent_gets_no_python_tool() -> None:
    item = drawn(SUMS.items, limit=1, seed=0)[0]
    assert [tool.name for tool in running.tools(SUMS, item, "smolagents-code")] == ["calculator"]
    assert [tool.name for tool in running.tools(SUMS, item, "smolagents-tool")] == ["calculator", "python"]
