"""Eight tasks of BIG-Bench Hard (Suzgun et al. 2022)."""

import re
from collections.abc import Callable
from pathlib import Path

from agentkit.evaluate.item import AnswerForm, Item
from agentkit.evaluate.scorers.choice import ChoiceScorer
from agentkit.evaluate.scorers.numbers import NumberScorer, written
from agentkit.evaluate.scorers.text import ExactScorer
from agentkit.evaluate.task import Scorer, Task
from agentkit.evaluate.tasks.choices import YES_NO, one_of
from agentkit.evaluate.tasks.data import Row, RowError, numbered, read, shortened

_OPTION = re.compile(r"^\(([A-Z])\) (.+)$", re.MULTILINE)


def date_understanding(folder: Path) -> Task:
    """Which date a story tells of; 250 items with options."""
    return task("date-understanding", folder, listed, "choice")


def logical_deduction(folder: Path) -> Task:
    """In which order three objects stand; 250 items with options."""
    return task("logical-deduction-three-objects", folder, listed, "choice")


def penguins(folder: Path) -> Task:
    """Questions on a small table; 146 items with options."""
    return task("penguins-in-a-table", folder, listed, "choice")


def tracking_shuffled_objects(folder: Path) -> Task:
    """Who has what after swaps among three; 250 items with options."""
    return task("tracking-shuffled-objects-three-objects", folder, listed, "choice")


def web_of_lies(folder: Path) -> Task:
    """Who tells the truth; 250 items, yes or no."""
    return task("web-of-lies", folder, yes_no, "choice", instruction="Answer yes or no.")


def multistep_arithmetic(folder: Path) -> Task:
    """Nested sums and products of small numbers; 250 items."""
    return task("multistep-arithmetic-two", folder, number, "number", tools=("calculator", "python"))


def object_counting(folder: Path) -> Task:
    """How many things of a kind are listed; 250 items."""
    return task("object-counting", folder, number, "number", tools=("calculator", "python"))


def word_sorting(folder: Path) -> Task:
    """Words in alphabetical order; 250 items, right only if all of them are."""
    instruction = "Answer with the words in order, separated by spaces."
    return task("word-sorting", folder, words, "text", instruction=instruction, tools=("python",))


def task(
    name: str,
    folder: Path,
    shape: Callable[[str, str], tuple[str, tuple[str, ...]]],
    form: AnswerForm,
    *,
    instruction: str = "",
    tools: tuple[str, ...] = (),
) -> Task:
    """A task over one file; `shape` tells the gold answer and the choices from a row's input and target."""
    scorers: dict[str, Scorer] = {"choice": ChoiceScorer(), "number": NumberScorer(), "text": ExactScorer()}

    def item(row: Row) -> Item:
        question = row.text("input")
        gold, choices = shape(question, row.text("target"))
        return Item(id=numbered(f"bbh-{name}", row), question=question, gold=gold, choices=choices)

    rows = read(folder / f"bbh_{name.replace('-', '_')}.jsonl")
    items, problems = rows.items(item)
    return Task(
        name=f"bbh-{name}",
        items=items,
        scorer=scorers[form],
        form=form,
        instruction=instruction,
        tools=tools,
        digest=rows.digest,
        problems=problems,
    )


def listed(question: str, target: str) -> tuple[str, tuple[str, ...]]:
    """The options of a question; the answer is the text of one of them, not its letter."""
    found = dict(_OPTION.findall(question))
    label = target.strip("()")
    if label not in found:
        raise RowError(f"field 'target' should be one of the options, not {shortened(target)}")
    return found[label], tuple(found.values())


def yes_no(_question: str, target: str) -> tuple[str, tuple[str, ...]]:
    return one_of(target.lower(), YES_NO), YES_NO


def number(_question: str, target: str) -> tuple[str, tuple[str, ...]]:
    if written(target) is None:
        raise RowError(f"field 'target' should hold a number, not {shortened(target)}")
    return target, ()


def words(_question: str, target: str) -> tuple[str, tuple[str, ...]]:
    return target, ()
