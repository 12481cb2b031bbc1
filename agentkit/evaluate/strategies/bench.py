"""What every strategy works with."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import JsonValue

from agentkit.agent import Agent
from agentkit.answer import Passage
from agentkit.checks import Check, default_checks, load_checks
from agentkit.evaluate.corpora import TaskCorpus
from agentkit.evaluate.item import Item, Reply
from agentkit.evaluate.task import Task
from agentkit.limits import Limits
from agentkit.models.model import Model, Session

SHOWN = 4
"""Passages of a task's corpus that a strategy without tools is shown."""
TOKENS = 4000
"""Generated tokens of one run of an agent: twenty times what most take."""

PYTHON = "python"
"""The tool for programs, whose settings count for the strategy `program` as well."""


def clockless(limits: Limits) -> Limits:
    """The same limits, with generated tokens in place of seconds.

    A clock would let the machine's other work decide which runs are cut off, and so who is right: no run could be
    repeated, and a slower machine would have the worse model. What is counted is the same everywhere. Programs keep
    the time limit of their sandbox, as one that never ends has no other.
    """
    return limits.model_copy(update={"seconds": None, "tokens": limits.tokens or TOKENS})


LIMITS = clockless(Limits())


@dataclass(frozen=True)
class Bench:
    """A task with the model that is to solve it."""

    task: Task
    model: Model
    """`Repeatable` wherever an item's reply mustn't depend on the other items."""
    corpus: TaskCorpus | None = None
    """The task's documents, indexed; None if it has none."""
    judges: Sequence[object] = ()
    """What the checks compare claims with passages by; without an embedder, those that do can't run."""
    seed: int = 0
    temperature: float = 0.0
    """Of strategies that don't draw several replies; those have their own."""
    limits: Limits = LIMITS
    """On one run of an agent."""
    agent: Agent[Any] | None = None
    """Whose tools, checks, instructions and refusals a run has, an assistant's say, instead of the task's."""
    tool_settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])
    """For each tool's name, its settings."""
    extra_checks: Sequence[str] = ()
    """Names of installed checks to run besides those that ship; an agent has its own."""

    @property
    def settings(self) -> dict[str, JsonValue]:
        """What decides a reply besides task, model, strategy and seed, by the names that it is set by."""
        return {
            "context": self.model.context,
            "temperature": self.temperature,
            **{f"limits.{name}": value for name, value in self.limits.model_dump().items()},
            **{
                f"tools.{tool}.{name}": value
                for tool in dict.fromkeys((*self.task.tools, PYTHON))
                for name, value in self.tool_settings.get(tool, {}).items()
            },
            **({"checks": list(self.extra_checks)} if self.extra_checks and not self.agent else {}),
            **({"instructions": self.agent.instructions, **self.agent.record} if self.agent else {}),
        }

    @property
    def resources(self) -> list[object]:
        """What tools and checks are bound to."""
        corpus = [] if self.corpus is None else [self.corpus.corpus]
        return [*corpus, *self.judges]

    @property
    def checks(self) -> list[Check]:
        """What a run's answers are held against."""
        if self.agent is not None:
            return self.agent.checks
        return [*default_checks(self.resources), *load_checks(self.extra_checks)]

    def sources(self, files: Sequence[str]) -> tuple[str, ...]:
        """What the task calls the documents that evidence came from, each once."""
        if self.corpus is None:
            return tuple(dict.fromkeys(file.partition(" > ")[0] for file in files))
        return tuple(dict.fromkeys(self.corpus.source(file) for file in files))

    def shown(self, item: Item) -> list[Passage]:
        """The passages that stand in the prompt of a strategy without tools: those given and the best found."""
        found = [] if self.corpus is None else self.corpus.corpus.search(item.question, SHOWN)
        return [*item.passages, *found]

    def question(self, item: Item) -> str:
        """The question with the task's instruction."""
        return f"{item.question}\n{self.task.instruction}" if self.task.instruction else item.question


def certain(confidence: float | None) -> float:
    """A confidence to rank by: of an engine that tells none, all are the same."""
    return 1.0 if confidence is None else confidence


class Repeatable(Model):
    """A model whose sessions don't depend on one another."""

    def __init__(self, inner: Model) -> None:
        self._inner = inner
        self.protocol = inner.protocol
        self.name = inner.name
        self.context = inner.context
        self.taught = inner.taught
        self.place = inner.place

    def session(self, *, repeatable: bool = True) -> Session:  # noqa: ARG002 (always is)
        return self._inner.session(repeatable=True)


Strategy = Callable[[Item], Awaitable[Reply]]
"""Answers one item. Raises only what is wrong with the model or the set-up."""
