"""`agentkit quantize`: a model in other number formats, side by side."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from agentkit.compress.formats import Prediction, Speed
    from agentkit.evaluate.summary import Summary
    from agentkit.models.requantize import Format

EPILOG = """Examples:

    agentkit quantize smollm2-135m --format Q4_0 --out formats
    agentkit quantize model.gguf --format F16 --format Q8_0 --text README.md --rounds 10 --out formats
    agentkit quantize smollm2-135m+driver --task svamp --limit 100 --data data --out formats

Formats: Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, F16, BF16. The files stay in the folder."""
USUAL = ("Q8_0", "Q4_0")


def quantize(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", show_default=False, help="A name from `agentkit models`, or a GGUF.")
    ],
    *,
    formats: Annotated[
        list[str] | None,
        typer.Option("--format", "-f", metavar="F", show_default=False, help="To write; Q8_0 and Q4_0 by default."),
    ] = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the files.")] = Path("formats"),
    text: Annotated[
        Path | None, typer.Option(metavar="FILE", show_default=False, help="Text to predict, for the perplexity.")
    ] = None,
    windows: Annotated[int, typer.Option(metavar="N", min=1, help="Windows of 512 tokens of it.")] = 8,
    rounds: Annotated[int, typer.Option(metavar="N", min=0, help="In which speed is measured; 0 doesn't.")] = 5,
    tasks: Annotated[
        list[str] | None,
        typer.Option("--task", "-t", metavar="TASK", show_default=False, help="To solve; see `agentkit evaluate`."),
    ] = None,
    limit: Annotated[int | None, typer.Option(metavar="N", show_default=False, help="Items of each task.")] = None,
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", show_default=False, help="Data of built-in tasks.")
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Of the draw of items.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> int:
    """Write a model in other number formats, and show what each costs and buys next to the model as it is."""
    from rich.console import Console

    from agentkit.cli import opening
    from agentkit.cli.evaluate import DEFAULT, run_agent
    from agentkit.compress import formats as compress
    from agentkit.evaluate.runner import check
    from agentkit.evaluate.summary import summarize
    from agentkit.evaluate.tasks import load_task
    from agentkit.models.llamacpp import physical_cores
    from agentkit.models.requantize import known

    settings = opening.load_settings({"data": data})
    wanted: list[Format] = [known(name) for name in formats or USUAL]
    for task in tasks or ():  # what can't be done is told before hours of work
        check(load_task(task, data=settings.data), *DEFAULT, limit=limit, parallel=1)
    content = "" if text is None else readable(text)
    parts = compress.windows_of(model, content, windows) if content else []
    view = Console(stderr=True, highlight=False)
    with view.status("quantizing") as status:
        files = compress.written(model, out, wanted, status.update)
    scores: dict[str, list[Summary]] = {}
    if tasks:  # first: scores of other weights are refused here, and what is solved is kept, unlike what is timed
        for name, file in files.items():
            runs = run_agent(str(file), tasks, root=out / "evaluation" / name, limit=limit, data=data, seed=seed)
            scores[name] = [summarize(header, records) for header, records in runs]
    threads = settings.threads or physical_cores()
    with view.status("measuring") as status:
        speeds = (
            compress.speeds(files, text=content, threads=threads, rounds=rounds, tell=status.update) if rounds else {}
        )
        predictions = compress.predictions(files, parts, tell=status.update) if parts else {}
    rows = [figures(n, f, speeds.get(n), predictions.get(n), scores.get(n, ())) for n, f in files.items()]
    show(rows, as_json=as_json)
    return 0


def figures(
    name: str, file: Path, speed: "Speed | None", prediction: "Prediction | None", summaries: "Sequence[Summary]"
) -> "Mapping[str, Any]":
    """A row of the table, by the names of its columns."""
    row: dict[str, Any] = {"format": name, "MB": round(file.stat().st_size / 1e6, 2)}
    if speed:
        row |= {"decode tok/s": round(speed.decode, 1), "prefill tok/s": round(speed.prefill, 1)}
    if prediction:
        row |= {
            "perplexity": round(prediction.perplexity, 3),
            "KL": round(prediction.divergence, 4),
            "same token %": round(100 * prediction.same, 1),
        }
    for summary in summaries:
        row |= scored(summary)
    return {**row, "file": str(file)}


def scored(summary: "Summary") -> "Mapping[str, Any]":
    """What a task's run comes to: the score with its interval, and what went wrong with calls."""
    score, wrong = summary.score, summary.tool_errors
    shown = "-" if score is None else f"{100 * score.value:.1f} [{100 * score.low:.1f}, {100 * score.high:.1f}]"
    mishaps = wrong.malformed + wrong.failed + wrong.repeated
    return {
        f"{summary.task} % (n={summary.n})": shown,
        f"{summary.task} malformed, failed or repeated": f"{mishaps} of {wrong.completions}",
    }


def show(rows: "list[Mapping[str, Any]]", *, as_json: bool) -> None:
    """Print the rows."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from agentkit.cli.text import as_json as dumped

    if as_json:
        print(dumped(rows))
        return
    table = Table(box=None, padding=(0, 2, 0, 0))
    columns = [column for column in rows[0] if column != "file"]
    for column in columns:
        table.add_column(column, justify="left" if column == "format" else "right")
    for row in rows:
        table.add_row(*(Text(str(row[column])) for column in columns))
    Console(highlight=False).print(table)
    for row in rows:
        print(row["file"])


def readable(file: Path) -> str:
    """The text of a file.

    Raises:
        ConfigurationError: It can't be read, or is empty.
    """
    from agentkit.errors import ConfigurationError

    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it isn't UTF-8 text"
        raise ConfigurationError(f"can't read {file}: {why}; name a file of plain text") from None
    if not text.strip():
        raise ConfigurationError(f"{file} is empty; name a file of plain text")
    return text
