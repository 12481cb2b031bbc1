"""`agentkit evaluate` and `agentkit compare`: how good is a model on a task, and what does each part buy?"""

import asyncio
import shlex
import sys
from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agentkit.cli.options import AssistantFile, CorpusName, Docs, ModelName, number

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rich.console import Console

    from agentkit.agent import Agent
    from agentkit.assistant import Profile
    from agentkit.evaluate.item import Header, Record
    from agentkit.evaluate.task import Task
    from agentkit.models.model import Model
    from agentkit.settings import Settings

EPILOG = """Examples:

    agentkit evaluate gsm8k svamp --model qwen2.5-coder-0.5b --limit 40
    agentkit evaluate questions.csv --question Frage --answer Antwort --strategy direct
    agentkit evaluate questions.csv --corpus handbook
    agentkit evaluate gsm8k --strategy agent --strategy direct --out runs && agentkit compare runs/*

Built-in tasks read their data from the folder that --data or AGENTKIT_DATA names."""

COMPLETIONS = "completions.sqlite"
"""In the folder of the runs: what the model wrote, shared by strategies that begin alike."""
DEFAULT = ("agent",)
"""Strategies where none is named."""
FLIPS = 20
"""Items that are run again one by one, to say how many of a parallel run's replies batching flipped."""


def evaluate(
    tasks: Annotated[
        list[str], typer.Argument(metavar="TASK...", show_default=False, help="Built-in names, or your .jsonl or .csv.")
    ],
    *,
    model: ModelName = None,
    strategies: Annotated[
        list[str] | None,
        typer.Option("--strategy", "-s", metavar="S", show_default=False, help="How to answer; default agent."),
    ] = None,
    limit: Annotated[
        str | None, typer.Option(metavar="N", show_default=False, help="Items of each task, drawn by the seed.")
    ] = None,
    seed: Annotated[str | None, typer.Option(metavar="N", show_default=False, help="Of the draw and sampling.")] = None,
    parallel: Annotated[int, typer.Option(metavar="N", help="Items at the same time.")] = 1,
    out: Annotated[Path, typer.Option(metavar="DIR", help="New folder for the runs.")] = Path("runs"),
    resume: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            show_default=False,
            help="Go on in this folder: repeat its options; a larger --limit adds items.",
        ),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", show_default=False, help="Data of built-in tasks.")
    ] = None,
    question: Annotated[str, typer.Option(metavar="COL", help="Column of the questions in a file of your own.")] = "",
    answer: Annotated[str, typer.Option(metavar="COL", help="Column of the answers.")] = "",
    assistant: AssistantFile = None,
    docs: Docs = None,
    corpus: CorpusName = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
    page: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", show_default=False, help="Write a page with plots.")
    ] = None,
) -> int:
    """Run tasks and report how many were right, at what cost."""
    from rich.console import Console

    from agentkit.cli import opening
    from agentkit.cli.asking import profile_of
    from agentkit.errors import ConfigurationError
    from agentkit.evaluate.folder import HEADER
    from agentkit.evaluate.runner import check
    from agentkit.evaluate.tasks import load_task

    profile = profile_of(assistant, {"--docs": docs, "--corpus": corpus})
    flags = {"model": model, "seed": seed, "data": data, "docs": docs, "corpus": corpus}
    settings = opening.load_settings(flags, profile)
    documents = bool(profile or docs or corpus)
    count = number(limit, "--limit")
    view = Console(stderr=True, highlight=False)
    loaded = [
        load_task(name, data=settings.data, question=question, answer=answer, form="text" if documents else None)
        for name in tasks
    ]
    for task in loaded:
        opening.open_tools(task.tools, settings)
        for problem in task.problems:
            view.print(f"{task.name}: {problem}", markup=False, soft_wrap=True)
        for strategy in strategies or DEFAULT:
            check(task, strategy, limit=count, parallel=parallel)
    opening.open_checks(settings.checks, ())
    opening.check_model(settings)
    root = resume or out
    if resume is not None and not resume.exists():
        raise ConfigurationError(f"there is no folder {resume} to go on in; --out {resume} begins one")
    if root.is_file():
        raise ConfigurationError(f"{root} is a file; name a folder for the runs")
    if (root / HEADER).is_file():
        raise ConfigurationError(f"{root} is the folder of one run: name the one it lies in, {root.resolve().parent}")
    if resume is None and root.exists() and any(root.iterdir()):
        raise ConfigurationError(
            f"{root} isn't empty: --resume {root} goes on with its runs, --out names another folder"
        )
    for note in opening.leaving(settings):
        view.print(note, markup=False)
    with answering(profile, settings, view, documents=documents) as agent:
        runs = asyncio.run(
            run_all(
                loaded,
                strategies or DEFAULT,
                settings,
                {**conditions(settings), "agent": agent},
                root=root,
                limit=count,
                parallel=parallel,
                resume=resume is not None,
                command=command(),
                view=view,
            )
        )
    return report(runs, as_json=as_json, page=page)


def compare(
    folders: Annotated[
        list[Path],
        typer.Argument(metavar="A B...", show_default=False, help="Folders of runs; A is compared to each B."),
    ],
    *,
    equal_tokens: Annotated[bool, typer.Option("--equal-tokens", help="Also at equal tokens.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
    page: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", show_default=False, help="Write a page with plots.")
    ] = None,
) -> int:
    """Compare runs of the same task, item by item: the difference with its interval, and McNemar's test."""
    from agentkit.errors import ConfigurationError
    from agentkit.evaluate.comparison import compare as compared
    from agentkit.evaluate.folder import find_runs, read_run

    runs = [read_run(path) for path in find_runs(folders)]
    first = {header.task: (header, records) for header, records in reversed(runs)}
    comparisons = [
        compared(first[header.task], (header, records), equal_tokens=equal_tokens)
        for header, records in runs
        if first[header.task][0] is not header
    ]
    if not comparisons:
        raise ConfigurationError(
            "there are no two runs of the same task in these folders: run another strategy or model"
        )
    return report(runs, comparisons, as_json=as_json, page=page)


def report(
    runs: "Sequence[tuple[Header, Sequence[Record]]]",
    comparisons: "Sequence[Any]" = (),
    *,
    as_json: bool,
    page: Path | None,
) -> int:
    """Print the figures of runs and comparisons."""
    from rich.console import Console

    from agentkit.evaluate import report as reports
    from agentkit.evaluate.page import write_page
    from agentkit.evaluate.summary import summarize

    summaries = [summarize(header, records) for header, records in runs if records]
    if page:
        write_page(page, summaries, comparisons)
    if as_json:
        print(reports.to_json(summaries, comparisons))
        return 0
    out = Console(highlight=False)
    out.print(reports.table(summaries))
    if comparisons:
        out.print(reports.comparison_table(comparisons))
    if len(summaries) == 1:
        out.print(reports.details(summaries[0]))
    else:
        for mishaps in reports.mishap_tables(summaries):
            out.print(mishaps)
    return 0


async def run_all(
    tasks: "Sequence[Task]",
    strategies: Sequence[str],
    settings: "Settings",
    how: "Mapping[str, Any]",
    *,
    root: Path,
    limit: int | None,
    parallel: int,
    resume: bool,
    command: str,
    view: "Console",
) -> "list[tuple[Header, Sequence[Record]]]":
    """Every task with every strategy, each in a folder of its own; `how` is a bench's, all but task and model."""
    from agentkit.evaluate.completions import Remembering
    from agentkit.evaluate.runner import evaluate as run
    from agentkit.evaluate.runner import flips
    from agentkit.evaluate.strategies import Bench

    runs: list[tuple[Header, Sequence[Record]]] = []
    async with await loaded_model(settings, parallel) as model, Remembering(model, root / COMPLETIONS) as remembering:
        for task in tasks:
            for strategy in strategies:
                folder = root / "-".join(safe(part) for part in (task.name, called(model.name), strategy))
                with progress(view, f"{task.name} {strategy}", min(limit or len(task.items), len(task.items))) as told:
                    header, records = await run(
                        task,
                        remembering,
                        strategy=strategy,
                        folder=folder,
                        limit=limit,
                        **how,
                        parallel=parallel,
                        resume=resume,
                        settings=computing(settings),
                        command=command,
                        told=told,
                    )
                if parallel > 1 and records:
                    again = records[:FLIPS]
                    flipped = await flips(Bench(task, model, **how), again, strategy=strategy)
                    view.print(
                        f"{task.name} {strategy}: {flipped} of {len(again)} flip when run one by one", markup=False
                    )
                runs.append((header, records))
    return runs


def run_agent(
    model: str,
    tasks: Sequence[str],
    *,
    root: Path,
    limit: int | None,
    data: Path | None,
    seed: int,
    profile: "Profile | None" = None,
    docs: Path | None = None,
    corpus: str | None = None,
    parallel: int = 1,
) -> "list[tuple[Header, Sequence[Record]]]":
    """Tasks solved by the agent on a model; what is there already in `root` isn't redone.

    Args:
        profile: Of the assistant that answers, with its documents; or these are named themselves.
    """
    from rich.console import Console

    from agentkit.cli import opening
    from agentkit.evaluate.runner import check
    from agentkit.evaluate.tasks import load_task

    flags = {"model": model, "data": data, "seed": seed, "docs": docs, "corpus": corpus}
    settings = opening.load_settings(flags, profile)
    documents = bool(profile or docs or corpus)
    loaded = [load_task(task, data=settings.data, form="text" if documents else None) for task in tasks]
    for task in loaded:
        check(task, *DEFAULT, limit=limit, parallel=parallel)
    opening.check_model(settings)
    view = Console(stderr=True, highlight=False)
    with answering(profile, settings, view, documents=documents) as agent:
        running = run_all(
            loaded,
            DEFAULT,
            settings,
            {**conditions(settings), "agent": agent},
            root=root,
            limit=limit,
            parallel=parallel,
            resume=root.exists(),
            command=command(),
            view=view,
        )
        return asyncio.run(running)


def answering(
    profile: "Profile | None", settings: "Settings", view: "Console", *, documents: bool
) -> "AbstractContextManager[Agent[Any] | None]":
    """The agent that answers from documents; where there are none, every task makes its own."""
    from agentkit.cli.asking import asked

    return asked(profile, settings, view) if documents else nullcontext()


def conditions(settings: "Settings") -> dict[str, Any]:
    """How a bench runs, all but task and model; no clock decides."""
    from agentkit.evaluate.strategies.bench import clockless
    from agentkit.limits import Limits

    return {
        "seed": settings.seed,
        "temperature": settings.temperature,
        "limits": clockless(settings.table("limits", Limits)),
        "tool_settings": settings.tools,
        "extra_checks": settings.checks,
    }


async def loaded_model(settings: "Settings", parallel: int) -> "Model":
    """The model, with room for so many runs at a time."""
    from agentkit.models import catalog

    return await catalog.load(
        settings.model or catalog.DEFAULT, context=settings.context, threads=settings.threads, parallel=parallel
    )


def computing(settings: "Settings") -> dict[str, int]:
    """What decides how this machine rounds: nothing where the model runs elsewhere."""
    from agentkit.models import catalog
    from agentkit.models.llamacpp import physical_cores

    local = catalog.resolve(settings.model or catalog.DEFAULT).engine in ("llamacpp", "transformers")
    return {"threads": settings.threads or physical_cores()} if local else {}


@contextmanager
def progress(view: "Console", title: str, total: int) -> "Generator[Callable[[Record], None]]":
    """A bar with the share of right replies so far."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from agentkit.evaluate import outcomes

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    right = done = 0
    with Progress(*columns, console=view, transient=False) as bar:
        running = bar.add_task(title, total=total)

        def told(record: "Record") -> None:
            nonlocal right, done
            done += 1
            right += outcomes.right(record)
            bar.update(running, advance=1, description=f"{title} {right / done:.0%} right")
            if record.error:
                bar.console.print(f"{record.id}: {record.error}", markup=False, soft_wrap=True)

        yield told


def command() -> str:
    """The command that runs, for the record."""
    return " ".join(["agentkit", *map(shlex.quote, sys.argv[1:])])


def called(model: str) -> str:
    """A model's name without the folders and ending of its file."""
    return Path(model).name.removesuffix(".gguf").rpartition("#")[2]


def safe(text: str) -> str:
    """A text as part of a folder's name."""
    return "".join(c if c.isalnum() or c in "._@" else "_" for c in text)[:60]
