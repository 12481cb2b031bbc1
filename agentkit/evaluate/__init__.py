"""Evaluation: how good is a model with its tools on a task, and what does each part of the loop buy?

    task = load_task("questions.csv")
    header, records = await evaluate(task, model, strategy="agent", folder=Path("runs/agent"))
    print(summarize(header, records).score)

Every public name is here and is imported when it is first used.
"""

from typing import TYPE_CHECKING

from agentkit.lazy import lazy

if TYPE_CHECKING:
    from agentkit.evaluate.comparison import Comparison as Comparison
    from agentkit.evaluate.comparison import compare as compare
    from agentkit.evaluate.folder import find_runs as find_runs
    from agentkit.evaluate.folder import read_run as read_run
    from agentkit.evaluate.item import Function as Function
    from agentkit.evaluate.item import Header as Header
    from agentkit.evaluate.item import Item as Item
    from agentkit.evaluate.item import Record as Record
    from agentkit.evaluate.item import Reply as Reply
    from agentkit.evaluate.item import Score as Score
    from agentkit.evaluate.page import write_page as write_page
    from agentkit.evaluate.runner import evaluate as evaluate
    from agentkit.evaluate.scorers.choice import ChoiceScorer as ChoiceScorer
    from agentkit.evaluate.scorers.numbers import NumberScorer as NumberScorer
    from agentkit.evaluate.scorers.text import TextScorer as TextScorer
    from agentkit.evaluate.summary import Summary as Summary
    from agentkit.evaluate.summary import summarize as summarize
    from agentkit.evaluate.task import Scorer as Scorer
    from agentkit.evaluate.task import Task as Task
    from agentkit.evaluate.tasks import load_task as load_task

_HOMES = {
    "agentkit.evaluate.comparison": ["Comparison", "compare"],
    "agentkit.evaluate.folder": ["find_runs", "read_run"],
    "agentkit.evaluate.item": ["Function", "Header", "Item", "Record", "Reply", "Score"],
    "agentkit.evaluate.page": ["write_page"],
    "agentkit.evaluate.runner": ["evaluate"],
    "agentkit.evaluate.scorers.choice": ["ChoiceScorer"],
    "agentkit.evaluate.scorers.numbers": ["NumberScorer"],
    "agentkit.evaluate.scorers.text": ["TextScorer"],
    "agentkit.evaluate.summary": ["Summary", "summarize"],
    "agentkit.evaluate.task": ["Scorer", "Task"],
    "agentkit.evaluate.tasks": ["load_task"],
}
__getattr__, __dir__ = lazy(__name__, _HOMES)

__all__ = [  # pyright: ignore[reportUnsupportedDunderAll]
    "ChoiceScorer",
    "Comparison",
    "Function",
    "Header",
    "Item",
    "NumberScorer",
    "Record",
    "Reply",
    "Score",
    "Scorer",
    "Summary",
    "Task",
    "TextScorer",
    "compare",
    "evaluate",
    "find_runs",
    "load_task",
    "read_run",
    "summarize",
    "write_page",
]
