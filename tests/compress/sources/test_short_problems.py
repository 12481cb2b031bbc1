"""Short word problems: every wording can be filled, and its expression is the way to a number that can be counted."""

import itertools
import re
from collections import Counter
from pathlib import Path
from random import Random

from agentkit.arithmetic import evaluate
from agentkit.compress.problem import Problem
from agentkit.compress.sources.short_problems import Wording, drawn, short_problems, stories, worded, wordings


def test_every_wording_tells_the_numbers_that_it_is_solved_with() -> None:
    chance = Random(3)
    for wording in (*wordings(), *stories()):
        found = worded("id", wording, chance)
        [step] = found.steps
        assert not set("{}[]") & set(found.question), found.question
        assert set(re.findall(r"\d+", step)) <= set(re.findall(r"\d+", found.question))
        assert evaluate(step).value == int(found.answer) > 0
        assert found.question.endswith("?")


def test_numbers_suit_whatever_is_divided_or_taken_away() -> None:
    chance = Random(4)
    for _ in range(50):
        found = drawn(Wording("", "(a - b) / c", ()), chance)
        left = found["a"] - found["b"]
        assert left > 0
        assert left % found["c"] == 0
        assert left > found["c"]


def test_a_seed_makes_the_same_problems_again_and_hardly_any_twice() -> None:
    one, other = (list(itertools.islice(short_problems(Path(), Random(7)), 300)) for _ in range(2))
    tasks = [problem.task for problem in one if isinstance(problem, Problem)]
    assert tasks == [problem.task for problem in other if isinstance(problem, Problem)]
    assert len(set(tasks)) > 295


def test_of_a_story_only_the_question_tells_what_is_wanted() -> None:
    told = Counter(wording.suits for wording in stories())
    assert len(told) >= 200
    assert all(len(set(suits)) >= 3 for suits in told)
    for wording in stories():
        letters = {name for name in re.findall(r"\{(\w+)\}", wording.text) if name in "abcd"}
        assert letters > set(re.findall("[abcd]", wording.expression)), "every question leaves a number out"
