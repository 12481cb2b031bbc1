"""Maths: gsm8k and svamp (word problems with a number as the answer) and math500 (answers in notation)."""

from pathlib import Path

from agentkit.evaluate.item import Item
from agentkit.evaluate.scorers.maths import MathsScorer
from agentkit.evaluate.scorers.numbers import NumberScorer, written
from agentkit.evaluate.task import Task
from agentkit.evaluate.tasks.data import Row, RowError, numbered, read, shortened

TOOLS = ("calculator", "python")


def gsm8k(folder: Path) -> Task:
    """Word problems of grade-school maths, 2 to 8 steps (Cobbe et al. 2021); the test set, 1,319 items."""
    return word_problems("gsm8k", folder / "gsm8k_test.jsonl")


def svamp(folder: Path) -> Task:
    """One-step word problems, varied so that patterns don't solve them (Patel et al. 2021); 1,000 items."""
    return word_problems("svamp", folder / "svamp.jsonl")


def word_problems(name: str, path: Path) -> Task:
    def item(row: Row) -> Item:
        gold = row.text("answer")
        if written(gold) is None:
            raise RowError(f"field 'answer' should hold a number, not {shortened(gold)}")
        return Item(id=numbered(name, row), question=row.text("question"), gold=gold)

    rows = read(path)
    items, problems = rows.items(item)
    return Task(
        name=name,
        items=items,
        scorer=NumberScorer(),
        form="number",
        tools=TOOLS,
        digest=rows.digest,
        problems=problems,
    )


def math500(folder: Path) -> Task:
    """Competition problems (Hendrycks et al. 2021), the 500 of Lightman et al. 2023."""

    def item(row: Row) -> Item:
        return Item(id=row.text("unique_id"), question=row.text("problem"), gold=row.text("answer"))

    rows = read(folder / "math500.jsonl")
    items, problems = rows.items(item)
    return Task(
        name="math500",
        items=items,
        scorer=MathsScorer(),
        form="text",
        instruction="Give only the final answer: a number, or an expression in LaTeX.",
        tools=TOOLS,
        digest=rows.digest,
        problems=problems,
    )
