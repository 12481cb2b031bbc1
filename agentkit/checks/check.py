"""What a check is, and how the findings of several become one verdict."""

import inspect
from collections.abc import Awaitable, Callable, Iterable, Sequence
from importlib.metadata import EntryPoint
from typing import Literal, TypeGuard

from pydantic import BaseModel

from agentkit import plugins
from agentkit.answer import Evidence, Finding
from agentkit.events import Called, Turn
from agentkit.knowledge.sentences import sentences
from agentkit.threads import in_thread

ENTRY_POINTS = "agentkit.checks"


class Draft(BaseModel, frozen=True):
    """A proposed answer with all that it may be held against."""

    text: str
    """As the caller will read it; a structured answer has one line a field."""
    value: str = ""
    """A structured answer as JSON."""
    cited: tuple[int, ...]
    """Numbers of the evidence it claims to stand on."""
    task: str
    evidence: tuple[Evidence, ...]
    calls: tuple[Called, ...] = ()
    history: tuple[Turn, ...] = ()

    @property
    def claims(self) -> list[str]:
        """The sentences of the text: each must pass some check."""
        return sentences(self.text)

    @property
    def cited_evidence(self) -> list[Evidence]:
        """The evidence cited, in the order of its numbers; numbers that don't exist are left out."""
        return [e for e in self.evidence if e.id in self.cited]


Check = Callable[[Draft], Iterable[Finding] | Awaitable[Iterable[Finding]]]
"""A plain function, sync or async. Its name in findings is the one they carry."""

Verdict = Literal["supported", "failed", "unchecked"]


async def judge(draft: Draft, checks: Sequence[Check]) -> tuple[Verdict, tuple[Finding, ...]]:
    """Run every check. One failure fails the draft; a claim that nothing supports leaves it unchecked.

    A check that raises, or says that it can't run, leaves the draft unchecked: never passed.
    """
    findings: list[Finding] = []
    for check in checks:
        try:
            findings += await found_by(check, draft)
        except Exception as error:  # a check is anyone's code; that it broke is what it found
            reason = f"{type(error).__name__}: {error}"
            findings.append(Finding(check=name_of(check), claim=draft.text, verdict="unavailable", reason=reason))
    verdicts = {f.verdict for f in findings}
    if "failed" in verdicts:
        return "failed", tuple(findings)
    supported = {f.claim for f in findings if f.verdict == "supported"}
    if "unavailable" in verdicts or not draft.claims or not supported.issuperset(draft.claims):
        return "unchecked", tuple(findings)
    return "supported", tuple(findings)


async def found_by(check: Check, draft: Draft) -> Iterable[Finding]:
    """What a check finds. A plain function has a thread of its own: it may take seconds, and others go on."""

    def called() -> Iterable[Finding] | Awaitable[Iterable[Finding]]:
        found = check(draft)
        return found if inspect.isawaitable(found) else list(found)  # a generator does its work here

    found = called() if inspect.iscoroutinefunction(check) else await in_thread(called)
    return await found if inspect.isawaitable(found) else found


def name_of(check: Check) -> str:
    """How a check is called in settings and findings."""
    return str(getattr(check, "name", None) or getattr(check, "__name__", type(check).__name__))


def known_checks() -> dict[str, EntryPoint]:
    """The installed checks by name; nothing is loaded."""
    return plugins.installed(ENTRY_POINTS)


def load_checks(names: Iterable[str]) -> list[Check]:
    """Load the named checks, and only these.

    Raises:
        UnknownName: No installed package offers such a check.
        DefinitionError: What a package offers as one is none, or can't be loaded.
    """
    return plugins.load(ENTRY_POINTS, names, kind="check", fits=_is_check, unfit="is not callable, so not a check")


def _is_check(found: object) -> TypeGuard[Check]:
    return callable(found)
