"""Small programs: every one runs, says one thing, and is asked for in words that tell its numbers."""

import asyncio
from pathlib import Path
from random import Random

from agentkit.compress.problem import Problem
from agentkit.compress.recording import record
from agentkit.compress.sources.slots import drawn
from agentkit.compress.sources.small_programs import problem, read, small_programs


def test_every_program_prints_what_its_answer_says() -> None:
    chance = Random(5)
    lost: list[object] = []
    for n, small in enumerate(read()):
        for wording in small.wordings:
            made = problem(f"p{n}", small, wording, drawn(wording, chance), chance)
            assert isinstance(made, Problem), made
            assert not set("{}") & set(made.task)
            found = asyncio.run(record(made))
            lost += [] if found.lesson else [(made.task, made.answer, found.reason, found.detail)]
    assert len(lost) < 0.2 * sum(len(small.wordings) for small in read()), lost


def test_a_seed_makes_the_same_tasks_again() -> None:
    one, other = (small_programs(Path(), Random(7)) for _ in range(2))
    for _ in range(50):
        first, again = next(one), next(other)
        assert isinstance(first, Problem)
        assert isinstance(again, Problem)
        assert (first.task, first.answer) == (again.task, again.answer)
