"""`agentkit corpus`: the corpora there are, what is in them, deleting them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from agentkit.knowledge.corpora import Stats

app = typer.Typer(help="List the corpora; `stats` looks into one, `rm` deletes one.", rich_markup_mode="markdown")

Name = Annotated[str, typer.Argument(metavar="NAME", show_default=False, help="The corpus.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.callback(invoke_without_command=True)
def corpus(context: typer.Context) -> int:
    """List the corpora, look into one with `stats`, delete one with `rm`."""
    return list_() if context.invoked_subcommand is None else 0


@app.command("list")
def list_(as_json: AsJson = False) -> int:
    """List the corpora with what they are made of. Exit code 1 when one of them can't be read."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from agentkit.cli import complain
    from agentkit.cli.opening import load_settings
    from agentkit.cli.text import as_json as dumped
    from agentkit.cli.text import counted, one_line, size
    from agentkit.errors import CorpusError
    from agentkit.knowledge import corpora

    load_settings()
    found: list[Stats] = []
    damaged = False
    for name in corpora.names():
        try:
            found.append(corpora.stats(name))
        except CorpusError as error:  # the others are there all the same
            complain(str(error))
            damaged = True
    if as_json:
        print(dumped([plain(stats) for stats in found]))
        return int(damaged)
    table = Table.grid(padding=(0, 2))
    for stats in found:
        table.add_row(
            Text(stats.name, style="bold"),
            Text(counted(stats.documents, "document"), justify="right"),
            Text(counted(stats.passages, "passage"), justify="right"),
            Text(size(stats.bytes), justify="right"),
            Text(one_line(", ".join(str(origin.path) for origin in stats.origins)), style="dim"),
        )
    console = Console(highlight=False)
    if found or not damaged:
        console.print(table if found else Text("There is no corpus yet. Make one: agentkit ingest PATH --corpus NAME"))
    return int(damaged)


@app.command("stats")
def stats_(name: Name, as_json: AsJson = False) -> int:
    """Count what is in a corpus, and name what was left out."""
    from agentkit.cli.opening import load_settings
    from agentkit.cli.text import as_json as dumped
    from agentkit.cli.text import one_line, size
    from agentkit.knowledge import corpora

    load_settings()
    stats = corpora.stats(name)
    if as_json:
        print(dumped(plain(stats)))
        return 0
    lines = [
        ("documents", f"{stats.documents:,}" + (f" ({stats.unfinished} in part)" if stats.unfinished else "")),
        ("passages", f"{stats.passages:,}"),
        ("on disk", f"{size(stats.bytes)}  {stats.folder}"),
        *(("made of", f"{o.path}{'' if o.there else '  (gone)'}") for o in stats.origins),
        *(("left out", f"{source}: {reason}") for source, reason in stats.refused.items()),
        *(("note", f"{source} {notice}") for source, notice in stats.notices.items()),
    ]
    for label, text in lines:
        print(f"{label:>9}  {one_line(text)}")
    return 0


@app.command()
def rm(
    name: Name,
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="PATH", show_default=False, help="Take out only these of the paths it is made of."),
    ] = None,
) -> int:
    """Delete a corpus, or take paths out of it; the documents themselves stay where they are."""
    from agentkit.cli.opening import load_settings
    from agentkit.cli.text import counted
    from agentkit.errors import CorpusError
    from agentkit.knowledge import corpora, vectors

    settings = load_settings()
    if paths:
        print(f"{name}: {counted(corpora.forget(name, paths), 'document')} taken out")
        return 0
    key = corpora.remove(name)
    print(f"{name}: deleted")
    if settings.chroma and key:
        try:
            vectors.forget(settings.chroma, key)
        except CorpusError as error:
            raise CorpusError(f"its vectors are still on the server: {error}") from None
    return 0


def plain(stats: "Stats") -> dict[str, Any]:
    """As JSON can hold it."""
    from dataclasses import asdict

    return {**asdict(stats), "folder": str(stats.folder), "origins": [str(o.path) for o in stats.origins]}
