"""The ten plain tasks with the default model: why it is the default."""

import asyncio

import pytest
from plain_tasks import measure, plain_tasks

from agentkit.models import catalog

ENOUGH = 8
"""Of ten; the default is the smallest model of the catalog that gets so many."""


@pytest.mark.model
@pytest.mark.slow
def test_the_default_model_solves_at_least_eight_of_the_ten_plain_tasks() -> None:
    absent = [name for name in (catalog.DEFAULT, catalog.EMBEDDER) if catalog.locate(name) is None]
    if absent:
        pytest.skip(f"not on this machine: run `agentkit models pull {' '.join(absent)}`")
    assert asyncio.run(measure(catalog.DEFAULT, plain_tasks(), verbose=False)) >= ENOUGH


def test_every_wording_of_the_tasks_is_of_the_same_ten() -> None:
    tasks = {name: plain_tasks(f"{name}.jsonl") for name in ("plain_tasks", "paraphrases", "restated")}
    [keys] = {tuple((task.id, task.kind, task.expect) for task in wording) for wording in tasks.values()}
    assert len(keys) == 10
    assert len({task.task for wording in tasks.values() for task in wording}) == 30
