"""Options that several commands have, spelled once."""

from pathlib import Path
from typing import Annotated

import typer

ModelName = Annotated[
    str | None,
    typer.Option(
        "--model", "-m", show_default=False, help="A name from `agentkit models`, a GGUF, a folder, or URL#model."
    ),
]
AssistantFile = Annotated[
    Path | None, typer.Option(metavar="PATH", show_default=False, help="Profile of an assistant, a TOML file.")
]
Docs = Annotated[Path | None, typer.Option(show_default=False, help="Folder of documents to answer from.")]
CorpusName = Annotated[
    str | None,
    typer.Option(metavar="NAME", show_default=False, help="Corpus to answer from, made with `agentkit ingest`."),
]
Unchecked = Annotated[bool, typer.Option("--unchecked", help="Also print an answer that no check applies to.")]
Steps = Annotated[
    str | None, typer.Option(metavar="N", show_default=False, help="Decisions the model may take for an answer.")
]
Seconds = Annotated[str | None, typer.Option(metavar="S", show_default=False, help="Time an answer may take.")]
Seed = Annotated[str | None, typer.Option(metavar="N", show_default=False, help="Seed of the sampling.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Approve calls of tools that act on the world.")]


def number(text: str | None, flag: str) -> int | None:
    """A flag's whole number, 0 or more.

    Raises:
        ConfigurationError: It is none.
    """
    from agentkit.errors import ConfigurationError

    if text is None:
        return None
    if not (text.isascii() and text.isdecimal()):
        raise ConfigurationError(f"{flag} is {text!r}; give a whole number")
    return int(text)
