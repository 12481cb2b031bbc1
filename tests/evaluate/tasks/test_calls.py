"""Tasks of BFCL: every function can be offered as a tool, and what the gold answers say is right."""

import asyncio
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from agentkit.errors import ConfigurationError
from agentkit.evaluate.item import Called, Item, Reply, Score
from agentkit.evaluate.task import Task
from agentkit.evaluate.tasks.calls import (
    bfcl_irrelevance,
    bfcl_mixed,
    bfcl_multiple,
    bfcl_parallel,
    bfcl_parallel_multiple,
    bfcl_simple,
)
from agentkit.tools import Tool

DATA = Path(os.environ.get("AGENTKIT_SHARED") or Path(__file__).parents[4] / "shared") / "data/eval"
needs_data = pytest.mark.skipif(
    not DATA.is_dir(), reason=f"no {DATA}; AGENTKIT_SHARED may name the folder above `data`"
)
COUNTS = {
    bfcl_simple: 400,
    bfcl_multiple: 200,
    bfcl_parallel: 200,
    bfcl_parallel_multiple: 200,
    bfcl_irrelevance: 240,
    bfcl_mixed: 640,
}


def gold_reply(item: Item) -> Reply:
    """The first right value of each argument; what may be left out, left out, unless the schema requires it."""
    required = {function.name: function.parameters["required"] for function in item.functions}

    def first(value: Any) -> Any:
        if isinstance(value, dict):
            fields = cast(Mapping[str, list[Any]], value)
            return {key: first(values[0]) for key, values in fields.items() if "" not in values}
        return [first(element) for element in cast(list[Any], value)] if isinstance(value, list) else value

    calls: list[Called] = []
    for call in cast(list[dict[str, dict[str, list[Any]]]], item.gold):
        [(name, arguments)] = call.items()
        given = {k: values for k, values in arguments.items() if "" not in values or k in required[name]}
        chosen = {key: first(next((v for v in values if v != ""), "")) for key, values in given.items()}
        calls.append(Called(name=name, arguments=chosen))
    return Reply(status="unchecked", text="", calls=tuple(calls))


def judge(task: Task, item: Item, reply: Reply) -> Score:
    async def judged() -> Score:
        return await task.scorer(item, reply)

    return asyncio.run(judged())


@needs_data
@pytest.mark.parametrize("make", COUNTS, ids=lambda make: make.__name__)
def test_all_rows_become_items_that_their_gold_answers_solve(make: Any):
    task: Task = make(DATA)
    assert len(task.items) == COUNTS[make]
    assert len({item.id for item in task.items}) == len(task.items)
    assert task.problems == ()
    assert task.form == "calls"
    for item in task.items:
        for function in item.functions:
            Tool.from_schema(function.name, function.description, function.parameters, print)
        score = judge(task, item, gold_reply(item))
        assert score.right, (item.id, score.reason)


@needs_data
def test_a_call_is_wrong_where_none_is_right_and_none_where_one_is():
    task = bfcl_mixed(DATA)
    assert task.metric == "balanced accuracy"
    silent = Reply(status="abstained")
    for item in task.items:
        assert judge(task, item, silent).right == (not item.answerable)
        eager = Reply(status="unchecked", text="", calls=(Called(name=item.functions[0].name, arguments={}),))
        score = judge(task, item, eager)
        assert score.right == (score.reason == "right")
        assert not score.right or item.answerable
    assert {item.answerable for item in task.items} == {True, False}


FUNCTION = {
    "name": "geo.area",
    "description": "Area.",
    "parameters": {
        "type": "dict",
        "properties": {
            "size": {"type": "tuple", "items": {"type": "float"}, "description": "Both.", "optional": True},
            "kind": {"type": "any"},
            "more": {"type": "dict", "properties": {"deep": {"type": "float"}}},
        },
        "required": ["size"],
    },
}
GOOD = {"id": "good", "question": [[{"role": "user", "content": "Area?"}]], "function": [FUNCTION]}
ANSWER = {"id": "good", "ground_truth": [{"geo.area": {"size": [[1.0, 2.0]]}}]}


def write(folder: Path, rows: list[Any], answers: list[Any]) -> Path:
    for part, content in (("", rows), ("_answers", answers)):
        lines = "".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in content)
        (folder / f"bfcl_v4_simple_python{part}.jsonl").write_text(lines)
    return folder


def test_types_of_bfcl_become_those_of_json_schema_and_names_stay(tmp_path: Path):
    [item] = bfcl_simple(write(tmp_path, [GOOD], [ANSWER])).items
    [function] = item.functions
    assert function.name == "geo.area"
    assert function.parameters == {
        "type": "object",
        "properties": {
            "size": {"type": "array", "items": {"type": "number"}, "description": "Both."},
            "kind": {},
            "more": {"type": "object", "properties": {"deep": {"type": "number"}}},
        },
        "required": ["size"],
    }


def test_rows_that_cannot_be_used_are_named_and_the_rest_is_read(tmp_path: Path):
    other = json.loads(json.dumps(FUNCTION).replace('"any"', '"complex"'))
    rows = [
        GOOD,
        "no json",
        {"id": "a"},
        {**GOOD, "id": "b", "question": "Area?"},
        {**GOOD, "id": "c", "function": []},
        {**GOOD, "id": "d", "function": [{"name": "f"}]},
        {**GOOD, "id": "e", "function": [other]},
        {**GOOD, "id": "f"},
        {**GOOD, "id": "g"},
    ]
    task = bfcl_simple(write(tmp_path, rows, [ANSWER, {"id": "g", "ground_truth": [{"geo.volume": {}}]}]))
    assert [item.id for item in task.items] == ["good"]
    told = [problem.partition(" ") for problem in task.problems]
    assert [where for where, _, _ in told] == [f"bfcl_v4_simple_python.jsonl:{line}" for line in range(2, 10)]
    for (_, _, said), expected in zip(
        told,
        [
            "isn't JSON",
            "has no field 'question'",
            "should hold one turn of one message, not 'Area?'",
            "should hold a list of functions",
            "describes a function without name, description or parameters",
            "has a parameter of type 'complex'",
            "has no calls in its file of answers",
            "its answer is no call of its functions",
        ],
        strict=True,
    ):
        assert expected in said


def test_data_of_which_nothing_can_be_used_is_an_error(tmp_path: Path):
    with pytest.raises(ConfigurationError, match="holds no row that can be used"):
        bfcl_simple(write(tmp_path, [GOOD], []))
    with pytest.raises(ConfigurationError, match="can't be read"):
        bfcl_irrelevance(tmp_path)


def test_the_digest_tells_data_apart(tmp_path: Path):
    first = bfcl_simple(write(tmp_path, [GOOD], [ANSWER])).digest
    assert bfcl_simple(tmp_path).digest == first
    changed = {"id": "good", "ground_truth": [{"geo.area": {"size": [[1.0, 3.0]]}}]}
    assert bfcl_simple(write(tmp_path, [GOOD], [changed])).digest != first
