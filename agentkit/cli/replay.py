"""`agentkit replay`: show a recorded run, or run it again and compare."""

import asyncio
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from agentkit.agent import Agent
    from agentkit.events import Event, Started
    from agentkit.limits import Limits
    from agentkit.models.model import Model
    from agentkit.settings import Settings


def replay(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", show_default=False, help="A trace, as `agentkit ask --trace FILE` writes it."),
    ],
    check: Annotated[
        bool, typer.Option("--check", help="Run it again without the model, and stop at the first difference.")
    ] = False,
) -> int:
    """Show a recorded run, without the model.

    With --check the recorded decisions go through the real loop, tools and checks once more. A tool that acts on the
    world isn't called: it reports what it reported then.
    """
    from agentkit.trace import read_trace

    events = read_trace(file)
    return compare(events) if check else show(events)


def show(events: "list[Event]") -> int:
    """Print the events as `ask` does while they happen; here all of it is output."""
    from rich.console import Console

    from agentkit.cli.screen import Screen

    console = Console(highlight=False)
    for recorded in runs(events):
        screen = Screen(view=console, out=console, task=True, live=False)
        for event in recorded:
            screen(event)
        if not ended(recorded):
            screen.notes(["the trace ends here: the run was interrupted"])
    return 0


def compare(events: "list[Event]") -> int:
    """Run them again, one after the other, and say whether they went the same way."""
    from agentkit.cli.text import counted, printable
    from agentkit.replay import reexecute, repeatable

    early = ""
    compared = 0
    for recorded in runs(events):
        with ExitStack() as stack:
            difference = asyncio.run(reexecute(recorded, lambda model, started, s=stack: rebuilt(model, started, s)))
        if difference:
            print(printable(difference))
            return 1
        repeated = len(list(repeatable(recorded)))
        compared += repeated
        if not ended(recorded):
            early = "; the trace ends early: the run was interrupted"
        elif repeated < len(recorded):
            early = "; its end came from outside the loop (time or context) and is not repeated"
    print(f"identical: {counted(compared, 'event')}{early}")
    return 0


def runs(events: "list[Event]") -> "list[list[Event]]":
    """The runs of a trace: one, or as many as a conversation has."""
    starts = [i for i, event in enumerate(events) if event.event == "started"]
    return [events[start:end] for start, end in zip(starts, [*starts[1:], len(events)], strict=True)]


def ended(events: "list[Event]") -> bool:
    return bool(events) and events[-1].event == "finished"


def rebuilt(model: "Model", started: "Started", stack: ExitStack) -> "Agent[Any]":
    """The agent that the header of a trace describes.

    Raises:
        ConfigurationError: Its tools, checks or documents aren't here.
        TraceError: The header says too little.
    """
    from pydantic import ValidationError

    from agentkit.agent import Agent
    from agentkit.cli import opening
    from agentkit.embedding import open_grounding
    from agentkit.errors import TraceError
    from agentkit.limits import Limits
    from agentkit.settings import Settings
    from agentkit.tools import one_line

    recorded = started.settings
    try:
        limits = Limits.model_validate(recorded["limits"])
        settings = Settings(
            docs=recorded.get("docs"),
            corpus=recorded.get("corpus", ""),
            tools=recorded.get("tools", {}),
            checks=recorded.get("checks", []),
        )
        plan, temperature, unchecked = (recorded[key] for key in ("plan", "temperature", "unchecked"))
    except KeyError as error:
        raise TraceError(f"the trace's header doesn't say {error}, so it can't be run again") from None
    except ValidationError as error:
        raise TraceError(f"the trace's header can't be read: {one_line(error)}") from None
    opening.load_settings()  # where the cache is, is a matter of this machine
    if "assistant" in recorded:
        return assistant(model, started, settings, limits)
    tools = opening.open_tools(started.tools, settings)
    resources: list[object] = []
    if opening.needs_documents(tools):
        corpus, embedder = opening.open_documents(settings)
        resources += [stack.enter_context(corpus), embedder, *open_grounding()]
    return Agent(
        model,
        tools=tools,
        resources=resources,
        checks=opening.open_checks(settings.checks, resources),
        limits=limits,
        plan=plan,
        seed=started.seed,
        temperature=temperature,
        unchecked=unchecked,
        record={k: v for k, v in recorded.items() if k not in ("limits", "plan", "temperature", "unchecked")},
    )


def assistant(model: "Model", started: "Started", settings: "Settings", limits: "Limits") -> "Agent[Any]":
    """The assistant of a profile, as it was set then."""
    from agentkit.assistant import Assistant, Profile

    header = started.settings
    profile = Profile.read(Path(header["assistant"]))
    then = profile.model_copy(
        update={
            "limits": limits,
            "unchecked": header["unchecked"],
            "tools": {name: settings.tools.get(name, {}) for name in started.tools},
            "checks": profile.checks.model_copy(update={"add": settings.checks}),
        }
    )
    resources = then.open()
    return Assistant(then, model=model, resources=resources, seed=started.seed, temperature=header["temperature"])
