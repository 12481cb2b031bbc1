"""What a model may write: the grammar of each decision."""

import json
import re
from collections.abc import Sequence
from typing import Any

import pytest
from pydantic import BaseModel

from agentkit import grammars, protocol
from agentkit.models.grammar import admits, compile_grammar
from agentkit.models.model import Grammar
from agentkit.protocol import Call, GiveUp, Proposal
from agentkit.tools import Example, Tool, tool

from .house import (
    ANSWER,
    GIVES_UP,
    PART,
    SHIPPED,
    TOOLS,
    TREE,
    Part,
    Tree,
    build,
    find,
    paint,
    ring,
    said_by,
    written,
)

# Decisions


def test_a_plan_names_only_tools_that_there_are_and_is_short() -> None:
    grammar = grammars.plan_grammar([find, ring])
    one, other = (
        said_by(
            protocol.demonstrate(t, Example(task="t", purpose="the lamp", arguments={}, result=""), plan=True),
            "assistant",
        )[0]
        for t in (find, ring)
    )
    step = json.loads(one)["plan"][0]
    assert admits(grammar, one)
    assert admits(grammar, other)
    assert admits(grammar, written({"plan": []}))
    assert admits(grammar, written({"plan": [step] * grammars.PLAN_STEPS}))
    assert not admits(grammar, written({"plan": [step] * (grammars.PLAN_STEPS + 1)}))
    assert not admits(grammar, one.replace("find", "fund"))
    assert not admits(grammar, one.replace("the lamp", "print(1)"))
    assert not admits(grammars.plan_grammar([find]), other)


@pytest.mark.parametrize(
    "decision",
    [
        {"tool": "find", "arguments": {"words": ["lamp"]}},
        {"tool": "find", "arguments": {"words": [], "limit": 2, "kind": None}},
        {"tool": "find", "arguments": {"words": ["a"], "limit": -1, "kind": "room"}},
        {"tool": "build", "arguments": {"part": PART, "tree": TREE}},
        {"tool": "build", "arguments": {"part": PART, "tree": {"label": "leaf"}, "mixed": 3}},
        {"tool": "build", "arguments": {"part": PART, "tree": TREE, "mixed": "x", "sizes": {"lid": 1.5, "cap": 2}}},
        {"tool": "paint", "arguments": {"part": "blue", "description": "dark"}},
        {"tool": "ring", "arguments": {}},
        ANSWER,
        {"answer": {"evidence": [2, 1], "text": "12 m\u00b2"}},
        GIVES_UP,
    ],
    ids=written,
)
def test_every_decision_that_there_can_be_is_admitted_and_read_back(decision: dict[str, Any]) -> None:
    text = written(decision)
    assert admits(grammars.act_grammar(TOOLS, [1, 2]), text)
    read = protocol.read(text, TOOLS)
    match read:
        case Call():
            assert {"tool": read.tool, "arguments": read.arguments} == decision
        case Proposal():
            assert {"answer": {"evidence": list(read.cited), "text": read.text}} == decision
        case _:
            assert read == GiveUp(reason=grammars.GIVE_UP[0])


@pytest.mark.parametrize(
    "decision",
    [
        {"tool": "find", "arguments": {}},
        {"tool": "find", "arguments": {"words": "lamp"}},
        {"tool": "find", "arguments": {"words": ["lamp"], "colour": "red"}},
        {"tool": "find", "arguments": {"words": ["lamp"], "kind": "garden"}},
        {"tool": "build", "arguments": {"part": {"name": "lid"}, "tree": TREE}},
        {"tool": "build", "arguments": {"part": {**PART, "colour": "green"}, "tree": TREE}},
        {"tool": "build", "arguments": {"part": {**PART, "name": "x" * 21}, "tree": TREE}},
        {"tool": "build", "arguments": {"part": PART, "tree": {"label": "branch", "children": [{"label": "root"}]}}},
        {"tool": "build", "arguments": {"part": PART, "tree": TREE, "mixed": 1.5}},
        {"tool": "ring", "arguments": {"loud": True}},
        {"open": {}},
        {"answer": {"evidence": [3], "text": "It is in the hall."}},
        {"answer": {"evidence": [1], "text": ""}},
        {"answer": {"evidence": [1]}},
        {"answer": {"text": "It is in the hall.", "evidence": [1]}},  # what it stands on comes first
        {"give_up": {"reason": "I am tired"}},
        {**ANSWER, **GIVES_UP},
        {},
        [],
    ],
    ids=written,
)
def test_no_other_decision_is_admitted(decision: object) -> None:
    assert not admits(grammars.act_grammar(TOOLS, [1, 2]), written(decision))


def test_without_evidence_an_answer_cites_none() -> None:
    grammar = grammars.act_grammar(TOOLS, [])
    assert admits(grammar, written({"answer": {"evidence": [], "text": "Hello."}}))
    assert not admits(grammar, written(ANSWER))


def test_whoever_may_not_answer_yet_can_call_or_give_up() -> None:
    grammar = grammars.act_grammar(TOOLS, [1], answer=False)
    assert not admits(grammar, written(ANSWER))
    assert admits(grammar, written({"tool": "ring", "arguments": {}}))
    assert admits(grammar, written(GIVES_UP))


def test_an_output_type_takes_the_place_of_the_text() -> None:
    grammar = grammars.act_grammar(TOOLS, [1], output=Tree.model_json_schema())
    text = written({"answer": {"evidence": [1], "value": TREE}})
    assert admits(grammar, text)
    assert not admits(grammar, written(ANSWER))
    assert protocol.read(text, TOOLS) == Proposal(text=written(TREE), cited=(1,))


def test_definitions_of_several_tools_do_not_meet() -> None:
    class Colour(BaseModel):
        red: int

    @tool
    def mix(colour: Colour) -> str:
        """Mix a colour."""
        return str(colour)

    grammar = grammars.act_grammar([paint, mix], [1], output=Part.model_json_schema())
    assert admits(grammar, written({"tool": "paint", "arguments": {"part": "red", "description": ""}}))
    assert admits(grammar, written({"tool": "mix", "arguments": {"colour": {"red": 3}}}))
    assert not admits(grammar, written({"tool": "mix", "arguments": {"colour": "red"}}))
    assert admits(grammar, written({"answer": {"evidence": [], "value": PART}}))


@pytest.mark.parametrize("answer", [True, False])
@pytest.mark.parametrize("numbers", [None, (), ("1", "12", "3.5", "1,000", "8")])
@pytest.mark.parametrize("evidence", [(), (1,), tuple(range(1, 40))], ids=len)
def test_every_grammar_of_a_run_compiles(evidence: Sequence[int], numbers: Sequence[str] | None, answer: bool) -> None:
    for tools in ((), TOOLS, (*TOOLS, *SHIPPED)):
        compile_grammar(grammars.act_grammar(tools, evidence, answer=answer, numbers=numbers))
        compile_grammar(grammars.act_grammar(tools, evidence, answer=answer, output=Tree.model_json_schema()))
    compile_grammar(grammars.plan_grammar([*TOOLS, *SHIPPED]))


# Bounds


def test_strings_numbers_and_lists_without_a_bound_get_one() -> None:
    grammar = grammars.act_grammar([find], [1])

    def words(count: int, length: int) -> str:
        return written({"tool": "find", "arguments": {"words": ["x" * length] * count}})

    assert admits(grammar, words(grammars.ITEMS, 1))
    assert not admits(grammar, words(grammars.ITEMS + 1, 1))
    assert admits(grammar, words(1, grammars.SHORTEST))
    assert not admits(grammar, words(1, grammars.STRING_CHARS))
    numbers = {"type": "object", "properties": {"n": {"type": "integer"}, "x": {"type": "number"}, "any": {}}}
    given = Tool.from_schema("given", "Takes numbers.", numbers, len)
    offered = grammars.act_grammar([given], [1])
    assert admits(offered, written({"tool": "given", "arguments": {"n": -12, "x": -118.2437, "any": "text"}}))
    assert not admits(offered, written({"tool": "given", "arguments": {"n": 10**20}}))
    assert not admits(offered, '{"tool":"given","arguments":{"x":0.' + "1" * 40 + "}}")


def test_the_strings_of_a_call_share_one_budget() -> None:
    one = {"type": "object", "properties": {"a": {"type": "string"}}}
    two = {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}}}
    assert grammars.bounded(one)["properties"]["a"]["maxLength"] == grammars.STRING_CHARS
    assert grammars.bounded(two)["properties"]["a"]["maxLength"] == grammars.STRING_CHARS // 2


def test_a_string_has_room_for_an_account_number_and_not_for_endless_zeros() -> None:
    grammar = Grammar(json_schema=grammars.bounded({"type": "string"}))
    for text in ("", "DE89 3704 0044 0532 0130 00", "1" * 40, "n = 10\nprint(n)\n", f"{'9' * 40}, {'9' * 40}"):
        assert admits(grammar, protocol.compact(text))
    assert not admits(grammar, protocol.compact("n = 1" + "0" * 40))


def test_bounds_that_are_there_stay() -> None:
    schema = {
        "type": "object",
        "properties": {
            "description": {"type": "string", "maxLength": 9, "description": "d", "default": "x"},
            "default": {"type": "array", "items": {"type": "string", "pattern": "^a+$"}, "maxItems": 2},
            "when": {"type": "string", "format": "date"},
            "kind": {"enum": ["description", "default"], "default": "default"},
        },
        "required": ["description"],
    }
    assert grammars.bounded(schema) == {
        "type": "object",
        "properties": {
            "description": {"type": "string", "maxLength": 9, "pattern": grammars.DIGITS},
            "default": {"type": "array", "items": {"type": "string", "pattern": "^a+$"}, "maxItems": 2},
            "when": {"type": "string", "format": "date"},
            "kind": {"enum": ["description", "default"]},
        },
        "required": ["description"],
        "additionalProperties": False,
    }


def test_bounds_reach_into_options_and_leave_the_schema_itself_alone() -> None:
    schema = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}, {"type": "null"}]}
    before = json.dumps(schema)
    one, many, nothing = grammars.bounded(schema)["anyOf"]
    assert one["maxLength"] == many["items"]["maxLength"] == grammars.STRING_CHARS // (1 + grammars.ITEMS)
    assert many["maxItems"] == grammars.ITEMS
    assert nothing == {"type": "null"}
    assert json.dumps(schema) == before


def test_definitions_move_up_under_names_of_their_own() -> None:
    defs: dict[str, Any] = {}
    moved = grammars.hoisted(build.parameters, "build", defs)
    assert sorted(defs) == ["build.Colour", "build.Part", "build.Tree"]
    assert "$defs" not in moved
    refs = set(re.findall(r'"\$ref": "([^"]+)"', json.dumps([moved, defs])))
    assert refs == {f"#/$defs/{name}" for name in defs}
