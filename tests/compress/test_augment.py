"""Problems that are made of others have the answer that their numbers give, worked out here independently."""

import ast
import re
from collections import Counter
from fractions import Fraction
from itertools import islice
from random import Random

import pytest

from agentkit.compress.augment.distraction import distracted
from agentkit.compress.augment.renumbering import with_other_numbers
from agentkit.compress.augment.rewording import reworded
from agentkit.compress.problem import Problem
from agentkit.compress.sources import find, gsm8k
from agentkit.compress.sources.word_problem import WordProblem
from agentkit.decision import Call

from .making import DATA, needs_data

FIGURES = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?")


def exact(expression: str) -> Fraction:
    """The value of an expression by Python's parser and fractions: nothing of agentkit's arithmetic."""

    def value(node: ast.expr) -> Fraction:
        match node:
            case ast.Constant(value=int() | float()):
                return Fraction(ast.get_source_segment(source, node) or "")
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return value(left) + value(right)
            case ast.BinOp(left=left, op=ast.Sub(), right=right):
                return value(left) - value(right)
            case ast.BinOp(left=left, op=ast.Mult(), right=right):
                return value(left) * value(right)
            case ast.BinOp(left=left, op=ast.Div(), right=right):
                return value(left) / value(right)
            case ast.BinOp(left=left, op=ast.Pow(), right=right):
                return value(left) ** int(value(right))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -value(operand)
            case _:
                raise AssertionError(ast.dump(node))

    source = re.sub(r"(\d+(?:\.\d+)?)%", r"(\1/100)", expression).replace("^", "**")
    return value(ast.parse(source, mode="eval").body)


def expressions(problem: Problem) -> list[str]:
    calls = [line.cue for line in problem.script if isinstance(line.cue, Call)]
    return [step for c in calls for step in (c.arguments.get("expression") or unnamed(c.arguments["code"])).split()]


def unnamed(program: str) -> str:
    """A program's expressions with values for its names, one a line."""
    values: dict[str, str] = {}
    lines: list[str] = []
    for line in program.splitlines()[:-1]:
        name, _, expression = line.replace(" ", "").replace("**", "^").partition("=")
        lines.append(re.sub(r"[a-z_]\w*", lambda m: values[m[0]], expression))
        value = exact(lines[-1])
        values[name] = str(value.numerator) if value.denominator == 1 else f"{float(value):g}"
    return "\n".join(lines)


def figures(text: str) -> Counter[Fraction]:
    return Counter(Fraction(m.replace(",", "")) for m in FIGURES.findall(text))


@needs_data
@pytest.mark.parametrize("name", ["gsm8k_renumbered", "programs_renumbered"])
def test_new_numbers_never_come_with_a_wrong_answer(name: str) -> None:
    problems = list(islice(find(name).load()(DATA / "train", Random(5)), 300))
    assert len(problems) == 300
    for problem in problems:
        assert isinstance(problem, Problem)
        values = list(map(exact, expressions(problem)))
        assert values[-1] == Fraction(problem.answer or "nothing"), problem
        assert all(value >= 0 for value in values)
        # Every figure of the question is used, every operand is one of them, a result, or what nothing can change.
        used = Counter(n for step in expressions(problem) for n in figures(step))
        assert figures(problem.task).keys() <= used.keys(), problem


@needs_data
def test_new_numbers_are_the_same_problem_with_the_same_steps() -> None:
    chance, changed = Random(2), 0
    for old in islice(gsm8k.usable(DATA / "train"), 200):
        new = with_other_numbers(old, chance)
        if new is None:
            continue
        changed += 1
        assert FIGURES.sub("#", new.question) == FIGURES.sub("#", old.question)
        assert [FIGURES.sub("#", s) for s in new.steps] == [FIGURES.sub("#", s) for s in old.steps]
        assert figures(new.question) != figures(old.question)
        assert (Fraction(new.answer).denominator == 1) or Fraction(old.answer).denominator > 1
        assert Fraction(1, 4) <= Fraction(new.answer) / Fraction(old.answer) <= 4
        assert old.answer not in new.sentence or new.answer == old.answer or old.answer in new.answer
    assert changed > 40


def problem_of(question: str, *steps: str, answer: str) -> WordProblem:
    return WordProblem(id="p", source="made", question=question, steps=steps, answer=answer)


@pytest.mark.parametrize(
    ("question", "steps", "answer"),
    [
        ("Tim has 5 cats and 5 dogs. How many pets?", ("5+5",), "10"),  # which 5 is which?
        ("Tim has five cats and buys 5 dogs. How many pets?", ("5+5",), "10"),
        ("Tim has 30 cats in 4 rooms, 12 are black. How many are not?", ("30-12",), "18"),  # 4 isn't used
        ("Tim has 20 cats, a fifth are black. How many are not?", ("20*0.05", "20-1"), "19"),  # 0.05 from 20?
        ("Tim works 24 hours a day, 7 days a week. How many hours?", ("24*7",), "168"),
        ("Tim was born in 1990 and has 2 cats. In which year is he 2?", ("1990+2",), "1992"),
        ("Tim runs 3/4 of 12 miles. How many miles?", ("3/4*12",), "9"),
        ("Tim has 12 hats, sells 4 and buys 8. How many has he?", ("12-4", "8+8"), "16"),  # 8 of the text or the result
    ],
)
def test_a_problem_whose_numbers_cannot_be_told_apart_stays_as_it_is(
    question: str, steps: tuple[str, ...], answer: str
) -> None:
    assert with_other_numbers(problem_of(question, *steps, answer=answer), Random(0)) is None


def test_numbers_keep_their_kind() -> None:
    problem = problem_of("Tim has 1,200 hats and sells 40% of them. How many?", "40/100*1200", answer="480")
    seen: set[str] = set()
    for seed in range(40):
        new = with_other_numbers(problem, Random(seed))
        assert new is not None
        assert exact(new.steps[-1]) == Fraction(new.answer)
        hats, share = FIGURES.findall(new.question)
        assert Fraction(hats.replace(",", "")) % 100 == 0
        assert 20 <= int(share) <= 80
        assert int(share) % 5 == 0
        seen.add(new.question)
    assert len(seen) > 10


@needs_data
def test_other_words_keep_the_numbers_and_the_answer() -> None:
    old = {p.id: p for p in islice(gsm8k.usable(DATA / "train"), 200)}
    new = list(reworded(old.values(), Random(1)))
    assert len(new) > 100
    for problem in new:
        was = old[problem.id.removesuffix("-words")]
        assert problem.answer == was.answer
        assert list(map(exact, expressions(problem))) == list(map(exact, was.steps))
        gone = figures(was.question) - figures(problem.task)
        assert all(3 <= n <= 12 for n in gone), "only small numbers are spelled out"


@needs_data
def test_a_sentence_too_many_shares_no_word_with_the_problem() -> None:
    old = {p.id: p for p in islice(gsm8k.usable(DATA / "train"), 400)}
    new = list(distracted(list(old.values()), Random(1)))
    assert len(new) > 20
    for problem in new:
        was = old[problem.id.removesuffix("-distracted")]
        words = problem.task.split()
        assert len(words) > len(was.question.split())
        assert not Counter(was.question.split()) - Counter(words)
        assert problem.answer == was.answer
        assert problem.task.split()[-1] == was.question.split()[-1]
