"""Several replies, of which one is kept; and which strategies there are."""

from collections.abc import Sequence
from typing import Any

import pytest

from agentkit.errors import ConfigurationError, UnknownName
from agentkit.evaluate.item import Called, Reply
from agentkit.evaluate.strategies import Bench, build
from agentkit.evaluate.strategies.ensemble import vote
from agentkit.models.model import Completion
from agentkit.models.scripted import ScriptedModel

from ..making import LIGHT, replied, sums

NO_PLAN: dict[str, Any] = {"plan": []}
PLAN = {"plan": [{"for": "multiply", "tool": "calculator"}]}
SUM = {"tool": "calculator", "arguments": {"expression": "6 * 7"}}
GIVES_UP = {"give_up": {"reason": "the evidence does not tell"}}


def thinks(*answers: Any) -> list[Any]:
    return [a if isinstance(a, Completion) else {"reasoning": "So.", "answer": a} for a in answers]


CUT = Completion(text='{"reasoning":"and', finish="length")


@pytest.mark.parametrize(
    ("form", "drawn", "text", "confidence"),
    [
        ("number", (41, 42, 42), "42", 2 / 3),
        ("number", (42, 42, 42), "42", 1.0),
        ("number", (41, 42, 43), "41", 1 / 3),
        ("number", (41, 18, 18.0), "18", 2 / 3),
        ("number", (41, 18.0, 18), "18.0", 2 / 3),
        ("number", (41, 0.5, 5e-1), "0.5", 2 / 3),
        ("text", ("Paris", "Rome", "rome."), "Rome", 2 / 3),
        ("text", ("a  b", "c", "A b"), "a  b", 2 / 3),
        ("choice", ("no", "yes", "yes"), "yes", 2 / 3),
        ("number", (CUT, 42, CUT), "42", 1 / 3),
        ("number", (None, None, 42), "42", 1 / 3),
    ],
)
def test_the_commonest_answer_is_kept_and_the_first_of_equally_common_ones(
    form: str, drawn: Sequence[Any], text: str, confidence: float
) -> None:
    reply, _ = replied("majority@3", thinks(*drawn), form=form, choices=("yes", "no"), task={"abstain": True})
    assert (reply.text, reply.status, reply.completions) == (text, "unchecked", 3)
    assert reply.confidence == pytest.approx(confidence)
    assert reply.malformed == drawn.count(CUT)
    assert len(reply.drafts) == sum(not isinstance(d, Completion | None) for d in drawn)


def test_without_any_answer_there_is_none() -> None:
    reply, _ = replied("majority@3", thinks(None, CUT, None), task={"abstain": True})
    assert (reply.text, reply.status, reply.confidence, reply.drafts) == (None, "abstained", 0.0, ())


def test_all_that_was_spent_is_counted() -> None:
    one, _ = replied("majority@1", thinks(42))
    three, _ = replied("majority@3", thinks(42, 42, 42))
    assert three.usage.generated == 3 * one.usage.generated
    assert three.usage.prompt == 3 * one.usage.prompt


def test_calls_are_equal_whatever_the_order_of_their_arguments() -> None:
    bench = Bench(sums(0, form="calls"), ScriptedModel([]))

    def calling(*calls: Called) -> Reply:
        return Reply(status="unchecked", text="", calls=calls)

    light = Called(name="light", arguments={"room": "hall", "level": 3})
    same = Called(name="light", arguments={"level": 3, "room": "hall"})
    other = Called(name="light", arguments={"room": "hall", "level": 4})
    chosen, share = vote(bench, [calling(other), calling(light), calling(same)], by_checks=False)
    assert (chosen.calls, share) == ((light,), 2 / 3)
    chosen, share = vote(bench, [calling(light), calling(), calling()], by_checks=False)
    assert (chosen.calls, share) == ((), 2 / 3)


def test_a_reply_that_could_not_be_read_is_no_vote_for_calling_nothing() -> None:
    cut = Completion(text='{"reasoning":"and', finish="length")
    call = {"reasoning": "So.", "calls": [{"tool": "light", "arguments": {"room": "hall"}}]}
    reply, _ = replied("majority@3", [cut, cut, call], form="calls", functions=(LIGHT,))
    assert (len(reply.calls), reply.malformed) == (1, 2)
    assert reply.confidence == pytest.approx(1 / 3)


def test_best_of_prefers_what_the_checks_support_to_what_is_common() -> None:
    unchecked: list[Any] = [NO_PLAN, {"answer": {"evidence": [], "text": "Blue is nice."}}]
    supported: list[Any] = [PLAN, SUM, {"answer": {"evidence": [1], "text": "6 * 7 is 42."}}]
    reply, model = replied("best-of-3", [*unchecked, *unchecked, *supported], form="text")
    assert (reply.status, reply.text) == ("supported", "6 * 7 is 42.")
    assert reply.drafts == ("Blue is nice.", "Blue is nice.", "6 * 7 is 42.")
    assert reply.confidence == pytest.approx(1 / 3)
    assert reply.completions == 7
    assert [c.sampling.seed for c in model.calls] == [0, 0, 1, 1, 2, 2, 2]
    assert [c.sampling.temperature for c in model.calls] == [0.0, 0.0, *[0.7] * 5], "the first is the agent's own"


def test_best_of_ends_once_most_of_its_runs_agree() -> None:
    supported: list[Any] = [PLAN, SUM, {"answer": {"evidence": [1], "text": "6 * 7 is 42."}}]
    reply, model = replied("best-of-3", supported * 2, form="text")
    assert (reply.status, reply.confidence, len(model.calls)) == ("supported", 1.0, 6)


def test_best_of_nothing_is_nothing() -> None:
    reply, _ = replied("best-of-2", [NO_PLAN, GIVES_UP] * 2)
    assert (reply.status, reply.text, reply.confidence, reply.completions) == ("abstained", None, 0.0, 4)


@pytest.mark.parametrize(
    "name", ["", "agents", "Agent", "majority", "majority@", "majority@x", "best-of-1.5", "agent@3"]
)
def test_an_unknown_strategy_is_named_with_those_there_are(name: str) -> None:
    with pytest.raises(
        UnknownName,
        match="agent, agent-unchecked, agent-agreed, majority@K, best-of-K, agent-without-CHECK",
    ):
        build(name, Bench(sums(1), ScriptedModel([])))


@pytest.mark.parametrize("name", ["majority@0", "majority@65", "best-of-0", "best-of-9999"])
def test_k_has_bounds(name: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{name} draws [0-9]+ replies; draw 1 to 64"):
        build(name, Bench(sums(1), ScriptedModel([])))


@pytest.mark.parametrize("form", ["calls", "code"])
def test_a_program_cannot_make_calls_or_be_code(form: str) -> None:
    with pytest.raises(ConfigurationError, match="program does not apply to sums: use direct or agent"):
        build("program", Bench(sums(1, form=form), ScriptedModel([])))
