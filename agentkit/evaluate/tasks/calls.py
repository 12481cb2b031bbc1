"""Function calls of the Berkeley Function-Calling Leaderboard v4, as tasks."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import jsonschema_rs

from agentkit.evaluate.item import Function, Item
from agentkit.evaluate.scorers.calls import score_calls
from agentkit.evaluate.task import Task
from agentkit.evaluate.tasks.data import Row, RowError, read, shortened, together

TYPES = {
    "string": "string",
    "integer": "integer",
    "float": "number",
    "boolean": "boolean",
    "array": "array",
    "tuple": "array",
    "dict": "object",
}
"""JSON Schema's names of BFCL's types. A further one, `any`, is no type."""


def bfcl_simple(data: Path) -> Task:
    """One call of the only function there is: 400 items."""
    return _task("bfcl-simple", data, "simple_python")


def bfcl_multiple(data: Path) -> Task:
    """One call of the right one of two to four functions: 200 items."""
    return _task("bfcl-multiple", data, "multiple")


def bfcl_parallel(data: Path) -> Task:
    """Several calls of the only function: 200 items."""
    return _task("bfcl-parallel", data, "parallel")


def bfcl_parallel_multiple(data: Path) -> Task:
    """Several calls of two to four functions: 200 items."""
    return _task("bfcl-parallel-multiple", data, "parallel_multiple")


def bfcl_irrelevance(data: Path) -> Task:
    """The only function is of no use, so no call is right: 240 items. Never calling anything solves it."""
    return _task("bfcl-irrelevance", data, "irrelevance")


def bfcl_mixed(data: Path) -> Task:
    """`bfcl_simple` and `bfcl_irrelevance` together; neither always nor never calling gets above one half."""
    return _task("bfcl-mixed", data, "simple_python", "irrelevance", metric="balanced accuracy")


def _task(name: str, data: Path, *parts: str, metric: str = "accuracy") -> Task:
    items: list[Item] = []
    problems: list[str] = []
    files: list[Any] = []
    for part in parts:
        questions = read(data / f"bfcl_v4_{part}.jsonl")
        files.append(questions)
        answers: dict[str, Any] | None = None
        if part != "irrelevance":
            gold = read(data / f"bfcl_v4_{part}_answers.jsonl")
            files.append(gold)
            problems += gold.problems
            answers = {row.values["id"]: row.values.get("ground_truth") for row in gold.rows if "id" in row.values}
        made, failed = questions.items(lambda row, answers=answers: _item(row, answers))
        items += made
        problems += failed
    return Task(
        name=name,
        items=items,
        scorer=score_calls,
        form="calls",
        metric=metric,
        digest=together(files),
        problems=tuple(problems),
    )


def _item(row: Row, answers: Mapping[str, Any] | None) -> Item:
    name = row.text("id")
    match row.value("question"):
        case [[{"content": str(question)}]] if question.strip():
            pass
        case _:
            found = shortened(row.value("question"))
            raise RowError(f"field 'question' should hold one turn of one message, not {found}")
    described: list[Any] = row.value("function")
    if not isinstance(cast(object, described), list) or not described:
        raise RowError(f"field 'function' should hold a list of functions, not {shortened(described)}")
    functions = tuple(map(_function, described))
    gold: list[Any] = []
    if answers is not None:
        gold = _gold(answers.get(name), {function.name for function in functions})
    return Item(id=name, question=question, gold=gold, functions=functions, answerable=answers is not None)


def _function(described: Any) -> Function:
    match described:
        case {"name": str(name), "description": str(description), "parameters": {"type": "dict", **rest}}:
            pass
        case _:
            raise RowError(f"describes a function without name, description or parameters: {shortened(described)}")
    parameters = json_schema({"type": "dict", **cast(Mapping[str, Any], rest)})
    try:
        jsonschema_rs.validator_for(parameters)
    except jsonschema_rs.ValidationError as error:
        raise RowError(f"the parameters of {name} can't be described as JSON Schema: {error.message}") from None
    return Function(name=name, description=description, parameters=parameters)


def _gold(calls: Any, names: set[str]) -> list[Any]:
    if not isinstance(calls, list) or not calls:
        raise RowError("has no calls in its file of answers")
    for call in cast(list[Any], calls):
        match call:
            case {**named} if len(named) == 1 and set(cast(Any, named)) <= names:
                [arguments] = cast(dict[str, Any], named).values()
                if isinstance(arguments, dict) and all(
                    isinstance(values, list) for values in cast(dict[str, Any], arguments).values()
                ):
                    continue
            case _:
                pass
        raise RowError(f"its answer is no call of its functions: {shortened(call)}")
    return cast(list[Any], calls)


def json_schema(given: Mapping[str, Any]) -> dict[str, Any]:
    """BFCL's dialect as JSON Schema. Its `optional` says no more than `required` does, and not always."""
    schema = {key: value for key, value in given.items() if key not in ("type", "optional")}
    if (kind := given.get("type", "any")) != "any":
        if kind not in TYPES:
            raise RowError(f"has a parameter of type {shortened(kind)}, which is none of {', '.join(TYPES)}, any")
        schema["type"] = TYPES[kind]
    if "properties" in given:
        schema["properties"] = {name: json_schema(node) for name, node in given["properties"].items()}
    if "items" in given:
        schema["items"] = json_schema(given["items"])
    return schema
