"""Structured output of remote endpoints: the schema as they take it, the reply as the grammar writes it.

A strict endpoint wants an object at the root of a schema, without alternatives there, and answers with white
space and key order of its own. So a decision travels inside an object, and what comes back is unwrapped and
written again the one way that the grammar allows.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple, cast

import jsonschema_rs

KEY = "decision"
"""The name under which a wrapped decision travels."""

_DEFINITIONS = ("$defs", "definitions")
_ALTERNATIVES = ("anyOf", "oneOf", "allOf", "$ref", "not", "enum", "const")
_OPENING = re.compile(rf'\s*\{{\s*"{KEY}"\s*:\s*')

Schema = dict[str, Any]


class Unwrapped(NamedTuple):
    """A decision as the grammar writes it, and where it stood in the reply."""

    text: str
    start: int
    end: int


class _Literal(str):
    """A number as it was spelled, since reading it as a float could change its digits."""

    __slots__ = ()


def response_format(schema: Schema) -> Schema:
    """The `response_format` of a chat-completions request for this schema."""
    sent = _wrapped(schema) if _needs_wrapping(schema) else schema
    return {"type": "json_schema", "json_schema": {"name": KEY, "schema": sent, "strict": True}}


def unwrap(reply: str, schema: Schema) -> Unwrapped | None:
    """Take the decision out of a reply to `response_format`; None if it isn't there as one JSON value.

    Keys stand in the schema's order, white space is left out, and numbers keep their digits. Whether the
    decision is one of the schema's is for the caller to check.
    """
    try:
        value: Any = json.loads(reply, parse_float=_Literal, parse_constant=_refuse, object_pairs_hook=_unambiguous)
        start, end = 0, len(reply)
        if _needs_wrapping(schema):
            opening = _OPENING.match(reply)
            if opening is None or set(value) != {KEY}:
                return None
            value, start, end = value[KEY], opening.end(), reply.rindex("}")
        text = _dump(_ordered(value, schema, schema))
        text.encode()  # half a character, escaped, no grammar admits and nothing can write down
        return Unwrapped(text, start, end)
    except (ValueError, RecursionError):
        return None


def _needs_wrapping(schema: Schema) -> bool:
    return schema.get("type") != "object" or any(word in schema for word in _ALTERNATIVES)


def _wrapped(schema: Schema) -> Schema:
    inner = {key: value for key, value in schema.items() if key not in _DEFINITIONS and key != "$schema"}
    outer = {key: schema[key] for key in _DEFINITIONS if key in schema}
    root = {
        "type": "object",
        "properties": {KEY: inner},
        "required": [KEY],
        "additionalProperties": False,
    }
    return cast(Schema, _moved({**root, **outer}))


def _moved(node: Any) -> Any:
    """The schema with references to what was its root pointing where that is now."""
    if isinstance(node, list):
        return [_moved(item) for item in cast(list[Any], node)]
    if not isinstance(node, dict):
        return node
    moved = {key: _moved(value) for key, value in cast(Schema, node).items()}
    target = moved.get("$ref")
    if isinstance(target, str) and target.startswith("#") and target.split("/")[1:2] not in ([d] for d in _DEFINITIONS):
        moved["$ref"] = f"#/properties/{KEY}{target[1:]}"
    return moved


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} isn't JSON")


def _unambiguous(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key stands twice")
    return value


def _ordered(value: Any, schema: Any, root: Schema) -> Any:
    """The value with each object's keys in the order of its schema's properties."""
    if not isinstance(schema, dict) or not isinstance(value, dict | list):
        return value
    node = _applying(value, cast(Schema, schema), root)
    if isinstance(value, list):
        first: list[Any] = node.get("prefixItems", [])
        rest = node.get("items")
        items = cast(list[Any], value)
        return [_ordered(item, first[i] if i < len(first) else rest, root) for i, item in enumerate(items)]
    properties: Mapping[str, Any] = node.get("properties", {})
    given = cast(dict[str, Any], value)
    order = [key for key in properties if key in given] + [key for key in given if key not in properties]
    return {key: _ordered(given[key], properties.get(key, node.get("additionalProperties")), root) for key in order}


def _applying(value: Any, schema: Schema, root: Schema) -> Schema:
    """The schema that lists the value's keys: references followed, the alternative chosen that it fits."""
    for _ in range(64):  # a reference to itself would go on for ever
        if "$ref" in schema:
            schema = _target(schema["$ref"], root)
            continue
        alternatives: list[Schema] = schema.get("anyOf") or schema.get("oneOf") or []
        chosen = next((s for s in alternatives if _fits(value, s, root)), None)
        if chosen is None:
            break
        schema = chosen
    return schema


def _target(reference: str, root: Schema) -> Schema:
    node: Any = root
    for step in reference.removeprefix("#").split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        node = cast(list[Any], node)[int(key)] if isinstance(node, list) else cast(Schema, node)[key]
    return cast(Schema, node)


def _fits(value: Any, schema: Schema, root: Schema) -> bool:
    definitions = {key: root[key] for key in _DEFINITIONS if key in root}
    return jsonschema_rs.is_valid({**definitions, **schema}, json.loads(_dump(value)))


def _dump(value: Any) -> str:
    if isinstance(value, _Literal):
        return str(value)
    if isinstance(value, dict):
        members = cast(dict[str, Any], value).items()
        return "{" + ",".join(f"{json.dumps(k, ensure_ascii=False)}:{_dump(v)}" for k, v in members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(_dump(item) for item in cast(list[Any], value)) + "]"
    return json.dumps(value, ensure_ascii=False)
