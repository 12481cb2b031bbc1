"""`agentkit search`: what an agent would find."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from agentkit.cli.options import CorpusName, Docs

if TYPE_CHECKING:
    from agentkit.answer import Passage

EPILOG = """Examples:

    agentkit search "length of the warranty" --corpus company
    agentkit search "warranty" --corpus company --source "*.pdf" --page 3
    agentkit search "delivery" --corpus company --where country=Kenya --limit 10

It finds what the retrieval tool finds, under the same settings. Exit code 1 when that is nothing."""


def search(
    query: Annotated[
        str, typer.Argument(metavar="QUERY", show_default=False, help="What to look for, in a few words.")
    ],
    *,
    corpus: CorpusName = None,
    docs: Docs = None,
    source: Annotated[
        str, typer.Option(metavar="GLOB", show_default=False, help="Only documents whose path is like this.")
    ] = "",
    heading: Annotated[
        str, typer.Option(metavar="TEXT", show_default=False, help="Only under headings that have this in them.")
    ] = "",
    page: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, max=2**31 - 1, show_default=False, help="Only on this page."),
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN=VALUE", show_default=False, help="Only rows that have this value in a column."),
    ] = None,
    limit: Annotated[
        str | None, typer.Option(metavar="N", show_default=False, help="Passages, instead of what the agent is shown.")
    ] = None,
    floor: Annotated[
        str | None, typer.Option(metavar="X", show_default=False, help="Least relevance; -1 lets everything pass.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the passages as a JSON list.")] = False,
) -> int:
    """Show the passages that an agent would be given."""
    import sys

    from rich.console import Console

    from agentkit.cli import opening
    from agentkit.cli.ingest import notes
    from agentkit.cli.text import as_json as dumped
    from agentkit.cli.tool import pairs, parsed
    from agentkit.injections import place_without_injections, without_injections

    tuned = {"passages": limit, "floor": floor}
    flags = {f"tools.retrieval.{key}": parsed(value) for key, value in tuned.items() if value is not None}
    columns = dict(pairs(where or [], "--where"))
    settings = opening.load_settings({"docs": docs, "corpus": corpus, **flags})
    [tool] = opening.open_tools(["retrieval"], settings)
    opened, _ = opening.open_documents(settings)
    notes(Console(stderr=True, highlight=False), opened.skipped, opened.notices)
    with opened:
        bound = tool.bind(opened.narrowed(source=source, heading=heading, page=page, columns=columns)).bound
        found: list[Passage] = tool.function(query=query, **bound)
    found = [
        passage.model_copy(
            update={
                "text": without_injections(passage.text),
                "source": place_without_injections(passage.source),
                "heading": place_without_injections(passage.heading),
            }
        )
        for passage in found
    ]
    if as_json:
        print(dumped([passage.model_dump(mode="json") for passage in found]))
    else:
        show(found)
    if not found:
        print("agentkit: nothing found", file=sys.stderr)
    return 0 if found else 1


def show(found: "Sequence[Passage]") -> None:
    """Numbered, as the model reads them."""
    from agentkit.cli.text import one_line, printable

    for number, passage in enumerate(found, 1):
        print(f"[{number}] {one_line(passage.place)}")
        print(printable(passage.text).rstrip("\n"))
