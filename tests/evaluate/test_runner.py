"""Running a task: what one item can't do to the others, and what a dead model can't do to what is done."""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentkit.answer import Usage
from agentkit.errors import ConfigurationError, ContextOverflow, EndpointError, MissingExtra, ModelError
from agentkit.evaluate.folder import read_run
from agentkit.evaluate.item import Function, Item, Record, Reply, Score
from agentkit.evaluate.runner import drawn, flips
from agentkit.evaluate.scorers.numbers import NumberScorer
from agentkit.evaluate.strategies import NAMES, Bench
from agentkit.evaluate.summary import summarize
from agentkit.models.identity import sha256
from agentkit.models.model import Completion, Grammar, Message
from agentkit.models.openai import OpenAI
from agentkit.models.scripted import ScriptedModel

from .making import LIGHT, Replies, Watched, adds, number_in, redrafts, run, sums, untimed

BROKEN = LIGHT.model_copy(update={"parameters": {"type": "object", "properties": 7}})
UNKNOWN = LIGHT.model_copy(update={"parameters": {"type": "object", "properties": {"a": {"not": {"type": "null"}}}}})


def failing(on: Sequence[int], error: Exception) -> Replies:
    """As `adds`, but some of the sums raise."""

    def reply(messages: Sequence[Message], grammar: Grammar | None) -> Any:
        if number_in(messages) in on:
            raise error
        return adds(messages, grammar)

    return reply


def numbers(records: Sequence[Record]) -> list[int]:
    return [int(record.id.removeprefix("sum-")) for record in records]


@pytest.mark.parametrize("strategy", ["direct", "agent", "react", "agent-unchecked", "majority@3", "best-of-3"])
def test_a_right_model_is_right(tmp_path: Path, strategy: str) -> None:
    header, records = run(sums(4), ScriptedModel(adds), tmp_path, strategy=strategy)
    assert [r.score and r.score.right for r in records] == [True] * 4
    assert (header.strategy, header.ids) == (strategy, tuple(r.id for r in records))
    assert read_run(tmp_path) == (header, records)


@pytest.mark.parametrize("strategy", ["direct", "cot", "agent", "majority@2", "best-of-2"])
def test_no_item_depends_on_those_before_it(tmp_path: Path, strategy: str) -> None:
    watched = Watched(ScriptedModel(adds))
    run(sums(2), watched, tmp_path, strategy=strategy)
    assert watched.repeatable == {True}


# Items that go wrong


@pytest.mark.parametrize("strategy", ["direct", "agent"])
@pytest.mark.parametrize(
    ("error", "named"),
    [
        (ContextOverflow(needed=9000, context=4096), "ContextOverflow: the transcript needs 9000 tokens"),
        (ValueError("a bug\nin somebody's code"), "ValueError: a bug in somebody's code"),
        (KeyError("x"), "KeyError: 'x'"),
    ],
)
def test_an_item_that_crashes_the_strategy_is_named_and_wrong_and_the_rest_goes_on(
    tmp_path: Path, strategy: str, error: Exception, named: str
) -> None:
    header, records = run(sums(6), ScriptedModel(failing([1, 4], error)), tmp_path, strategy=strategy)
    assert {r.id for r in records if r.error.startswith(named)} == {"sum-1", "sum-4"}
    assert all(r.reply is None and r.score is None for r in records if r.error)
    found = summarize(header, records)
    assert (found.n, found.crashed, found.accuracy and found.accuracy.value) == (6, 2, pytest.approx(4 / 6))
    assert set(found.errors) == {"sum-1", "sum-4"}
    watched = Watched(ScriptedModel(adds))
    run(sums(6), watched, tmp_path, strategy=strategy, resume=True)
    assert watched.asked == [], "what crashed is done"


@pytest.mark.parametrize(
    ("strategy", "function", "named"),
    [
        ("direct", BROKEN, "DefinitionError: the schema of tool 'light' is not JSON Schema"),
        ("agent", BROKEN, "DefinitionError: the schema of tool 'light' is not JSON Schema"),
        ("direct", UNKNOWN, "GrammarError: the grammar can't be used"),
        ("agent", UNKNOWN, "DefinitionError: tool 'light': a model can't write its arguments"),
    ],
)
def test_an_item_with_an_impossible_function_is_named(
    tmp_path: Path, strategy: str, function: Function, named: str
) -> None:
    items = [
        Item(id="bad", question="Light?", gold="1", functions=(function,)),
        Item(id="good", question="Light?", gold="1", functions=(LIGHT,)),
    ]

    def reply(_messages: Sequence[Message], grammar: Grammar | None) -> Any:
        schema = str(grammar and grammar.json_schema)
        if "'plan'" in schema:
            return {"plan": []}
        return {"give_up": {"reason": "no tool fits the task"}} if "give_up" in schema else {"calls": []}

    # As a real engine would: a scripted model asks llguidance only whether its reply is admitted.
    _, records = run(sums(0, items=items, form="calls"), ScriptedModel(reply), tmp_path, strategy=strategy)
    bad, good = sorted(records, key=lambda record: record.id)
    assert bad.error.startswith(named)
    assert good.reply is not None


def test_a_tool_that_raises_is_something_that_the_model_reads(tmp_path: Path, broken_tool: str) -> None:
    def reply(messages: Sequence[Message], grammar: Grammar | None) -> Any:
        schema = str(grammar and grammar.json_schema)
        if "'plan'" in schema:
            return {"plan": []}
        if "unlucky failed" in messages[-1].content:
            return {"give_up": {"reason": "the tools failed"}}
        return {"tool": broken_tool, "arguments": {"text": "x"}}

    _, records = run(sums(2, tools=(broken_tool,)), ScriptedModel(reply), tmp_path, strategy="agent")
    assert [r.error for r in records] == ["", ""]
    assert [r.reply and r.reply.status for r in records] == ["abstained"] * 2
    assert all(r.reply and "bad luck" in r.reply.calls[0].error for r in records)


@pytest.fixture
def broken_tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An installed tool that raises."""
    site = tmp_path / "site"
    info = site / "runner_test_tools-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "runner_test_tools.py").write_text(
        "from agentkit.tools import tool\n\n@tool\ndef unlucky(text: str) -> str:\n"
        '    """Raises."""\n    raise RuntimeError("bad luck")\n'
    )
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: runner-test-tools\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[agentkit.tools]\nunlucky = runner_test_tools:unlucky\n")
    monkeypatch.setattr(sys, "path", [str(site), *sys.path])
    return "unlucky"


def test_a_scorer_that_raises_spoils_only_its_item_and_the_reply_is_kept(tmp_path: Path) -> None:
    async def scorer(item: Item, reply: Reply) -> Score:
        if item.id == "sum-2":
            raise ZeroDivisionError("of the scorer")
        return await NumberScorer()(item, reply)

    header, records = run(sums(5, scorer=scorer), ScriptedModel(adds), tmp_path, strategy="direct")
    (spoilt,) = [r for r in records if r.error]
    assert (spoilt.id, spoilt.error) == ("sum-2", "not judged: ZeroDivisionError: of the scorer")
    assert spoilt.reply is not None
    assert spoilt.reply.text == "4"
    found = summarize(header, records)
    assert (found.n, found.accuracy and found.accuracy.value, found.unjudged) == (5, 0.8, 1)
    assert found.errors == {"sum-2": spoilt.error}


def test_what_is_not_installed_stops_the_run_since_no_item_is_to_blame(tmp_path: Path) -> None:
    async def scorer(item: Item, reply: Reply) -> Score:
        raise MissingExtra("judging", extra="evaluate")

    with pytest.raises(MissingExtra):
        run(sums(3, scorer=scorer), ScriptedModel(adds), tmp_path, strategy="direct")
    assert read_run(tmp_path)[1] == []


# A model that fails


def test_a_run_is_not_gone_on_with_by_other_weights_of_the_same_name(tmp_path: Path) -> None:
    file = tmp_path / "model.gguf"

    def model() -> ScriptedModel:
        made = ScriptedModel(adds)
        made.place = file
        return made

    file.write_text("one")
    header, _ = run(sums(1), model(), tmp_path / "run", strategy="direct")
    assert header.weights == sha256(file)
    run(sums(2), model(), tmp_path / "run", strategy="direct", resume=True)
    file.write_text("another")
    with pytest.raises(ConfigurationError, match=r"has a run of other weights called scripted .*name another folder"):
        run(sums(2), model(), tmp_path / "run", strategy="direct", resume=True)


def test_a_dead_model_stops_the_run_and_its_items_are_run_again_by_resume(tmp_path: Path) -> None:
    task = sums(10)
    order = numbers(run(task, ScriptedModel(adds), tmp_path / "whole", strategy="direct")[1])
    dead = Watched(ScriptedModel(failing(order[4:], EndpointError("connection refused"))))
    with pytest.raises(ModelError, match=f"failed on 3 items in a row, last on sum-{order[6]}: connection refused"):
        run(task, dead, tmp_path / "run", strategy="direct")
    assert len(dead.asked) == 7
    assert numbers(read_run(tmp_path / "run")[1]) == order[:4]

    alive = Watched(ScriptedModel(adds))
    _, records = run(task, alive, tmp_path / "run", strategy="direct", resume=True)
    assert len(alive.asked) == 6
    assert untimed(records) == untimed(read_run(tmp_path / "whole")[1])


def test_a_real_endpoint_that_is_not_there_stops_the_run(tmp_path: Path) -> None:
    gone = OpenAI("http://127.0.0.1:9/v1", model="m", backoff=0.001)
    with pytest.raises(ModelError, match="failed on 3 items in a row"):
        run(sums(5), gone, tmp_path, strategy="direct")
    assert read_run(tmp_path)[1] == []


@pytest.mark.parametrize("count", [1, 2])
def test_a_run_whose_every_item_the_model_failed_on_is_no_result(tmp_path: Path, count: int) -> None:
    dead = ScriptedModel(failing(range(count), EndpointError("connection refused")))
    with pytest.raises(ModelError, match="connection refused"):
        run(sums(count), dead, tmp_path, strategy="direct")
    assert read_run(tmp_path)[1] == []


def test_a_model_that_recovers_failed_on_those_items_alone(tmp_path: Path) -> None:
    task = sums(8)
    order = numbers(run(task, ScriptedModel(adds), tmp_path / "whole", strategy="direct")[1])
    bad = [order[0], order[1], order[4], order[7]]
    _, records = run(task, ScriptedModel(failing(bad, EndpointError("hiccup"))), tmp_path / "run", strategy="direct")
    assert {r.id for r in records if r.error == "EndpointError: hiccup"} == {f"sum-{n}" for n in bad}
    assert len(records) == 8


# What can't be run


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"limit": 0}, "the limit is 0 items but must be at least 1"),
        ({"limit": -3}, "the limit is -3 items"),
        ({"parallel": 0}, "parallel is 0 but must be at least 1"),
        ({"strategy": "best"}, f"no strategy named 'best'; there are: {', '.join(NAMES)}"),
        ({"strategy": "majority@0"}, "majority@0 draws 0 replies; draw 1 to 64"),
    ],
)
def test_what_cannot_be_run_is_refused_before_a_folder_is_made(
    tmp_path: Path, options: dict[str, Any], named: str
) -> None:
    with pytest.raises(ConfigurationError) as raised:
        run(sums(3), ScriptedModel(adds), tmp_path / "run", **options)
    assert named in str(raised.value)
    assert not (tmp_path / "run").exists()


# Drawing


@given(st.integers(1, 60), st.integers(0, 70), st.integers(0, 70), st.integers(0, 2**40))
def test_a_smaller_sample_begins_a_larger_one_whatever_the_order_of_the_data(
    count: int, a: int, b: int, seed: int
) -> None:
    items = sums(count).items
    small, large = (drawn(items, limit=limit, seed=seed) for limit in sorted((a, b)))
    assert large[: len(small)] == small
    assert len(large) == min(count, max(a, b))
    assert drawn(list(reversed(items)), limit=max(a, b), seed=seed) == large
    assert sorted(i.id for i in drawn(items, limit=None, seed=seed)) == sorted(i.id for i in items)


def test_another_seed_draws_others() -> None:
    items = sums(200).items
    one, other = ({i.id for i in drawn(items, limit=50, seed=seed)} for seed in (0, 1))
    assert 0 < len(one & other) < 30, "a quarter is to be expected"


# Several at a time


@pytest.mark.parametrize("strategy", ["direct", "agent"])
def test_in_parallel_every_item_is_run_once_and_no_more_at_a_time_than_asked(tmp_path: Path, strategy: str) -> None:
    _, alone = run(sums(12), ScriptedModel(redrafts), tmp_path / "1", strategy=strategy)
    watched = Watched(ScriptedModel(redrafts))
    _, records = run(sums(12), watched, tmp_path / "4", strategy=strategy, parallel=4)
    assert untimed(records) == untimed(alone)
    assert watched.most == 4
    assert watched.repeatable == {False}, "an engine may compute them together"


def test_flips_are_the_items_that_are_judged_otherwise_alone(tmp_path: Path) -> None:
    def wrong(on: Sequence[int]) -> ScriptedModel:
        return ScriptedModel(lambda m, _: {"answer": 2 * number_in(m) + (number_in(m) in on)})

    task = sums(8)
    _, records = run(task, wrong([1, 2]), tmp_path, strategy="direct", parallel=2)
    assert asyncio.run(flips(Bench(task, wrong([1, 2])), records, strategy="direct")) == 0
    assert asyncio.run(flips(Bench(task, wrong([2, 3, 4])), records, strategy="direct")) == 3
    assert asyncio.run(flips(Bench(task, wrong(range(8))), records[:0], strategy="direct")) == 0
    crashed = ScriptedModel(failing([1, 5], ValueError("no")))
    found = asyncio.run(flips(Bench(task, crashed), records, strategy="direct"))
    assert found == 2, "2 is right now and 5 isn't; that 1 crashed leaves it wrong"


# What is told and given back


class Closing(NumberScorer):
    closed = 0

    async def aclose(self) -> None:
        self.closed += 1


def test_a_scorer_is_closed_whatever_becomes_of_the_run(tmp_path: Path) -> None:
    scorer = Closing()
    run(sums(2, scorer=scorer), ScriptedModel(adds), tmp_path / "a", strategy="direct")
    assert scorer.closed == 1
    with pytest.raises(ModelError):
        run(sums(9, scorer=scorer), ScriptedModel([]), tmp_path / "b", strategy="direct")
    assert scorer.closed == 2


def test_whoever_watches_is_told_of_each_item_and_after_a_resume_first_of_those_done(tmp_path: Path) -> None:
    told: list[str] = []

    def tell(record: Record) -> None:
        told.append(record.id)

    run(sums(6), ScriptedModel(adds), tmp_path, strategy="direct", limit=4, told=tell)
    _, records = run(sums(6), ScriptedModel(adds), tmp_path, strategy="direct", resume=True, told=tell)
    ids = [r.id for r in records]
    assert told == [*ids[:4], *ids]


def test_settings_of_tools_that_a_task_has_not_are_for_other_tasks(tmp_path: Path) -> None:
    settings = {"python": {"seconds": 1.0}}
    _, records = run(sums(1), ScriptedModel(adds), tmp_path, strategy="agent", tool_settings=settings)
    assert [(r.error, r.score and r.score.right) for r in records] == [("", True)]


def test_drafts_are_judged_one_by_one(tmp_path: Path) -> None:
    _, records = run(sums(2), ScriptedModel(redrafts), tmp_path, strategy="agent")
    assert [[s.right for s in r.draft_scores] for r in records] == [[False, True]] * 2
    assert [r.score and r.score.right for r in records] == [True, True]


def test_the_overhead_is_neither_the_model_nor_the_tools(tmp_path: Path) -> None:
    def slow(messages: Sequence[Message], _: Grammar | None) -> Completion:
        return Completion(
            text=f'{{"answer":{2 * number_in(messages)}}}', finish="stop", usage=Usage(generated=3, seconds=9.0)
        )

    _, records = run(sums(2), ScriptedModel(slow), tmp_path, strategy="direct")
    assert [r.overhead for r in records] == [0.0, 0.0], "the model says that it took longer than the item did"
    assert all(r.reply and r.reply.usage.seconds == 9.0 for r in records)


def test_items_are_counted_by_their_gold_choice_or_by_whether_they_can_be_answered(tmp_path: Path) -> None:
    items = [
        Item(id="a", question="What is 1 ?", gold="yes", choices=("yes", "no")),
        Item(id="b", question="What is 2 ?", gold=None, choices=("yes", "no"), answerable=False),
    ]
    task = sums(0, items=items, form="choice")
    _, records = run(task, ScriptedModel([{"answer": "yes"}] * 2), tmp_path, strategy="direct")
    assert {r.id: (r.stratum, r.answerable) for r in records} == {"a": ("yes", True), "b": ("", False)}
