"""Collecting goes on where it was killed, gives the same files every time, and counts what it can't use."""

import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from agentkit.compress import collect as collecting
from agentkit.compress.demonstration import Demonstrator
from agentkit.compress.lesson import read_lessons
from agentkit.compress.problem import Problem
from agentkit.compress.recording import Recorded, record
from agentkit.errors import ConfigurationError, TraceError, UnknownName
from agentkit.knowledge.database import alone
from agentkit.models.model import Grammar, Message
from agentkit.models.scripted import ScriptedModel

from .making import ROWS, collected, training


def files(run: Path) -> Mapping[str, bytes]:
    """The files of lessons without their locks."""
    return {p.name: p.read_bytes() for p in sorted((run / "collected").iterdir()) if not p.name.startswith(".")}


def test_what_is_kept_and_what_is_not_is_counted_with_its_reason(tmp_path: Path) -> None:
    done = collected(tmp_path / "run")
    assert (done.problems, done.kept) == (len(ROWS) + 2, len(ROWS) - 2)
    assert done.rejected == {
        "the line can't be read": 2,
        "the solution computes nothing": 1,
        "# stands neither in the task nor in the evidence": 1,
    }
    assert done.kinds == {"maths": len(ROWS) - 2}
    rejected = files(tmp_path / "run")["gsm8k_train.rejected.jsonl"].decode()
    assert "gsm8k_train.jsonl:3 isn't JSON" in rejected
    assert "gsm8k_train.jsonl:5 should be an object in braces" in rejected
    assert sorted(files(tmp_path / "run")) == [
        "gsm8k_train.json",
        "gsm8k_train.jsonl",
        "gsm8k_train.rejected.jsonl",
    ]


def test_a_seed_gives_the_same_files_however_many_run_at_a_time(tmp_path: Path) -> None:
    collected(tmp_path / "a", parallel=1)
    collected(tmp_path / "b", parallel=4)
    collected(tmp_path / "c", seed=7)
    assert files(tmp_path / "a") == files(tmp_path / "b")
    assert files(tmp_path / "a")["gsm8k_train.jsonl"] != files(tmp_path / "c")["gsm8k_train.jsonl"]


@pytest.mark.parametrize("torn", [b"", b'{"id":"gsm8k_train-9","les'])
@pytest.mark.parametrize("lines", [1, 2, 4, 9])
def test_it_goes_on_behind_the_last_whole_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: int, torn: bytes
) -> None:
    collected(tmp_path / "whole")

    def kept(_path: Path, **_options: bool) -> None:
        """Leaves the partial file, which is removed at the end."""

    monkeypatch.setattr(Path, "unlink", kept)
    collected(tmp_path / "partial")
    monkeypatch.undo()
    partial = tmp_path / "partial/collected/gsm8k_train.partial.jsonl"
    again = tmp_path / "again/collected/gsm8k_train.partial.jsonl"
    again.parent.mkdir(parents=True)
    again.write_bytes(b"".join(partial.read_bytes().splitlines(keepends=True)[:lines]) + torn)
    ran: list[str] = []

    async def watched(problem: Problem) -> Recorded:
        ran.append(problem.id)
        return await record(problem)

    monkeypatch.setattr(collecting, "record", watched)
    collected(tmp_path / "again")
    assert files(tmp_path / "again") == files(tmp_path / "whole")
    assert len(ran) <= len(ROWS) - (lines - 1) + 2
    before = partial.read_text().splitlines()[1:lines]
    assert not any(f'"id":"{name}"' in line for name in ran for line in before)


def test_killed_and_begun_again_it_makes_the_same_files(tmp_path: Path) -> None:
    collected(tmp_path / "whole")
    program = (
        "import asyncio, os, signal, sys; from pathlib import Path; from agentkit.compress.collect import collect; "
        "die = lambda done, _: done < 5 or os.kill(os.getpid(), signal.SIGKILL); "
        "asyncio.run(collect('gsm8k_train', data=Path(sys.argv[1]), run=Path(sys.argv[2]), told=die))"
    )
    data, run = training(tmp_path / "data"), tmp_path / "killed"
    killed = subprocess.run([sys.executable, "-c", program, str(data), str(run)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert (run / "collected/gsm8k_train.partial.jsonl").read_bytes().count(b"\n") == 1 + 5
    collected(run)
    assert files(run) == files(tmp_path / "whole")


def test_what_is_done_is_not_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = collected(tmp_path / "run")

    async def never(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(collecting, "record", never)
    assert collected(tmp_path / "run") == done


@pytest.mark.parametrize(("options", "named"), [({"seed": 1}, "seed"), ({"limit": 2}, "limit")])
def test_lessons_that_are_collected_otherwise_are_not_mixed(
    tmp_path: Path, options: Mapping[str, Any], named: str
) -> None:
    collected(tmp_path / "run")
    with pytest.raises(ConfigurationError, match=f"with another {named}"):
        collected(tmp_path / "run", **options)


def test_a_source_is_collected_by_one_process_at_a_time_and_others_beside_it(tmp_path: Path) -> None:
    with alone(tmp_path / "run" / "collected", ".gsm8k_train.lock"):
        with pytest.raises(ConfigurationError, match=r"another process is at work in .*collected: wait for it"):
            collected(tmp_path / "run")
        assert files(tmp_path / "run") == {}
    with alone(tmp_path / "run" / "collected", ".another.lock"):
        assert collected(tmp_path / "run").kept


def test_nor_are_those_of_other_data(tmp_path: Path) -> None:
    collected(tmp_path / "run")
    with pytest.raises(ConfigurationError, match="with another data"):
        collected(tmp_path / "run", data=training(tmp_path / "other", bad=False))


def test_a_source_or_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="no source named 'gsm9k'; there are: gsm8k_train"):
        collected(tmp_path / "run", "gsm9k")
    with pytest.raises(ConfigurationError, match=r"word_problem_programs\.jsonl can't be read"):
        collected(tmp_path / "run", "word_problem_programs")


def test_a_full_disk_is_told_and_nothing_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = Path.open

    def full(path: Path, mode: str = "r", **options: Any) -> Any:
        if mode == "a" and path.name.endswith(".partial.jsonl") and path.stat().st_size > 3000:
            raise OSError(28, "No space left on device")
        return opened(path, mode, **options)

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(TraceError, match="No space left on device; make room and collect again"):
        collected(tmp_path / "run")
    monkeypatch.undo()
    assert not (tmp_path / "run/collected/gsm8k_train.jsonl").exists()
    collected(tmp_path / "run")
    collected(tmp_path / "whole")
    assert files(tmp_path / "run") == files(tmp_path / "whole")


# A teacher


def solves(messages: list[Message], grammar: Grammar | None) -> Any:
    """Solves the first problem after a refused call, the second wrong, and nothing else."""
    task, last = messages[-1].content, messages[-1].content
    asked = next(m.content for m in reversed(messages) if m.content.startswith("Task: "))
    if task.startswith("Task: "):
        return {"plan": [{"for": "add them up", "tool": "calculator"}]}
    if "Lea" not in asked:
        return {"give_up": {"reason": "the tools failed"}}
    value = grammar is not None and "'value'" in str(grammar.json_schema)
    if last.startswith("[1]"):
        return {"answer": {"evidence": [1], **({"value": 37} if value else {"text": "37"})}}
    expression = "14+14+9" if "failed" in last else "14+77"
    return {"tool": "calculator", "arguments": {"expression": expression}}


def test_the_right_runs_of_a_teacher_become_lessons_without_worked_examples(tmp_path: Path) -> None:
    teacher = ScriptedModel(lambda messages, grammar: solves(list(messages), grammar), name="big")
    done = collected(tmp_path / "run", teacher=Demonstrator(teacher))
    assert (done.kept, done.made.teacher) == (1, "big")
    assert any(len(call.messages) > 12 for call in teacher.calls), "the teacher itself saw worked examples"
    [lesson] = read_lessons(tmp_path / "run/collected/gsm8k_train@big.jsonl")
    assert lesson.id == "gsm8k_train-1@big"
    assert [m.role for m in lesson.messages] == ["system", *["user", "assistant"] * 4]
    assert lesson.learned == (2, 6, 8), "the call that was refused is seen, not learned"
    assert done.rejected["it ended as abstained"] == len(ROWS) - 2
