"""A problem's script played through the real loop, and what was then sent and written, as a lesson."""

import json
from collections.abc import Iterator, Sequence
from contextlib import aclosing
from functools import lru_cache
from typing import Any

from pydantic import BaseModel

from agentkit import protocol
from agentkit.agent import Agent
from agentkit.answer import Answer, Evidence
from agentkit.compress.lesson import Lesson
from agentkit.compress.problem import Line, Problem, Unusable, general
from agentkit.decision import Call, GiveUp, written
from agentkit.errors import AgentkitError
from agentkit.evaluate.scorers import numbers, text
from agentkit.evaluate.strategies.completion import plain
from agentkit.events import Asked, Checked, Decided, Event, Finished, Observed, Told
from agentkit.evidence import given
from agentkit.models.grammar import admits
from agentkit.models.model import Grammar, Message, Model
from agentkit.models.scripted import ScriptedModel
from agentkit.tools import Tool, load_tools


class Recorded(BaseModel, frozen=True):
    """What came of a problem: a lesson, or why there is none."""

    id: str
    lesson: Lesson | None = None
    reason: str = ""
    """Without what is special to this problem: problems that aren't kept are counted by it."""
    detail: str = ""


class Astray(Exception):
    """The run asked for what the script doesn't have."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


async def record(problem: Problem) -> Recorded:
    """Play a problem's script; kept is what ends as the problem says."""
    events: list[Event] = []
    lines = iter(problem.script)
    evidence = given(problem.passages)
    tools = [loaded(t) if isinstance(t, str) else t for t in problem.tools]

    def speak(_messages: Sequence[Message], grammar: Grammar | None) -> str:
        return spoken(next(lines, None), evidence, tools, grammar, typed=problem.output is not None)

    model = ScriptedModel(speak, name="script", taught=True)
    try:
        agent = agent_for(problem, model, tools)
        async with aclosing(agent.stream(problem.task, passages=problem.passages)) as stream:
            async for event in stream:
                events.append(event)
                if isinstance(event, Observed):
                    evidence += event.evidence
    except Astray as error:
        reason, detail = failure(events) or (error.reason, error.detail)
        return Recorded(id=problem.id, reason=reason, detail=detail)
    except AgentkitError as error:
        return Recorded(id=problem.id, reason=f"the run broke: {type(error).__name__}", detail=str(error))
    if next(lines, None) is not None:
        reason, detail = failure(events) or ("the run ended before the script", "")
        return Recorded(id=problem.id, reason=reason, detail=detail)
    if found := objection(problem, events, tools):
        return Recorded(id=problem.id, reason=found[0], detail=found[1])
    messages = tuple(transcript(events))
    own = [n for n, message in enumerate(messages) if message.role == "assistant"][-len(problem.script) :]
    learned = tuple(n for n, line in zip(own, problem.script, strict=True) if line.learned)
    if not learned:
        return Recorded(id=problem.id, reason="nothing of it is to be learned")
    return Recorded(
        id=problem.id,
        lesson=Lesson(
            id=problem.id,
            source=problem.source,
            kind=problem.kind,
            protocol=protocol.fingerprint(),
            messages=messages,
            learned=learned,
        ),
    )


def agent_for(problem: Problem, model: Model, tools: Sequence[Tool], **options: Any) -> Agent[Any]:
    """The agent that runs a problem, whoever takes the decisions."""
    return Agent(
        model,
        tools=tools,
        resources=problem.resources,
        checks=problem.checks,
        instructions=problem.instructions,
        output=problem.output,
        plan=problem.plan,
        limits=problem.limits,
        unchecked=problem.unchecked,
        **options,
    )


@lru_cache(maxsize=64)
def loaded(name: str) -> Tool:
    """An installed tool; looking through what is installed takes longer than many a run."""
    return load_tools([name])[0]


def spoken(
    line: Line | None, evidence: Sequence[Evidence], tools: Sequence[Tool], grammar: Grammar | None, *, typed: bool
) -> str:
    """What the script says next, as a model would write it.

    Raises:
        Astray: It says nothing, or nothing that may be said now.
    """
    if line is None:
        raise Astray("the script ended before the run")
    try:
        decision = line.cue(tuple(evidence)) if callable(line.cue) else line.cue
        said = written(decision, tools, typed=typed)
    except (LookupError, ValueError, StopIteration) as error:
        raise Astray("no decision could be made of the evidence", f"{type(error).__name__}: {error}") from None
    if grammar is not None and not admits(grammar, said):
        raise Astray("a decision that the grammar doesn't admit", said)
    return said


def transcript(events: Sequence[Event]) -> Iterator[Told]:
    """All that was sent and written, in order."""
    for event in events:
        if isinstance(event, Asked):
            yield from event.suffix
        elif isinstance(event, Decided):
            yield Told(role="assistant", content=event.text)


def objection(problem: Problem, events: Sequence[Event], tools: Sequence[Tool]) -> tuple[str, str] | None:
    """Why a run isn't kept, and what is special to it; None if it ended as the problem says."""
    last = events[-1]
    assert isinstance(last, Finished)
    answer: Answer[Any] = last.answer
    decided = [e for e in events if isinstance(e, Decided)]
    if problem.answer is None:
        gave_up = isinstance(protocol.read(decided[-1].text, tools), GiveUp)
        if answer.status == "abstained" and gave_up:
            return misstep(problem, events, tools)
        return "an answer where there should be none", answer.text or answer.reason
    if answer.text is None:
        return failure(events) or (f"it ended as {answer.status}", answer.reason)
    said = answer.text if problem.output is None else plain(json.loads(answer.text))
    if not right(said, problem.answer):
        return "the answer is wrong", f"{said} for {problem.answer}"
    return misstep(problem, events, tools)


def misstep(problem: Problem, events: Sequence[Event], tools: Sequence[Tool]) -> tuple[str, str] | None:
    """A call that failed although the student is to learn it, or that didn't although it should have."""
    taken = iter(problem.script)
    line: Line | None = None
    for event in events:
        if isinstance(event, Decided) and not event.malformed:
            line = next(taken)
            if not (line.learned and isinstance(protocol.read(event.text, tools), Call)):
                line = None
        elif isinstance(event, Observed) and line is not None and bool(event.error) != line.fails:
            return (general(event.error), event.error) if event.error else ("a call that should fail didn't", "")
    return None


def failure(events: Sequence[Event]) -> tuple[str, str] | None:
    """What went wrong in a run: the first call that failed, else what the last checks found."""
    for event in events:
        if isinstance(event, Observed) and event.error:
            return general(event.error), event.error
    for event in reversed(events):
        if isinstance(event, Checked) and event.verdict != "supported":
            for finding in event.findings:
                if finding.verdict in ("failed", "unavailable"):
                    return f"check {finding.check}: {finding.verdict}", f"{finding.claim}: {finding.reason}"
            return "no check applies to the answer", event.findings[0].claim if event.findings else ""
    return None


def right(said: str, answer: str) -> bool:
    """Whether an answer is the one that the source words; numbers are compared as numbers."""
    gold = numbers.written(answer)
    if gold is None:
        return text.matches(said, answer)
    number = numbers.stated(said)
    return number is not None and numbers.same(number, gold)


def unusable(row: Unusable) -> Recorded:
    """What is kept of a row that makes no problem."""
    return Recorded(id=row.id, reason=row.reason, detail=row.detail)
