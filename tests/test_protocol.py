"""How a run is written for a model, what the model may write, and how it is read back.

What the prompt says in words is free to change; these are the properties that it keeps.
"""

import json
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from agentkit import protocol
from agentkit.answer import Evidence
from agentkit.events import Observed, Told, Turn
from agentkit.models.grammar import admits, compile_grammar
from agentkit.models.model import Grammar
from agentkit.protocol import Call, GiveUp, Malformed, Plan, Proposal
from agentkit.tools import Example, Tool, load_tools, tool


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Part(BaseModel):
    name: str = Field(max_length=20)
    colour: Colour
    spare: "Part | None" = None


class Tree(BaseModel):
    label: Literal["leaf", "branch"]
    children: list["Tree"] = []


@tool(
    pure=True,
    examples=[
        Example(
            task="Find the lamp.",
            purpose="where the lamp is",
            arguments={"words": ["lamp"], "limit": 1},
            result="The lamp is in the hall.\nIt is new.",
            source="house.md",
            answer="In the hall.",
        ),
        Example(task="Find the key.", purpose="where it is", arguments={"words": ["key"]}, result="A lock.", answer=""),
    ],
)
def find(words: list[str], limit: int = 3, kind: Literal["room", "thing"] | None = None) -> str:
    """Find things in the house.

    Args:
        words: What to look for.
    """
    return " ".join(words) * limit + str(kind)


@tool
def build(part: Part, tree: Tree, mixed: int | str | None = None, sizes: dict[str, float] | None = None) -> str:
    """Build it."""
    return f"{part}{tree}{mixed}{sizes}"


@tool
def paint(part: Annotated[Colour, Field(description="The description of a part.")], description: str) -> str:
    """Paint it; another tool's schema names a Colour as well."""
    return f"{part}{description}"


@tool
def ring() -> str:
    """Ring the bell; takes nothing."""
    return "ding"


TOOLS = (find, build, paint, ring)
SHIPPED = load_tools(["calculator", "python", "retrieval"])
PART: dict[str, Any] = {"name": "lid", "colour": "red", "spare": {"name": "cap", "colour": "blue", "spare": None}}
TREE: dict[str, Any] = {
    "label": "branch",
    "children": [{"label": "leaf", "children": []}, {"label": "leaf", "children": []}],
}


def written(value: object) -> str:
    return protocol.compact(value)


def said_by(told: Sequence[Told], role: str) -> list[str]:
    return [message.content for message in told if message.role == role]


# What the model reads


def test_a_tool_is_described_by_a_call_and_what_its_arguments_mean() -> None:
    text = protocol.describe(find)
    first, *notes = text.splitlines()
    assert find.description in first
    for name, kind in {"words": "[string]", "limit": "integer", "kind": '"room"|"thing"|null'}.items():
        assert f'"{name}":{kind}' in first
    assert [("optional" in part) for part in first.split('"words"')[1].split(",")][:3] == [False, True, True]
    assert [note.strip() for note in notes] == ["words: What to look for."]


@pytest.mark.parametrize(
    ("schema", "kind"),
    [
        ({"type": "string"}, "string"),
        ({"type": "array", "items": {"type": "array", "items": {"type": "number"}}}, "[[number]]"),
        ({"type": ["string", "null"]}, "string|null"),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "integer|null"),
        ({"enum": ["a", 1, None, "\u00e9"]}, '"a"|1|null|"\u00e9"'),
        ({"$ref": "#/$defs/Part"}, "object"),
        ({}, "object"),
    ],
)
def test_a_schema_is_named_in_a_word_or_two(schema: Mapping[str, Any], kind: str) -> None:
    assert protocol.kind_of(schema) == kind


def test_the_transcript_opens_with_the_rules_and_ends_with_the_task() -> None:
    history = [Turn(task="What is in the hall?", answer="A lamp.")]
    told = protocol.opening(TOOLS, history, "And in the attic?", plan=True)
    assert [message.role for message in told[:1]] == ["system"]
    assert all(protocol.describe(t) in told[0].content for t in TOOLS)
    assert [message.role for message in told[-3:]] == ["user", "assistant", "user"]
    assert "What is in the hall?" in told[-3].content
    assert protocol.read(told[-2].content, TOOLS) == Proposal(text="A lamp.", cited=())
    assert told[-1].content.endswith("And in the attic?")


def test_braces_in_a_description_stay_as_they_are() -> None:
    odd = Tool(name="odd", description="Takes {x} and {{y}}.", parameters={"type": "object"}, function=len)
    assert "Takes {x} and {{y}}." in protocol.opening([odd], [], "Go.", plan=True)[0].content


@pytest.mark.parametrize("plan", [True, False])
@pytest.mark.parametrize("shown", [find, *SHIPPED], ids=lambda shown: shown.name)
def test_a_worked_example_shows_only_what_a_model_may_write(shown: Tool, plan: bool) -> None:
    for example in shown.examples:
        decisions = said_by(protocol.demonstrate(shown, example, plan=plan), "assistant")
        if plan:
            intended = decisions.pop(0)
            assert admits(protocol.plan_grammar([*SHIPPED, find]), intended)
            assert protocol.read(intended, [shown]) == Plan.model_validate(
                {"steps": [{"tool": shown.name, "purpose": example.purpose}]}
            )
        call, end = decisions
        assert admits(protocol.act_grammar([shown], [], answer=False), call)
        assert protocol.read(call, [shown]) == Call(tool=shown.name, arguments=dict(example.arguments))
        assert admits(protocol.act_grammar([shown], [1]), end)
        ended = protocol.read(end, [shown])
        assert ended == (Proposal(text=example.answer, cited=(1,)) if example.answer else ended)
        assert isinstance(ended, Proposal if example.answer else GiveUp)


# Observations


def seen(*texts: str, limit: int = 10_000, source: str = "", **more: Any) -> tuple[str, int]:
    evidence = tuple(
        Evidence(id=n, tool="find", call=1, text=text, source=source) for n, text in enumerate(texts, start=1)
    )
    return protocol.observation(Observed(call=1, evidence=evidence, **more), tool="find", limit=limit)


def test_evidence_is_numbered_with_its_tool_and_its_source() -> None:
    text, cut = seen("The lamp is in the hall.", "The key is lost.", source="house.md > Rooms")
    assert cut == 0
    assert [line[:3] for line in text.splitlines()] == ["[1]", "[2]"]
    for part in ("find", "house.md > Rooms", "The lamp is in the hall.", "The key is lost."):
        assert part in text


NASTY = st.text(alphabet=st.sampled_from("a1[]: \n\r\t\x0b\x0c\x1c\x85\u2028\u2029{}\"'"), max_size=40)


@given(texts=st.lists(NASTY, max_size=3), source=NASTY, error=NASTY, hint=NASTY, known=st.booleans())
def test_nothing_that_a_tool_says_can_start_a_line(
    texts: list[str], source: str, error: str, hint: str, known: bool
) -> None:
    text, _ = seen(*texts, source=source, error=error, hint=hint, known=(7,) if known else ())
    margin = [line for line in text.splitlines() if not line.startswith(" ")]
    numbered = [line for line in margin if line.startswith("[")]
    assert [line.partition("]")[0] for line in numbered] == [f"[{n}" for n in range(1, len(texts) + 1)]
    assert len(margin) - len(numbered) <= 2  # what had been found before, and the error


def test_what_is_too_long_is_cut_and_says_by_how_much() -> None:
    text, cut = seen("a" * 300, limit=100)
    assert cut == 200
    assert "200" in text
    assert text.count("a" * 100) == 1
    assert "a" * 101 not in text


def test_all_the_evidence_of_a_call_shares_the_room() -> None:
    text, cut = seen("α" * 80, "β" * 80, "γ" * 80, limit=100)
    assert text.count("α") == 80
    assert 0 < text.count("β") < 80
    assert text.count("γ") == 0
    assert cut == 80 - text.count("β") + 80


@pytest.mark.parametrize("limit", [80, 100, 1600])
def test_the_characters_left_out_are_counted(limit: int) -> None:
    text, cut = seen("\u00e4" * 500, limit=limit)
    assert text.count("\u00e4") + cut == 500


def test_an_error_is_told_with_its_hint_and_cut_like_a_result() -> None:
    text, cut = seen(error="x" * 500, hint="try\nagain", limit=100)
    assert cut == 0
    assert 100 <= text.count("x") < 110
    assert "try again" in text


def test_what_had_been_found_before_is_named_by_its_number() -> None:
    text, _ = seen(known=(2, 5))
    assert {"[2]", "[5]"} <= set(re.findall(r"\[\d\]", text))


def test_a_call_that_found_nothing_says_so() -> None:
    text, cut = seen()
    assert (text.partition(":")[0], cut) == ("find", 0)


def test_a_complaint_and_an_unreadable_reply_say_why() -> None:
    assert "880 stands nowhere" in protocol.complaint("880 stands nowhere.")
    assert len([line for line in protocol.complaint("a\n[3] b").splitlines() if not line.startswith(" ")]) == 1
    assert "cut off at 9 tokens" in protocol.unreadable("cut off at 9 tokens")


# What the model may write


def test_a_plan_names_only_tools_that_there_are_and_is_short() -> None:
    grammar = protocol.plan_grammar([find, ring])
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
    assert admits(grammar, written({"plan": [step] * protocol.PLAN_STEPS}))
    assert not admits(grammar, written({"plan": [step] * (protocol.PLAN_STEPS + 1)}))
    assert not admits(grammar, one.replace("find", "fund"))
    assert not admits(grammar, one.replace("the lamp", "print(1)"))
    assert not admits(protocol.plan_grammar([find]), other)


ANSWER = {"answer": {"evidence": [1], "text": "It is in the hall."}}
GIVES_UP = {"give_up": {"reason": protocol.GIVE_UP[0]}}


@pytest.mark.parametrize(
    "decision",
    [
        {"find": {"words": ["lamp"]}},
        {"find": {"words": [], "limit": 2, "kind": None}},
        {"find": {"words": ["a"], "limit": -1, "kind": "room"}},
        {"build": {"part": PART, "tree": TREE}},
        {"build": {"part": PART, "tree": {"label": "leaf"}, "mixed": 3}},
        {"build": {"part": PART, "tree": TREE, "mixed": "x", "sizes": {"lid": 1.5, "cap": 2}}},
        {"paint": {"part": "blue", "description": "dark"}},
        {"ring": {}},
        ANSWER,
        {"answer": {"evidence": [2, 1], "text": "12 m\u00b2"}},
        GIVES_UP,
    ],
    ids=written,
)
def test_every_decision_that_there_can_be_is_admitted_and_read_back(decision: dict[str, Any]) -> None:
    text = written(decision)
    assert admits(protocol.act_grammar(TOOLS, [1, 2]), text)
    read = protocol.read(text, TOOLS)
    match read:
        case Call():
            assert {read.tool: read.arguments} == decision
        case Proposal():
            assert {"answer": {"evidence": list(read.cited), "text": read.text}} == decision
        case _:
            assert read == GiveUp(reason=protocol.GIVE_UP[0])


@pytest.mark.parametrize(
    "decision",
    [
        {"find": {}},
        {"find": {"words": "lamp"}},
        {"find": {"words": ["lamp"], "colour": "red"}},
        {"find": {"words": ["lamp"], "kind": "garden"}},
        {"build": {"part": {"name": "lid"}, "tree": TREE}},
        {"build": {"part": {**PART, "colour": "green"}, "tree": TREE}},
        {"build": {"part": {**PART, "name": "x" * 21}, "tree": TREE}},
        {"build": {"part": PART, "tree": {"label": "branch", "children": [{"label": "root"}]}}},
        {"build": {"part": PART, "tree": TREE, "mixed": 1.5}},
        {"ring": {"loud": True}},
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
    assert not admits(protocol.act_grammar(TOOLS, [1, 2]), written(decision))


def test_without_evidence_an_answer_cites_none() -> None:
    grammar = protocol.act_grammar(TOOLS, [])
    assert admits(grammar, written({"answer": {"evidence": [], "text": "Hello."}}))
    assert not admits(grammar, written(ANSWER))


def test_whoever_may_not_answer_yet_can_call_or_give_up() -> None:
    grammar = protocol.act_grammar(TOOLS, [1], answer=False)
    assert not admits(grammar, written(ANSWER))
    assert admits(grammar, written({"ring": {}}))
    assert admits(grammar, written(GIVES_UP))


def test_an_output_type_takes_the_place_of_the_text() -> None:
    grammar = protocol.act_grammar(TOOLS, [1], output=Tree.model_json_schema())
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

    grammar = protocol.act_grammar([paint, mix], [1], output=Part.model_json_schema())
    assert admits(grammar, written({"paint": {"part": "red", "description": ""}}))
    assert admits(grammar, written({"mix": {"colour": {"red": 3}}}))
    assert not admits(grammar, written({"mix": {"colour": "red"}}))
    assert admits(grammar, written({"answer": {"evidence": [], "value": PART}}))


@pytest.mark.parametrize("answer", [True, False])
@pytest.mark.parametrize("numbers", [None, (), ("1", "12", "3.5", "1,000", "8")])
@pytest.mark.parametrize("evidence", [(), (1,), tuple(range(1, 40))], ids=len)
def test_every_grammar_of_a_run_compiles(evidence: Sequence[int], numbers: Sequence[str] | None, answer: bool) -> None:
    for tools in ((), TOOLS, (*TOOLS, *SHIPPED)):
        compile_grammar(protocol.act_grammar(tools, evidence, answer=answer, numbers=numbers))
        compile_grammar(protocol.act_grammar(tools, evidence, answer=answer, output=Tree.model_json_schema()))
    compile_grammar(protocol.plan_grammar([*TOOLS, *SHIPPED]))


# Bounds


def test_strings_numbers_and_lists_without_a_bound_get_one() -> None:
    grammar = protocol.act_grammar([find], [1])

    def words(count: int, length: int) -> str:
        return written({"find": {"words": ["x" * length] * count}})

    assert admits(grammar, words(protocol.ITEMS, 1))
    assert not admits(grammar, words(protocol.ITEMS + 1, 1))
    assert admits(grammar, words(1, protocol.SHORTEST))
    assert not admits(grammar, words(1, protocol.STRING_CHARS))
    numbers = {"type": "object", "properties": {"n": {"type": "integer"}, "x": {"type": "number"}, "any": {}}}
    given = Tool.from_schema("given", "Takes numbers.", numbers, len)
    offered = protocol.act_grammar([given], [1])
    assert admits(offered, written({"given": {"n": -12, "x": -118.2437, "any": "text"}}))
    assert not admits(offered, written({"given": {"n": 10**20}}))
    assert not admits(offered, '{"given":{"x":0.' + "1" * 40 + "}}")


def test_the_strings_of_a_call_share_one_budget() -> None:
    one = {"type": "object", "properties": {"a": {"type": "string"}}}
    two = {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}}}
    assert protocol.bounded(one)["properties"]["a"]["maxLength"] == protocol.STRING_CHARS
    assert protocol.bounded(two)["properties"]["a"]["maxLength"] == protocol.STRING_CHARS // 2


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
    assert protocol.bounded(schema) == {
        "type": "object",
        "properties": {
            "description": {"type": "string", "maxLength": 9},
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
    one, many, nothing = protocol.bounded(schema)["anyOf"]
    assert one["maxLength"] == many["items"]["maxLength"] == protocol.STRING_CHARS // (1 + protocol.ITEMS)
    assert many["maxItems"] == protocol.ITEMS
    assert nothing == {"type": "null"}
    assert json.dumps(schema) == before


def test_definitions_move_up_under_names_of_their_own() -> None:
    defs: dict[str, Any] = {}
    moved = protocol.hoisted(build.parameters, "build", defs)
    assert sorted(defs) == ["build.Colour", "build.Part", "build.Tree"]
    assert "$defs" not in moved
    refs = set(re.findall(r'"\$ref": "([^"]+)"', json.dumps([moved, defs])))
    assert refs == {f"#/$defs/{name}" for name in defs}


# Numbers that a corrected answer may contain


def allowed(numbers: Sequence[str] | None, text: str) -> bool:
    return admits(Grammar(json_schema=protocol.text_schema(numbers)), written(text))


NUMBERS = ("12", "3.5", "8,500", "2026")


@pytest.mark.parametrize(
    "text",
    [
        "Nobody knows.",
        "12",
        "It is 12.",
        "8,500 litres, 3.5 of them in 2026",
        "12 and 12, again 12",
        "\u00dcber 3.5 \u00b0C \u201csicher\u201d",
        'He said "12".',
    ],
)
def test_a_corrected_text_may_have_the_numbers_of_the_evidence(text: str) -> None:
    assert allowed(NUMBERS, text)


@pytest.mark.parametrize("text", ["13", "It is 1.", "It is 120.", "212 litres", "8500", "85,00", "It is 8 500."])
def test_a_corrected_text_has_no_other_digits(text: str) -> None:
    assert not allowed(NUMBERS, text)


@pytest.mark.parametrize(("text", "admitted"), [("Nobody knows.", True), ("12", False), ("Room 1", False), ("", False)])
def test_without_numbers_in_the_evidence_a_corrected_text_has_no_digits(text: str, admitted: bool) -> None:
    assert allowed([], text) is admitted


def test_a_first_draft_may_say_anything_that_is_not_too_long() -> None:
    assert allowed(None, "It is 13, 14 or 15.")
    assert allowed(None, "x" * protocol.ANSWER_CHARS)
    assert not allowed(None, "x" * (protocol.ANSWER_CHARS + 1))


@given(numbers=st.lists(st.from_regex(r"[0-9]{1,3}([.,][0-9]{1,2})?", fullmatch=True), max_size=5), data=st.data())
def test_the_digits_of_a_corrected_text_are_those_of_the_evidence(numbers: list[str], data: st.DataObject) -> None:
    pieces = st.sampled_from([*numbers, " ", " and ", "7", "0", "."])
    text = "".join(data.draw(st.lists(pieces, max_size=6)))
    runs = re.findall(r"[0-9]+", text)
    known = {run for number in numbers for run in re.findall(r"[0-9]+", number)}
    if allowed(numbers, text):
        assert set(runs) <= known


# Reading


@pytest.mark.parametrize(
    "text",
    [
        "",
        "It is in the hall.",
        '{"ring":{}',
        '{"ring":{}}{"ring":{}}',
        "[]",
        "{}",
        "null",
        "12",
        '"ring"',
        '{"ring":{},"find":{}}',
        '{"open":{}}',
        '{"ring":5}',
        '{"ring":null}',
        '{"ring":[]}',
        '{"plan":5}',
        '{"plan":["find"]}',
        '{"plan":{"find":"x"}}',
        '{"plan":[{}]}',
        '{"answer":"It is in the hall."}',
        '{"answer":{"text":"x"}}',
        '{"answer":{"evidence":[1]}}',
        '{"answer":{"evidence":1,"text":"x"}}',
        '{"answer":{"evidence":[[1]],"text":"x"}}',
        '{"answer":{"evidence":["one"],"text":"x"}}',
        '{"answer":{"evidence":[1],"text":5}}',
        '{"answer":null}',
        '{"give_up":{}}',
        '{"give_up":"x"}',
        '{"give_up":{"reason":5}}',
    ],
)
def test_what_is_no_decision_is_malformed_and_says_why_on_one_line(text: str) -> None:
    with pytest.raises(Malformed) as raised:
        protocol.read(text, TOOLS)
    assert str(raised.value)
    assert "\n" not in str(raised.value)


def test_an_answer_is_read_without_white_space_around_it_and_cites_each_number_once() -> None:
    text = written({"answer": {"evidence": [2, 1, 2], "text": " It is in the hall.\n"}})
    assert protocol.read(text, TOOLS) == Proposal(text="It is in the hall.", cited=(2, 1))


def test_only_tools_that_were_given_can_be_called() -> None:
    with pytest.raises(Malformed, match="'ring'"):
        protocol.read('{"ring":{}}', [find])


# A structured answer


def test_a_structured_answer_is_checked_leaf_by_leaf() -> None:
    value = {"name": "Tank B", "size": {"litres": 8500, "full": True}, "built": None, "rooms": ["hall", {"no": 2}]}
    assert protocol.leaves(json.dumps(value)) == [
        "name: Tank B",
        "size litres: 8500",
        "size full: true",
        "rooms: hall",
        "rooms no: 2",
    ]


@pytest.mark.parametrize(("value", "lines"), [('"a\\nb  c"', ["a b c"]), ("3.50", ["3.5"]), ("[]", []), ("null", [])])
def test_leaves_of_what_is_no_object(value: str, lines: list[str]) -> None:
    assert protocol.leaves(value) == lines


# The fingerprint


def test_the_fingerprint_is_the_same_in_every_process() -> None:
    program = "from agentkit import protocol; print(protocol.fingerprint())"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=60, check=True, text=True)
    assert ran.stdout.strip() == protocol.fingerprint()


OTHERWISE: Mapping[str, object] = {
    "SYSTEM": "Solve it.\n{tools}",
    "NEXT": "Go on.",
    "GIVE_UP": ("no idea",),
    "PLAN_STEPS": 7,
    "PURPOSE": "^[a-z]{3,9}$",
    "ANSWER_CHARS": 77,
    "STRING_CHARS": 77,
    "ITEMS": 7,
    "complaint": "No: {}".format,
    "unreadable": "What? {}".format,
    "indented": str.upper,
    "describe": str,
}


@pytest.mark.parametrize("name", OTHERWISE)
def test_the_fingerprint_changes_with_whatever_a_model_reads_or_may_write(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    before = protocol.fingerprint()
    assert re.fullmatch(r"[0-9a-f]{12}", before)
    monkeypatch.setattr(protocol, name, OTHERWISE[name])
    assert protocol.fingerprint() != before
