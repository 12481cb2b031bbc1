"""Drafts that a check refuses, and what follows: the mended answer, or giving up. Only what follows is learned."""

from dataclasses import replace
from itertools import islice
from pathlib import Path
from random import Random

from agentkit.compress.problem import Cue, Line, Problem, Unusable
from agentkit.compress.sources.multihop import given
from agentkit.compress.sources.reading import READING, squad
from agentkit.compress.sources.rows import Problems
from agentkit.decision import Proposal
from agentkit.knowledge.grounding.faults import swapped_number

CORRECTION = "correction"
REMEMBERED = 200
"""Answers of other questions that a wrong name is drawn from."""


def corrections(folder: Path, chance: Random) -> Problems:
    """Questions on passages, answered with another number, another name, or though the passages don't tell."""
    names: list[str] = []
    for problem in alternating(squad(folder, chance), given(folder, chance)):
        if isinstance(problem, Unusable):
            continue  # said where the answers themselves are learned
        *_, last = problem.script
        if problem.kind == READING and problem.answer:
            draft = faulty(problem.answer, problem, names, chance)
            if problem.answer.istitle() and not any(c.isdigit() for c in problem.answer):
                names = [*names[-REMEMBERED:], problem.answer]
        else:
            draft = chance.choice(names) if names else ""
        if draft and draft != problem.answer:
            wrong: Cue = Proposal(text=draft, cited=(1,))
            yield replace(
                problem,
                id=f"{problem.id}-corrected",
                script=[Line(wrong, learned=False), Line(last.cue)],
                kind=CORRECTION,
            )


def faulty(answer: str, problem: Problem, names: list[str], chance: Random) -> str:
    """The answer with another number, or another question's name; empty if it has neither."""
    texts = [passage.text for passage in problem.passages]
    if any(c.isdigit() for c in answer):
        return swapped_number(answer, texts, chance) or ""
    strange = [name for name in names if not any(name in text for text in [problem.task, *texts])]
    return chance.choice(strange) if strange and answer.istitle() else ""


def alternating(*sources: Problems) -> Problems:
    """The problems of several sources in turn, until all have ended."""
    waiting = list(sources)
    while waiting:
        for source in list(waiting):
            found = list(islice(source, 1))
            if not found:
                waiting.remove(source)
            yield from found
