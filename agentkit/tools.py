"""Tools: typed functions that a model may call.

    @tool(pure=True)
    def area(width: float, height: float) -> float:
        \"\"\"Area of a rectangle.\"\"\"
        return width * height

The name, the description and the JSON Schema come from the signature and the docstring.
"""

import asyncio
import dataclasses
import inspect
import json
import re
import time
import typing
from collections.abc import Awaitable, Callable, Iterable, Mapping
from fractions import Fraction
from importlib.metadata import EntryPoint
from typing import Annotated, Any, Self, TypeGuard, TypeVar, get_args, get_origin, overload

import jsonschema_rs
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model
from pydantic_core import to_jsonable_python

from agentkit import plugins
from agentkit.answer import Passage
from agentkit.errors import ConfigurationError, DefinitionError, ToolError, ToolTimeout
from agentkit.threads import in_thread

T = TypeVar("T")

ENTRY_POINTS = "agentkit.tools"
RESERVED = frozenset({"plan", "answer", "give_up"})
"""What a decision can be besides a call; no tool may have such a name."""


class _Inject:
    """Marks a parameter that the agent fills in and the model never sees."""


Injected = Annotated[T, _Inject()]
"""`corpus: Injected[Corpus]`: filled in by type from the resources the tool was bound to.

A pydantic model whose fields all have defaults is a settings object: made from its defaults, or from
the table of the tool's name in the settings, when none was bound.
"""


class Part(BaseModel, frozen=True):
    """One citable piece of what a call reported."""

    text: str
    source: str = ""


class Example(BaseModel, frozen=True):
    """A worked use of a tool, shown to the model before the task."""

    task: str
    purpose: str
    """What the plan says the call is for."""
    arguments: Mapping[str, Any]
    result: str
    source: str = ""
    answer: str = ""
    """What follows from the result; empty when nothing does: then the model is shown giving up."""


class Outcome(BaseModel, frozen=True):
    """What came of a call."""

    parts: tuple[Part, ...] = ()
    error: str = ""
    """Why it failed, in one line; empty when it did not."""
    hint: str = ""
    """What the model may try instead."""
    seconds: float = 0.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Tool:
    """A function with what a model needs to know of it."""

    name: str
    description: str
    parameters: Mapping[str, Any]
    """JSON Schema of the arguments, an object."""
    function: Callable[..., Any]
    pure: bool = False
    """Same arguments, same result: a repeated call is answered from the first one's result."""
    grounded: bool = False
    """It computes: numbers in its arguments must come from the task or from evidence, else the call is refused."""
    own_numbers: bool = False
    """The model may choose numbers itself. Else those that a call must have come from the task or from evidence."""
    approval: bool = False
    """It acts on the world: each call asks the agent's `approve` first."""
    timeout: float = 30.0
    """Seconds one call may take."""
    arguments: type[BaseModel] | None = None
    """Coerces and validates arguments; without it they are validated against `parameters` alone."""
    examples: tuple[Example, ...] = ()
    injected: Mapping[str, type] = dataclasses.field(default_factory=dict[str, type])
    bound: Mapping[str, Any] = dataclasses.field(default_factory=dict[str, Any])

    def __post_init__(self) -> None:
        if self.name in RESERVED or not self.name or len(self.name) > 64 or not self.name.isprintable():
            raise DefinitionError(f"a tool can't be named {self.name!r}; reserved: {', '.join(sorted(RESERVED))}")

    @classmethod
    def from_schema(
        cls, name: str, description: str, parameters: Mapping[str, Any], function: Callable[..., Any]
    ) -> Self:
        """A tool whose arguments are described by a JSON Schema rather than by a signature."""
        try:
            jsonschema_rs.validator_for(dict(parameters))
        except jsonschema_rs.ValidationError as error:
            raise DefinitionError(f"the schema of tool {name!r} is not JSON Schema: {error.message}") from None
        return cls(name=name, description=description, parameters=parameters, function=function)

    def bind(self, *resources: object, settings: Mapping[str, Any] | None = None) -> Self:
        """Fill in the injected parameters by type; `settings` is this tool's own table.

        Raises:
            ConfigurationError: The settings don't fit, or a setting is unknown.
        """
        bound = dict(self.bound)
        for name, kind in self.injected.items():
            match = next((r for r in resources if isinstance(r, kind)), None)
            if match is not None:
                bound[name] = match
            elif name not in bound and issubclass(kind, BaseModel):
                try:
                    bound[name] = kind.model_validate(dict(settings or {}))
                except ValidationError as error:
                    raise ConfigurationError(f"settings of tool {self.name!r}: {one_line(error)}") from None
        return dataclasses.replace(self, bound=bound)

    @property
    def missing(self) -> list[str]:
        """Types of the resources that are still to be bound."""
        return [kind.__name__ for name, kind in self.injected.items() if name not in self.bound]

    def validate(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments as the function takes them.

        Raises:
            ToolError: They don't fit the schema.
        """
        try:
            if self.arguments is None:
                jsonschema_rs.validate(dict(self.parameters), dict(arguments))
                return dict(arguments)
            checked = self.arguments.model_validate(dict(arguments))
            return {field: getattr(checked, field) for field in type(checked).model_fields}
        except jsonschema_rs.ValidationError as error:
            raise ToolError(f"{self.name}: {error.message}", hint="check the arguments") from None
        except ValidationError as error:
            raise ToolError(f"{self.name}: {one_line(error)}", hint="check the arguments") from None

    async def invoke(self, arguments: Mapping[str, Any]) -> Outcome:
        """Call the function. Whatever it raises becomes the outcome's error."""
        start = time.monotonic()
        clock = asyncio.timeout(self.timeout)
        try:
            if self.missing:
                raise ToolError(f"{self.name} has no {', '.join(self.missing)}")
            kwargs = self.validate(arguments) | dict(self.bound)
            async with clock:
                result = await self._call(kwargs)
            return Outcome(parts=to_parts(result), seconds=time.monotonic() - start)
        except ToolError as raised:
            error = raised
        except (Exception, SystemExit) as raised:  # a tool is anyone's code: its bugs are observations, not crashes
            error = ToolError(f"{self.name}: {type(raised).__name__}: {raised}")
            if clock.expired():  # a time-out that the tool itself raises is none of ours
                late = f"{self.name} took longer than {self.timeout:g} s"
                error = ToolTimeout(late, hint="try a smaller or simpler call")
        message = " ".join(str(error).split()) or type(error).__name__
        return Outcome(error=message, hint=error.hint, seconds=time.monotonic() - start)

    async def _call(self, kwargs: Mapping[str, Any]) -> object:
        if inspect.iscoroutinefunction(self.function):
            return await typing.cast(Awaitable[object], self.function(**kwargs))
        result: object = await in_thread(lambda: self.function(**kwargs))
        return await result if inspect.isawaitable(result) else result  # a plain function may wrap an async one


@overload
def tool(function: Callable[..., Any], /) -> Tool: ...
@overload
def tool(
    *,
    name: str | None = None,
    pure: bool = False,
    grounded: bool = False,
    own_numbers: bool = False,
    approval: bool = False,
    timeout: float = 30.0,
    examples: Iterable[Example] = (),
) -> Callable[[Callable[..., Any]], Tool]: ...
def tool(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    pure: bool = False,
    grounded: bool = False,
    own_numbers: bool = False,
    approval: bool = False,
    timeout: float = 30.0,
    examples: Iterable[Example] = (),
) -> Tool | Callable[[Callable[..., Any]], Tool]:
    """Make a tool of a typed function, sync or async.

    The docstring's summary becomes the description, its `Args:` those of the parameters.

    Raises:
        DefinitionError: A parameter has no type, or one that JSON Schema can't describe.
    """

    def make(function: Callable[..., Any]) -> Tool:
        title = name or getattr(function, "__name__", "")
        if not title:
            raise DefinitionError(f"{function!r} has no name of a function: write a typed function that calls it")
        fields, injected, summary = _signature(function, title)
        try:
            model = create_model(title, __config__=ConfigDict(extra="forbid"), **fields)
            schema = model.model_json_schema()
        except Exception as error:
            raise DefinitionError(f"tool {title!r}: no JSON Schema for its parameters: {one_line(error)}") from None
        return Tool(
            name=title,
            description=summary,
            parameters=_without_titles(schema),
            function=function,
            pure=pure,
            grounded=grounded,
            own_numbers=own_numbers,
            approval=approval,
            timeout=timeout,
            examples=tuple(examples),
            arguments=model,
            injected=injected,
        )

    return make if function is None else make(function)


def _signature(function: Callable[..., Any], title: str) -> tuple[dict[str, Any], dict[str, type], str]:
    """Pydantic field definitions, injected types and summary of a function."""
    summary, described = docstring(inspect.getdoc(function) or "")
    if not summary:
        raise DefinitionError(f"tool {title!r} has no docstring; its first line tells the model what the tool is for")
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise DefinitionError(f"tool {title!r} yields its results one by one; return a list of them")
    try:
        hints = typing.get_type_hints(function, include_extras=True)
    except Exception as error:  # a type that only a checker sees, or that a function defines
        raise DefinitionError(f"tool {title!r}: {one_line(error)}; type parameters by names of its module") from None
    fields: dict[str, Any] = {}
    injected: dict[str, type] = {}
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY):
            raise DefinitionError(f"tool {title!r}: parameter {parameter.name!r} must be passable by name")
        if parameter.name not in hints:
            raise DefinitionError(f"tool {title!r}: parameter {parameter.name!r} has no type")
        hint = hints[parameter.name]
        if get_origin(hint) is Annotated and any(isinstance(m, _Inject) for m in get_args(hint)[1:]):
            injected[parameter.name] = get_args(hint)[0]
            continue
        if said := described.get(parameter.name):
            hint = Annotated[hint, Field(description=said)]
        fields[parameter.name] = (hint, ... if parameter.default is parameter.empty else parameter.default)
    return fields, injected, summary


def docstring(text: str) -> tuple[str, dict[str, str]]:
    """Summary and parameters of a Google-style docstring."""
    summary = " ".join(text.partition("\n\n")[0].split())
    _, _, arguments = text.partition("\nArgs:\n")
    block = re.split(r"\n(?=\S)", arguments)[0]
    # A parameter stands one level in; what is further in continues it.
    entries = re.findall(r"^ {4}(\w+)[^:\n]*:((?:.*)(?:\n {5,}.*)*)", block, re.MULTILINE)
    return summary, {name: " ".join(said.split()) for name, said in entries}


def _without_titles(schema: Any) -> Any:
    """Pydantic's generated titles repeat the names: tokens for nothing."""
    if isinstance(schema, dict):
        items = typing.cast(dict[str, Any], schema).items()
        return {k: _without_titles(v) for k, v in items if not (k == "title" and isinstance(v, str))}
    if isinstance(schema, list):
        return [_without_titles(v) for v in typing.cast(list[Any], schema)]
    return schema


def to_parts(result: object) -> tuple[Part, ...]:
    """What a function returned as text the model reads; a list of passages stays a list of parts."""
    match result:
        case None:
            return ()
        case str():
            return (Part(text=result),) if result.strip() else ()
        case Part():
            return (result,)
        case Passage():
            return (Part(text=result.text, source=result.place),)
        case list() | tuple() if result and all(isinstance(r, Passage | Part) for r in typing.cast(list[Any], result)):
            return tuple(p for r in typing.cast(list[Any], result) for p in to_parts(r))
        case list() | tuple() if not result:
            return ()
        case BaseModel():
            return (Part(text=result.model_dump_json()),)
        case Fraction():
            return (Part(text=str(result)),)
        case _:
            plain = to_jsonable_python(result, fallback=str)  # models, dataclasses, enums, sets, at any depth
            return (Part(text=json.dumps(plain, ensure_ascii=False)),)


def known_tools() -> dict[str, EntryPoint]:
    """The installed tools by name; nothing is loaded."""
    return plugins.installed(ENTRY_POINTS)


def load_tools(names: Iterable[str]) -> list[Tool]:
    """Load the named tools, and only these.

    Raises:
        UnknownName: No installed package offers such a tool.
        DefinitionError: What a package offers as one is none, or can't be loaded.
    """
    return plugins.load(ENTRY_POINTS, names, kind="tool", fits=_is_tool, unfit="is not a tool; decorate it with @tool")


DOCUMENTS = "Corpus"
"""The type of resource that a tool needs which reads documents."""


def reads_documents(tool: Tool) -> bool:
    """Whether documents are still to be bound to it."""
    return DOCUMENTS in tool.missing


def configured(tool: Tool, table: Mapping[str, Any]) -> Tool:
    """The tool with its settings.

    Raises:
        ConfigurationError: It has no such setting, or not with such a value.
    """
    kinds = [kind for kind in tool.injected.values() if issubclass(kind, BaseModel)]
    known = [name for kind in kinds for name in kind.model_fields]
    for name in table:
        if name not in known:
            there = f"there are: {', '.join(known)}" if known else "it has none"
            raise ConfigurationError(f"tool {tool.name!r} has no setting {name!r}; {there}")
    return tool.bind(settings=table)


def _is_tool(found: object) -> TypeGuard[Tool]:
    return isinstance(found, Tool)


def one_line(error: Exception) -> str:
    """A pydantic error, which has many lines, as one."""
    if isinstance(error, ValidationError):
        return "; ".join(f"{'.'.join(str(part) for part in e['loc']) or 'value'}: {e['msg']}" for e in error.errors())
    return " ".join(str(error).split())
