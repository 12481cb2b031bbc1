"""Strategies that answer in one completion: what each form of answer becomes, and what can go wrong."""

from typing import Any

import pytest

from agentkit.answer import Passage
from agentkit.errors import ModelError
from agentkit.evaluate.item import Called
from agentkit.models.model import Completion

from ..making import LIGHT, replied

CALL = {"tool": "light", "arguments": {"room": "kitchen"}}
FORMS: list[tuple[str, dict[str, Any], Any, str]] = [
    ("number", {}, 42, "42"),
    ("number", {}, -18.5, "-18.5"),
    ("choice", {"choices": ("yes", "no")}, "no", "no"),
    ("text", {}, "Zoë's café", "Zoë's café"),
    ("code", {}, "def f():\n    return 1", "def f():\n    return 1"),
]


@pytest.mark.parametrize(("form", "item", "written", "text"), FORMS)
@pytest.mark.parametrize("strategy", ["direct", "cot"])
def test_the_answer_is_what_was_written_in_the_form_of_the_task(
    strategy: str, form: str, item: dict[str, Any], written: Any, text: str
) -> None:
    before = {"reasoning": "So."} if strategy == "cot" else {}
    reply, model = replied(strategy, [{**before, "answer": written}], form=form, **item)
    assert (reply.status, reply.text, reply.drafts) == ("unchecked", text, (text,))
    assert (reply.completions, reply.malformed, reply.calls, reply.findings) == (1, 0, (), ())
    assert reply.usage.generated > 0
    (call,) = model.calls
    assert call.messages[-1].content.endswith("Question: What is 6 * 7?")


@pytest.mark.parametrize(
    ("form", "item", "written"),
    [
        ("number", {}, "42"),
        ("number", {}, None),
        ("choice", {"choices": ("yes", "no")}, "maybe"),
        ("text", {}, ""),
        ("text", {}, None),
    ],
)
def test_nothing_else_can_be_written(form: str, item: dict[str, Any], written: Any) -> None:
    with pytest.raises(ModelError, match="not admitted by the grammar"):
        replied("direct", [{"answer": written}], form=form, **item)


@pytest.mark.parametrize("strategy", ["direct", "cot"])
def test_calls_are_of_the_items_functions(strategy: str) -> None:
    before = {"reasoning": "So."} if strategy == "cot" else {}
    reply, model = replied(strategy, [{**before, "calls": [CALL, CALL]}], form="calls", functions=(LIGHT,))
    assert (reply.status, reply.text) == ("unchecked", "")
    assert reply.calls == (Called(name="light", arguments={"room": "kitchen"}),) * 2
    assert '"light"' in model.calls[0].messages[0].content
    reply, _ = replied(strategy, [{**before, "calls": []}], form="calls", functions=(LIGHT,))
    assert (reply.status, reply.text, reply.calls) == ("unchecked", "", ())
    with pytest.raises(ModelError, match="not admitted"):
        replied("direct", [{"calls": [CALL | {"tool": "lamp"}]}], form="calls", functions=(LIGHT,))


@pytest.mark.parametrize("form", ["number", "text", "choice"])
def test_where_a_task_allows_it_null_is_abstaining(form: str) -> None:
    item: dict[str, Any] = {"choices": ("yes", "no")} if form == "choice" else {}
    reply, model = replied("direct", [{"answer": None}], form=form, task={"abstain": True}, **item)
    assert (reply.status, reply.text, reply.drafts, reply.reason) == (
        "abstained",
        None,
        (),
        "said that it can't be known",
    )
    assert '{"answer":null}' in model.calls[0].messages[0].content


def test_a_completion_that_was_cut_off_is_malformed() -> None:
    for strategy, begun in (("direct", '{"answer":4'), ("cot", '{"reasoning":"ever'), ("program", '{"program":"pri')):
        reply, _ = replied(strategy, [Completion(text=begun, finish="length")])
        assert (reply.status, reply.text, reply.malformed, reply.reason) == ("abstained", None, 1, "cut off")
    reply, _ = replied("direct", [Completion(text='{"calls":[', finish="length")], form="calls", functions=(LIGHT,))
    assert (reply.text, reply.calls, reply.malformed) == (None, (), 1)


def test_a_completion_that_is_not_what_was_asked_for_is_malformed_whatever_the_engine_says() -> None:
    for text in ("Forty-two.", '{"answer":"42"}', '{"answer":42} ', ""):
        reply, _ = replied("direct", [text], lenient=True)
        assert (reply.text, reply.malformed) == (None, 1)


def test_instruction_passages_and_question_are_told_as_an_agent_is_told_them() -> None:
    passages = (
        Passage(text="Six times seven is 42.", source="book"),
        Passage(text="[9] Forged.\n[8] Twice.", source=""),
    )
    _, model = replied("direct", [{"answer": 42}], task={"instruction": "A number."}, passages=passages)
    told = model.calls[0].messages[-1].content
    assert told.startswith("[1] given (book): Six times seven is 42.\n[2] given: [9] Forged.\n  [8] Twice.\nQuestion: ")
    assert told.endswith("What is 6 * 7?\nA number.")


def test_a_sample_of_cot_is_drawn_with_its_own_seed_and_the_rest_is_greedy() -> None:
    _, model = replied("direct", [{"answer": 1}])
    assert model.calls[0].sampling.temperature == 0.0
    _, model = replied("majority@2", [{"reasoning": "a", "answer": 1}] * 2)
    assert [(c.sampling.temperature, c.sampling.seed) for c in model.calls] == [(0.7, 0), (0.7, 1)]


def test_a_reply_is_as_sure_as_its_completion() -> None:
    completion = Completion(text='{"answer":1}', finish="stop", confidence=0.5)
    reply, _ = replied("direct", [completion])
    assert reply.confidence == 0.5
    reply, _ = replied("direct", [{"answer": 1}])
    assert reply.confidence == 1.0


# Programs


@pytest.mark.parametrize(
    ("form", "code", "text"),
    [
        ("number", "print(6 * 7)", "42"),
        ("number", "print('so')\nprint(42.0)\nprint()", "42.0"),
        ("choice", "print('yes')", "yes"),
        ("text", "print(' café ')", "café"),
    ],
)
def test_what_a_program_prints_last_is_the_answer(form: str, code: str, text: str) -> None:
    reply, _ = replied("program", [{"program": code}], form=form, choices=("yes", "no"))
    assert (reply.status, reply.text, reply.drafts) == ("unchecked", text, (text,))
    assert reply.calls == (Called(name="python", arguments={"code": code}),)
    assert 0 < reply.tool_seconds <= reply.seconds


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("print(6 *", "SyntaxError"),
        ("print(1)\nprint(1 / 0)", "ZeroDivisionError"),
        ("x = 42", "the program printed nothing"),
        ("print()", "the program printed nothing"),
        ("import os\nprint(os.listdir('/'))", "Error"),
    ],
)
def test_a_program_that_fails_gives_no_answer_and_says_why(code: str, reason: str) -> None:
    reply, _ = replied("program", [{"program": code}])
    assert (reply.status, reply.text, reply.drafts, reply.malformed) == ("abstained", None, (), 0)
    assert reason in reply.reason
    assert reply.calls[0].error == reply.reason


def test_a_program_that_does_not_end_is_ended() -> None:
    reply, _ = replied("program", [{"program": "print(1)\nwhile True:\n    pass"}])
    assert (reply.status, reply.text) == ("abstained", None)
    assert "ran longer than" in reply.reason
