"""A model that solves problems itself, as the script of a lesson."""

from collections.abc import Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

from agentkit import protocol
from agentkit.compress.problem import Line, Problem, Unusable
from agentkit.compress.recording import agent_for, failure, loaded, objection
from agentkit.decision import Call, Proposal
from agentkit.errors import ContextOverflow
from agentkit.events import Checked, Decided, Event, Observed
from agentkit.models.model import Model
from agentkit.tools import Tool


@dataclass(frozen=True)
class Demonstrator:
    """A model whose right runs are learned from.

    It is asked as any model is, with worked examples; its decisions are then played again as a student would be asked,
    without them. What it wrote that couldn't be read is left away. A call that failed or a draft that didn't pass
    stays, as what a student may find itself in, but isn't learned.
    """

    model: Model
    seed: int = 0
    temperature: float = 0.0

    @property
    def name(self) -> str:
        """The model's, and how it was asked where that isn't the usual way."""
        return f"{self.model.name}~{self.temperature:g}" if self.temperature else self.model.name

    async def solve(self, problem: Problem) -> Problem | Unusable:
        """The problem with the teacher's own script, if it solved it."""
        name = f"{problem.id}@{self.name}"
        if problem.answer is None:
            return Unusable(name, "only a problem with an answer shows whether a teacher is right")
        tools = [loaded(t) if isinstance(t, str) else t for t in problem.tools]
        agent = agent_for(problem, self.model, tools, seed=self.seed, temperature=self.temperature)
        events: list[Event] = []
        try:
            async with aclosing(agent.stream(problem.task, passages=problem.passages)) as stream:
                async for event in stream:
                    events.append(event)
        except ContextOverflow as error:
            return Unusable(name, "too long for the teacher", str(error))
        script = tuple(lines(events, tools))
        solved = replace(problem, id=name, source=f"{problem.source}@{self.name}", script=script)
        # A failed call isn't held against a teacher as it is against a script: it isn't learned.
        if found := objection(solved, events, tools):
            return Unusable(name, *found)
        return solved if script else Unusable(name, *(failure(events) or ("it decided nothing", "")))


def lines(events: Sequence[Event], tools: Sequence[Tool]) -> Iterator[Line]:
    """What a teacher decided, each with whether it is to be learned."""
    for at, event in enumerate(events):
        if isinstance(event, Decided) and not event.malformed:
            decision = protocol.read(event.text, tools)
            yield Line(decision, learned=succeeded(decision, events[at + 1 :]))


def succeeded(decision: protocol.Decision, following: Sequence[Event]) -> bool:
    """Whether a decision led on: its call reported something, its draft passed."""
    for event in following:
        if isinstance(event, Observed) and isinstance(decision, Call):
            return not event.error
        if isinstance(event, Checked) and isinstance(decision, Proposal):
            return event.verdict == "supported"
        if isinstance(event, Decided):
            return not isinstance(decision, Proposal)
    return True
