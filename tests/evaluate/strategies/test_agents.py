"""Strategies that run the loop: what a run's events become in a reply."""

from collections.abc import Sequence
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest

from agentkit.answer import Passage, Usage
from agentkit.errors import UnknownName
from agentkit.evaluate.item import Called
from agentkit.models.model import Completion, Grammar, Message
from agentkit.protocol import compact

from ..making import LIGHT, adds, redrafts, replied

PLAN = {"plan": [{"for": "multiply", "tool": "calculator"}]}
NO_PLAN: dict[str, Any] = {"plan": []}
SUM = {"tool": "calculator", "arguments": {"expression": "6 * 7"}}
GIVES_UP = {"give_up": {"reason": "the evidence does not tell"}}


def answers(value: Any, *evidence: int) -> dict[str, Any]:
    return {"answer": {"evidence": list(evidence), "value": value}}


def says(text: str, *evidence: int) -> dict[str, Any]:
    return {"answer": {"evidence": list(evidence), "text": text}}


def test_an_answer_that_the_checks_support() -> None:
    reply, _ = replied("agent", [PLAN, SUM, answers(42, 1)])
    assert (reply.status, reply.text, reply.drafts, reply.confidence) == ("supported", "42", ("42",), 1.0)
    assert reply.calls == (Called(name="calculator", arguments={"expression": "6 * 7"}),)
    assert (reply.completions, reply.malformed, reply.sources) == (3, 0, ())
    assert any(f.verdict == "supported" for f in reply.findings)
    assert reply.usage.prompt > reply.usage.cached > 0
    assert 0 < reply.tool_seconds < reply.seconds


def test_every_draft_and_what_was_found_in_it_is_kept() -> None:
    reply, model = replied("agent", [PLAN, SUM, answers(1042, 1), answers(42, 1)])
    assert (reply.status, reply.text, reply.drafts) == ("supported", "42", ("1042", "42"))
    assert {f.verdict for f in reply.findings} >= {"failed", "supported"}
    assert "failed a check" in model.calls[-1].messages[-1].content


def test_a_draft_that_fails_twice_is_withheld_and_still_kept() -> None:
    reply, _ = replied("agent", [PLAN, SUM, answers(1042, 1), answers(67, 1)])
    assert (reply.status, reply.text, reply.drafts, reply.confidence) == ("abstained", None, ("1042", "67"), 0.0)
    assert reply.reason


def test_giving_up_is_abstaining() -> None:
    reply, _ = replied("agent", [NO_PLAN, GIVES_UP])
    assert (reply.status, reply.text, reply.drafts) == ("abstained", None, ())
    assert reply.reason == "the evidence does not tell"


@pytest.mark.parametrize(
    ("form", "item", "value", "text"),
    [
        ("number", {}, 42, "42"),
        ("number", {}, 42.0, "42.0"),
        ("choice", {"choices": ("yes", "no")}, "no", "no"),
        ("code", {}, "def f():\n    return 'é'", "def f():\n    return 'é'"),
    ],
)
def test_typed_answers_are_text_without_quotes(form: str, item: dict[str, Any], value: Any, text: str) -> None:
    reply, _ = replied("agent-unchecked", [NO_PLAN, answers(value)], form=form, **item)
    assert (reply.status, reply.text, reply.drafts) == ("unchecked", text, (text,))


def test_text_is_answered_in_a_sentence() -> None:
    reply, _ = replied("agent-unchecked", [NO_PLAN, says('He said "no".')], form="text")
    assert reply.text == 'He said "no".'


def test_calls_are_judged_whatever_the_model_says_afterwards() -> None:
    call = {"tool": "light", "arguments": {"room": "kitchen"}}
    for end, status in ((says("Done.", 1), "unchecked"), (GIVES_UP, "abstained")):
        reply, _ = replied(
            "agent-unchecked", [NO_PLAN, call, end], form="calls", functions=(LIGHT,), task={"tools": ()}
        )
        assert (reply.status, reply.calls) == (status, (Called(name="light", arguments={"room": "kitchen"}),))


def test_a_function_that_is_called_again_alike_counts_once() -> None:
    call = {"tool": "light", "arguments": {"room": "kitchen"}}
    other = {"tool": "light", "arguments": {"room": "hall"}}
    reply, _ = replied(
        "agent", [NO_PLAN, call, call, other, GIVES_UP], form="calls", functions=(LIGHT,), task={"tools": ()}
    )
    assert [c.repeated for c in reply.calls] == [False, True, False]


def test_errors_and_repetitions_of_calls_are_marked() -> None:
    bad = {"tool": "calculator", "arguments": {"expression": "6 * * 7"}}
    reply, _ = replied("agent", [PLAN, bad, SUM, SUM, answers(42, 1)])
    assert [(bool(c.error), c.repeated) for c in reply.calls] == [(True, False), (False, False), (False, True)]


def test_decisions_that_could_not_be_read_are_counted() -> None:
    cut = Completion(text='{"plan":[', finish="length")
    reply, _ = replied("agent", [cut, PLAN, SUM, answers(42, 1)])
    assert (reply.status, reply.malformed, reply.completions) == ("supported", 1, 4)
    reply, _ = replied("agent", [NO_PLAN, "nonsense", "nonsense"], lenient=True)
    assert (reply.status, reply.malformed, reply.completions) == ("abstained", 2, 3)


def test_a_run_into_a_limit_is_exhausted() -> None:
    def for_ever(messages: Sequence[Message], grammar: Grammar | None) -> Any:
        if "'plan'" in str(grammar and grammar.json_schema):
            return PLAN
        last = messages[-1].content
        found = last.rpartition(": ")[2] if last.startswith("[") else "6"
        return {"tool": "calculator", "arguments": {"expression": f"{found} + 7"}}

    reply, _ = replied("agent", for_ever, lenient=True)
    assert (reply.status, reply.text, reply.confidence) == ("exhausted", None, 0.0)
    assert reply.reason == "the limit of 10 steps"
    assert (reply.completions, len(reply.calls)) == (10, 8)


def test_no_clock_ends_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    hours = count(step=3600.0)
    monkeypatch.setattr("agentkit.agent.time", SimpleNamespace(monotonic=lambda: next(hours)))
    reply, _ = replied("agent", [PLAN, SUM, answers(42, 1)])
    assert (reply.status, reply.text) == ("supported", "42")


def test_a_run_that_rambles_ends_at_its_tokens() -> None:
    calls = [compact({**SUM, "arguments": {"expression": f"6 * {n}"}}) for n in range(9)]
    long = [Completion(text=call, finish="stop", usage=Usage(generated=1500)) for call in calls]
    reply, _ = replied("agent", [NO_PLAN, *long])
    assert (reply.status, reply.reason, reply.completions) == ("exhausted", "the limit of 4000 tokens", 4)


def test_passages_are_the_first_evidence() -> None:
    given = (Passage(text="The answer to everything is 42.", source="guide"),)
    reply, model = replied("agent", [NO_PLAN, answers(42, 1)], passages=given)
    assert "[1] given (guide): The answer" in model.calls[0].messages[-1].content
    assert reply.sources == ()
    assert reply.text == "42"
    assert any(f.evidence == (1,) for f in reply.findings), "a check held it against the passage"


@pytest.mark.parametrize("replies", [adds, redrafts])
@pytest.mark.parametrize("strategy", ["agent-unchecked", "react"])
def test_without_checks_nothing_is_supported_and_nothing_corrected(strategy: str, replies: Any) -> None:
    reply, model = replied(strategy, replies, question="What is 4 + 4?")
    assert (reply.status, reply.confidence) == ("unchecked", 0.5)
    assert reply.text == ("8" if replies is adds else "1008")
    assert reply.findings == ()
    assert not any("failed a check" in call.messages[-1].content for call in model.calls)


def test_a_check_can_be_left_out_to_see_what_it_does() -> None:
    replies = [PLAN, SUM, answers(1042, 1), answers(42, 1)]
    reply, _ = replied("agent-without-equations", replies)
    assert reply.drafts == ("1042", "42")
    without, model = replied("agent-without-numbers", replies)
    assert (without.status, without.drafts, len(model.calls)) == ("unchecked", ("1042",), 3)


def test_only_a_check_that_ships_can_be_left_out() -> None:
    with pytest.raises(UnknownName, match="numbers, equations, results, quotations, citations, answerability"):
        replied("agent-without-luck", adds)


def test_react_makes_no_plan() -> None:
    _, planned = replied("agent-unchecked", adds, question="What is 4 + 4?")
    reply, model = replied("react", adds, question="What is 4 + 4?")
    schemas = [str(call.grammar and call.grammar.json_schema) for call in model.calls]
    assert (reply.text, len(model.calls), len(planned.calls)) == ("8", 2, 3)
    assert not any("'plan'" in schema for schema in schemas)


def test_every_item_has_its_own_choices() -> None:
    for choices in (("red", "blue"), ("one", "two")):
        _, model = replied("agent-unchecked", [NO_PLAN, answers(choices[0])], form="choice", choices=choices)
        assert str(list(choices)) in str(model.calls[-1].grammar)
