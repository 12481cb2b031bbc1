"""A run on the terminal: a listener that prints each event as it comes. `ask` and `replay` share it."""

import json
from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from rich.console import Console
from rich.live import Live
from rich.padding import Padding
from rich.spinner import Spinner
from rich.text import Text

from agentkit.answer import Answer, Evidence, Finding
from agentkit.cli.text import counted, one_line, printable
from agentkit.events import (
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
)

if TYPE_CHECKING:
    from agentkit.knowledge.corpus import Corpus

LABEL = 7
"""Columns of the margin, where labels and evidence numbers stand."""
LINES = 2
"""Lines that one piece of evidence may fill."""
CODE_LINES = 12
"""Lines of an argument, a program say, that are shown."""

NUMBERS = 8
"""Numbers of a correction that are listed; more are counted."""

WAITING = {
    "plan": "planning",
    "act": "deciding",
    "answer": "answering",
    "redraft": "correcting the answer",
    "again": "deriving it again",
}


class Screen:
    """Prints a run. The answer's text goes to `out`, if there is one, everything else to `view`.

    Drafts are never shown: a text is printed once its checks are through, or not at all.

    Args:
        task: Print the task as well; whoever has just typed it knows it.
        live: Say what is going on while nothing is to be printed.
    """

    def __init__(self, *, view: Console, out: Console | None, task: bool = False, live: bool = True) -> None:
        self.view = view
        self.out = out
        self.task = task
        self.live = live and view.is_terminal and not view.quiet
        self.steps = 0
        self.seconds = 0.0
        self.arguments: Mapping[str, Any] = {}
        """Of the call whose report comes next."""
        fancy = view.encoding.lower().startswith("utf")
        self.passed, self.failed, self.absent = ("✓", "✗", "–") if fancy else ("+", "x", "-")
        self.waiting: Live | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.rest()

    def __call__(self, event: Event) -> None:
        """Print one event."""
        match event:
            case Started():
                self.started(event)
            case Asked():
                self.wait(WAITING[event.kind])
            case Decided():
                self.steps = event.step
                self.seconds += event.usage.seconds
                if event.malformed:
                    self.line("", f"{self.failed} unreadable reply: {event.malformed}", style="yellow")
            case Planned():
                self.planned(event)
            case Called():
                self.called(event)
            case Observed():
                self.observed(event)
            case Drafted():
                self.wait("checking the answer")
            case Checked():
                self.checked(event)
            case Corrected():
                self.line("retry", f"another draft, with {allowed(event.numbers)}", style="yellow")
            case Finished():
                self.finished(event.answer)

    # What the user sees while nothing happens

    def wait(self, doing: str) -> None:
        """Say what is going on, where someone may be watching."""
        if not self.live:
            return
        shown = Padding(Spinner("dots", Text(f"{doing}…", style="dim"), style="dim"), (0, 0, 0, LABEL - 1))
        if self.waiting is None:
            self.waiting = Live(console=self.view, transient=True, redirect_stdout=False, redirect_stderr=False)
            self.waiting.start()
        self.waiting.update(shown, refresh=True)

    def rest(self) -> None:
        """Clear what `wait` shows."""
        if self.waiting is not None:
            self.waiting.stop()
            self.waiting = None

    # The lines

    def line(self, label: str, text: str | Text, *, style: str = "", mark: str = "dim", lines: int = 0) -> None:
        """One entry: a label in the margin, and text that wraps beside it, cut after so many lines (0: never)."""
        content = text if isinstance(text, Text) else Text(printable(text), style=style)
        room = max(self.view.width - LABEL - 1, 20)
        # Not a rich Table: it pads every line with spaces to its full width, which a log keeps.
        wrapped = content.wrap(self.view, room)
        for number, part in enumerate(wrapped[:lines] if lines else wrapped):
            part.rstrip()
            if number + 1 == lines < len(wrapped):
                part.truncate(room - 1)
                part.append("…")
            margin = Text(f"{label if number == 0 else '':>{LABEL}} ", style=mark)
            self.view.print(margin + part if part.plain else Text(), soft_wrap=True)

    def notes(self, texts: Iterable[str]) -> None:
        """What the user should know beside the run."""
        for text in texts:
            self.line("note", one_line(text), style="yellow")

    def documents(self, corpus: "Corpus") -> None:
        """What the user should know of the documents: what was left out, what was unusual."""
        self.notes([*(f"{item.path} is left out: {item.reason}" for item in corpus.skipped), *corpus.notices])

    def started(self, event: Started) -> None:
        told = Text(one_line(event.model), style="bold")
        told.append(f"  {', '.join(event.tools) or 'no tools'}", style="dim")
        self.line("model", told)
        if self.task:
            self.line("task", event.task)

    def planned(self, event: Planned) -> None:
        for number, step in enumerate(event.steps, 1):
            text = Text(f"{number} ", style="dim")
            text.append(step.tool, style="bold").append(f"  {one_line(step.purpose)}")
            self.line("plan" if number == 1 else "", text)
        if not event.steps:
            self.line("plan", "no steps", style="dim")

    def called(self, event: Called) -> None:
        self.wait(f"calling {event.tool}")
        self.arguments = event.arguments
        text = Text(event.tool, style="bold").append(f"  {shown(event.arguments)}")
        if event.repeated:
            text.append("  (as before: not called again)", style="dim")
        self.line("call", text)

    def observed(self, event: Observed) -> None:
        self.seconds += event.seconds
        for evidence in event.evidence:
            self.evidence(evidence, lines=LINES)
        if event.known:
            self.line("", f"found before: {', '.join(f'[{n}]' for n in event.known)}", style="dim")
        if event.cut:
            self.line("", f"{counted(event.cut, 'character')} were too many for the model to read", style="dim")
        if event.error:
            hint = f"; {one_line(event.hint)}" if event.hint else ""
            self.line("", f"{self.failed} {one_line(event.error)}{hint}", style="yellow")
        elif not (event.evidence or event.known):
            self.line("", "nothing found", style="yellow")

    def evidence(self, evidence: Evidence, *, lines: int) -> None:
        """Its number, where it stands, and how it begins."""
        text = Text()
        if evidence.source and evidence.source not in self.arguments.values():
            text.append(f"{one_line(evidence.source, self.view.width // 2)}  ", style="cyan")
        text.append(one_line(evidence.text, lines * self.view.width))
        self.line(f"[{evidence.id}]", text, mark="cyan", lines=lines)

    def checked(self, event: Checked) -> None:
        self.seconds += event.seconds
        label = "check"
        passed = dict.fromkeys(f.check for f in event.findings if f.verdict == "supported")
        for finding in unfavourable(event.findings):
            sign = self.failed if finding.verdict == "failed" else self.absent
            said = one_line(finding.reason) or ("failed" if finding.verdict == "failed" else "can't run here")
            self.line(label, f"{sign} {finding.check}: {said}", style="red" if sign == self.failed else "yellow")
            label = ""
        if passed:
            self.line(label, f"{self.passed} {', '.join(passed)}", style="green")
        elif not label.strip():
            return
        elif event.verdict == "unchecked":
            self.line(label, f"{self.absent} no check applies", style="yellow")

    # The end

    def finished(self, answer: Answer[Any]) -> None:
        """The text with what it stands on, or why there is none, and what it cost."""
        self.rest()
        self.arguments = {}
        if answer.text is not None:
            self.view.print()
            if self.out:
                say(self.out, answer.text)
            if self.out and (self.out.is_terminal or self.out.file is self.view.file):
                self.view.print()
            for evidence in answer.evidence:
                if evidence.id in answer.cited:
                    self.evidence(evidence, lines=1)
        colour = "green" if answer.status == "supported" else "yellow"
        told = Text().append(answer.status, style=f"bold {colour}")
        if answer.text is None or answer.status != "supported":
            told.append(f": {one_line(answer.reason) or 'no check applies'}")
        if answer.draws > 1:
            told.append(f"; {answer.votes} of {counted(answer.draws, 'run')} say so")
        self.line(self.passed if answer.status == "supported" else self.failed, told, mark=colour)
        self.line("", cost(answer, steps=self.steps, seconds=self.seconds), style="dim")


def allowed(numbers: Sequence[str]) -> str:
    """What numbers a redraft may contain."""
    if not numbers:
        return "no numbers"
    if len(numbers) > NUMBERS:
        return f"only the {len(numbers)} numbers of the task and the evidence"
    return f"only the {'number' if len(numbers) == 1 else 'numbers'} {', '.join(numbers)}"


def say(out: Console, text: str) -> None:
    """Print an answer's text: as it is, unwrapped, so that a file gets nothing else."""
    out.print(Text(printable(text), style="bold" if out.is_terminal else ""), soft_wrap=True)


def shown(arguments: Mapping[str, Any]) -> str:
    """A call's arguments: the only one by itself, several by name."""
    if len(arguments) == 1:
        return value(next(iter(arguments.values())))
    return "  ".join(f"{printable(name)}={value(given)}" for name, given in arguments.items())


def value(given: object) -> str:
    """One argument; a program keeps its lines."""
    text = printable(given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)).strip()
    lines = text.splitlines()
    if len(lines) > CODE_LINES:
        lines = [*lines[:CODE_LINES], f"… {counted(len(lines) - CODE_LINES, 'more line')}"]
    return "\n".join(lines if len(lines) < 2 else ["", *lines])


def unfavourable(findings: tuple[Finding, ...]) -> list[Finding]:
    """Findings that count against a draft, each reason once."""
    told = {(f.check, f.verdict, f.reason): f for f in findings if f.verdict in ("failed", "unavailable")}
    return list(told.values())


def cost(answer: Answer[Any], *, steps: int, seconds: float) -> str:
    """What a run took, in one line."""
    usage = answer.usage
    rate = f"{usage.generated / usage.seconds:.0f} tokens/s · " if usage.seconds else ""
    return (
        f"{counted(steps, 'step')} · {usage.prompt:,} tokens in, {usage.cached:,} cached · "
        f"{usage.generated:,} out · {rate}{seconds:.1f} s"
    )
