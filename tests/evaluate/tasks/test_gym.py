"""Tasks of reasoning-gym are judged by its own verifiers, which no reply can hang or use."""

import asyncio
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

from agentkit.errors import ConfigurationError, MissingExtra, UnknownName
from agentkit.evaluate.item import Reply, Score
from agentkit.evaluate.scorers import gym as judging
from agentkit.evaluate.scorers.gym import Gym
from agentkit.evaluate.task import Task
from agentkit.evaluate.tasks.gym import gym

needs_gym = pytest.mark.skipif(find_spec("reasoning_gym") is None, reason="reasoning-gym isn't installed")


def judge(task: Task, index: int, text: str | None) -> Score:
    async def judged() -> Score:
        return await task.scorer(task.items[index], Reply(status="unchecked", text=text))

    return asyncio.run(judged())


def answer(task: Task, index: int) -> str:
    gold = task.items[index].gold
    assert isinstance(gold, dict)
    return str(gold["answer"])


@pytest.fixture(scope="module")
def queens() -> Task:
    """Its verifier gives what isn't a board to `eval`."""
    return gym("n_queens", size=2, seed=3)


@needs_gym
def test_items_are_the_same_for_the_same_seed_in_any_process(queens: Task):
    again, other = (gym("n_queens", size=2, seed=seed) for seed in (3, 4))
    assert again.items == queens.items
    assert again.digest == queens.digest
    assert [item.question for item in other.items] != [item.question for item in queens.items]
    assert [item.id for item in again.items] == ["n_queens-3-0", "n_queens-3-1"]
    assert again.name == "gym:n_queens"


@needs_gym
def test_the_datasets_own_verifier_judges(queens: Task):
    for index in range(2):
        score = judge(queens, index, answer(queens, index))
        assert (score.right, score.value) == (True, 1)
    assert not judge(queens, 0, answer(queens, 0).replace("Q", "_")).right
    partial = judge(queens, 0, "no board")
    assert not partial.right
    assert 0 <= partial.value < 1
    assert judge(queens, 0, None).reason == "no answer: unchecked"


@needs_gym
def test_other_right_answers_than_the_named_one_are_right():
    task = gym("countdown", size=1, seed=1)
    assert judge(task, 0, answer(task, 0)).right
    assert judge(task, 0, f"({answer(task, 0)})").right


@needs_gym
def test_a_text_that_the_verifier_evaluates_reaches_nothing(queens: Task, tmp_path: Path):
    marked = tmp_path / "marked"
    for hostile in (
        f"open({str(marked)!r}, 'w').write('x')",
        f"__import__('os').system('touch {marked}')",
        f"__import__('os').mkdir({str(marked)!r})",
        "__import__('socket').create_connection(('127.0.0.1', 9))",
        "__import__('os')._exit(0)",
        "__import__('os').kill(__import__('os').getppid(), 9)",
        "(" * 5000,
    ):
        assert not judge(queens, 0, hostile).right
    assert list(tmp_path.iterdir()) == []
    assert judge(queens, 0, answer(queens, 0)).right


@needs_gym
def test_a_text_that_hangs_the_verifier_is_wrong_in_time():
    scorer = Gym("n_queens", size=1, seed=0, seconds=1)
    [item] = scorer.items()
    start = time.monotonic()
    score = asyncio.run(scorer(item, Reply(status="unchecked", text="[0 for _ in iter(int, 1)]")))
    assert score.reason.startswith("could not be judged in 1 s")
    assert time.monotonic() - start < 20
    asyncio.run(scorer.aclose())


@needs_gym
def test_what_cannot_be_made_is_an_error():
    with pytest.raises(UnknownName, match=r"no dataset of reasoning-gym named 'n_kings'; there are: .*n_queens"):
        gym("n_kings", size=1, seed=0)
    with pytest.raises(ConfigurationError, match=r"can't make 1 items of 'composite', seed 0: .*at least one dataset"):
        gym("composite", size=1, seed=0)
    with pytest.raises(ConfigurationError, match="needs at least one item, not 0"):
        gym("n_queens", size=0, seed=0)
    with pytest.raises(ConfigurationError, match="'game_of_life_halting' takes 'no idea' for right"):
        gym("game_of_life_halting", size=5, seed=7)


def test_without_the_package_its_extra_is_named(monkeypatch: pytest.MonkeyPatch):
    def nowhere(name: str) -> None:
        return None

    monkeypatch.setattr(judging, "find_spec", nowhere)
    with pytest.raises(MissingExtra, match=r"pip install 'agentkit\[gym\]'"):
        gym("n_queens", size=1, seed=0)
