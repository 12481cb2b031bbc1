"""`agentkit distil`: lessons for a small model, from problems with scripts or from a teacher."""

import asyncio
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agentkit.cli import distilling
from agentkit.cli.options import AssistantFile, CorpusName, Docs, number

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from agentkit.compress.collect import Collected
    from agentkit.compress.sources import Source
    from agentkit.settings import Settings

HELP = """Teach a small model to drive the loop.

`collect` records runs as lessons, `curate` chooses among them, `show` prints them; `train` teaches them to a model,
`evaluate` compares it with what it was, `export` writes it as a GGUF file."""
EPILOG = """Examples:

    agentkit distil collect --data data --run runs/mine
    agentkit distil collect gsm8k_train --teacher qwen2.5-coder-1.5b --limit 200 --data data --run runs/mine
    agentkit distil collect functions_worded gsm8k_rephrased --teacher http://gpu:8000#m --data data --run runs/mine
    agentkit distil collect --questions mine.csv --corpus handbook --run runs/handbook
    agentkit distil curate --data data --run runs/mine --share maths=0.4
    agentkit distil show runs/mine/lessons.jsonl 3
    agentkit distil train --run runs/mine --minutes 60
    agentkit distil evaluate svamp --limit 100 --run runs/mine
    agentkit distil export mine.gguf --run runs/mine

Killed or interrupted, the same command goes on where it was."""
RUN = Path("runs/distil")

app = typer.Typer(help=HELP, epilog=EPILOG, rich_markup_mode="markdown", no_args_is_help=True)
for command in (distilling.train, distilling.average, distilling.evaluate, distilling.export):
    app.command()(command)

Run = Annotated[Path, typer.Option("--run", metavar="DIR", help="Folder of the run.")]
Data = Annotated[
    Path | None,
    typer.Option(metavar="DIR", show_default=False, help="Folder with train/ and eval/; AGENTKIT_DATA by default."),
]
Seed = Annotated[str | None, typer.Option(metavar="N", show_default=False, help="Of all that is drawn.")]


@app.command(epilog=EPILOG)
def collect(
    sources: Annotated[
        list[str] | None, typer.Argument(metavar="SOURCE...", show_default=False, help="All by default.")
    ] = None,
    *,
    run: Run = RUN,
    data: Data = None,
    seed: Seed = None,
    limit: Annotated[
        str | None,
        typer.Option(
            metavar="N", show_default=False, help="Problems of each source; all by default, of endless ones some."
        ),
    ] = None,
    questions: Annotated[
        Path | None,
        typer.Option(metavar="FILE", show_default=False, help="Your own, as for `agentkit evaluate`; no sources."),
    ] = None,
    assistant: AssistantFile = None,
    docs: Docs = None,
    corpus: CorpusName = None,
    teacher: Annotated[
        str,
        typer.Option(
            metavar="MODEL",
            help="Solves the problems instead of their scripts; words those of functions_worded and *_rephrased.",
        ),
    ] = "",
    parallel: Annotated[int, typer.Option(metavar="N", min=1, help="Runs at the same time.")] = 4,
) -> int:
    """Record lessons: problems run by the real loop with real tools and checks, kept where they end as they should."""
    from rich.console import Console

    from agentkit.cli.asking import asked, profile_of
    from agentkit.cli.opening import leaving, load_settings
    from agentkit.compress.sources import SOURCES, find
    from agentkit.compress.sources.own import own
    from agentkit.errors import ConfigurationError

    profile = profile_of(assistant, {"--docs": docs, "--corpus": corpus})
    if questions is None and (profile or docs or corpus):
        raise ConfigurationError("whose questions are to be answered from these documents? name a file by --questions")
    if questions is not None and sources:
        raise ConfigurationError(f"collect {sources[0]} and the questions of {questions} one after the other")
    flags = {"data": data, "seed": seed, "model": teacher or None, "docs": docs, "corpus": corpus}
    settings = load_settings(flags, profile)
    view = Console(stderr=True, highlight=False)
    usual = [name for name, source in SOURCES.items() if teacher or not source.worded]
    wanted = {} if questions else {name: find(name) for name in sources or usual}
    folder = Path() if questions else training(settings)
    for note in leaving(settings) if teacher else ():
        view.print(note, markup=False)
    with ExitStack() as stack:
        if questions:
            agent = stack.enter_context(asked(profile, settings, view))
            wanted[questions.stem] = own(questions, agent)
        found = asyncio.run(
            collected(
                wanted,
                settings,
                folder=folder,
                run=run,
                limit=number(limit, "--limit"),
                teacher=teacher,
                parallel=parallel,
                view=view,
            )
        )
    for one in found:
        report(one)
    return 0


@app.command()
def curate(
    *,
    run: Run = RUN,
    data: Data = None,
    evaluation: Annotated[
        Path | None,
        typer.Option(
            "--eval", metavar="PATH", show_default=False, help="To keep clear of; eval/ of --data by default."
        ),
    ] = None,
    share: Annotated[
        list[str] | None,
        typer.Option(metavar="KIND=X", show_default=False, help="The most that a kind may make of the whole."),
    ] = None,
    without: Annotated[
        list[str] | None, typer.Option(metavar="SOURCE", show_default=False, help="To be left out; may be repeated.")
    ] = None,
    longest: Annotated[int, typer.Option(metavar="N", min=1, help="Characters of a lesson.")] = 12_000,
    same_task: Annotated[int, typer.Option(metavar="N", min=1, help="Lessons that may have the same task.")] = 2,
    seed: Seed = None,
) -> int:
    """Choose among collected lessons: no doubles, 13 words in a row with no evaluation data, kinds in balance."""
    from rich.console import Console

    from agentkit.cli.opening import load_settings
    from agentkit.compress.curate import LESSONS
    from agentkit.compress.curate import curate as chosen

    settings = load_settings({"data": data, "seed": seed})
    view = Console(stderr=True, highlight=False)
    with view.status("curating") as status:
        curated = chosen(
            run,
            evaluation=evaluation or held_apart(settings),
            shares=shares(share or ()),
            without=without or (),
            longest=longest,
            same_task=same_task,
            seed=settings.seed,
            told=status.update,
        )
    for name, count in curated.compared.items():
        print(f"compared with {name}: {count:,} left out")
    for reason, count in curated.dropped.items():
        print(f"left out: {count:,} {reason}")
    for kind, count in curated.kinds.items():
        print(f"kept: {count:,} {kind or 'nothing in particular'} ({count / curated.lessons:.0%})")
    print(f"{curated.lessons:,} lessons, {curated.learned:,} of {curated.characters:,} characters learned")
    print(run / LESSONS)
    return 0


@app.command()
def show(
    file: Annotated[Path, typer.Argument(metavar="FILE", show_default=False, help="A file of lessons.")],
    number: Annotated[int, typer.Argument(metavar="N", min=1, help="Which of its lessons.")] = 1,
) -> int:
    """Print a lesson; what is learned of it stands behind a bar."""
    from itertools import islice

    from rich.console import Console
    from rich.text import Text

    from agentkit.cli.text import printable
    from agentkit.compress.lesson import read_lessons
    from agentkit.errors import ConfigurationError

    lesson = next(islice(read_lessons(file), number - 1, None), None)
    if lesson is None:
        raise ConfigurationError(f"{file} has no lesson {number}; give a smaller number")
    out = Console(highlight=False)
    out.print(Text(f"{lesson.id} · {lesson.source} · {lesson.kind} · protocol {lesson.protocol}", style="dim"))
    for n, message in enumerate(lesson.messages):
        learned = n in lesson.learned
        for line in printable(message.content).splitlines():
            bar = "▌" if learned else " "
            out.print(Text(f"{bar} {message.role:>9}  {line}", style="bold green" if learned else ""), soft_wrap=True)
    return 0


async def collected(
    wanted: "Mapping[str, Source]",
    settings: "Settings",
    *,
    folder: Path,
    run: Path,
    limit: int | None,
    teacher: str,
    parallel: int,
    view: "Console",
) -> "list[Collected]":
    """What came of each source."""
    from contextlib import AsyncExitStack

    from agentkit.compress.collect import collect as begin
    from agentkit.compress.demonstration import Demonstrator
    from agentkit.compress.writer import TEMPERATURE, Writer
    from agentkit.models import catalog

    found: list[Collected] = []
    async with AsyncExitStack() as stack:
        solving = wording = None
        if teacher:
            model = await catalog.load(teacher, context=settings.context, threads=settings.threads, parallel=parallel)
            await stack.enter_async_context(model)
            solving = Demonstrator(model, seed=settings.seed, temperature=settings.temperature)
            wording = Writer(
                model,
                seed=settings.seed,
                temperature=settings.temperature or TEMPERATURE,
                alone=catalog.resolve(teacher).engine != "openai",
            )
        for name, source in wanted.items():
            with progress(view, name) as told:
                found.append(
                    await begin(
                        name,
                        run=run,
                        data=folder,
                        source=source,
                        seed=settings.seed,
                        limit=limit,
                        parallel=parallel,
                        teacher=wording if source.worded else solving,
                        told=told,
                    )
                )
    return found


@contextmanager
def progress(view: "Console", name: str) -> "Generator[Callable[[int, int], None]]":
    """A count of problems with the share that is kept so far: nobody knows before how many a source makes."""
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        console=view,
        disable=not view.is_terminal,
    ) as bar:
        running = bar.add_task(name, total=None)

        def told(count: int, kept: int) -> None:
            share = f", {kept / count:.0%} kept" if count else ""
            bar.update(running, description=f"{name} {count:,} problems{share}")

        yield told


def report(found: "Collected") -> None:
    """Print what came of a source."""
    from agentkit.cli.text import one_line

    by = f" by {found.made.teacher}" if found.made.teacher else ""
    print(f"{found.made.source}{by}: {found.kept:,} of {found.problems:,} problems kept ({found.share:.0%})")
    for reason, count in list(found.rejected.items())[:12]:
        example = found.examples.get(reason, "")
        print(f"  {count:,} {one_line(reason)}{f' ({one_line(example, 100)})' if example else ''}")
    if (others := sum(list(found.rejected.values())[12:])) > 0:
        print(f"  {others:,} for other reasons")


def training(settings: "Settings") -> Path:
    """The folder of training data: `train` in that of the data, or that itself.

    Raises:
        ConfigurationError: None is named, or it isn't there.
    """
    data = named(settings, "--data")
    return folder if (folder := data / "train").is_dir() else data


def held_apart(settings: "Settings") -> Path:
    """The folder of evaluation data, `eval` in that of the data; never that itself, as lessons were made of it.

    Raises:
        ConfigurationError: None is named, or it isn't there.
    """
    from agentkit.errors import ConfigurationError

    folder = named(settings, "--eval or --data") / "eval"
    if not folder.is_dir():
        raise ConfigurationError(
            f"there is no folder {folder} of evaluation data to keep clear of; name a file or a folder by --eval"
        )
    return folder


def named(settings: "Settings", flag: str) -> Path:
    """The folder of the data.

    Raises:
        ConfigurationError: None is named, or it isn't there.
    """
    from agentkit.errors import ConfigurationError

    if settings.data is None:
        raise ConfigurationError(f"no folder of data is set: name it by {flag}, or set AGENTKIT_DATA")
    if not settings.data.is_dir():
        raise ConfigurationError(f"there is no folder {settings.data}; name one by {flag}")
    return settings.data


def shares(given: Sequence[str]) -> dict[str, float]:
    """Kinds with the most that they may make of the whole.

    Raises:
        ConfigurationError: One isn't written `kind=0.4`.
    """
    from agentkit.errors import ConfigurationError

    found: dict[str, float] = {}
    for text in given:
        kind, _, number = text.partition("=")
        try:
            found[kind.strip()] = float(number)
        except ValueError:
            raise ConfigurationError(f"--share is {text!r}; write it as maths=0.4") from None
    return found
