"""What a run returns, and what it stands on."""

from collections.abc import Iterable
from typing import Generic, Literal, TypeVar

from pydantic import BaseModel

T = TypeVar("T")

Status = Literal["supported", "unchecked", "abstained", "exhausted"]


class Passage(BaseModel, frozen=True):
    """A piece of a document that can be cited on its own."""

    text: str
    source: str
    """Where it stands: the document's path, relative to its corpus."""
    heading: str = ""
    """The headings above it, outermost first, joined by ' > '."""
    page: int | None = None
    """From 1, where the document has pages."""
    score: float = 0.0
    """How well it matched the query; comparable within one search only."""

    @property
    def place(self) -> str:
        """Where it stands, in one line: document, page, headings."""
        page = f"p. {self.page}" if self.page is not None else ""
        document = ", ".join(part for part in (self.source, page) if part)
        return " > ".join(part for part in (document, self.heading) if part)


class Evidence(BaseModel, frozen=True):
    """One numbered thing a tool reported. Numbers start at 1 and are never reused in a run."""

    id: int
    tool: str
    call: int
    """Which call of the run reported it, from 1; 0 for a passage given with the task."""
    text: str
    source: str = ""
    """For a passage, its document; for a computed value, the expression or code."""


class Finding(BaseModel, frozen=True):
    """What one check says of one claim of a draft."""

    check: str
    claim: str
    verdict: Literal["supported", "failed", "inapplicable", "unavailable"]
    """`unavailable` (the check can't run here) never counts as passed."""
    reason: str = ""
    evidence: tuple[int, ...] = ()


def reasons(findings: Iterable[Finding]) -> str:
    """Why a draft failed, as sentences."""
    return " ".join(dict.fromkeys(f.reason.rstrip(".") + "." for f in findings if f.verdict == "failed"))


class Usage(BaseModel, frozen=True):
    """Tokens and time of one generation, or of a whole run when added up."""

    prompt: int = 0
    """Tokens sent, cached ones included."""
    cached: int = 0
    """Of these, tokens whose keys and values were reused."""
    generated: int = 0
    seconds: float = 0.0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            prompt=self.prompt + other.prompt,
            cached=self.cached + other.cached,
            generated=self.generated + other.generated,
            seconds=self.seconds + other.seconds,
        )

    @property
    def prefilled(self) -> int:
        """Prompt tokens that had to be computed."""
        return self.prompt - self.cached

    @property
    def computed(self) -> int:
        """Tokens that the model worked through: prompt tokens that weren't cached, and generated ones."""
        return self.prefilled + self.generated


class Answer(BaseModel, Generic[T], frozen=True):
    """The outcome of a run.

    `text` is there when the status is `supported`, or `unchecked` and the caller opted in; otherwise it
    is None and `reason` says why it was withheld.
    """

    status: Status
    text: str | None = None
    value: T | None = None
    """The text parsed into the agent's output type, if it has one."""
    reason: str = ""
    evidence: tuple[Evidence, ...] = ()
    """All that was found; `cited` says which of it the answer stands on."""
    cited: tuple[int, ...] = ()
    findings: tuple[Finding, ...] = ()
    confidence: float | None = None
    """How sure the model was of what it wrote, from 0 to 1: the geometric mean of the probabilities of its tokens;
    None where the engine doesn't tell. It ranks answers of one model to one kind of question. It is no probability of
    being right, and no check."""
    draws: int = 1
    """Runs that were drawn, of which this is the answer that stands."""
    votes: int = 1
    """Runs that gave it."""
    usage: Usage = Usage()

    @property
    def checks(self) -> tuple[str, ...]:
        """The names of the checks that the text passed."""
        passed = {f.check for f in self.findings if f.verdict == "supported"}
        return tuple(sorted(passed))
