"""What the sources make of training data runs through the real loop and ends as they say."""

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from random import Random

import pytest

from agentkit.compress.lesson import Lesson
from agentkit.compress.problem import Problem, Unusable
from agentkit.compress.recording import Recorded, record
from agentkit.compress.sources import SOURCES
from agentkit.errors import ConfigurationError
from agentkit.evaluate.tasks import grounding, questions, reading

from .. import making

DATA = making.DATA / "train"
pytestmark = making.needs_data


@pytest.fixture
def folder(first_rows: Path) -> Path:
    return first_rows


def problems(name: str, folder: Path, count: int, *, seed: int = 0) -> list[Problem]:
    found = SOURCES[name].load()(folder, Random(seed))
    return list(islice((p for p in found if isinstance(p, Problem)), count))


def recorded(found: Sequence[Problem]) -> list[Recorded]:
    return [asyncio.run(record(problem)) for problem in found]


def kept(recordings: Sequence[Recorded]) -> list[Lesson]:
    return [r.lesson for r in recordings if r.lesson is not None]


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_most_problems_end_as_they_say(name: str, folder: Path) -> None:
    # Corrections stand on checks that catch what they can, the others on answers that are right.
    small = name not in ("metatool", "squad", "corrections")
    found = problems(name, folder if small else DATA, 4)
    assert found
    recordings = recorded(found)
    least = 1 if name == "corrections" else len(found) - 1
    assert len(kept(recordings)) >= max(least, 1), [(r.id, r.reason, r.detail) for r in recordings]
    assert len({p.id for p in found}) == len(found)
    assert all((p.brief is not None) == SOURCES[name].worded for p in found)
    for line in (line for p in found for line in p.script if not line.learned):
        assert name == "corrections", line


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_problems_are_alike_for_equal_chance(name: str, folder: Path) -> None:
    first, again = problems(name, folder, 5, seed=3), problems(name, folder, 5, seed=3)
    assert [(p.id, p.task, p.answer) for p in first] == [(p.id, p.task, p.answer) for p in again]


def test_a_correction_is_kept_only_if_the_check_fired(folder: Path) -> None:
    lessons = kept(recorded(problems("corrections", DATA, 6)))
    assert lessons
    for lesson in lessons:
        draft, complaint, redraft = lesson.messages[-3:]
        assert "failed a check" in complaint.content
        assert draft.content != redraft.content
        assert lesson.learned == (len(lesson.messages) - 1,)


@pytest.mark.parametrize("name", ["claims_nli", "claims_summedits", "claims_begin"])
def test_claims_are_as_often_supported_as_not(name: str) -> None:
    answers = Counter(p.answer for p in problems(name, DATA, 40))
    assert answers == {"yes": 20, "no": 20}


def test_a_row_that_cannot_be_used_is_named_and_the_rest_goes_on(tmp_path: Path) -> None:
    good = {"Query": "What's the weather in Paris tomorrow?", "Tool": "WeatherTool"}
    lines = ["{", json.dumps({"Query": "A question without a tool?"}), json.dumps(good)]
    (tmp_path / "metatool_queries.jsonl").write_text("\n".join(lines), encoding="utf-8")
    (tmp_path / "metatool_tools.json").write_text((DATA / "metatool_tools.json").read_text("utf-8"), encoding="utf-8")
    found = list(SOURCES["metatool"].load()(tmp_path, Random(0)))
    assert [p.task for p in found if isinstance(p, Problem)] == [good["Query"]]
    unusable = [u for u in found if isinstance(u, Unusable)]
    assert {u.id for u in unusable} == {"metatool_queries.jsonl:1", "metatool_queries.jsonl:2"}
    assert any("has no field 'Tool'" in u.detail for u in unusable)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"squad_question_sentence\.jsonl can't be read"):
        list(SOURCES["squad"].load()(tmp_path, Random(0)))


def test_tasks_are_worded_as_evaluations_word_them(folder: Path, tmp_path: Path) -> None:
    """The loaders of evaluations are given training rows, under the names of their own files."""
    for source, target in (
        ("hotpotqa_passages", "hotpotqa_passages"),
        ("strategyqa", "strategyqa_dev"),
        ("pubmedqa_train", "pubmedqa_test"),
        ("grounding_summedits", "grounding_summedits"),
    ):
        (tmp_path / f"{target}.jsonl").write_text((folder / f"{source}.jsonl").read_text("utf-8"), encoding="utf-8")
    for name, task in (
        ("hotpotqa", reading.hotpotqa(tmp_path)),
        ("strategyqa_given", questions.strategyqa(tmp_path)),
        ("pubmedqa", questions.pubmedqa(tmp_path)),
        ("claims_summedits", grounding.summedits(tmp_path)),
    ):
        asked = {f"{item.question}\n{task.instruction}" for item in task.items}
        found = problems(name, folder, 4)
        assert found
        assert {p.task for p in found} <= asked
        assert {tuple(p.tools) for p in found} == {task.tools}
