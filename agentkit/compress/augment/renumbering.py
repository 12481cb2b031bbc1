"""Other numbers in a word problem, and the answer that its own expressions then have."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from random import Random

from agentkit.checks.spelled import spelled
from agentkit.compress.problem import Problem
from agentkit.compress.sources.naming import OPERAND
from agentkit.compress.sources.word_problem import WordProblem, value_of

VARIANTS = 2
"""Of each problem."""
DRAWS = 60
"""Of numbers, before a problem is given up."""
TOKEN = re.compile(r"\d[\d.,/:]*(?<![.,:/])")
CLEAN = re.compile(r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?")
CALENDAR = {7: "day", 24: "hour", 60: "minute|second", 12: "month", 52: "week", 365: "day", 30: "day", 100: "cent"}
"""Numbers that a unit always has: 7 days make a week in every problem."""
SPREAD = 2
"""A number becomes at most so many times as large, or as small."""
PLAUSIBLE = 4
"""Likewise what is worked out."""


@dataclass(frozen=True)
class Mentioned:
    """A number of the question that may be another one."""

    start: int
    end: int
    written: str

    @property
    def value(self) -> Fraction:
        return Fraction(self.written.replace(",", ""))

    @property
    def places(self) -> int:
        return len(self.written.partition(".")[2])

    def like(self, value: Fraction) -> str:
        """A value written as this one is."""
        return f"{float(value):{',' if ',' in self.written else ''}.{self.places}f}"


def renumbered(problems: Iterable[WordProblem], chance: Random) -> Iterator[Problem]:
    """Up to `VARIANTS` of each problem; none of those whose numbers can't be told apart."""
    for problem in problems:
        seen = {problem.question}
        for number in range(1, VARIANTS + 1):
            found = with_other_numbers(problem, chance)
            if found is not None and found.question not in seen:
                seen.add(found.question)
                yield replace(found, id=f"{problem.id}-numbers{number}").problem(chance)


def with_other_numbers(problem: WordProblem, chance: Random) -> WordProblem | None:
    """The problem with new numbers; None where it can't be said which number is which, or none fit.

    Guards: every number of the question is used, each stands there once and is no step's result; what is worked out
    keeps its sign, stays whole where it was whole, below one where it was below one, and of a plausible size; the order
    of the numbers is kept.
    """
    mentions = mentioned(problem.question)
    if mentions is None:
        return None
    places = roles(problem, mentions)
    if places is None:
        return None
    changing = [m for m in mentions if m.value in places.variable]
    if not changing:
        return None
    results = [value_of(step) for step in problem.steps]
    for _ in range(DRAWS):
        drawn = {m.value: drawing(m, chance) for m in changing}
        if not fits(drawn, mentions, places.constants):
            continue
        if (steps := recomputed(problem.steps, results, drawn)) is not None:
            return rewritten(problem, mentions, drawn, steps)
    return None


@dataclass(frozen=True)
class Roles:
    """What the numbers of a problem are."""

    variable: frozenset[Fraction]
    """Said once in the question, and used."""
    constants: frozenset[Fraction]
    """Used but not said in figures, or said of what can't be otherwise."""


def mentioned(question: str) -> list[Mentioned] | None:
    """The numbers of a question; None where one is written in a way that can't be changed in place."""
    found: list[Mentioned] = []
    for match in TOKEN.finditer(question):
        around = question[max(match.start() - 1, 0) : match.start()], question[match.end() : match.end() + 1]
        if not CLEAN.fullmatch(match[0]) or around[0].isalpha() or around[1].isalpha():
            return None
        found.append(Mentioned(match.start(), match.end(), match[0]))
    return found


def roles(problem: WordProblem, mentions: list[Mentioned]) -> Roles | None:
    """Which numbers may change; None where a number could be two things."""
    said = Counter(m.value for m in mentions)
    # Half of it is taken by 2 as well.
    words = {value for n in spelled(problem.question) if n.value != 1 for value in (n.value, 1 / n.value)}
    used: set[Fraction] = set()
    constants: set[Fraction] = set(words)
    results: list[Fraction] = []
    for step in problem.steps:
        for operand in (Fraction(m[0]) for m in OPERAND.finditer(step)):
            earlier = results.count(operand)
            if earlier > 1 or (earlier and (operand in said or operand in words)):
                return None
            if operand in said:
                used.add(operand)
            elif not earlier:
                constants.add(operand)
        value = value_of(step)
        if value is None:
            return None
        results.append(value)
    if used != said.keys() or max(said.values(), default=0) > 1:
        return None
    fixed = {m.value for m in mentions if is_fixed(m, problem.question)}
    # What a constant may have been made from has to stay, or the constant would be wrong: 80 from 20 %, 11 from 10.
    fixed |= {v for v in used for c in constants if c in made_from(v)}
    return Roles(frozenset(used - fixed), frozenset(constants | fixed))


def is_fixed(mention: Mentioned, question: str) -> bool:
    """Whether a number is one that has to stay: a small one, a year, the days of a week."""
    if mention.value <= 2 or (mention.places == 0 and 1900 <= mention.value < 2100):
        return True
    unit = CALENDAR.get(int(mention.value)) if mention.value.denominator == 1 else None
    return unit is not None and bool(re.match(rf"[ -](?:{unit})", question[mention.end :], re.IGNORECASE))


def made_from(value: Fraction) -> set[Fraction]:
    """What a solution may make of a number without saying so."""
    share = value / 100
    around = {value, value - 1, value + 1, value / 2, value * 2, 1 / value}
    return {*around, share, 1 - share, 1 + share, 100 - value, 100 + value}


def drawing(mention: Mentioned, chance: Random) -> Fraction:
    """Another number of the same kind: as round, with as many decimals, up to `SPREAD` times as large or small."""
    unit = Fraction(1, 10**mention.places)
    count = mention.value / unit
    step = next(s for s in (100, 50, 10, 5, 1) if count % s == 0 and (s == 1 or count > s))
    low, high = max(int(count / SPREAD / step), 1), int(count * SPREAD / step)
    return chance.randint(low, high) * step * unit


def fits(drawn: Mapping[Fraction, Fraction], mentions: list[Mentioned], constants: frozenset[Fraction]) -> bool:
    """Whether new numbers can be told from all others, and are ordered as the old ones are."""
    new = [drawn.get(m.value, m.value) for m in mentions]
    if len(set(new)) < len(new) or any(v in constants or v <= 2 for v in drawn.values()):
        return False
    if any(value == new_value for value, new_value in drawn.items()):
        return False
    shares = [drawn.get(m.value, m.value) for m in mentions if m.value <= 100]
    if any(v > 100 for v in shares) and any(c == 100 for c in constants):
        return False
    order = sorted(range(len(new)), key=lambda i: mentions[i].value)
    return [new[i] for i in order] == sorted(new)


def recomputed(
    steps: tuple[str, ...], results: list[Fraction | None], drawn: Mapping[Fraction, Fraction]
) -> tuple[str, ...] | None:
    """The steps with new numbers; None where something that is worked out doesn't look as it did."""
    now: dict[Fraction, Fraction] = dict(drawn)
    new: list[str] = []
    for step, before in zip(steps, results, strict=True):
        expression = OPERAND.sub(replacing(now), step)
        after = value_of(expression)
        if before is None or after is None or not plausible(before, after):
            return None
        if after in {v for k, v in now.items() if k != before}:
            return None  # two numbers would be one
        now[before] = after
        new.append(expression)
    return tuple(new)


def replacing(now: Mapping[Fraction, Fraction]) -> Callable[[re.Match[str]], str]:
    """Writes for an operand what it has become."""

    def become(match: re.Match[str]) -> str:
        value = Fraction(match[0])
        return decimal(now[value]) if value in now else match[0]

    return become


def plausible(before: Fraction, after: Fraction) -> bool:
    """Whether a new result is of the kind of the old one."""
    if decimals(after) is None or (decimals(after) or 0) > (decimals(before) or 0):
        return False
    if before <= 0 or after <= 0:
        return before == after == 0
    return (before < 1) == (after < 1) and Fraction(1, PLAUSIBLE) <= after / before <= PLAUSIBLE


def decimals(value: Fraction) -> int | None:
    """Decimal places of a value; None beyond four."""
    return next((places for places in range(5) if 10**places % value.denominator == 0), None)


def decimal(value: Fraction) -> str:
    """A value with few decimal places, written out."""
    places = decimals(value) or 0
    whole, rest = divmod(abs(value) * 10**places, 10**places)
    digits = f"{whole}.{str(rest).rjust(places, '0')}" if places else str(whole)
    return f"-{digits}" if value < 0 else digits


def rewritten(
    problem: WordProblem, mentions: list[Mentioned], drawn: Mapping[Fraction, Fraction], steps: tuple[str, ...]
) -> WordProblem:
    """The problem with its new numbers in all places."""
    question = problem.question
    for mention in reversed(mentions):
        if mention.value in drawn:
            question = question[: mention.start] + mention.like(drawn[mention.value]) + question[mention.end :]
    answer = value_of(steps[-1])
    assert answer is not None
    inside = list(CLEAN.finditer(problem.sentence))
    sentence = ""
    if len(inside) == 1:
        sentence = problem.sentence[: inside[0].start()] + decimal(answer) + problem.sentence[inside[0].end() :]
    return replace(problem, question=question, steps=steps, answer=decimal(answer), sentence=sentence, program="")
