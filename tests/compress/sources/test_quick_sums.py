"""Quick sums: conversions and percentages that one call of the calculator works out, each run through the real loop."""

import asyncio
import re
from fractions import Fraction
from itertools import islice
from pathlib import Path
from random import Random

import pytest

from agentkit.arithmetic import evaluate
from agentkit.compress.recording import record
from agentkit.compress.sources.quick_sums import SUMS, UNITS, quick_sums, written
from agentkit.compress.sources.slots import drawn, filled


def test_every_unit_and_every_percentage_is_known_to_the_calculator() -> None:
    chance = Random(1)
    for _, sign, _, other, numbers in UNITS:
        n = drawn(f"{{n:{numbers}}}", chance)["n"]
        assert evaluate(f"{n} {sign} to {other}").value > 0
    for text, expression in SUMS:
        values = drawn(text, chance)
        assert evaluate(filled(expression, values)).value > 0
        assert "{" not in filled(text, values)


def test_what_comes_out_is_right() -> None:
    seen: set[str] = set()
    for problem in islice(quick_sums(Path(), Random(5)), 600):
        if found := re.fullmatch(r"Convert (\d+) weeks to days\.", problem.task):
            assert str(7 * int(found[1])) in str(problem.answer)
        elif found := re.fullmatch(r"How much is (\d+)% of (\d+)\?", problem.task):
            assert problem.answer == written(Fraction(int(found[1]) * int(found[2]), 100))
        seen |= {problem.task.split()[0]} if found else set()
    assert seen == {"Convert", "How"}


def test_they_all_run() -> None:
    found = [asyncio.run(record(problem)) for problem in islice(quick_sums(Path(), Random(5)), 60)]
    assert [(r.id, r.detail) for r in found if r.lesson is None] == []


@pytest.mark.parametrize(("value", "said"), [(Fraction(25), "25"), (Fraction(1, 3), "0.33"), (Fraction(5, 2), "2.5")])
def test_a_result_is_told_as_an_answer_would(value: Fraction, said: str) -> None:
    assert written(value) == said
