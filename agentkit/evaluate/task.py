"""A task: data, what an agent may use on it, and who judges."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from agentkit.evaluate.item import AnswerForm, Item, Reply, Score

Scorer = Callable[[Item, Reply], Awaitable[Score]]
"""Judges a reply by the item's gold answer. Must not raise for anything a model can write."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """Questions with gold answers, and how they are to be put and judged."""

    name: str
    items: Sequence[Item]
    scorer: Scorer
    form: AnswerForm
    """What an answer is. Decides the grammar of every strategy that answers in one completion."""
    instruction: str = ""
    """Said with each question where the question alone doesn't tell what is wanted, e.g. "Answer yes or no."."""
    tools: tuple[str, ...] = ()
    """Names of installed tools that strategies with tools get: calculator, python, retrieval."""
    corpus: Mapping[str, str] | None = None
    """Documents by source, searched with the retrieval tool; strategies without tools get the best passages
    for the question in their prompt."""
    abstain: bool = False
    """Whether strategies that answer in one completion may say that the question can't be answered."""
    metric: str = "accuracy"
    """The headline figure: `accuracy`, or `balanced accuracy` over `Item.answerable` (or over the gold choice)."""
    digest: str = ""
    """SHA-256 of the data read, so that a run isn't resumed over other data."""
    problems: tuple[str, ...] = ()
    """Lines of the data that couldn't be read, each named with its reason."""
