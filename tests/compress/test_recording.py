"""A lesson is what a student would be sent and should write, and only of runs that end as they should."""

import asyncio
import json
from collections.abc import Sequence
from itertools import islice
from random import Random
from typing import Any

import pytest

from agentkit import protocol
from agentkit.agent import Agent
from agentkit.answer import Passage
from agentkit.compress.lesson import Lesson
from agentkit.compress.problem import Cue, Line, Problem, Unusable
from agentkit.compress.recording import Recorded, record
from agentkit.compress.sources import Make, gsm8k, programs
from agentkit.decision import Plan, Proposal
from agentkit.models.model import Message
from agentkit.models.scripted import ScriptedModel

from .making import DATA, GIVES_UP, PLAN, needs_data, pens, saying, sum_of


def recorded(problem: Problem) -> Recorded:
    return asyncio.run(record(problem))


def lesson_of(problem: Problem) -> Lesson:
    found = recorded(problem)
    assert found.lesson is not None, (found.reason, found.detail)
    return found.lesson


def sent(problem: Problem, lesson: Lesson) -> list[tuple[Message, ...]]:
    """What an agent sends a taught model that decides as the lesson says, each time that it asks."""
    own = [m.content for m in lesson.messages if m.role == "assistant"]
    model = ScriptedModel(own, taught=True)
    agent = Agent(model, tools=problem.tools, output=problem.output, plan=problem.plan, resources=problem.resources)
    agent.run(problem.task, passages=problem.passages)
    return [call.messages for call in model.calls]


def assert_as_at_run_time(problem: Problem, lesson: Lesson) -> None:
    asked = sent(problem, lesson)
    at = [n for n, message in enumerate(lesson.messages) if message.role == "assistant"]
    assert len(asked) == len(at)
    for messages, end in zip(asked, at, strict=True):
        told = lesson.messages[:end]
        assert [(m.role, m.content.encode()) for m in messages] == [(m.role, m.content.encode()) for m in told]


def test_a_lesson_is_byte_for_byte_what_the_agent_sends_at_run_time() -> None:
    problem = pens()
    assert_as_at_run_time(problem, lesson_of(problem))


@needs_data
@pytest.mark.parametrize("read", [gsm8k.gsm8k, programs.programs])
def test_so_are_the_lessons_of_real_problems(read: Make) -> None:
    kept = 0
    for problem in islice(read(DATA / "train", Random(3)), 25):
        if not isinstance(problem, Unusable) and (lesson := recorded(problem).lesson):
            assert_as_at_run_time(problem, lesson)
            kept += 1
    assert kept >= 15


def test_a_lesson_has_no_worked_examples_and_every_decision_of_its_own_is_learned() -> None:
    lesson = lesson_of(pens())
    assert [m.role for m in lesson.messages] == ["system", *["user", "assistant"] * 4]
    assert lesson.learned == (2, 4, 6, 8)
    assert protocol.EXAMPLES not in lesson.messages[0].content
    assert json.loads(lesson.messages[8].content) == {"answer": {"evidence": [2], "text": "30 pens are left."}}
    assert lesson.protocol == protocol.fingerprint()


def test_what_is_not_to_be_learned_is_in_the_lesson_without_loss() -> None:
    wrong = Line(saying("40 pens are left."), learned=False)
    lesson = lesson_of(pens(PLAN, sum_of("3*12"), sum_of("36-6"), wrong, saying("30 pens are left.")))
    assert "That answer failed a check" in lesson.messages[9].content
    assert lesson.learned == (2, 4, 6, 10)


def test_a_typed_answer_is_written_as_its_value() -> None:
    lesson = lesson_of(pens(PLAN, sum_of("3*12"), sum_of("36-6"), saying("30"), output=float))
    assert lesson.messages[-1].content == '{"answer":{"evidence":[2],"value":30}}'


def test_a_problem_without_an_answer_is_kept_if_the_run_gives_up() -> None:
    passages = (Passage(text="The school is closed on Sundays.", source="school.md"),)
    problem = pens(
        Plan(steps=()), GIVES_UP, passages=passages, answer=None, task="When was the school built?", kind="refusal"
    )
    lesson = lesson_of(problem)
    assert lesson.kind == "refusal"
    assert lesson.messages[1].content.startswith("[1] given (school.md): The school")
    assert_as_at_run_time(problem, lesson)
    assert recorded(pens(answer=None)).reason == "an answer where there should be none"


@pytest.mark.parametrize(
    ("cues", "changes", "reason", "detail"),
    [
        ((), {"answer": "31"}, "the answer is wrong", "30 pens are left. for 31"),
        (
            (PLAN, sum_of("3*77"), sum_of("36-6"), saying("30 pens are left.")),
            {},
            "# stands neither in the task nor in the evidence",
            "77 stands neither",
        ),
        (
            (PLAN, sum_of("3*12"), saying("35 pens are left."), GIVES_UP),
            {},
            "check numbers: failed",
            "35 stands nowhere",
        ),
        ((PLAN, sum_of("3*12")), {}, "the script ended before the run", ""),
        ((PLAN, sum_of("3*12"), saying("36"), sum_of("36-6")), {"answer": "36"}, "the run ended before the script", ""),
        ((PLAN, sum_of("the pens")), {}, "a decision that the grammar doesn't admit", '"the pens"'),
        ((PLAN, saying("30")), {}, "no decision could be made of the evidence", "IndexError"),
        ((PLAN, sum_of("3*12"), Proposal(text="many", cited=(1,))), {}, "check answerability: failed", "no number"),
    ],
)
def test_a_problem_that_is_not_kept_says_why(
    cues: Sequence[Cue], changes: dict[str, Any], reason: str, detail: str
) -> None:
    found = recorded(pens(*cues, **changes))
    assert found.lesson is None
    assert found.reason == reason
    assert detail in found.detail


def test_a_call_that_fails_is_not_learned_even_if_the_run_ends_well() -> None:
    failing = (PLAN, sum_of("3*77"), sum_of("3*12"), sum_of("36-6"), saying("30 pens are left."))
    assert recorded(pens(*failing)).reason == "# stands neither in the task nor in the evidence"
    shown = (PLAN, Line(sum_of("3*77"), learned=False), *failing[2:])
    assert lesson_of(pens(*shown)).learned == (2, 6, 8, 10)


def test_what_a_tool_needs_and_a_problem_does_not_bring_is_told() -> None:
    found = recorded(pens(PLAN, tools=("retrieval",)))
    assert found.reason == "the run broke: ConfigurationError"
    assert "Corpus" in found.detail
