"""`agentkit tool`: run one tool by hand."""

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

if TYPE_CHECKING:
    from agentkit.tools import Outcome, Tool

EPILOG = """Examples:

    agentkit tool calculator "15% of 80"
    agentkit tool python "print(2**100)" --tier monty
    agentkit tool python @program.py
    agentkit tool retrieval "warranty" --docs handbook --set passages=5

What the tool reports goes to the standard output; a failure is one line and exit code 1."""


def tool(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", show_default=False, help="The tool; without one, the tools there are."),
    ] = None,
    values: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="ARG",
            show_default=False,
            help="Arguments in the order of the tool's parameters; @FILE reads one from a file, - from the input.",
        ),
    ] = None,
    *,
    named: Annotated[
        list[str] | None,
        typer.Option("--arg", show_default=False, help="An argument by name, as in key=value, taken as it is."),
    ] = None,
    docs: Annotated[Path | None, typer.Option(show_default=False, help="Folder of documents, for retrieval.")] = None,
    corpus: Annotated[
        str | None, typer.Option(metavar="NAME", show_default=False, help="Corpus, for retrieval.")
    ] = None,
    tier: Annotated[str | None, typer.Option(show_default=False, help="Tier of the sandbox, for python.")] = None,
    options: Annotated[
        list[str] | None, typer.Option("--set", show_default=False, help="A setting of the tool, as in key=value.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as one JSON object.")] = False,
) -> int:
    """Run one tool by hand, or list the tools."""
    from agentkit.cli import opening
    from agentkit.cli.text import as_json as dumped

    if name is None:
        return listed()
    flags = {f"tools.{name}.{key}": parsed(value) for key, value in pairs(options or [], "--set")}
    if tier is not None:
        flags[f"tools.{name}.tier"] = tier
    settings = opening.load_settings({"docs": docs, "corpus": corpus, **flags})
    [opened] = opening.open_tools([name], settings)
    arguments = gathered(opened, values or [], dict(pairs(named or [], "--arg")))
    with ExitStack() as stack:
        if opening.needs_documents([opened]):
            documents, _ = opening.open_documents(settings)
            opened = opened.bind(stack.enter_context(documents))
        outcome = asyncio.run(opened.invoke(arguments))
    if as_json:
        print(dumped(outcome.model_dump(mode="json")))
    else:
        show(outcome)
    return 1 if outcome.error else 0


def show(outcome: "Outcome") -> None:
    """The parts on the standard output, an error in one line on the other."""
    from agentkit.cli.text import one_line, printable

    for number, part in enumerate(outcome.parts, 1):
        if part.source or len(outcome.parts) > 1:
            print(f"[{number}] {one_line(part.source)}".rstrip())
        print(printable(part.text).rstrip("\n"))
    if outcome.error:
        hint = f"; {one_line(outcome.hint)}" if outcome.hint else ""
        print(f"agentkit: {one_line(outcome.error)}{hint}", file=sys.stderr)
    elif not outcome.parts:
        print("agentkit: nothing found", file=sys.stderr)


def listed() -> int:
    """Every installed tool with its parameters; one that can't be loaded says why."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from agentkit.cli.text import one_line
    from agentkit.errors import AgentkitError
    from agentkit.tools import known_tools, load_tools

    table = Table.grid(padding=(0, 2))
    for name in known_tools():
        try:
            [found] = load_tools([name])
            table.add_row(Text(signature(found), style="bold"), Text(one_line(found.description)))
        except AgentkitError as error:
            reason = one_line(str(error.__cause__ or error))
            table.add_row(Text(name, style="bold"), Text(f"can't be loaded: {reason}", style="yellow"))
    Console(highlight=False).print(table)
    return 0


def signature(tool: "Tool") -> str:
    """`calculator EXPRESSION`, optional parameters in brackets."""
    required = tool.parameters.get("required", [])
    names = [n.upper() if n in required else f"[{n.upper()}]" for n in tool.parameters.get("properties", {})]
    return " ".join([tool.name, *names])


def gathered(tool: "Tool", values: Sequence[str], named: Mapping[str, str]) -> dict[str, Any]:
    """The arguments of a call, checked before anything runs.

    Raises:
        ConfigurationError: There are too many, one is unknown or given twice, or they don't fit.
    """
    from agentkit.errors import ConfigurationError, ToolError

    properties: Mapping[str, Mapping[str, Any]] = tool.parameters.get("properties", {})
    usage = f"usage: agentkit tool {signature(tool)}"
    if len(values) > len(properties):
        raise ConfigurationError(f"{tool.name} takes {len(properties)} arguments, not {len(values)}; {usage}")
    given = {key: read(text) for key, text in zip(properties, values, strict=False)}
    for key in named:
        if key not in properties:
            raise ConfigurationError(f"{tool.name} has no parameter {key!r}; {usage}")
        if key in given:
            raise ConfigurationError(f"{key} is given twice, by place and by --arg; {usage}")
    given |= named
    arguments = {key: converted(text, properties[key]) for key, text in given.items()}
    try:
        tool.validate(arguments)
    except ToolError as error:
        raise ConfigurationError(f"{error}; {usage}") from None
    return arguments


def read(text: str) -> str:
    """An argument as it is meant: `@FILE` is a file's content, `-` what stands on the standard input.

    Raises:
        ConfigurationError: It can't be read, or isn't text.
    """
    from agentkit.errors import ConfigurationError
    from agentkit.settings import expanded

    if text != "-" and not text.startswith("@"):
        return text
    where = "the input" if text == "-" else text[1:]
    try:
        if text == "-":
            return sys.stdin.buffer.read().decode() if sys.stdin else ""
        return expanded(text[1:]).read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"can't read {where}: {error.strerror}; --arg key=value takes text as it is") from None
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{where} is not UTF-8 (byte {error.start}); convert it") from None


def converted(text: str, schema: Mapping[str, Any]) -> Any:
    """What a text stands for under a parameter's schema: where a string will do it stays one."""
    return text if "string" in kinds(schema) else parsed(text)


def kinds(schema: Mapping[str, Any]) -> set[str]:
    """The JSON types that a schema admits; empty where it doesn't say."""
    options = cast("list[Mapping[str, Any]]", schema.get("anyOf") or schema.get("oneOf") or [])
    if options:
        return {kind for option in options for kind in kinds(option)}
    if "enum" in schema:
        return {"string"} if any(isinstance(v, str) for v in schema["enum"]) else set()
    kind = schema.get("type", [])
    return {kind} if isinstance(kind, str) else set(cast("list[str]", kind))


def parsed(text: str) -> Any:
    """JSON as its value, anything else as the text that it is."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def pairs(given: Sequence[str], option: str) -> list[tuple[str, str]]:
    """`key=value` options taken apart.

    Raises:
        ConfigurationError: One has no `=`.
    """
    from agentkit.errors import ConfigurationError

    split: list[tuple[str, str]] = []
    for text in given:
        key, equals, value = text.partition("=")
        if not (key and equals):
            raise ConfigurationError(f"{option} {text!r} must be written key=value")
        split.append((key, value))
    return split
