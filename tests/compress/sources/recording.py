"""Problems run by the real loop with a scripted model, and what came of them."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from agentkit.agent import Agent
from agentkit.answer import Answer, Evidence
from agentkit.compress.problem import Problem
from agentkit.decision import Call, Decision, GiveUp, Plan, Proposal
from agentkit.errors import ModelError
from agentkit.evaluate.strategies.completion import plain
from agentkit.events import Event, Finished, Observed
from agentkit.models.scripted import ScriptedModel
from agentkit.run import given


@dataclass(frozen=True)
class Recording:
    """What came of one problem."""

    problem: Problem
    answer: Answer[Any] | None
    events: Sequence[Event]
    why: str
    """Why it isn't kept; empty if it is."""


def record(problem: Problem, *, resources: Sequence[object] = ()) -> Recording:
    """Run a problem; its decisions are the script's."""
    return asyncio.run(_record(problem, resources))


async def _record(problem: Problem, resources: Sequence[object]) -> Recording:
    lines = iter(problem.script)
    evidence: list[Evidence] = [given(n, passage) for n, passage in enumerate(problem.passages, start=1)]

    def decide(*_: object) -> Any:
        line = next(lines, None)
        if line is None:
            raise ModelError("the script is too short")
        decision = line.cue(evidence) if callable(line.cue) else line.cue
        return written(decision, typed=problem.output is not None)

    agent = Agent(
        ScriptedModel(decide),
        tools=problem.tools,
        resources=[*problem.resources, *resources],
        output=problem.output,
        plan=problem.plan,
        unchecked=problem.unchecked,
    )
    events: list[Event] = []
    try:
        async for event in agent.stream(problem.task, passages=problem.passages):
            events.append(event)
            if isinstance(event, Observed):
                evidence += event.evidence
    except ModelError as error:
        return Recording(problem, None, events, str(error)[:90])
    last = events[-1]
    assert isinstance(last, Finished)
    return Recording(problem, last.answer, events, mismatch(problem, last.answer, left=next(lines, None) is not None))


def written(decision: Decision, *, typed: bool) -> Any:
    """A decision as a model writes it."""
    match decision:
        case Plan():
            return {"plan": [{"for": step.purpose, "tool": step.tool} for step in decision.steps]}
        case Call():
            return {"tool": decision.tool, "arguments": decision.arguments}
        case Proposal():
            said = {"value": json.loads(decision.text)} if typed else {"text": decision.text}
            return {"answer": {"evidence": list(decision.cited), **said}}
        case GiveUp():
            return {"give_up": {"reason": decision.reason}}


def mismatch(problem: Problem, answer: Answer[Any], *, left: bool) -> str:
    """Why a run didn't end as its problem says."""
    failed = next((f"{f.check}: {f.reason[:60]}" for f in answer.findings if f.verdict == "failed"), answer.reason[:60])
    if left:
        return f"ended early: {failed}"
    if problem.answer is None:
        return "" if answer.status == "abstained" else f"{answer.status} instead of abstained"
    if answer.text is None:
        return f"{answer.status}: {failed}"
    said = plain(json.loads(answer.text)) if problem.output else answer.text
    return "" if said == problem.answer else f"answered {said!r} instead of {problem.answer!r}"


def tally(recordings: Iterable[Recording]) -> tuple[float, Counter[str]]:
    """The share that is kept, and how often each reason not to keep one occurs."""
    found = list(recordings)
    reasons = Counter(r.why.partition(":")[0] + ":" + r.why.partition(":")[2][:30] for r in found if r.why)
    return sum(not r.why for r in found) / max(len(found), 1), reasons
