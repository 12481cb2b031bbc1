"""Drafts that a check refuses, and what follows: the mended answer, or giving up. Only what follows is learned."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from random import Random

from agentkit.compress.problem import Line, Problem, Unusable
from agentkit.compress.sources.multihop import FILE, given
from agentkit.compress.sources.reading import squad
from agentkit.compress.sources.rows import Problems
from agentkit.decision import Proposal
from agentkit.evaluate.tasks.data import read
from agentkit.knowledge.grounding.faults import swapped_number

CORRECTION = "correction"


def corrections(folder: Path, chance: Random) -> Problems:
    """Questions on passages, answered with another number, another name, or though the passages don't tell."""
    texts = sorted({str(row.values.get("answer", "")) for row in read(folder / FILE).rows})
    names = [text for text in texts if text.istitle() and not any(c.isdigit() for c in text)]
    for problem in alternating(squad(folder, chance), given(folder, chance)):
        if isinstance(problem, Unusable):
            continue  # told of where the answers themselves are learned
        if draft := faulty(problem, names, chance):
            [end] = problem.script
            yield replace(
                problem,
                id=f"{problem.id}-corrected",
                script=[Line(Proposal(text=draft, cited=(1,)), learned=False), end],
                kind=CORRECTION,
            )


def faulty(problem: Problem, names: Sequence[str], chance: Random) -> str:
    """An answer that the passages don't have: with another number, or another question's name."""
    texts = [passage.text for passage in problem.passages]
    if problem.answer and any(c.isdigit() for c in problem.answer):
        return swapped_number(problem.answer, texts, chance) or ""
    if problem.answer and not problem.answer.istitle():
        return ""  # a name in place of a sentence, or of a thing, is no fault that anyone makes
    known = " ".join([problem.task, *texts]).lower()
    strange = [name for name in names if name.lower() not in known]
    return chance.choice(strange) if strange else ""


def alternating(*sources: Problems) -> Problems:
    """The problems of several sources in turn, until all have ended."""
    waiting = list(sources)
    while waiting:
        for source in list(waiting):
            found = list(islice(source, 1))
            if not found:
                waiting.remove(source)
            yield from found
