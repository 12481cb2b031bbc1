"""The command line: `agentkit VERB …`, one file a verb.

Exit codes: 0 done; 1 no answer could be given, a tool failed, a replay differs; 2 bad input or
configuration, told in one line; 130 interrupted. What a verb returns is its exit code.
"""

import contextlib
import io
import os
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.main import get_command

from agentkit.cli import (
    ask,
    chat,
    corpus,
    distil,
    doctor,
    evaluate,
    ingest,
    models,
    prune,
    quantize,
    replay,
    search,
    tool,
)
from agentkit.errors import AgentkitError

INTERRUPTED = 130

EPILOG = """Exit codes: 0 done · 1 no answer, or a tool failed · 2 bad input or configuration · 130 interrupted.

Settings come from flags, then AGENTKIT_… variables, then agentkit.toml. `agentkit doctor` shows them."""

app = typer.Typer(
    name="agentkit",
    help="A small local language model that plans, calls tools, checks itself, and says when it doesn't know.",
    epilog=EPILOG,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("ask", epilog=ask.EPILOG)(ask.ask)
app.command("chat", epilog=chat.EPILOG)(chat.chat)
app.command("ingest", epilog=ingest.EPILOG)(ingest.ingest)
app.command("search", epilog=search.EPILOG)(search.search)
app.add_typer(corpus.app, name="corpus")
app.command("tool", epilog=tool.EPILOG)(tool.tool)
app.command("replay")(replay.replay)
app.command("evaluate", epilog=evaluate.EPILOG)(evaluate.evaluate)
app.command("compare")(evaluate.compare)
app.add_typer(models.app, name="models")
app.add_typer(distil.app, name="distil")
app.command("prune", epilog=prune.EPILOG)(prune.prune)
app.command("quantize", epilog=quantize.EPILOG)(quantize.quantize)
app.command("doctor")(doctor.doctor)


def show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"agentkit {version('agentkit')}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def front(
    context: typer.Context,
    _version: Annotated[
        bool, typer.Option("--version", callback=show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """What is said when no verb is given."""
    if context.invoked_subcommand is None:
        print(context.get_help())
        raise typer.Exit


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code. No mistake of the user's ends in a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that can't show a character shows a question mark
    try:
        code: Any = get_command(app).main(arguments, prog_name="agentkit", standalone_mode=False)
        if sys.stdout is not None:  # it is None where the caller closed it
            sys.stdout.flush()
        if code == INTERRUPTED:
            complain("interrupted")
        return int(code or 0)
    except KeyboardInterrupt:
        complain("interrupted")
        return INTERRUPTED
    except BrokenPipeError:  # whoever read the output has gone, as `head` does
        discard_output()
        return 1
    except typer.TyperException as error:
        where = getattr(getattr(error, "ctx", None), "command_path", "agentkit")
        complain(f"{error.format_message()} Try: {where} --help")
        return 2
    except AgentkitError as error:
        complain(str(error))
        return 2
    except OSError as error:  # a full disk, say
        what = error.strerror or str(error) or type(error).__name__
        complain(f"{error.filename}: {what}" if error.filename else f"the output can't be written: {what}")
        if not error.filename:
            discard_output()
        return 2


def discard_output() -> None:
    """Send what is still to be written nowhere, else Python tries again when it ends, and fails."""
    if sys.stdout is not None:
        with contextlib.suppress(OSError, ValueError):  # not a file, in a test say
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def complain(message: str) -> None:
    """One line on the standard error."""
    from agentkit.cli.text import one_line

    print(f"agentkit: {one_line(message)}", file=sys.stderr)
