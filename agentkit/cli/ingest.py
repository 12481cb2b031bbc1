"""`agentkit ingest`: documents into a corpus."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.console import Console

    from agentkit.knowledge.documents import Skipped
    from agentkit.knowledge.ingest import Progress, Report

EPILOG = """Examples:

    agentkit ingest handbook prices.csv --corpus company
    agentkit ingest --corpus company

Reads .txt, .rst, .md, .html, .pdf, .docx, .csv, .tsv and .jsonl, in folders also below. The second form looks at the
same paths again: unchanged files are skipped, changed ones replaced, deleted ones removed; of a folder that is gone, on
a drive that isn't mounted say, all is kept. Interrupted at any point, the same command goes on. Exit code 0 also when
files had to be left out (they are named), 2 when nothing is left."""


def ingest(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="PATH", show_default=False, help="Files and folders to add; without one, look again."),
    ] = None,
    *,
    corpus: Annotated[
        str | None, typer.Option(metavar="NAME", show_default=False, help="The corpus; made if there is none.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as one JSON object.")] = False,
) -> int:
    """Read documents into a corpus, or bring it in line with its files."""
    import time

    from rich.console import Console

    from agentkit.cli import opening
    from agentkit.embedding import open_embedder
    from agentkit.errors import ConfigurationError, CorpusError
    from agentkit.knowledge import corpora
    from agentkit.knowledge.corpus import Corpus

    settings = opening.load_settings({"corpus": corpus})
    if not (name := settings.corpus):
        raise ConfigurationError("name the corpus with --corpus NAME; it is made if there is none")
    embedder = open_embedder()
    view = Console(stderr=True, highlight=False)
    start = time.monotonic()
    report = watched(view, lambda tell: corpora.ingest(name, paths or [], embedder, progress=tell))
    notes(view, report.skipped, report.notices)
    if not report.documents:
        kept = "holds no document" if name in corpora.names() else "would hold no document and isn't made"
        raise CorpusError(f"corpus {name!r} {kept}: {nothing(report)}")
    Corpus.load(name, embedder=embedder, chroma=settings.chroma).close()  # the vector index, for the first search
    show(report, name, as_json=as_json, seconds=time.monotonic() - start)
    return 0


def watched(view: "Console", work: "Callable[[Progress], Report]") -> "Report":
    """Do it under a progress bar or, where there is no terminal, with a line now and then."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from agentkit.cli.text import counted, one_line

    if not view.is_terminal:
        return work(spoken(view))
    columns = (
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[passages]}"),
        TimeElapsedColumn(),
        TextColumn("{task.description}", markup=False, style="dim"),
    )
    with Progress(*columns, console=view, transient=True) as bar:
        row = bar.add_task("", total=None, passages="")

        def tell(done: int, total: int, passages: int, source: str) -> None:
            said = one_line(source, 50)
            bar.update(row, completed=done, total=total, passages=counted(passages, "passage"), description=said)

        return work(tell)


def spoken(view: "Console") -> "Progress":
    """Progress for a log: a line at each tenth of the files."""
    from agentkit.cli.text import counted

    last = 0

    def tell(done: int, total: int, passages: int, _source: str) -> None:
        nonlocal last
        now = 10 * done // total if total else 0
        if now > last and done < total:
            last = now
            view.print(f"{done:,} of {counted(total, 'file')}, {counted(passages, 'passage')}", soft_wrap=True)

    return tell


def notes(view: "Console", skipped: "Sequence[Skipped]", notices: "Sequence[str]") -> None:
    """Files that are left out and what was unusual in others, a line each."""
    from rich.text import Text

    from agentkit.cli.text import one_line

    for line in (*(f"{s.path} is left out: {s.reason}" for s in skipped), *notices):
        view.print(Text(f"note {one_line(line)}", style="yellow"), soft_wrap=True)


def show(report: "Report", corpus: str, *, as_json: bool, seconds: float) -> None:
    """What was done, on the standard output."""
    from dataclasses import asdict

    from agentkit.cli.text import as_json as dumped
    from agentkit.cli.text import counted

    if as_json:
        print(dumped({"corpus": corpus, "documents": report.documents, "seconds": round(seconds, 2), **asdict(report)}))
        return
    counts = {name: getattr(report, name) for name in ("added", "changed", "removed", "unchanged", "kept")}
    done = ", ".join(f"{number:,} {name}" for name, number in counts.items() if number)
    print(
        f"{corpus}: {counted(report.documents, 'document')} ({done}), {report.passages:,} new passages, {seconds:.1f} s"
    )


def nothing(report: "Report") -> str:
    """Why there is nothing, from what was left out."""
    if not report.skipped:
        return "there is no file of a kind that is read in its paths"
    first, *others = report.skipped
    more = f"; and {len(others)} more" if others else ""
    return f"{first.path} {first.reason}{more}"
