"""Functions to be written, judged by running them: HumanEval (Chen et al. 2021) and MBPP (Austin et al. 2021).

MBPP comes in MultiPL-E's form (Cassano et al. 2023): a typed signature with the task as its docstring.
"""

import gzip
from collections.abc import Callable
from pathlib import Path

from agentkit.errors import ConfigurationError
from agentkit.evaluate.item import Item
from agentkit.evaluate.scorers.code import CodeScorer, defines, parsed
from agentkit.evaluate.task import Task
from agentkit.evaluate.tasks.data import Row, RowError, Rows, content_of, json_lines, read

INSTRUCTION = "Complete this function. Reply with the whole function as Python code and nothing else."


def humaneval(data: Path) -> Task:
    """164 functions by signature and docstring.

    Raises:
        ConfigurationError: The file can't be read, or the sandbox has no native tier here.
    """
    path = data / "humaneval.jsonl.gz"
    try:
        content = gzip.decompress(content_of(path))
    except (OSError, EOFError) as error:
        raise ConfigurationError(f"{path} isn't a gzip file that can be read: {error}") from None

    def item(row: Row) -> Item:
        entry = row.text("entry_point")
        return _item(row.text("task_id"), row, f"{row.text('test')}\n\ncheck({entry})\n")

    return _task("humaneval", json_lines(path.name, content), item)


def mbpp(data: Path) -> Task:
    """397 short functions by typed signature and a sentence.

    Raises:
        ConfigurationError: The file can't be read, or the sandbox has no native tier here.
    """
    return _task("mbpp", read(data / "mbpp.jsonl"), lambda row: _item(row.text("name"), row, row.text("test")))


def _task(name: str, rows: Rows, item: Callable[[Row], Item]) -> Task:
    items, problems = rows.items(item)
    return Task(
        name=name,
        items=items,
        scorer=CodeScorer(),
        form="code",
        instruction=INSTRUCTION,
        tools=("python",),
        digest=rows.digest,
        problems=problems,
    )


def _item(name: str, row: Row, test: str) -> Item:
    prompt, entry = row.text("prompt"), row.text("entry_point")
    if not defines(prompt, entry):
        raise RowError(f"its prompt is no code that defines {entry}")
    if parsed(test) is None:
        raise RowError("its test is no Python")
    return Item(id=name, question=prompt, gold={"test": test, "entry_point": entry})
