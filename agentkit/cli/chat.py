"""`agentkit chat`: a conversation on the terminal, with an assistant or with what `ask` would use."""

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, aclosing, suppress
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agentkit.cli.options import AssistantFile, CorpusName, Docs, ModelName, Seconds, Seed, Steps, Unchecked, Yes

if TYPE_CHECKING:
    from agentkit.agent import Agent
    from agentkit.assistant import Profile
    from agentkit.cli.screen import Screen
    from agentkit.conversation import Conversation
    from agentkit.models.model import Model
    from agentkit.settings import Settings

EPILOG = """Examples:

    agentkit chat --assistant examples/science/assistant.toml
    agentkit chat --docs handbook
    agentkit chat --corpus station < questions.txt > answers.txt

From a pipe each line is a question or a command. The answers go to the standard output, everything else to the standard
error."""
NOT_TEXT = "a line of the input is not UTF-8 and is left out"


def chat(
    *,
    assistant: AssistantFile = None,
    docs: Docs = None,
    corpus: CorpusName = None,
    model: ModelName = None,
    tools: Annotated[
        str | None,
        typer.Option(
            show_default=False,
            help="Tools to use, as in a,b. Default: the assistant's, else those of `agentkit ask`.",
        ),
    ] = None,
    unchecked: Unchecked = False,
    steps: Steps = None,
    seconds: Seconds = None,
    seed: Seed = None,
    yes: Yes = False,
) -> int:
    """Talk with an assistant: questions in, checked answers out."""
    from rich.console import Console

    from agentkit.cli import opening
    from agentkit.cli.asking import profile_of
    from agentkit.cli.screen import Screen
    from agentkit.conversation import Conversation

    profile = profile_of(assistant, {"--docs": docs, "--corpus": corpus, "--tools": tools})
    flags = {"model": model, "docs": docs, "corpus": corpus, "seed": seed, "unchecked": unchecked or None}
    settings = opening.load_settings({**flags, "limits.steps": steps, "limits.seconds": seconds}, profile)
    opening.check_model(settings)
    with ExitStack() as stack:
        view, out = Console(stderr=True, highlight=False), Console(highlight=False)
        screen = stack.enter_context(Screen(view=view, out=out))
        screen.notes(opening.leaving(settings))
        make = (
            assisted(profile, settings, screen, stack, yes) if profile else plain(tools, settings, screen, stack, yes)
        )
        # One loop for the whole conversation, which rests while the user types; Ctrl-C ends a run in it, not the loop.
        runner = stack.enter_context(asyncio.Runner())
        screen.wait("loading the model")
        loaded = runner.run(opening.open_model(settings))
        stack.callback(lambda: runner.run(loaded.aclose()))
        screen.rest()
        if profile:
            screen.line("name", f"{profile.name}: {profile.purpose}")
            if profile.notice:
                screen.line("notice", profile.notice, style="yellow")
        return converse(Conversation(make(loaded)), screen, runner)


def plain(
    tools: str | None, settings: "Settings", screen: "Screen", stack: ExitStack, yes: bool
) -> "Callable[[Model], Agent[Any]]":
    """The agent that `ask` would make."""
    from agentkit.cli import ask, opening

    names = ask.chosen(tools, documents=any(opening.documents_of(settings)))
    return ask.prepare(settings, opening.open_tools(names, settings), screen, stack, yes=yes)


def assisted(
    profile: "Profile", settings: "Settings", screen: "Screen", stack: ExitStack, yes: bool
) -> "Callable[[Model], Agent[Any]]":
    """The assistant of a profile, as the settings have it."""
    from agentkit.assistant import Assistant
    from agentkit.cli.ask import approval
    from agentkit.knowledge.corpus import Corpus

    meant = profile.under(settings)
    screen.wait("reading the documents")
    resources = meant.open(chroma=settings.chroma)
    for corpus in resources:
        if isinstance(corpus, Corpus):
            screen.documents(stack.enter_context(corpus))

    def make(model: "Model") -> "Agent[Any]":
        return Assistant(
            meant,
            model=model,
            resources=resources,
            seed=settings.seed,
            temperature=settings.temperature,
            approve=approval(screen, yes=yes),
        )

    return make


def converse(conversation: "Conversation", screen: "Screen", runner: asyncio.Runner) -> int:
    """Answer line after line. 1 if the model failed on one of them."""
    from agentkit.cli import complain
    from agentkit.cli.talking import QUIT, obey
    from agentkit.errors import AgentkitError

    watched = sys.stdin is not None and sys.stdin.isatty()
    failed = False
    for line in lines(screen, watched):
        try:
            if line.startswith("/"):
                if obey(line, conversation, screen) == QUIT:
                    break
            else:
                runner.run(answer(line, conversation, screen))
        except KeyboardInterrupt:
            screen.rest()
            if not watched:
                raise
            screen.notes(["stopped; the conversation goes on"])
        except AgentkitError as error:
            screen.rest()
            complain(str(error))
            failed = True
    return int(failed)


async def answer(task: str, conversation: "Conversation", screen: "Screen") -> None:
    """Ask, showing each event but the header, which would say the same each time."""
    forgotten = conversation.forgotten
    screen.steps, screen.seconds = 0, 0.0
    async with aclosing(conversation.stream(task)) as events:
        async for event in events:
            if conversation.forgotten > forgotten:
                forgotten = conversation.forgotten
                screen.rest()
                screen.steps, screen.seconds = 0, 0.0  # it may have begun again
                screen.notes(
                    ["the oldest questions no longer fit and are left out; /sources all and /save still have them"]
                )
            if event.event != "started":
                screen(event)


def lines(screen: "Screen", watched: bool) -> Iterator[str]:
    """What the user types, line by line, until the input ends."""
    if sys.stdin is None:
        return
    if watched:
        with suppress(ImportError):
            import_module("readline")  # arrow keys and history for `input`, where Python has it
    while True:
        screen.rest()
        try:
            line = typed(screen) if watched else piped(screen)
        except KeyboardInterrupt:
            if not watched:
                raise
            screen.view.print()
            screen.notes(["/quit or Ctrl-D ends"])
            continue
        if line is None:
            return
        if line.strip():
            yield line.strip()


def typed(screen: "Screen") -> str | None:
    """A line from the terminal; None at its end. What isn't text is named and passed over."""
    try:
        if sys.stdout.isatty():
            line = input("\n> ")
        else:
            print("\n> ", end="", file=sys.stderr, flush=True)  # `input` would write it to the file of answers
            line = sys.stdin.readline()
            if not line:
                return None
        line.encode()  # a locale may hand over bytes that it can't decode as halves of characters
    except EOFError:
        print(file=sys.stderr)
        return None
    except UnicodeError:
        screen.notes([NOT_TEXT])
        return ""
    return line


def piped(screen: "Screen") -> str | None:
    """A line from a pipe or a file; None at its end. What isn't text or is too long is named and passed over."""
    from agentkit.cli.ask import TASK_BYTES

    data = sys.stdin.buffer.readline(TASK_BYTES + 1)
    if len(data) > TASK_BYTES and not data.endswith(b"\n"):
        while data and not data.endswith(b"\n"):  # its rest would be questions of their own
            data = sys.stdin.buffer.readline(TASK_BYTES)
        screen.notes([f"a line of the input is longer than {TASK_BYTES:,} bytes and is left out; shorten it"])
        return ""
    line = data.decode("utf-8", "replace")
    if "\ufffd" in line and b"\xef\xbf\xbd" not in data:
        screen.notes([NOT_TEXT])
        return ""
    if line.strip():
        screen.line("you", line.strip())
    return line if data else None
