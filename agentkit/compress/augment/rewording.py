"""Word problems worded otherwise, in ways that can't change what they ask."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from random import Random

from agentkit.compress.problem import Problem
from agentkit.compress.sources.word_problem import WordProblem
from agentkit.knowledge.sentences import sentences

SPELLED = dict(enumerate("three four five six seven eight nine ten eleven twelve".split(), 3))
SMALL = re.compile(r"(?<![\w.,/:$€£#%+*=-])(?<!\b[A-Z]\w )([3-9]|1[0-2])(?= [a-z])")
REFERRING = re.compile(
    r"\b(?:he|she|they|it|him|his|her|hers|their|them|this|that|these|those|there|both|each|then|now|left|remain\w*|"
    r"rest|other|others|more|altogether|total|still|after|if|and)\b",
    re.IGNORECASE,
)
FRAMES = (
    "Solve this: {}",
    "Question: {}",
    "Here is a problem. {}",
    "{} Give the number.",
    "Please work this out. {}",
    "{} Work it out.",
)


def reworded(problems: Iterable[WordProblem], chance: Random) -> Iterator[Problem]:
    """Each problem in other words, if there is a safe way."""
    for problem in problems:
        question = problem.question
        for change in chance.sample(CHANGES, 2):
            question = change(question, chance)
        if question != problem.question:
            yield replace(problem, id=f"{problem.id}-words", question=question, program="").problem(chance)


def spelled(question: str, _chance: Random) -> str:
    """Small numbers in words."""
    return SMALL.sub(lambda m: SPELLED[int(m[1])], question)


def framed(question: str, chance: Random) -> str:
    """What people write around a question."""
    return chance.choice(FRAMES).format(question)


def question_first(question: str, _chance: Random) -> str:
    """What is asked before what is told, if it is clear without it."""
    told = sentences(question)
    asked = told[-1]
    if len(told) < 2 or not asked.endswith("?") or not asked.startswith(("How", "What")) or REFERRING.search(asked):
        return question
    return " ".join([asked, *told[:-1]])


def lower(question: str, _chance: Random) -> str:
    """As typed in haste."""
    return question.lower()


CHANGES: tuple[Callable[[str, Random], str], ...] = (spelled, framed, question_first, lower)
