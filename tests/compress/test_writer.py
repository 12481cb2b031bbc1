"""What a teacher words is kept if it says what it should, is the same in any order, and is curated as all is."""

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import pytest

from agentkit.cli import main
from agentkit.compress import sources
from agentkit.compress.augment.rephrasing import Rephrasing
from agentkit.compress.collect import Collected, collect
from agentkit.compress.curate import curate
from agentkit.compress.demonstration import Demonstrator
from agentkit.compress.lesson import read_lessons
from agentkit.compress.problem import Problem, Unusable
from agentkit.compress.recording import record
from agentkit.compress.sources.word_problem import WordProblem
from agentkit.compress.sources.worded import CallBrief, said, worded
from agentkit.compress.writer import Writer
from agentkit.decision import compact
from agentkit.errors import ConfigurationError, ContextOverflow
from agentkit.models import catalog
from agentkit.models.grammar import admits
from agentkit.models.llamacpp import LlamaCpp
from agentkit.models.model import Completion, Grammar, Message
from agentkit.models.scripted import Reply, ScriptedCall, ScriptedModel

from .making import pens
from .test_collect import files
from .wording import ENDING, PLAN, adding_up, answering, brief, call, problem_of, taken, teacher

LEA = "Lea picks 14 apples and Tom picks 9 more than her. How many apples do they pick together?"
OTHER = "Tom picks 9 apples more than Lea, who picks 14. How many apples do both of them pick?"
TEXT = "Could you get four of us a table at Luigi's?"
RIGHT = call(place="Luigi's", people=4)


def worded_by(model: ScriptedModel, problem: Problem | None = None) -> Problem | Unusable:
    return asyncio.run(Writer(model).solve(problem or problem_of(brief("place", "people"))))


# What a wording is


@pytest.mark.parametrize(
    "added",
    ["<|im_end|>", "<tool_call>", "[INST]", "for [your name]", '{"place":"Luigi\'s"}', "`book`", "**now**", "</s>"],
)
def test_control_tokens_and_markup_are_nothing_that_people_write(added: str) -> None:
    found = worded_by(teacher(f"{TEXT} {added}", answering([RIGHT])))
    assert isinstance(found, Unusable)
    assert found.reason == "it has markup or control tokens"


def test_nor_are_characters_that_cannot_be_seen() -> None:
    found = worded_by(teacher(f"{TEXT}\u200b", answering([RIGHT])))
    assert isinstance(found, Unusable)
    assert found.reason == "it has characters that can't be printed"


def test_a_wording_that_was_cut_off_or_is_none_is_not_kept() -> None:
    for reply in (
        Completion(text='{"request":"Could you', finish="length"),
        Completion(text=json.dumps({"request": TEXT}, separators=(",", ":")), finish="length"),
        Completion(text="Sure! Here it is.", finish="stop"),
        Completion(text='{"request":" "}', finish="stop"),
    ):
        model = ScriptedModel([reply], lenient=True)
        found = worded_by(model)
        assert isinstance(found, Unusable)
        assert found.reason == "the wording was cut off or is none"


def test_it_stands_on_one_line() -> None:
    found = worded_by(teacher(TEXT.replace("a table", "a\ntable "), answering([RIGHT])))
    assert isinstance(found, Problem)
    assert found.task == TEXT


def test_what_is_too_long_for_the_model_is_told() -> None:
    def overflow(_messages: Sequence[Message], _grammar: Grammar | None) -> Reply:
        raise ContextOverflow(needed=900, context=512)

    found = worded_by(teacher(overflow))
    assert isinstance(found, Unusable)
    assert found.reason == "too long for the teacher"
    assert "needs 900 tokens" in found.detail


def test_a_problem_without_a_brief_is_not_worded() -> None:
    found = worded_by(teacher(TEXT), pens())
    assert isinstance(found, Unusable)
    assert found.reason == "nothing says what its task could be worded from"


# Word problems

TOLD = WordProblem(id="lea", source="made", question=LEA, steps=("14+9", "14+23"), answer="37")
GIVEN = next(
    given for seed in range(20) if (given := Rephrasing(TOLD, seed, "Tell it as a story.")).problem(LEA).output is None
)


def rephrased(text: str, expression: str = "14+9+14", answer: str = "37") -> Problem | Unusable:
    problem = replace(GIVEN.problem(LEA), id="lea-rephrased", brief=GIVEN)
    return worded_by(teacher(text, adding_up(expression, answer), key="problem"), problem)


def test_a_problem_in_other_words_keeps_the_script_that_is_known_to_be_right() -> None:
    found = rephrased(OTHER)
    assert isinstance(found, Problem)
    assert (found.id, found.source, found.task) == ("lea-rephrased@big", "made@big", OTHER)
    lesson = asyncio.run(record(found)).lesson
    assert lesson is not None
    assert lesson.messages[1].content == f"Task: {OTHER}"
    assert '"expression":"14+23"' in lesson.messages[6].content
    assert "37" in lesson.messages[-1].content


@pytest.mark.parametrize(
    ("text", "reason", "detail"),
    [
        (f"{LEA.upper()}!", "it says the same words", ""),
        (OTHER.replace("14", "some"), "a number is gone", "14"),
        (OTHER.replace("9 apples", "nine apples of 9"), "a number is new", "9"),
        (f"{OTHER} Is it 37?", "a number is new", "37"),
        (OTHER.replace("do both", "do half"), "a number is new", "1/2"),
    ],
)
def test_no_number_of_a_problem_goes_and_none_comes(text: str, reason: str, detail: str) -> None:
    found = rephrased(text)
    assert isinstance(found, Unusable)
    assert (found.reason, found.detail) == (reason, f"{detail}: {text}" if detail else text)


def test_numbers_may_be_written_in_words() -> None:
    assert isinstance(rephrased(OTHER.replace("9", "nine").replace("14", "fourteen"), "14+9+14"), Problem)


def test_a_problem_that_the_teacher_does_not_solve_is_not_kept() -> None:
    found = rephrased(OTHER, "14+9", "23")
    assert isinstance(found, Unusable)
    assert found.reason == "the teacher doesn't solve it: the answer is wrong"
    assert found.detail == f"23 for 37: {OTHER}"


# Collecting


class Drawing(ScriptedModel):
    """Words the calls of `functions_worded` by their facts, with a first word that its seed draws, and reads them."""

    def __init__(self) -> None:
        super().__init__([], name="big")
        found = [p.brief for p in islice(worded(Path(), Random("0 functions_worded")), COUNT) if isinstance(p, Problem)]
        self.briefs = {facts(given): given for given in found if isinstance(given, CallBrief)}

    def reply(self, call: ScriptedCall) -> Completion:
        self.calls.append(call)
        asked = call.messages[-1].content
        if not call.messages[0].content.startswith("You solve a task"):
            text = next(text for text, given in self.briefs.items() if given.asked[-1].content == asked)
            first = ("Please", "Kindly", "Now", "Today", "Well")[call.sampling.seed % 5]
            return Completion(text=compact({"request": f"{first}, {text}"}), finish="stop")
        task = next(m.content for m in call.messages if m.content.startswith("Task: "))
        given = self.briefs[task.partition(", ")[2]]
        made = {"tool": given.offered.function.name, "arguments": dict(given.said.arguments)}
        decision = (PLAN, made, ENDING)[taken(call.messages)]
        assert call.grammar is not None
        assert admits(call.grammar, compact(decision))
        return Completion(text=compact(decision), finish="stop")


COUNT = 12
DONE = "functions_worded@big"


def facts(given: CallBrief) -> str:
    return "; ".join(f"{fact.description} {said(fact)}" for fact in given.facts)


def worded_calls(run: Path, *, writer: Writer | None = None, **options: Any) -> Collected:
    teacher = writer or Writer(Drawing())
    return asyncio.run(collect("functions_worded", run=run, limit=COUNT, teacher=teacher, **options))


def test_a_seed_gives_the_same_files_however_many_run_at_a_time(tmp_path: Path) -> None:
    model = Drawing()
    done = worded_calls(tmp_path / "a", writer=Writer(model), parallel=1)
    assert done.kept >= COUNT - 3, done.rejected
    assert done.made.licence == "agentkit's own; worded by big"
    worded_calls(tmp_path / "b", writer=Writer(Drawing(), alone=False), parallel=4)
    assert files(tmp_path / "a") == files(tmp_path / "b")
    assert sorted(files(tmp_path / "a")) == [f"{DONE}.json", f"{DONE}.jsonl", f"{DONE}.rejected.jsonl"]
    wordings = [call for call in model.calls if not call.messages[0].content.startswith("You solve a task")]
    assert len({call.sampling.seed for call in wordings}) == COUNT
    assert {call.sampling.temperature for call in wordings} == {0.8}
    read = [call for call in model.calls if call not in wordings]
    assert {call.sampling.temperature for call in read} == {0.0}


@pytest.mark.parametrize("alone", [True, False])
def test_a_local_engine_is_asked_for_one_wording_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, alone: bool
) -> None:
    most, solve, running = 0, Writer.solve, 0

    async def watched(writer: Writer, problem: Problem) -> Problem | Unusable:
        nonlocal most, running
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        return await solve(writer, problem)

    monkeypatch.setattr(Writer, "solve", watched)
    worded_calls(tmp_path, writer=Writer(Drawing(), alone=alone), parallel=3)
    assert most == (1 if alone else 3)


@pytest.mark.parametrize("lines", [1, 5])
def test_it_goes_on_where_it_was_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: int) -> None:
    def kept(_path: Path, **_options: bool) -> None:
        """Leaves the partial file, which is removed at the end."""

    monkeypatch.setattr(Path, "unlink", kept)
    worded_calls(tmp_path / "whole")
    monkeypatch.undo()
    partial = tmp_path / f"whole/collected/{DONE}.partial.jsonl"
    again = tmp_path / f"again/collected/{DONE}.partial.jsonl"
    again.parent.mkdir(parents=True)
    again.write_bytes(b"".join(partial.read_bytes().splitlines(keepends=True)[:lines]) + b'{"id":"functions_wor')
    partial.unlink()
    model = Drawing()
    worded_calls(tmp_path / "again", writer=Writer(model), parallel=2)
    assert files(tmp_path / "again") == files(tmp_path / "whole")
    asked = [call for call in model.calls if not call.messages[0].content.startswith("You solve a task")]
    assert len(asked) == COUNT - (lines - 1), "what was done isn't asked for again"


def test_another_seed_or_temperature_is_not_mixed_with_it(tmp_path: Path) -> None:
    worded_calls(tmp_path)
    with pytest.raises(ConfigurationError, match="with another seed"):
        worded_calls(tmp_path, seed=1)
    assert Writer(Drawing(), temperature=0.2).name == "big~0.2"
    assert Writer(teacher(TEXT, name="qwen2.5-coder-0.5b")).licence == "worded by qwen2.5-coder-0.5b (Apache-2.0)"


def test_nobody_but_a_model_words_tasks(tmp_path: Path) -> None:
    for nobody in (None, Demonstrator(teacher(TEXT))):
        with pytest.raises(ConfigurationError, match=r"functions_worded are worded by a model: .* --teacher"):
            asyncio.run(collect("functions_worded", run=tmp_path, teacher=nobody))


# Curating

AGAIN = "Lea and Tom pick apples, she picks 14 and he picks 9 more. How many is that?"
NORA = "Nora walks 6 km a day for 15 days. How many km is that?"
LEAK = "For 15 days in a row Nora goes for a walk of 6 km along the river. How many km does she walk?"
SOLUTIONS = {
    LEA: "14+9=<<14+9=23>>23\n14+23=<<14+23=37>>37\n#### 37",
    AGAIN: "14+9=<<14+9=23>>23\n14+23=<<14+23=37>>37\n#### 37",
    NORA: "6*15=<<6*15=90>>90\n#### 90",
}


def in_other_words(messages: Sequence[Message], _grammar: Grammar | None) -> Reply:
    question = messages[-1].content.partition("\n")[0]
    return {"problem": {LEA: OTHER, AGAIN: OTHER, NORA: LEAK}[question]}


def sums(messages: Sequence[Message], grammar: Grammar | None) -> Reply:
    leak = any(m.content == f"Task: {LEAK}" for m in messages)
    return adding_up(*(("6*15", "90") if leak else ("14+9+14", "37")))(messages, grammar)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    rows = [{"question": q, "solution": s, "answer": s.rpartition(" ")[2]} for q, s in SOLUTIONS.items()]
    for part, lines in {"train/gsm8k_train": rows, "eval/test": [{"question": LEAK.replace("6", "8")}]}.items():
        path = tmp_path / f"data/{part}.jsonl"
        path.parent.mkdir(parents=True)
        path.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    return tmp_path / "data"


def test_worded_lessons_are_compared_with_evaluation_data_and_kept_once(data: Path, tmp_path: Path) -> None:
    run, model = tmp_path / "run", teacher(in_other_words, sums, name="big")
    done = asyncio.run(collect("gsm8k_rephrased", data=data / "train", run=run, teacher=Writer(model)))
    assert (done.kept, done.made.name) == (3, "gsm8k_rephrased@big"), done.rejected
    curated = curate(run, evaluation=data / "eval", same_task=1)
    assert curated.compared == {"test.jsonl": 1}
    assert curated.lessons == 1
    assert curated.dropped["13 words in a row with evaluation data"] == 1
    assert sum(curated.dropped.values()) == 2
    assert curated.licences == {"gsm8k_train@big": "MIT; worded by big"}
    [lesson] = read_lessons(run / "lessons.jsonl")
    assert lesson.messages[1].content == f"Task: {OTHER}"


def test_the_command_line_asks_the_teacher_for_words(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def load(_spec: str, **_options: object) -> ScriptedModel:
        return teacher(in_other_words, sums, name="big")

    monkeypatch.setattr(catalog, "load", load)
    words = ["distil", "collect", "gsm8k_rephrased", "--data", str(data), "--run", str(tmp_path / "run")]
    assert main(words) == 2
    assert "gsm8k_rephrased are worded by a model: name one by --teacher" in capsys.readouterr().err
    assert main([*words, "--teacher", "http://localhost:9#big"]) == 0
    assert "gsm8k_rephrased by big: 3 of 3 problems kept" in capsys.readouterr().out


def test_without_a_teacher_all_sources_are_those_that_need_none(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    two = {name: sources.SOURCES[name] for name in ("gsm8k_train", "gsm8k_rephrased")}
    monkeypatch.setattr(sources, "SOURCES", two)
    assert main(["distil", "collect", "--data", str(data), "--run", str(tmp_path / "run")]) == 0
    assert [line.partition(":")[0] for line in capsys.readouterr().out.splitlines()] == ["gsm8k_train"]


# A real model


@pytest.mark.model
def test_a_real_model_words_the_same_whatever_it_was_asked_before(tmp_path: Path, model: LlamaCpp) -> None:
    problems = [p for p in islice(worded(Path(), Random("0 functions_worded")), 3) if isinstance(p, Problem)]

    async def solved(order: Sequence[int]) -> dict[int, Problem | Unusable]:
        return {n: await Writer(model).solve(problems[n]) for n in order}

    def told(found: Problem | Unusable) -> tuple[str, ...]:
        return (found.id, found.task) if isinstance(found, Problem) else (found.id, found.reason, found.detail)

    first, again = (asyncio.run(solved(order)) for order in ((0, 1, 2), (2, 0, 1)))
    assert {n: told(found) for n, found in first.items()} == {n: told(found) for n, found in again.items()}
    done = asyncio.run(collect("functions_worded", run=tmp_path, limit=3, parallel=2, teacher=Writer(model)))
    unusable = Counter(found.reason for found in first.values() if isinstance(found, Unusable))
    assert Counter(done.rejected) == unusable, "nothing runs beside it"
    assert done.kept == 3 - unusable.total()
