"""What a model may decide, and how a decision is read back from what it wrote."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from pydantic import BaseModel

from agentkit.events import Step
from agentkit.tools import Tool


class Plan(BaseModel, frozen=True):
    """The intended steps."""

    steps: tuple[Step, ...]


class Call(BaseModel, frozen=True):
    """A decision to call a tool."""

    tool: str
    arguments: dict[str, Any]


class Proposal(BaseModel, frozen=True):
    """A decision to answer."""

    text: str
    cited: tuple[int, ...]


class GiveUp(BaseModel, frozen=True):
    """A decision to stop without an answer."""

    reason: str


Decision = Plan | Call | Proposal | GiveUp


class Malformed(Exception):
    """A decision that can't be read; the message says why."""


def read(text: str, tools: Sequence[Tool]) -> Decision:
    """The decision that a model wrote.

    Raises:
        Malformed: It is none: cut off, not JSON, an unknown key, arguments of the wrong shape.
    """
    try:
        written = json.loads(text)
    except ValueError as error:
        raise Malformed(f"not JSON: {error}") from None
    if not isinstance(written, dict) or not written:
        raise Malformed("not an object with a key")
    fields = cast(dict[str, Any], written)
    key, value = next(iter(fields.items()))
    try:
        match key:
            case "tool":
                if all(value != tool.name for tool in tools):
                    raise Malformed(f"no tool named {value!r}")
                return Call(tool=value, arguments=fields["arguments"])
            case "plan":
                return Plan(steps=tuple(Step(tool=step["tool"], purpose=step["for"]) for step in value))
            case "answer":
                said = value["text"] if "text" in value else compact(value["value"])
                return Proposal(text=said.strip(), cited=tuple(dict.fromkeys(value["evidence"])))
            case "give_up":
                return GiveUp(reason=value["reason"])
            case _:
                raise Malformed(f"no decision named {key!r}")
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise Malformed(f"{key}: {type(error).__name__}: {' '.join(str(error).split())}") from None


def written(decision: Decision, tools: Sequence[Tool] = (), *, typed: bool = False) -> str:
    """A decision as a model writes it; `read` gives it back.

    Args:
        tools: Arguments are written in the order in which their tool names them: grammars admit no other.
        typed: Whether the answer's text is a JSON value.
    """
    match decision:
        case Plan():
            return compact({"plan": [{"for": step.purpose, "tool": step.tool} for step in decision.steps]})
        case Call():
            tool = next((t for t in tools if t.name == decision.tool), None)
            named: Mapping[str, Any] = tool.parameters.get("properties", {}) if tool else {}
            order = [*named, *decision.arguments]
            arguments = {name: decision.arguments[name] for name in order if name in decision.arguments}
            return compact({"tool": decision.tool, "arguments": arguments})
        case Proposal():
            said = {"value": json.loads(decision.text)} if typed else {"text": decision.text}
            return compact({"answer": {"evidence": list(decision.cited), **said}})
        case GiveUp():
            return compact({"give_up": {"reason": decision.reason}})


def leaves(value: str) -> list[str]:
    """A JSON value as lines of `path: leaf`, so that each can be checked as a claim."""

    def walk(node: Any, path: str) -> Iterable[str]:
        match node:
            case dict():
                for key, item in cast(dict[str, Any], node).items():
                    yield from walk(item, f"{path} {key}".strip())
            case list():
                for item in cast(list[Any], node):
                    yield from walk(item, path)
            case None:
                pass
            case _:
                leaf = node if isinstance(node, str) else json.dumps(node)
                yield f"{path}: {leaf}" if path else leaf

    return [" ".join(line.split()) for line in walk(json.loads(value), "")]


def compact(value: object) -> str:
    """JSON as the grammar has it: no white space, no escapes that aren't needed."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("\x7f", "\\u007f")
