"""GSM8K's training problems (Cobbe et al. 2021): the marks of their solutions are calculator calls.

`Natalia sold 48/2 = <<48/2=24>>24 clips` is a call of the calculator with 48/2, planned as "Natalia sold clips", or,
where it takes several, the line `natalia_sold_clips = 48 / 2` of a program.
"""

import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import NamedTuple

from agentkit.compress import augment
from agentkit.compress.problem import Unusable
from agentkit.compress.sources import Problems
from agentkit.compress.sources import word_problem as rows
from agentkit.compress.sources.labels import label
from agentkit.compress.sources.naming import OPERAND
from agentkit.compress.sources.word_problem import WordProblem, sentence_from, value_of
from agentkit.evaluate.scorers.numbers import written
from agentkit.evaluate.tasks.data import Row, RowError

FILE = "gsm8k_train.jsonl"
MARK = re.compile(r"<<([^<>]*)>>")
EQUATION = re.compile(
    r"<<(?P<mark>[^<>]*)>>"
    r"|(?P<left>(?:[$€£]?(?:\d[\d.,]*|\.\d+)%?|[-+*/x×÷()]|[ ])+)=\s*[$€£]?(?P<right>\d[\d.,]*(?<![.,]))"
)
SENTENCE_END = re.compile(r"[.;?!]\s")
SIGNS = str.maketrans({"x": "*", "×": "*", "÷": "/"})
POINT = re.compile(r"(?<![\d.])\.(?=\d)")
HUNDREDTH = re.compile(r"\*0\.01(?!\d)")
HALF = re.compile(r"\*0\.50?(?!\d)")
BINARY = re.compile(r"[\d)%][-+*/^]")
CALLS = 8
"""What the loop allows a run."""


def gsm8k(folder: Path, chance: Random) -> Problems:
    """Each problem as it is."""
    for found in read(folder):
        yield found if isinstance(found, Unusable) else found.problem(chance)


def renumbered(folder: Path, chance: Random) -> Problems:
    """Each problem with other numbers."""
    return augment.renumbered(usable(folder), chance)


def reworded(folder: Path, chance: Random) -> Problems:
    """Each problem in other words."""
    return augment.reworded(usable(folder), chance)


def rephrased(folder: Path, chance: Random) -> Problems:
    """Each problem, for a model to tell it in its own words."""
    return augment.rephrased(usable(folder), chance)


def distracted(folder: Path, chance: Random) -> Problems:
    """Each problem with a sentence that has nothing to do with it."""
    return augment.distracted(list(usable(folder)), chance)


def read(folder: Path) -> Iterator[WordProblem | Unusable]:
    """The word problems of the file."""
    return rows.read(folder / FILE, word_problem)


def usable(folder: Path) -> Iterator[WordProblem]:
    """The word problems without the rows that make none: those are counted where problems are taken as they are."""
    return (found for found in read(folder) if isinstance(found, WordProblem))


def word_problem(row: Row) -> WordProblem:
    """The word problem of a row.

    Raises:
        RowError: Its marks don't lead to its answer.
    """
    solution, answer = row.text("solution"), row.text("answer").replace(",", "")
    gold = written(answer)
    if gold is None:
        raise RowError("the answer is no number")
    steps = steps_of(solution)
    if not steps:
        raise RowError("the solution computes nothing")
    if value_of(next(reversed(steps))) != gold.value:
        raise RowError("the marks don't lead to the answer")
    if len(steps) > CALLS:
        raise RowError(f"more than {CALLS} calls")
    lines = [line for line in solution.splitlines() if line.strip() and not line.startswith("####")]
    return WordProblem(
        id=f"gsm8k_train-{row.line}",
        source="gsm8k_train",
        question=" ".join(row.text("question").split()),
        steps=tuple(steps),
        labels=tuple(steps.values()),
        answer=answer,
        sentence=sentence_from(MARK.sub("", lines[-1]), answer) if lines else "",
    )


class Equation(NamedTuple):
    """Of a solution."""

    expression: str
    said: Fraction
    """What it says that this comes to."""
    marked: bool
    label: str
    """What it is for; empty where little is said."""


def equations_of(solution: str) -> Iterator[Equation]:
    """The equations of a solution; some lack their mark.

    Raises:
        RowError: A mark has no value.
    """
    for line in solution.splitlines():
        begin = 0
        for match in EQUATION.finditer(line):
            marked = match["mark"] is not None
            expression, _, result = (match["mark"] or f"{match['left']}={match['right']}").rpartition("=")
            before = SENTENCE_END.split(line[begin : match.start()])[-1]
            begin = match.end()
            said = written(plain(result))
            if said is not None:
                after = line[begin:] if marked else match["right"] + line[begin:]
                yield Equation(plain(expression), said.value, marked, label(before, after))
            elif marked:
                raise RowError("a mark has no value")


def plain(expression: str) -> str:
    """As the calculator takes expressions: no currency, no separators, no number that begins with a point or a plus.

    A hundredth and a half are written as divisions: the numbers of those are known where percent or halves are spoken
    of.
    """
    bare = re.sub(r"[$€£,\s]", "", expression).translate(SIGNS).lstrip("+")
    return HALF.sub("/2", HUNDREDTH.sub("/100", POINT.sub("0.", bare)))


def steps_of(solution: str) -> dict[str, str]:
    """The expressions of a solution that its last one needs, each once, and what each is for.

    A value that has no finite decimals was rounded before it was used: there the whole expression stands instead.

    Raises:
        RowError: One has no value, or another than the solution says.
    """
    steps: dict[str, Fraction] = {}
    labels: dict[str, str] = {}
    inlined: dict[Fraction, str] = {}
    for given, said, marked, told in equations_of(solution):
        expression = OPERAND.sub(lambda m: inlined.get(Fraction(m[0]), m[0]), given)
        value = value_of(expression)
        close = value is not None and abs(value - said) <= max(abs(value) / 100, Fraction(1, 100))
        if marked and not close:
            raise RowError("a mark is wrong" if value is not None else "a mark has no value")
        if value is None or not close or not BINARY.search(expression):
            continue
        if value != said:
            inlined[said] = f"({expression})"
        elif marked or value not in steps.values():
            steps.setdefault(expression, value)
        # Where an equation stands twice, as a sum and as its mark, only one of them may be in a sentence.
        labels[expression] = labels.get(expression) or told
    return {step: labels[step] for step in needed(steps)}


def needed(steps: Mapping[str, Fraction]) -> list[str]:
    """The steps without those whose value no later one uses."""
    kept: list[str] = []
    used: set[Fraction] = set()
    for expression, value in reversed(list(steps.items())):
        if not kept or value in used:
            kept.insert(0, expression)
            used |= {Fraction(m[0]) for m in OPERAND.finditer(expression)}
    return kept
