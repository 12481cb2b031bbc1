"""Short word problems of one or two operations, from hand-written wordings; some tell numbers that don't matter.

The wordings follow the kinds that elementary arithmetic is taught by: change, combination, comparison, equal groups
(Riley, Greeno and Heller 1983). `short_problems.txt` has the expression that solves them above each group. In a
wording, `{a}`, `{b}` and `{c}` are the numbers of the expression, `{x}` and `{y}` others; what stands in brackets is
told in every other problem.
"""

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from random import Random

from agentkit.compress.sources import Problems
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
BRACKETS = re.compile(r"\[([^\]]*)\]")
SLOT = re.compile(r"\{(\w+)\}")
TRIES = 5000
"""Draws of numbers, until the expression comes to something that can be counted."""


def short_problems(_folder: Path, chance: Random) -> Problems:
    """Problems without end."""
    for number in itertools.count(1):
        yield worded(f"short_problems-{number}", *chance.choice(wordings()), chance).problem(chance)


@cache
def wordings() -> tuple[tuple[str, str], ...]:
    """Each wording with the expression that solves it before it."""
    text = files("agentkit.compress.sources").joinpath("short_problems.txt").read_text(encoding="utf-8")
    blocks = (block.split("\n") for block in text.strip().split("\n\n"))
    return tuple((expression, wording) for expression, *several in blocks for wording in several)


def worded(id: str, expression: str, wording: str, chance: Random) -> WordProblem:  # noqa: A002 (a problem's)
    """One problem of a wording."""
    numbers = drawn(expression, chance)
    name, other = chance.sample(MEN + WOMEN, 2)
    man = name in MEN
    said = {list_: chance.choice(words) for list_, words in WORDS.items()}
    said |= {"Name": name, "Other": other, "him": "him" if man else "her"}
    said |= {"he": "he", "He": "He"} if man else {"he": "she", "He": "She"}
    said |= {key: str(value) for key, value in numbers.items()}
    said |= {key: str(chance.randint(2, 60)) for key in "xy"}
    told = BRACKETS.sub(lambda match: match[1] if chance.random() < 0.5 else "", wording)
    step = re.sub(r"[abc]", lambda match: said[match[0]], expression).replace(" ", "")
    answer = value_of(step)
    assert answer is not None
    return WordProblem(
        id=id, source="short_problems", question=SLOT.sub(lambda m: said[m[1]], told), steps=(step,), answer=str(answer)
    )


def drawn(expression: str, chance: Random) -> dict[str, int]:
    """Numbers that make the expression, and every part of it, a whole number above 0; a quotient is above 1.

    Raises:
        ValueError: None were found.
    """
    names = sorted(set(re.findall(r"[abc]", expression)))
    most = chance.choice((20, 60, 100, 400)) if not re.search(r"[*/]", expression) else chance.choice((12, 30, 60))
    for _ in range(TRIES):
        found = {name: chance.randint(2, most) for name in names}
        if all(value_is_whole(part, found) for part in parts(expression)):
            return found
    raise ValueError(f"no numbers up to {most} suit {expression}")


def parts(expression: str) -> Iterator[str]:
    """What is computed on the way, and all of it: `a - b` and `(a - b) / c`."""
    first, operator, second, *rest = expression.replace("(", "").replace(")", "").split()
    yield f"{first} {operator} {second}"
    if rest:
        yield expression


def value_is_whole(part: str, numbers: Mapping[str, int]) -> bool:
    """Whether a part comes to a whole number above 0, a quotient to one above 1."""
    value = value_of(re.sub(r"[abc]", lambda match: str(numbers[match[0]]), part))
    return value is not None and value > ("/" in part) and value.denominator == 1
