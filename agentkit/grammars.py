"""What a model may write: the grammar of each decision, and bounds on what has none."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

from agentkit.models.model import Grammar
from agentkit.tools import Tool

ANSWER_CHARS = 500
"""Longest answer text; a small model that writes more is rambling."""
STRING_CHARS = 600
"""Characters that the strings of a call may have together, unless its schema says otherwise."""
SHORTEST = 60
"""Characters that a string may have however many there are."""
PLAN_STEPS = 4
PURPOSE_CHARS = 60
PURPOSE = rf"^[^(){{}}=*+<>\"\\]{{3,{PURPOSE_CHARS}}}$"
"""Words: a plan says what a step is for; small models would put the code or the sum there."""
GIVE_UP = ("the evidence does not tell", "no tool fits the task", "the tools failed")
"""Why a model may give up. A reason of its own would be one more claim that nobody checks."""
ITEMS = 8
"""Longest list argument whose schema sets no bound of its own."""
LARGEST = 10**15
FINEST = 1e-6
"""Bounds on numbers: a model that has begun to write zeros doesn't stop by itself."""
DIGITS = r"^[0-9]{0,40}([^0-9]+[0-9]{1,40})*[^0-9]*$"
"""A string's digits stand in runs of 40 at most, for the same reason: the 135M wrote 600 zeros into programs."""
ANYTHING: dict[str, Any] = {
    "anyOf": [
        {"type": "string", "maxLength": SHORTEST},
        {"type": "number", "minimum": -LARGEST, "maximum": LARGEST, "multipleOf": FINEST},
        {"type": "boolean"},
        {"type": "null"},
    ]
}
"""What a value may be whose schema doesn't say."""


def plan_grammar(tools: Sequence[Tool]) -> Grammar:
    """A list of steps, each its purpose, then a tool; empty when no tool is needed.

    The purpose comes first: a small model that has to say what is missing chooses the tool better.
    """
    purpose = {"type": "string", "pattern": PURPOSE}
    step = closed_object({"for": purpose, "tool": {"enum": [tool.name for tool in tools]}})
    return Grammar(json_schema=keyed("plan", {"type": "array", "items": step, "maxItems": PLAN_STEPS}))


def act_grammar(
    tools: Sequence[Tool],
    evidence: Sequence[int],
    *,
    answer: bool = True,
    output: Mapping[str, Any] | None = None,
    numbers: Sequence[str] | None = None,
) -> Grammar:
    """A call of one of the tools, an answer (unless there can't be one yet), or giving up.

    `numbers`, when given, are the only ones that the answer's text may contain. `output` is the JSON
    Schema of the agent's output type; then the answer has a `value` instead of a `text`.
    """
    defs: dict[str, Any] = {}
    options = [call_schema(tool, defs) for tool in tools]
    cited: dict[str, Any] = {"type": "array", "items": {"enum": list(evidence)}, "maxItems": min(len(evidence), 6)}
    if not evidence:
        cited = {"type": "array", "maxItems": 0}
    said = {"text": text_schema(numbers)} if output is None else {"value": bounded(hoisted(output, "answer", defs))}
    if answer:
        options.append(keyed("answer", closed_object({"evidence": cited, **said})))
    options.append(keyed("give_up", closed_object({"reason": {"enum": list(GIVE_UP)}})))
    schema: dict[str, Any] = {"anyOf": options}
    return Grammar(json_schema={**schema, "$defs": defs} if defs else schema)


def call_schema(tool: Tool, defs: dict[str, Any]) -> dict[str, Any]:
    """A call of a tool; what its parameters refer to is put into `defs`."""
    arguments = bounded(hoisted(tool.parameters, tool.name, defs))
    return closed_object({"tool": {"const": tool.name}, "arguments": arguments})


def text_schema(numbers: Sequence[str] | None) -> dict[str, Any]:
    """An answer's text; with `numbers`, no digits but these."""
    if numbers is None:
        return {"type": "string", "minLength": 1, "maxLength": ANSWER_CHARS}
    words = r"[^0-9]{1,120}"
    if not numbers:
        return {"type": "string", "pattern": f"^{words}$"}
    allowed = "|".join(re.escape(n) for n in sorted(set(numbers), key=lambda n: (-len(n), n)))
    return {"type": "string", "pattern": f"^({words})?(({allowed}){words}){{0,6}}({allowed})?$"}


def keyed(name: str, value: Mapping[str, Any]) -> dict[str, Any]:
    """An object with just this key."""
    return closed_object({name: value})


def closed_object(properties: Mapping[str, Any]) -> dict[str, Any]:
    """An object with all of these keys and no others."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


def bounded(schema: Any, chars: int | None = None) -> Any:
    """The schema with a bound on every string, number and list that has none, and closed objects.

    Without it a small model that starts repeating itself runs into the token limit in mid-string. The
    strings of one call share `STRING_CHARS`.
    """
    if isinstance(schema, list):
        return [bounded(item, chars) for item in cast(list[Any], schema)]
    if not isinstance(schema, dict):
        return schema
    given = cast(dict[str, Any], schema)
    share = chars or max(STRING_CHARS // max(strings_in(given), 1), SHORTEST)
    # Descriptions and defaults are for the prompt; a default is also what leaving the argument out means.
    result = {k: bounded(v, share) for k, v in given.items() if k not in ("description", "default", "properties")}
    if "enum" in given or "const" in given:
        return {k: given[k] for k in ("enum", "const", "type") if k in given}
    if "properties" in given:
        result["properties"] = {k: bounded(v, share) for k, v in given["properties"].items()}
        result.setdefault("additionalProperties", False)
    match given.get("type"):
        case "string" if not {"pattern", "format"} & given.keys():
            result = {"maxLength": share, "pattern": DIGITS, **result}
        case "array":
            result.setdefault("maxItems", ITEMS)
            result.setdefault("items", ANYTHING)
        case "integer" | "number" as kind:
            result = {"minimum": -LARGEST, "maximum": LARGEST, **result}
            if kind == "number":
                result.setdefault("multipleOf", FINEST)
        case "object" if "properties" not in given:
            result = {"additionalProperties": ANYTHING, "maxProperties": ITEMS, **result}
            if result["additionalProperties"] is True:
                result["additionalProperties"] = ANYTHING
        case None if not given.keys() - {"description", "default", "title"}:
            return ANYTHING
        case _:
            pass
    return result


def strings_in(schema: Any) -> int:
    """How many strings a value of this schema can have at most, lists counted in full."""
    if isinstance(schema, list):
        return sum(map(strings_in, cast(list[Any], schema)))
    if not isinstance(schema, dict):
        return 0
    given = cast(dict[str, Any], schema)
    inner = sum(strings_in(v) for k, v in given.items() if k not in ("description", "default", "enum", "const"))
    times = min(given.get("maxItems", ITEMS), ITEMS) if given.get("type") == "array" else 1
    return (inner + (given.get("type") == "string" and "enum" not in given)) * times


def hoisted(schema: Mapping[str, Any], prefix: str, defs: dict[str, Any]) -> dict[str, Any]:
    """The schema with its `$defs` moved into `defs`, under names of their own."""

    def renamed(node: Any) -> Any:
        if isinstance(node, list):
            return [renamed(n) for n in cast(list[Any], node)]
        if not isinstance(node, dict):
            return node
        given = cast(dict[str, Any], node)
        return {
            k: v.replace("#/$defs/", f"#/$defs/{prefix}.") if k == "$ref" else renamed(v)
            for k, v in given.items()
            if k != "$defs"
        }

    for name, definition in schema.get("$defs", {}).items():
        defs[f"{prefix}.{name}"] = bounded(renamed(definition))
    return cast(dict[str, Any], renamed(dict(schema)))
