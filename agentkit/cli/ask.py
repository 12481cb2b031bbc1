"""`agentkit ask`: a task in, a checked answer out."""

import asyncio
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agentkit.cli.options import CorpusName, Docs, ModelName, Seconds, Seed, Steps, Unchecked, Yes, number

if TYPE_CHECKING:
    from agentkit.agent import Agent, Approve
    from agentkit.answer import Answer
    from agentkit.cli.screen import Screen
    from agentkit.events import Event
    from agentkit.models.model import Model
    from agentkit.settings import Settings
    from agentkit.tools import Tool

EPILOG = """Examples:

    agentkit ask "What is 15% of 80?"
    agentkit ask "How long is the warranty?" --docs handbook
    agentkit ask --quiet < task.txt > answer.txt

The answer's text alone goes to the standard output, everything else to the standard error."""

TASK_BYTES = 1 << 20
"""Longest task that is read. It is far beyond any context; a file given by mistake needn't be read whole."""


def ask(
    task: Annotated[
        str | None,
        typer.Argument(metavar="TASK", show_default=False, help="What you want to know; - reads it from the input."),
    ] = None,
    *,
    docs: Docs = None,
    corpus: CorpusName = None,
    model: ModelName = None,
    tools: Annotated[
        str | None,
        typer.Option(
            show_default=False,
            help="Tools to use, as in a,b. Default: calculator,python; with documents, retrieval.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole answer as one JSON object.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the answer and nothing else.")] = False,
    trace: Annotated[
        Path | None, typer.Option(show_default=False, help="Keep every event in this file, for `agentkit replay`.")
    ] = None,
    unchecked: Unchecked = False,
    steps: Steps = None,
    seconds: Seconds = None,
    seed: Seed = None,
    draws: Annotated[
        str | None,
        typer.Option(metavar="N", show_default=False, help="Runs at most; what most of them say is kept. Default: 1."),
    ] = None,
    yes: Yes = False,
) -> int:
    """Answer a task: plan, call tools, check the answer."""
    from rich.console import Console

    from agentkit.cli import opening
    from agentkit.cli.recording import Recorder
    from agentkit.cli.screen import Screen
    from agentkit.cli.text import as_json as dumped
    from agentkit.limits import Limits

    flags = {"model": model, "docs": docs, "corpus": corpus, "seed": seed, "unchecked": unchecked or None}
    settings = opening.load_settings({**flags, "limits.steps": steps, "limits.seconds": seconds})
    settings.table("limits", Limits)  # what is wrong with it is told first
    wanted, count = read_task(task), number(draws, "--draws")
    opened = opening.open_tools(chosen(tools, documents=any(opening.documents_of(settings))), settings)
    opening.check_model(settings)
    view = Console(stderr=True, highlight=False, quiet=quiet)
    with ExitStack() as stack:
        recorder = stack.enter_context(Recorder(trace))
        screen = stack.enter_context(Screen(view=view, out=None if as_json else Console(highlight=False)))
        screen.notes(opening.leaving(settings))
        make = prepare(settings, opened, screen, stack, yes=yes)
        answer = asyncio.run(answered(wanted, settings, make, screen, recorder, draws=1 if count is None else count))
    if as_json:
        print(dumped(answer.model_dump(mode="json")))
    if quiet and answer.text is None:
        print(f"agentkit: no answer: {answer.status}: {answer.reason}", file=sys.stderr)
    return 0 if answer.text is not None else 1


def prepare(
    settings: "Settings", tools: "Sequence[Tool]", screen: "Screen", stack: ExitStack, *, yes: bool
) -> "Callable[[Model], Agent[Any]]":
    """Open what an agent needs besides its model; what the stack closes."""
    from agentkit.agent import Agent
    from agentkit.cli import opening
    from agentkit.embedding import open_grounding
    from agentkit.limits import Limits

    resources: list[object] = []
    opening.open_checks(settings.checks, ())  # what is wrong there is told before documents are read
    # Before the event loop runs: there, Ctrl-C would wait until a large folder is indexed.
    if opening.needs_documents(tools):
        screen.wait("reading the documents")
        corpus, embedder = opening.open_documents(settings)
        resources += [stack.enter_context(corpus), embedder, *open_grounding()]
        screen.documents(corpus)
    checks = opening.open_checks(settings.checks, resources)

    def make(model: "Model") -> "Agent[Any]":
        return Agent(
            model,
            tools=tools,
            resources=resources,
            checks=checks,
            limits=settings.table("limits", Limits),
            seed=settings.seed,
            temperature=settings.temperature,
            unchecked=settings.unchecked,
            approve=approval(screen, yes=yes),
            record=opening.record(settings, [tool.name for tool in tools]),
        )

    return make


async def answered(
    task: str,
    settings: "Settings",
    make: "Callable[[Model], Agent[Any]]",
    screen: "Screen",
    record: "Callable[[Event], None]",
    *,
    draws: int = 1,
) -> "Answer[Any]":
    """Run the agent to the end, as often as it takes, telling the screen and the recorder."""
    from agentkit.cli.opening import open_model
    from agentkit.events import Finished

    def told(event: "Event") -> None:
        record(event)
        if not isinstance(event, Finished):  # of several runs the screen shows one answer
            screen(event)

    screen.wait("loading the model")
    async with await open_model(settings) as model:
        answer = await make(model).arun(task, draws=draws, told=told)
        screen(Finished(answer=answer))  # before the model is closed, which takes a moment
    return answer


def read_task(given: str | None) -> str:
    """The task from the command line or, without one or for `-`, from the standard input.

    Raises:
        ConfigurationError: There is none, or it isn't text.
    """
    from agentkit.errors import ConfigurationError

    if given is not None and given != "-":
        try:
            given.encode()
        except UnicodeEncodeError as error:  # bytes that the locale couldn't decode
            raise ConfigurationError(
                f"the task is not UTF-8 at character {error.start + 1}; write it in UTF-8"
            ) from None
        task = given
    else:
        if sys.stdin is None or (given is None and sys.stdin.isatty()):
            raise ConfigurationError('there is no task; say what you want to know: agentkit ask "TASK"')
        data = sys.stdin.buffer.read(TASK_BYTES + 1)
        if len(data) > TASK_BYTES:
            raise ConfigurationError(f"the task on the input is longer than {TASK_BYTES:,} bytes; shorten it")
        try:
            task = data.decode()
        except UnicodeDecodeError as error:
            raise ConfigurationError(f"the task on the input is not UTF-8 (byte {error.start}); convert it") from None
    if not task.strip():
        raise ConfigurationError('the task is empty; say what you want to know: agentkit ask "TASK"')
    return task


def chosen(tools: str | None, *, documents: bool) -> list[str]:
    """Names of the tools to use."""
    if tools is None:
        return [*(["retrieval"] if documents else []), "calculator", "python"]
    return list(dict.fromkeys(name.strip() for name in tools.split(",") if name.strip()))


def approval(screen: "Screen", *, yes: bool) -> "Approve":
    """Asks the user before a call that acts on the world; where nobody can be asked, refuses."""
    from agentkit.cli.screen import shown
    from agentkit.cli.text import printable
    from agentkit.threads import in_thread

    async def approve(name: str, arguments: Mapping[str, Any]) -> bool:
        if yes:
            return True
        if sys.stdin is None or not (sys.stdin.isatty() and sys.stderr.isatty()):
            screen.notes([f"{name} acts on the world and nobody can be asked: refused; --yes approves"])
            return False
        screen.rest()
        print(
            f"\n{printable(name)} acts on the world: {shown(arguments)}\nLet it? [y/N] ",
            end="",
            file=sys.stderr,
            flush=True,
        )
        said = await in_thread(sys.stdin.readline)
        return said.strip().lower() in ("y", "yes")

    return approve
