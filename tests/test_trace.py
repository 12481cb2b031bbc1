"""A trace: written as it happens, read back."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import pytest

from agentkit.answer import Answer, Evidence, Finding, Usage
from agentkit.errors import TraceError
from agentkit.events import (
    TRACE_VERSION,
    Asked,
    Called,
    Checked,
    Corrected,
    Decided,
    Drafted,
    Event,
    Finished,
    Observed,
    Planned,
    Started,
    Step,
    Told,
    Turn,
)
from agentkit.trace import TraceWriter, read_trace

PASSAGE = Evidence(id=1, tool="lookup", call=1, text="Tank B:\n  8,500 l\t“üblich” 日本 \x00\x1f", source="water.md")
FINDING = Finding(check="numbers", claim="It holds 8,500 l.", verdict="supported", evidence=(1,))
ANSWER: Answer[object] = Answer(
    status="supported",
    text="It holds 8,500 l.",
    value={"litres": 8500},
    evidence=(PASSAGE,),
    cited=(1,),
    findings=(FINDING,),
    usage=Usage(prompt=900, cached=850, generated=40, seconds=1.5),
)
RUN: Sequence[Event] = (
    Started(
        agentkit="0.1.0",
        protocol="abc",
        model="scripted",
        seed=3,
        task="What does Tank B hold?",
        history=(Turn(task="Hello?", answer="Hello."),),
        tools=("lookup",),
        checks=("numbers",),
        settings={"limits": {"steps": None}, "plan": True},
    ),
    Asked(step=1, kind="plan", suffix=(Told(role="system", content="…"),), schema={"type": "object"}, max_tokens=320),
    Decided(step=1, text='{"plan":[]}', finish="stop", usage=Usage(prompt=1, generated=2, seconds=0.25)),
    Planned(steps=(Step(tool="lookup", purpose="volume of Tank B"),)),
    Called(call=1, tool="lookup", arguments={"topic": "tanks", "deep": [1, {"a": None}]}),
    Observed(call=1, evidence=(PASSAGE,), seconds=0.5),
    Drafted(text="It holds 8,500 l.", cited=(1,)),
    Checked(verdict="supported", findings=(FINDING,), seconds=0.125),
    Corrected(reason="880 stands nowhere.", numbers=("8,500",)),
    Finished(answer=ANSWER),
)
"""One event of every kind."""


def write(path: Path, events: Sequence[Event] = RUN) -> Path:
    with TraceWriter(path) as record:
        for event in events:
            record(event)
    return path


def test_what_was_written_is_what_is_read(tmp_path: Path) -> None:
    [union, _] = get_args(Event)
    assert {type(event) for event in RUN} == set(get_args(union))
    assert read_trace(write(tmp_path / "t.jsonl")) == list(RUN)


def test_a_trace_is_one_line_of_json_for_each_event(tmp_path: Path) -> None:
    lines = write(tmp_path / "t.jsonl").read_text(encoding="utf-8").split("\n")
    assert len(lines) == len(RUN) + 1
    assert lines[-1] == ""
    assert lines[0].startswith('{"event":"started","trace":1,')


def test_every_event_is_on_the_disk_before_the_next_happens(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    with TraceWriter(path) as record:
        for number, event in enumerate(RUN, start=1):
            record(event)
            assert read_trace(path) == list(RUN[:number])


def test_a_new_trace_replaces_an_old_one(tmp_path: Path) -> None:
    write(tmp_path / "t.jsonl")
    assert read_trace(write(tmp_path / "t.jsonl", RUN[:2])) == list(RUN[:2])


def test_a_trace_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    path = tmp_path / "absent" / "t.jsonl"
    with pytest.raises(TraceError, match=r"can't write the trace .*t\.jsonl: No such file or directory"):
        TraceWriter(path)


# Reading


def test_a_last_line_that_was_cut_off_is_left_out(tmp_path: Path) -> None:
    path = write(tmp_path / "t.jsonl", RUN[:6])
    whole = path.read_bytes()
    start = whole[:-1].rindex(b"\n") + 1
    for end in (start + 1, start + 20, len(whole) - 2):
        path.write_bytes(whole[:end])
        assert read_trace(path) == list(RUN[:5])
    path.write_bytes(whole[:-1])  # only the line's end is missing
    assert read_trace(path) == list(RUN[:6])


def test_a_damaged_line_in_the_middle_is_an_error_that_names_it(tmp_path: Path) -> None:
    path = write(tmp_path / "t.jsonl")
    lines = path.read_text(encoding="utf-8").split("\n")
    lines[3] = lines[3][:30]
    path.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(TraceError, match=r"t\.jsonl:4 is not an event of an agentkit trace: '\{\"event\":\"planned\""):
        read_trace(path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is not an agentkit trace: it has no 'started' line"),
        (b"# Notes\n", "1 is not an event of an agentkit trace: '# Notes'"),
        (b'{"a":1}\n{"b":2}\n', ":1 is not an event of an agentkit trace: "),
        (b'{"event":"drafted","text":"x","cited":[]}\n', "is not an agentkit trace: it has no 'started' line"),
        (b'{"event":"launched"}\n', ":1 is not an event"),
        (b"\xff\xfe\x00", "can't read the trace "),
        (None, "can't read the trace "),
    ],
)
def test_what_is_no_trace_is_an_error_on_one_line(tmp_path: Path, content: bytes | None, said: str) -> None:
    path = tmp_path / "t.jsonl"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(TraceError) as raised:
        read_trace(path)
    assert said in str(raised.value)
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_folder_is_no_trace(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match="can't read the trace"):
        read_trace(tmp_path)


def test_a_trace_of_a_newer_version_is_refused_and_names_both(tmp_path: Path) -> None:
    started = RUN[0]
    assert isinstance(started, Started)
    newer = started.model_copy(update={"trace": TRACE_VERSION + 1})
    with pytest.raises(TraceError, match=f"version {TRACE_VERSION + 1}; this agentkit reads up to {TRACE_VERSION}"):
        read_trace(write(tmp_path / "t.jsonl", [newer, *RUN[1:]]))


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\x85"])
def test_line_separators_in_a_text_do_not_end_a_line_of_the_trace(tmp_path: Path, separator: str) -> None:
    run = [RUN[0], Drafted(text=f"one{separator}two", cited=()), RUN[-1]]
    assert read_trace(write(tmp_path / "t.jsonl", run)) == run


def test_a_full_disk_is_an_error_of_the_system() -> None:
    """Not swallowed: whoever runs the agent must know that the trace is incomplete."""
    if not os.path.exists("/dev/full"):
        pytest.skip("this system has no /dev/full")
    with pytest.raises(OSError, match="No space left on device"), TraceWriter(Path("/dev/full")) as record:
        record(RUN[0])
