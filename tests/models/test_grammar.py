"""Grammars are checked before use, and texts against them."""

from typing import Any, Literal

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from agentkit.errors import GrammarError
from agentkit.models.grammar import admits, compile_grammar
from agentkit.models.model import Grammar
from agentkit.models.scripted import as_json


def of(schema: dict[str, Any]) -> Grammar:
    return Grammar(json_schema=schema)


def closed(**properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


class Point(BaseModel):
    x: float
    label: str = Field(pattern="^[a-z]{1,8}$")


class Path(BaseModel):
    kind: Literal["open", "closed"]
    points: list[Point] = Field(max_length=3)
    centre: Point | None = None


@pytest.mark.parametrize(
    ("schema", "text", "admitted"),
    [
        (closed(a={"enum": ["x", "y"]}), '{"a":"x"}', True),
        (closed(a={"enum": ["x", "y"]}), '{"a":"z"}', False),
        (closed(a={"enum": ["x", "y"]}), '{"a":"x"', False),  # cut off
        (closed(a={"enum": ["x", "y"]}), '{"a":"x"} ', False),  # something after it
        (closed(a={"enum": ["x", "y"]}), '{"a": "x"}', False),  # white space between tokens
        (closed(a={"enum": ["x", "y"]}), "", False),
        ({"enum": ["naïve 🦄", "日本"]}, '"naïve 🦄"', True),
        ({"enum": ["naïve 🦄", "日本"]}, '"naïve"', False),
        ({"type": "string"}, '"// a\\n# b \\" c"', True),
        ({"type": "string", "maxLength": 3}, '"日本語"', True),
        ({"type": "string", "maxLength": 3}, '"日本語で"', False),
        ({"type": "string", "pattern": "^[A-Z]{2}-[0-9]+$"}, '"AB-12"', True),
        ({"type": "string", "pattern": "^[A-Z]{2}-[0-9]+$"}, '"ab-12"', False),
        ({"type": "integer", "minimum": 3, "maximum": 12}, "12", True),
        ({"type": "integer", "minimum": 3, "maximum": 12}, "13", False),
        ({"type": "number"}, "-1.5e-7", True),
        ({"type": "integer"}, "1.5", False),
        ({"type": "array", "items": {"type": "integer"}, "maxItems": 2}, "[1,2]", True),
        ({"type": "array", "items": {"type": "integer"}, "maxItems": 2}, "[1,2,3]", False),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "null", True),
        ({"anyOf": [closed(a={"const": 1}), closed(b={"const": 2})]}, '{"b":2}', True),
        ({"anyOf": [closed(a={"const": 1}), closed(b={"const": 2})]}, '{"b":1}', False),
        (closed(description={"type": "string", "description": '// "not" # a comment\n'}), '{"description":""}', True),
        (Path.model_json_schema(), '{"kind":"open","points":[{"x":1.5,"label":"ab"}],"centre":null}', True),
        (Path.model_json_schema(), '{"kind":"open","points":[{"x":1.5,"label":"AB"}]}', False),
    ],
)
def test_a_text_is_admitted_only_if_it_is_whole_and_of_the_schema(
    schema: dict[str, Any], text: str, admitted: bool
) -> None:
    assert admits(of(schema), text) is admitted


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": "nope"}, "Invalid type: nope"),
        ({"not": {"type": "string"}}, 'Unimplemented keys: ["not"]'),
        ({"type": "array", "uniqueItems": True}, 'Unimplemented keys: ["uniqueItems"]'),
        ({"type": "string", "pattern": "^(?=a)b"}, "look-ahead"),
        ({"type": "string", "format": "shoe-size"}, "Unknown format: shoe-size"),
        ({"$ref": "#/$defs/Missing"}, "'/$defs/Missing' does not exist"),
        ({"enum": []}, "Unsatisfiable"),
        ({"type": "integer", "minimum": 5, "maximum": 3}, "minimum (5) is greater than maximum (3)"),
        (closed(a={"type": "string", "enum": [1]}), "required property 'a' is unsatisfiable"),
    ],
)
def test_a_schema_that_cannot_be_used_is_refused_with_the_reason_on_one_line(schema: dict[str, Any], said: str) -> None:
    with pytest.raises(GrammarError) as raised:
        compile_grammar(of(schema))
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_text_is_not_checked_against_a_grammar_that_does_not_compile() -> None:
    with pytest.raises(GrammarError):
        admits(of({"type": "nope"}), "1")


KEYS = st.characters(codec="utf-8", exclude_characters="\x7f")
"""llguidance wants DEL escaped in a value and raw in a key; halves of surrogate pairs no JSON text can hold."""
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(KEYS, max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(value=JSON)
def test_every_value_is_admitted_by_the_schema_that_names_it(value: Any) -> None:
    schema = {"enum": [value]}
    text = as_json(value)
    jsonschema_rs.validate(schema, value)
    assert admits(of(schema), text)
    assert not admits(of(schema), f"[{text}]")
