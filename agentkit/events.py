"""What a run tells the world: every step emits one frozen event.

Screens, traces, streams and tests are listeners; nothing reads a run's state any other way. The events
of a run hold enough to run it again: `Asked` and `Decided` together are the whole exchange with the
model, `Called` and `Observed` that with the tools.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, TypeAdapter

from agentkit.answer import Answer, Evidence, Finding, Passage, Usage

TRACE_VERSION = 1
"""Raised when an event changes in a way that older readers would misread."""


class Turn(BaseModel, frozen=True):
    """An earlier exchange of the same conversation."""

    task: str
    answer: str
    evidence: tuple[Evidence, ...] = ()
    """What the answer stands on and a later one may stand on too: passages of documents, whatever their numbers."""


class Told(BaseModel, frozen=True):
    """One message of the transcript, as sent."""

    role: Literal["system", "user", "assistant"]
    content: str


class Started(BaseModel, frozen=True):
    """The header of a run: all that decides how it goes."""

    event: Literal["started"] = "started"
    trace: int = TRACE_VERSION
    agentkit: str
    """Version of the package."""
    protocol: str
    """Fingerprint of how runs are written for models; a driver is trained for one."""
    model: str
    seed: int
    task: str
    history: tuple[Turn, ...] = ()
    passages: tuple[Passage, ...] = ()
    """Given with the task: its first evidence."""
    tools: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    settings: dict[str, Any] = {}


class Asked(BaseModel, frozen=True):
    """The model is asked for a decision."""

    event: Literal["asked"] = "asked"
    step: int
    """Decisions asked for so far, this one included."""
    kind: Literal["plan", "act", "answer", "redraft", "again"]
    suffix: tuple[Told, ...]
    """The messages that the transcript has gained since the last time."""
    schema_: dict[str, Any] = Field(alias="schema")
    """JSON Schema that the decision is decoded under."""
    max_tokens: int

    model_config = {"populate_by_name": True}


class Decided(BaseModel, frozen=True):
    """What the model wrote."""

    event: Literal["decided"] = "decided"
    step: int
    text: str
    finish: Literal["stop", "length"]
    usage: Usage
    malformed: str = ""
    """Why it could not be read; empty when it could."""
    confidence: float | None = None
    """The geometric mean of its tokens' probabilities; None where the engine doesn't tell."""


class Step(BaseModel, frozen=True):
    """One intended step of a plan."""

    tool: str
    purpose: str


class Planned(BaseModel, frozen=True):
    """The plan as read."""

    event: Literal["planned"] = "planned"
    steps: tuple[Step, ...]


class Called(BaseModel, frozen=True):
    """A tool is called."""

    event: Literal["called"] = "called"
    call: int
    tool: str
    arguments: dict[str, Any]
    repeated: bool = False
    """An identical call to a pure tool: answered from its first result."""
    again: bool = False
    """Made to derive a second time what another tool had computed."""


class Observed(BaseModel, frozen=True):
    """What a call reported."""

    event: Literal["observed"] = "observed"
    call: int
    evidence: tuple[Evidence, ...] = ()
    """Evidence that is new, numbered."""
    known: tuple[int, ...] = ()
    """Numbers of evidence that had been found before."""
    error: str = ""
    hint: str = ""
    refused: bool = False
    """The call never reached its tool: its arguments were made up."""
    cut: int = 0
    """Characters left out of what the model sees."""
    seconds: float = 0.0


class Drafted(BaseModel, frozen=True):
    """The model proposes an answer."""

    event: Literal["drafted"] = "drafted"
    text: str
    cited: tuple[int, ...]


class Checked(BaseModel, frozen=True):
    """What the checks say of the draft."""

    event: Literal["checked"] = "checked"
    verdict: Literal["supported", "failed", "unchecked"]
    findings: tuple[Finding, ...]
    seconds: float = 0.0


class Corrected(BaseModel, frozen=True):
    """A failed draft goes back to be redrafted under a tighter grammar."""

    event: Literal["corrected"] = "corrected"
    reason: str
    numbers: tuple[str, ...]
    """The only numbers that the next draft may contain."""


class Finished(BaseModel, frozen=True):
    """The run is over."""

    event: Literal["finished"] = "finished"
    answer: Answer[Any]


Event = Annotated[
    Started | Asked | Decided | Planned | Called | Observed | Drafted | Checked | Corrected | Finished,
    Field(discriminator="event"),
]

EVENT: TypeAdapter[Event] = TypeAdapter(Event)
"""Reads one event back from JSON."""
