"""What is asked, what was replied, and how that was judged: the records that an evaluation is made of."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, Field, JsonValue

from agentkit.answer import Finding, Passage, Status, Usage


class Function(BaseModel, frozen=True):
    """Something that may be called; nothing happens when it is, the call is what is judged."""

    name: str
    description: str
    parameters: Mapping[str, Any]
    """JSON Schema of the arguments, an object."""


class Item(BaseModel, frozen=True):
    """One question of a task, with all that whoever answers it may see, and the gold answer, which they may not."""

    id: str
    """Unique within its task and the same whenever the data is read."""
    question: str
    gold: JsonValue
    """What the task's scorer compares a reply with."""
    passages: tuple[Passage, ...] = ()
    """Given with the question: numbered evidence for an agent, text in the prompt for a single completion."""
    choices: tuple[str, ...] = ()
    """The only answers there are, if the question has a closed list."""
    functions: tuple[Function, ...] = ()
    answerable: bool = True
    """False where abstaining is the right reply."""
    cluster: str = ""
    """Items with the same one share a context, so their results aren't independent; empty for an item on its own."""


class Called(BaseModel, frozen=True):
    """A call that a model made of a tool, or of one of the item's functions."""

    name: str
    arguments: Mapping[str, JsonValue]
    error: str = ""
    repeated: bool = False
    refused: bool = False
    """By the loop, as its arguments were made up."""


class Reply(BaseModel, frozen=True):
    """What a strategy made of an item."""

    status: Status
    text: str | None = None
    """The answer; None where there is none (abstained, exhausted)."""
    drafts: tuple[str, ...] = ()
    """Every answer that was proposed to the checks, first to last; the last may be `text`."""
    calls: tuple[Called, ...] = ()
    sources: tuple[str, ...] = ()
    """Where the passages that were found stand, in the order found, each once."""
    findings: tuple[Finding, ...] = ()
    """Of the checks, over all drafts."""
    malformed: int = 0
    """Completions that couldn't be read."""
    completions: int = 0
    """How often the model was asked."""
    confidence: float = Field(default=1.0, ge=0, le=1)
    """By which replies are ranked for a risk–coverage curve; comparable within one strategy."""
    reason: str = ""
    """Why there is no text."""
    usage: Usage = Usage()
    seconds: float = 0.0
    """From the question to the reply."""
    tool_seconds: float = 0.0
    """Of these, spent in tools, checks and searches; the model's own are in `usage`."""


class Score(BaseModel, frozen=True):
    """What a scorer says of a reply."""

    right: bool
    """A reply without a text is right only where abstaining is."""
    value: float = Field(ge=0, le=1)
    """Partial credit where the task has it, token F1 say; else 1 or 0."""
    reason: str = ""
    """In a few words what was compared, or which kind of mistake it was."""
    details: Mapping[str, float] = {}
    """Further figures of this item, each from 0 to 1; their means are reported. `recall` of the gold passages, say."""


class Record(BaseModel, frozen=True):
    """One line of a run folder's `items.jsonl`."""

    id: str
    cluster: str = ""
    answerable: bool = True
    stratum: str = ""
    """What it counts under in balanced accuracy; empty where `answerable` says it."""
    reply: Reply | None = None
    """None for an item that crashed whoever answered it."""
    score: Score | None = None
    draft_scores: tuple[Score, ...] = ()
    """Of `reply.drafts`, one by one: what the checks fixed or broke."""
    error: str = ""
    """The crash, in one line. Counted as wrong."""
    overhead: float = 0.0
    """Seconds the harness itself took for this item: neither model nor tools nor judging."""


AnswerForm = Literal["number", "text", "choice", "calls", "code"]


class Header(BaseModel, frozen=True):
    """`run.json` of a run folder: all that decides what the run's records are."""

    task: str
    metric: str
    form: AnswerForm
    data: str
    """SHA-256 of the data read."""
    model: str
    weights: str = ""
    """SHA-256 of the model's; empty where it runs elsewhere, and of runs that began before this was recorded."""
    strategy: str
    seed: int
    limit: int | None
    """How many items were asked for; None for all."""
    ids: tuple[str, ...]
    """The items of this run, in the order they are run."""
    parallel: int
    """Items at the same time; of a run that was resumed with another number, the largest."""
    agentkit: str
    protocol: str
    """Fingerprint of how runs are written for a model."""
    settings: Mapping[str, JsonValue] = {}
    """What else decides the replies, by the names that it is set by: context, threads, temperature, limits, tools'."""
    machine: str = ""
    command: str = ""
    """What began it; what resumed it may have raised `limit`."""
    problems: tuple[str, ...] = ()
    """Lines of the data that couldn't be read."""
