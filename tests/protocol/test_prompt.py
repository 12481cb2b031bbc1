"""How a run is written for a model.

What the prompt says in words is free to change; these are the properties that it keeps.
"""

import re
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentkit import grammars, protocol
from agentkit.answer import Evidence
from agentkit.events import Observed, Turn
from agentkit.models.grammar import admits
from agentkit.protocol import Call, GiveUp, Plan, Proposal
from agentkit.tools import Tool

from .house import SHIPPED, TOOLS, find, said_by

ENDS = grammars.act_grammar([], [1])

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


def test_worked_examples_come_from_the_longest_call_to_the_shortest_whoever_is_named_first() -> None:
    told = protocol.opening(SHIPPED, [], "Go.", plan=True)
    assert told[1:] == protocol.opening(SHIPPED[::-1], [], "Go.", plan=True)[1:]
    lengths = [len(text) for text in said_by(told, "assistant") if text.startswith('{"tool"')]
    assert lengths == sorted(lengths, reverse=True)


@pytest.mark.parametrize("plan", [True, False])
def test_a_task_with_evidence_follows_one_that_is_answered_and_one_that_is_not(plan: bool) -> None:
    given = [Evidence(id=1, tool=protocol.GIVEN, call=0, text="The key is in the hall.", source="notes.md")]
    told = protocol.opening(TOOLS if plan else [], [], "Where is the key?", plan=plan, given=given, limit=80)
    readings = told[1 : 1 + 2 * (4 if plan else 2)]
    for message in readings:
        if message.role == "assistant":
            assert admits(grammars.plan_grammar(TOOLS) if '"plan"' in message.content else ENDS, message.content)
    decisions = [protocol.read(m.content, TOOLS) for m in readings if m.role == "assistant" and "plan" not in m.content]
    assert [type(decision) for decision in decisions] == [Proposal, GiveUp]
    assert [m.content.startswith("[1] given (") for m in readings if "Task: " in m.content] == [True, True]
    assert "pool" not in str(protocol.opening(TOOLS, [], "Where is the key?", plan=plan))


@pytest.mark.parametrize("plan", [True, False])
@pytest.mark.parametrize("shown", [find, *SHIPPED], ids=lambda shown: shown.name)
def test_a_worked_example_shows_only_what_a_model_may_write(shown: Tool, plan: bool) -> None:
    for example in shown.examples:
        decisions = said_by(protocol.demonstrate(shown, example, plan=plan), "assistant")
        if plan:
            intended = decisions.pop(0)
            assert admits(grammars.plan_grammar([*SHIPPED, find]), intended)
            assert protocol.read(intended, [shown]) == Plan.model_validate(
                {"steps": [{"tool": shown.name, "purpose": example.purpose}]}
            )
        call, end = decisions
        assert admits(grammars.act_grammar([shown], [], answer=False), call)
        assert protocol.read(call, [shown]) == Call(tool=shown.name, arguments=dict(example.arguments))
        assert admits(grammars.act_grammar([shown], [1]), end)
        ended = protocol.read(end, [shown])
        assert ended == (Proposal(text=example.answer, cited=(1,)) if example.answer else ended)
        assert isinstance(ended, Proposal if example.answer else GiveUp)


# Observations


def seen(*texts: str, limit: int = 10_000, source: str = "", **more: Any) -> tuple[str, int]:
    evidence = tuple(
        Evidence(id=n, tool="find", call=1, text=text, source=source) for n, text in enumerate(texts, start=1)
    )
    return protocol.observation(Observed(call=1, evidence=evidence, **more), tool="find", limit=limit)


def test_a_model_that_was_taught_is_shown_the_same_but_for_the_worked_examples() -> None:
    history = [Turn(task="Who?", answer="Ann.")]
    given = [Evidence(id=1, tool=protocol.GIVEN, call=0, text="e")]
    shown = protocol.opening(TOOLS, history, "How?", plan=True, given=given, limit=99)
    taught = protocol.opening(TOOLS, history, "How?", plan=True, given=given, limit=99, examples=False)
    assert taught[1:] == shown[-3:]
    assert len(shown) > len(taught) == 4
    assert taught[0].content == shown[0].content.replace(protocol.EXAMPLES, "")


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


def test_a_heading_that_is_a_whole_text_is_cut_in_its_middle_and_any_other_stays() -> None:
    usual = f"house.md > {'Rooms ' * 48}"[:300].strip()
    assert seen("It is lost.", source=usual) == (f"[1] find ({usual}): It is lost.", 0)
    long = f"house.md > {'Rooms ' * 20_000}> Hall"
    text, cut = seen("It is lost.", source=long)
    assert (len(text) < 400, cut) == (True, 0)
    assert text.startswith("[1] find (house.md > Rooms")
    assert text.endswith("Rooms > Hall): It is lost.")
    against = Evidence(id=1, tool="find", call=1, text="It is lost.", source=long)
    assert len(protocol.complaint("No.", [against])) < 600


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


# The fingerprint


def test_the_fingerprint_is_the_same_in_every_process() -> None:
    program = "from agentkit import protocol; print(protocol.fingerprint())"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=60, check=True, text=True)
    assert ran.stdout.strip() == protocol.fingerprint()


OTHERWISE: Mapping[str, object] = {
    "SYSTEM": "Solve it.\n{tools}",
    "NEXT": "Go on.",
    "EXAMPLES": "Look.",
    "READINGS": (),
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
    for home in (protocol, grammars):
        if hasattr(home, name):
            monkeypatch.setattr(home, name, OTHERWISE[name])
    assert protocol.fingerprint() != before
