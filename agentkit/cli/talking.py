"""What can be typed in a conversation besides questions."""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from agentkit.cli.screen import Screen
from agentkit.cli.text import counted, one_line, printable
from agentkit.events import Called, Checked, Corrected, Observed, Planned
from agentkit.settings import expanded

if TYPE_CHECKING:
    from agentkit.conversation import Conversation

QUIT = "/quit"


def obey(line: str, conversation: "Conversation", screen: Screen) -> str:
    """Do what a command says; returns its name.

    Raises:
        TraceError: A file can't be written.
    """
    name, _, argument = line.partition(" ")
    if name not in COMMANDS:
        screen.notes([f"there is no {name}; there are: {', '.join(COMMANDS)}"])
        return name
    _, command = COMMANDS[name]
    command(
        conversation, argument.strip(), Screen(view=Console(file=sys.stdout, highlight=False), out=None, live=False)
    )
    return name


def sources(conversation: "Conversation", argument: str, shown: Screen) -> None:
    """The evidence that the last answer stands on, in full; `all` for each answer."""
    answered = [exchange for exchange in conversation.exchanges if exchange.answer and exchange.answer.text]
    asked = answered if argument == "all" else answered[-1:]
    for exchange in asked:
        if argument == "all":
            shown.line("you", one_line(exchange.task))
        for evidence in exchange.sources:
            text = Text(f"{one_line(evidence.source or evidence.tool)}\n", style="cyan")
            shown.line(f"[{evidence.id}]", text.append(printable(evidence.text), style="none"), mark="cyan")
    if not any(exchange.sources for exchange in asked):
        shown.line("", "there is no answer yet that cites anything")


def why(conversation: "Conversation", _argument: str, shown: Screen) -> None:
    """Plan, calls, evidence and findings of the last question."""
    events = conversation.exchanges[-1].events if conversation.exchanges else ()
    for event in events:
        if isinstance(event, Planned | Called | Observed | Corrected):
            shown(event)
        elif isinstance(event, Checked):
            for finding in event.findings:
                sign = {"supported": shown.passed, "failed": shown.failed}.get(finding.verdict, shown.absent)
                on = "".join(f" [{number}]" for number in finding.evidence)
                because = f": {finding.reason}" if finding.reason else ""
                shown.line(
                    "check", one_line(f"{sign} {finding.check} {finding.verdict}{on} “{finding.claim}”{because}")
                )
    answer = conversation.exchanges[-1].answer if conversation.exchanges else None
    shown.line(
        "", f"{answer.status}{f': {one_line(answer.reason)}' if answer.reason else ''}" if answer else "nothing yet"
    )


def save(conversation: "Conversation", argument: str, shown: Screen) -> None:
    """Write the conversation to a new file, for `agentkit replay`."""
    write(conversation, argument, shown, replace=False)


def save_over(conversation: "Conversation", argument: str, shown: Screen) -> None:
    """The same in the place of a file that is there."""
    write(conversation, argument, shown, replace=True)


def write(conversation: "Conversation", argument: str, shown: Screen, *, replace: bool) -> None:
    """Save and say so."""
    if not argument:
        shown.line("", "say where: /save FILE")
        return
    runs = conversation.save(expanded(argument), replace=replace)
    shown.line("", f"{counted(runs, 'question')} in {argument}; show them: agentkit replay {argument}")


def help_(_conversation: "Conversation", _argument: str, shown: Screen) -> None:
    """These lines."""
    for name, (usage, command) in COMMANDS.items():
        shown.line("", f"{f'{name} {usage}'.strip():16}{(command.__doc__ or '').splitlines()[0]}")
    shown.line("", f"{'Ctrl-C':16}Stops the answer that is being worked out; Ctrl-D ends.")


def quit_(_conversation: "Conversation", _argument: str, _shown: Screen) -> None:
    """Ends the conversation."""


Command = Callable[["Conversation", str, Screen], None]

COMMANDS: dict[str, tuple[str, Command]] = {
    "/sources": ("[all]", sources),
    "/why": ("", why),
    "/save": ("FILE", save),
    "/save!": ("FILE", save_over),
    "/help": ("", help_),
    QUIT: ("", quit_),
}
"""For each command, what follows its name, and what it does; its docstring is its line of help."""
