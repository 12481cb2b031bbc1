"""Questions that nobody can answer: on the future, on taste, on private matters, on what doesn't exist."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

from agentkit.compress.problem import Line, Problem
from agentkit.compress.sources.functions.values import filled, words
from agentkit.compress.sources.multihop import FILE, keywords, pooled, purpose
from agentkit.compress.sources.reading import REFUSAL
from agentkit.compress.sources.rows import Problems
from agentkit.decision import Call, GiveUp, Plan
from agentkit.evaluate.tasks.reading import SHORT
from agentkit.events import Step
from agentkit.grammars import GIVE_UP

KINDS = ("future", "taste", "private", "nonsense", "unknown")
"""Lists of templates in `functions/words.txt`."""


def unanswerable(_folder: Path, chance: Random) -> Iterator[Problem]:
    """Such questions without any tool, without end; each once."""
    for number, question in enumerate(questions(chance), start=1):
        yield Problem(
            id=f"unanswerable-{number}",
            source="unanswerable",
            task=f"{question}\n{SHORT}" if chance.random() < 0.7 else question,
            script=[Line(GiveUp(reason=GIVE_UP[0]))],
            kind=REFUSAL,
        )


def searched(folder: Path, chance: Random) -> Problems:
    """Such questions with a corpus that has nothing on them: one search, then giving up."""
    corpus = pooled(folder / FILE)
    for problem in unanswerable(folder, chance):
        query = keywords(problem.task.partition("\n")[0])
        plan = Plan(steps=(Step(tool="retrieval", purpose=purpose(query)),))
        call = Call(tool="retrieval", arguments={"query": query})
        yield replace(
            problem,
            id=f"{problem.id}-searched",
            tools=("retrieval",),
            resources=(corpus,),
            script=[Line(plan), Line(call), *problem.script],
        )


def questions(chance: Random) -> Iterator[str]:
    """Questions of all kinds, no one twice."""
    said: set[str] = set()
    repeated = 0
    while repeated < 1000:
        kind = chance.choice(KINDS)
        question = filled(chance.choice(words()[kind]), chance)
        if question in said:
            repeated += 1
            continue
        said.add(question)
        repeated = 0
        yield question
