"""Short word problems of one or two operations, from hand-written wordings; some tell numbers that don't matter.

The wordings follow the kinds that elementary arithmetic is taught by: change, combination, comparison, equal groups
(Riley, Greeno and Heller 1983). `short_problems.txt` has the expression that solves them above each group. In a
wording, `{a}`, `{b}` and `{c}` are the numbers of the expression, `{x}` and `{y}` others; what stands in brackets is
told in every other problem.

`stories.txt` has stories with several questions each, every one after the expression that answers it: of the same
numbers, only the question tells which are wanted and what for (contrast sets, Gardner et al. 2020).
"""

import ast
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from random import Random

from agentkit.compress import augment
from agentkit.compress.sources import Problems
from agentkit.compress.sources.slots import filled, names
from agentkit.compress.sources.word_problem import WordProblem, value_of

MEN = (
    "Adam Ahmed Ben Carlos Daniel Emeka Felix George Hiro Ivan Jack Kofi Luis Marek Nikhil Omar Paul Rafael Sam Tom"
).split()
WOMEN = (
    "Aisha Anna Bella Chloe Diana Elena Fatima Grace Hana Irene Julia Keiko Lena Maria Nora Olga Priya Rosa Sara Zoe"
).split()
WORDS: Mapping[str, Sequence[str]] = {
    "things": (
        "apples marbles stickers shells stamps coins cards buttons balloons beads crayons oranges peaches nuts stones "
        "tomatoes carrots toys badges ribbons candles bottles eggs flowers magnets postcards keys cups plums pears"
    ).split(),
    "kinds": "lemons pencils erasers notebooks whistles dolls melons rulers brushes spoons feathers bracelets".split(),
    "place": "park market library museum lake bakery zoo harbour".split(),
    "event": "party picnic concert race fair play".split(),
    "cakes": "muffins cookies cupcakes pies buns rolls".split(),
    "others": "pretzels tarts waffles loaves".split(),
    "animals": "sheep cows goats horses ducks hens".split(),
}
HERS = {"he": "she", "He": "She", "him": "her", "his": "her", "His": "Her"}
LETTER = re.compile(r"[abcd]")
BRACKETS = re.compile(r"\[([^\]]*)\]")
TRIES = 5000
"""Draws of numbers, until the expression comes to something that can be counted."""


@dataclass(frozen=True)
class Wording:
    """A problem without its numbers."""

    text: str
    expression: str
    """What solves it."""
    suits: tuple[str, ...]
    """What else its numbers must suit, for its story to make sense."""


def short_problems(_folder: Path, chance: Random) -> Problems:
    """Problems without end, every other one a question about a story."""
    for problem in drawn_problems(chance):
        yield problem.problem(chance)


def rephrased(_folder: Path, chance: Random) -> Problems:
    """Such problems, for a model to tell them in its own words."""
    return augment.rephrased(drawn_problems(chance), chance)


def drawn_problems(chance: Random) -> Iterator[WordProblem]:
    """Word problems without end."""
    for number in itertools.count(1):
        wording = chance.choice(chance.choice((wordings(), stories())))
        yield worded(f"short_problems-{number}", wording, chance)


@cache
def wordings() -> tuple[Wording, ...]:
    """Those of `short_problems.txt`."""
    return tuple(
        Wording(text, expression, ()) for expression, *several in blocks("short_problems.txt") for text in several
    )


@cache
def stories() -> tuple[Wording, ...]:
    """Those of `stories.txt`: each story with each of its questions."""
    found: list[Wording] = []
    for story, *lines in blocks("stories.txt"):
        asked = [line.partition(" | ") for line in lines]
        suits = tuple(expression for expression, _, _ in asked)
        found += [Wording(f"{story} {question}", expression, suits) for expression, _, question in asked]
    return tuple(found)


def blocks(name: str) -> Iterator[list[str]]:
    """The lines of each block of a file; blank lines stand between them."""
    text = files("agentkit.compress.sources").joinpath(name).read_text(encoding="utf-8")
    return (block.split("\n") for block in text.strip().split("\n\n"))


def worded(id: str, wording: Wording, chance: Random) -> WordProblem:  # noqa: A002 (a problem's)
    """One problem of a wording."""
    numbers = drawn(wording, chance)
    name, other = chance.sample(MEN + WOMEN, 2)
    man = name in MEN
    said = {list_: chance.choice(words) for list_, words in WORDS.items()}
    said |= {"Name": name, "Other": other}
    said |= {"he": "he", "He": "He", "him": "him", "his": "his", "His": "His"} if man else HERS
    said |= {key: str(value) for key, value in numbers.items()}
    said |= {key: str(chance.randint(2, 60)) for key in "xy"}
    told = BRACKETS.sub(lambda match: match[1] if chance.random() < 0.5 else "", wording.text)
    step = LETTER.sub(lambda match: said[match[0]], wording.expression).replace(" ", "")
    answer = value_of(step)
    assert answer is not None
    return WordProblem(id=id, source="short_problems", question=filled(told, said), steps=(step,), answer=str(answer))


def drawn(wording: Wording, chance: Random) -> dict[str, int]:
    """Numbers that make each expression, and every part of it, a whole number above 0; a quotient is above 1.

    Raises:
        ValueError: None were found.
    """
    expressions = (wording.expression, *wording.suits)
    letters = sorted({*LETTER.findall(" ".join(expressions)), *(n for n in names(wording.text) if n in "abcd")})
    sizes = (12, 30, 60) if re.search(r"[*/]", " ".join(expressions)) else (20, 60, 100, 400)
    wanted = {part for expression in expressions for part in parts(expression)}
    for most in chance.sample(sizes, len(sizes)):
        for _ in range(TRIES):
            found = {name: chance.randint(2, most) for name in letters}
            if all(value_is_whole(part, found) for part in wanted):
                return found
    raise ValueError(f"no numbers up to {max(sizes)} suit {', '.join(expressions)}")


def parts(expression: str) -> Iterator[str]:
    """What is computed on the way, and all of it: `a - b` and `(a - b) / c`."""
    for node in ast.walk(ast.parse(expression, mode="eval")):
        if isinstance(node, ast.BinOp):
            yield ast.unparse(node)


def value_is_whole(part: str, numbers: Mapping[str, int]) -> bool:
    """Whether a part comes to a whole number above 0, a quotient to one above 1."""
    value = value_of(LETTER.sub(lambda match: str(numbers[match[0]]), part))
    return value is not None and value > ("/" in part) and value.denominator == 1
