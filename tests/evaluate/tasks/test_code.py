"""Programming tasks: the published solutions are right, and a function that returns nothing is not."""

import asyncio
import gzip
import json
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from agentkit import sandbox
from agentkit.errors import ConfigurationError
from agentkit.evaluate.item import Item, Reply, Score
from agentkit.evaluate.task import Task
from agentkit.evaluate.tasks.code import humaneval, mbpp

DATA = Path(os.environ.get("AGENTKIT_SHARED") or Path(__file__).parents[4] / "shared") / "data/eval"
needs_data = pytest.mark.skipif(
    not DATA.is_dir(), reason=f"no {DATA}; AGENTKIT_SHARED may name the folder above `data`"
)
native = any(tier.native and not tier.unavailable() for tier in sandbox.tiers().values())
pytestmark = pytest.mark.skipif(not native, reason="the sandbox has no native tier on this machine")


def judge(task: Task, items: Sequence[Item], texts: Sequence[str]) -> list[Score]:
    """Two at a time."""

    async def all_of_them() -> list[Score]:
        free = asyncio.Semaphore(2)

        async def one(item: Item, text: str) -> Score:
            async with free:
                return await task.scorer(item, Reply(status="unchecked", text=text))

        return list(await asyncio.gather(*map(one, items, texts)))

    return asyncio.run(all_of_them())


def wrong(items: Sequence[Item], scores: Sequence[Score]) -> list[tuple[str, str]]:
    return [(item.id, score.reason) for item, score in zip(items, scores, strict=True) if not score.right]


@needs_data
def test_humanevals_own_solutions_are_right_all_of_them():
    task = humaneval(DATA)
    assert (len(task.items), task.problems, task.form) == (164, (), "code")
    with gzip.open(DATA / "humaneval.jsonl.gz", "rt") as file:
        bodies = {row["task_id"]: row["canonical_solution"] for row in map(json.loads, file)}
    whole = [item.question + bodies[item.id] for item in task.items]
    assert wrong(task.items, judge(task, task.items, whole)) == []
    some = task.items[::20]
    assert wrong(some, judge(task, some, [bodies[item.id] for item in some])) == []


def stub(item: Item) -> str:
    assert isinstance(item.gold, dict)
    return f"def {item.gold['entry_point']}(*arguments):\n    return None\n"


@needs_data
@pytest.mark.parametrize("make", [humaneval, mbpp])
def test_a_stub_is_wrong(make: type):
    task: Task = make(DATA)
    some = task.items[::20]
    assert len(wrong(some, judge(task, some, [stub(item) for item in some]))) == len(some)


@needs_data
def test_mbpp_is_read_whole_and_can_be_solved():
    task = mbpp(DATA)
    assert (len(task.items), task.problems) == (397, ())
    [cube] = [item for item in task.items if item.id == "mbpp_234_volume_cube"]
    [score] = judge(task, [cube], ["```python\ndef volume_cube(l):\n    return l ** 3\n```"])
    assert score.right


ROW = {"name": "one", "prompt": "def f(n):\n    'One more.'\n", "entry_point": "f", "test": "assert f(1) == 2"}


def test_rows_that_cannot_be_used_are_named_and_the_rest_is_read(tmp_path: Path):
    broken = [
        {**ROW, "prompt": "def f("},
        {**ROW, "entry_point": "g"},
        {**ROW, "test": "assert ("},
        {**ROW, "test": ""},
    ]
    (tmp_path / "mbpp.jsonl").write_text("\n".join(map(json.dumps, [ROW, *broken])))
    task = mbpp(tmp_path)
    assert [item.id for item in task.items] == ["one"]
    assert task.problems == (
        "mbpp.jsonl:2 its prompt is no code that defines f",
        "mbpp.jsonl:3 its prompt is no code that defines g",
        "mbpp.jsonl:4 its test is no Python",
        "mbpp.jsonl:5 field 'test' is empty",
    )
    assert wrong(task.items, judge(task, task.items, ["def f(n):\n    return n + 1"])) == []


def test_a_file_that_is_not_gzip_is_an_error(tmp_path: Path):
    (tmp_path / "humaneval.jsonl.gz").write_text(json.dumps(ROW))
    with pytest.raises(ConfigurationError, match=r"humaneval\.jsonl\.gz isn't a gzip file that can be read"):
        humaneval(tmp_path)


def test_without_a_native_tier_the_task_cannot_be_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "mbpp.jsonl").write_text(json.dumps(ROW))

    def unavailable(self: sandbox.Tier) -> str:
        return "not on this machine"

    monkeypatch.setattr(sandbox.Tier, "unavailable", unavailable)
    with pytest.raises(
        ConfigurationError, match="code is judged in a native tier of the sandbox, and none can be used"
    ):
        mbpp(tmp_path)
