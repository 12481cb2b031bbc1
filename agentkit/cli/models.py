"""`agentkit models`: what models and adapters there are, fetching models, adding and removing adapters."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

app = typer.Typer(
    help="List the known models and adapters; `pull` fetches models, `add` and `remove` are for adapters.",
    rich_markup_mode="markdown",
)


@app.callback(invoke_without_command=True)
def models(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON list.")] = False,
) -> int:
    """List the known models and adapters, or fetch a model with `pull`."""
    if context.invoked_subcommand is not None:
        return 0
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from agentkit.cli.opening import load_settings
    from agentkit.cli.text import as_json as dumped
    from agentkit.cli.text import size
    from agentkit.models import catalog

    load_settings()
    listing = catalog.listing()
    if as_json:
        print(dumped([entry.model_dump(mode="json") for entry in listing]))
        return 0
    table = Table.grid(padding=(0, 2))
    for entry in listing:
        default = entry.name in (catalog.DEFAULT, catalog.EMBEDDER)
        table.add_row(
            Text("here" if entry.path else "", style="green"),
            Text(entry.name, style="bold"),
            Text(size(entry.bytes), justify="right"),
            Text(f"{entry.description}{' (default)' if default else ''}"),
            Text(entry.licence, style="dim"),
        )
    console = Console(highlight=False)
    console.print(table)
    missing = [entry.name for entry in listing if not entry.path]
    if missing:
        console.print(Text(f"\nFetch one: agentkit models pull {missing[0]}", style="dim"))
    return 0


@app.command()
def pull(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME", show_default=False, help="Models; without one, the default and the embedder."),
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Fetch it even if it is here, as when it is damaged.")] = False,
) -> int:
    """Fetch models from their publisher or, where that can't be reached, a mirror, and verify them by SHA-256.

    What was interrupted goes on where it stopped.
    """
    from rich.console import Console

    from agentkit.cli.opening import load_settings
    from agentkit.errors import UnknownName
    from agentkit.models import catalog

    load_settings()
    wanted = list(dict.fromkeys(names or [catalog.DEFAULT, catalog.EMBEDDER]))
    for name in wanted:
        if name not in catalog.KNOWN:
            raise UnknownName("model", name, catalog.KNOWN)
    view = Console(stderr=True, highlight=False)
    for name in wanted:
        if view.is_terminal:
            path = with_bar(view, name, again=again)
        else:
            path = catalog.pull(name, spoken(view, name), again=again)
        print(f"{name}  {path}")
    return 0


@app.command()
def add(
    file: Annotated[Path, typer.Argument(metavar="FILE", show_default=False, help="An adapter's .safetensors file.")],
    *,
    name: Annotated[str, typer.Option(metavar="NAME", help="Instead of the one that it was trained under.")] = "",
) -> int:
    """Add an adapter; from then on its name names its base with the adapter merged in."""
    from agentkit import protocol
    from agentkit.cli.opening import load_settings
    from agentkit.models import adapters

    load_settings()
    card = adapters.read_card(file)
    protocol.require(card.protocol, of=f"adapter {card.name}")
    card = adapters.add(file, name=name)
    print(f"{card.name}  {card.base} taught with {card.lessons} lessons; use it: --model {card.name}")
    return 0


@app.command()
def remove(
    name: Annotated[str, typer.Argument(metavar="NAME", show_default=False, help="The adapter.")],
) -> int:
    """Delete an adapter that was added; its base stays."""
    from agentkit.cli.opening import load_settings
    from agentkit.models import adapters

    load_settings()
    adapters.remove(name)
    print(f"{name}: removed")
    return 0


def with_bar(view: "Console", name: str, *, again: bool) -> object:
    """Fetch a model under a progress bar."""
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    from agentkit.cli.text import one_line
    from agentkit.models import catalog

    columns = (
        TextColumn("{task.fields[name]}", markup=False),
        BarColumn(bar_width=24),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}", markup=False, style="dim"),
    )
    with Progress(*columns, console=view, transient=True) as bar:
        row = bar.add_task("", name=name, total=None)
        return catalog.pull(
            name,
            lambda done, total, message: bar.update(
                row, completed=done, total=total, description=one_line(message, 40)
            ),
            again=again,
        )


def spoken(view: "Console", name: str) -> "Callable[[int, int, str], None]":
    """Progress for a log: a line whenever something else is done, and each quarter of the way."""
    from rich.text import Text

    from agentkit.cli.text import one_line, size

    last: tuple[str, int] | None = None

    def tell(done: int, total: int, message: str) -> None:
        nonlocal last
        now = (message, 4 * done // total if total else 0)
        if now != last:
            last = now
            view.print(Text(f"{name}: {one_line(message)} ({size(done)} of {size(total)})"), soft_wrap=True)

    return tell
