"""Running a task: each item answered and judged, in a folder that survives a kill."""

import asyncio
import hashlib
import platform
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

from agentkit import protocol
from agentkit.agent import Agent
from agentkit.embedding import open_grounding
from agentkit.errors import ConfigurationError, ContextOverflow, GrammarError, MissingExtra, ModelError
from agentkit.evaluate.completions import SAVED
from agentkit.evaluate.corpora import TaskCorpus, open_embedder
from agentkit.evaluate.folder import RunFolder
from agentkit.evaluate.item import Header, Item, Record, Reply, Score
from agentkit.evaluate.outcomes import right
from agentkit.evaluate.strategies import LOOPS, Bench, Repeatable, Strategy, build, find
from agentkit.evaluate.strategies.bench import LIMITS, clockless
from agentkit.evaluate.task import Scorer, Task
from agentkit.limits import Limits
from agentkit.models.model import Model

Told = Callable[[Record], None]
"""Told of each item that is done."""
MODEL_FAILURES = 3
"""Items in a row that the model itself failed on, after which a run stops: the rest would fail as well."""


async def evaluate(
    task: Task,
    model: Model,
    *,
    strategy: str = "agent",
    folder: Path,
    limit: int | None = None,
    seed: int = 0,
    temperature: float = 0.0,
    limits: Limits | None = None,
    tool_settings: Mapping[str, Mapping[str, Any]] | None = None,
    extra_checks: Sequence[str] = (),
    agent: Agent[Any] | None = None,
    parallel: int = 1,
    resume: bool = False,
    settings: Mapping[str, Any] | None = None,
    command: str = "",
    told: Told | None = None,
) -> tuple[Header, list[Record]]:
    """Answer and judge a task's items.

    Args:
        strategy: How items are answered; see `agentkit.evaluate.strategies`.
        folder: Where the run is kept; see `agentkit.evaluate.folder`.
        limit: How many items, drawn by the seed: a smaller limit's are the first of a larger one's.
        temperature: Of strategies that don't draw several replies; 0 is greedy.
        limits: On one run of an agent, by default the agent's own; see `agentkit.evaluate.strategies.bench.clockless`.
        tool_settings: For each tool's name, its settings.
        extra_checks: Names of installed checks to run besides those that ship; an `agent` has its own.
        agent: Whose tools, checks, instructions and refusals a run has, instead of the task's: an assistant, say. Its
            own model isn't asked.
        parallel: Items at the same time. With more than one, sessions aren't repeatable, so that an engine may compute
            them in batches: these shift probabilities by rounding errors, and a few replies may come out otherwise
            (`flips`).
        resume: Go on with the run that the folder has, if it has one; a larger limit adds items to it.
        settings: What else decides the replies, how the model was loaded say; a run isn't resumed with others.
        command: What began the run.

    Raises:
        ConfigurationError: The folder has another run, one of other weights say, or the strategy can't be used on this
            task or with an agent.
        UnknownName: No such check is installed.
        ModelError: The model failed on several items in a row; what is done is kept.
    """
    check(task, strategy, limit=limit, parallel=parallel, agent=agent)
    chosen = drawn(task.items, limit=limit, seed=seed)
    bench = Bench(
        task,
        model,
        seed=seed,
        temperature=temperature,
        limits=limits or (clockless(agent.limits) if agent else LIMITS),
        agent=agent,
        tool_settings=tool_settings or {},
        extra_checks=extra_checks,
    )
    header = Header(
        task=task.name,
        metric=task.metric,
        form=task.form,
        data=task.digest,
        model=model.name,
        weights=model.weights,
        strategy=strategy,
        seed=seed,
        limit=limit,
        ids=tuple(item.id for item in chosen),
        parallel=parallel,
        agentkit=version("agentkit"),
        protocol=protocol.fingerprint(),
        settings={**bench.settings, **(settings or {})},
        machine=f"{platform.system()} {platform.machine()}",
        command=command,
        problems=task.problems,
    )
    with RunFolder.open(folder, header, resume=resume) as run:
        todo = [item for item in chosen if item.id not in run.records]
        async with AsyncExitStack() as stack:
            answer = await set_up(bench, strategy, stack, repeatable=parallel == 1) if todo else None
            failed: list[Record] = []

            async def work(item: Item) -> None:
                assert answer is not None
                try:
                    done = [await one(item, task, answer)]
                except ModelError as error:
                    failed.append(blank(item, task).model_copy(update={"error": told_of(error)}))
                    if len(failed) < MODEL_FAILURES:
                        return
                    raise ModelError(
                        f"the model failed on {len(failed)} items in a row, last on {item.id}: {error}; "
                        "what is done is kept, go on with --resume"
                    ) from error
                done, failed[:] = [*failed, *done], []  # it has recovered: they failed on their own
                keep(done)

            def keep(records: Sequence[Record]) -> None:
                for record in records:
                    run.add(record)
                    if told:
                        told(record)

            if told:
                for record in run.in_order():
                    told(record)
            await each(todo, work, parallel)
            if failed and not run.records:  # too few to be sure, but there is none that the model didn't fail on
                raise ModelError(f"the model failed on every item, last on {failed[-1].id}: {failed[-1].error}")
            keep(failed)
        return run.header, run.in_order()


def check(task: Task, strategy: str, *, limit: int | None, parallel: int, agent: Agent[Any] | None = None) -> None:
    """Complain of what can't be run, before anything slow is done.

    Raises:
        ConfigurationError: The strategy can't be used on this task or with an agent, or a number is less than 1.
    """
    if limit is not None and limit < 1:
        raise ConfigurationError(f"the limit is {limit} items but must be at least 1")
    if parallel < 1:
        raise ConfigurationError(f"parallel is {parallel} but must be at least 1")
    find(strategy, task)
    if agent is not None and not strategy.startswith(LOOPS):
        raise ConfigurationError(f"the strategy {strategy} runs no agent: use agent, agent-unchecked or react")
    if agent is not None and task.form != "text":
        raise ConfigurationError(f"{task.name} isn't answered in words, as this agent answers: load it as form='text'")


async def flips(bench: Bench, records: Sequence[Record], *, strategy: str) -> int:
    """How many of these items are judged otherwise when they are run again one by one."""
    wanted = {record.id: record for record in records}
    async with AsyncExitStack() as stack:
        answer = await set_up(bench, strategy, stack, repeatable=True)
        again = [await one(item, bench.task, answer) for item in bench.task.items if item.id in wanted]
    return sum(right(record) != right(wanted[record.id]) for record in again)


async def set_up(bench: Bench, strategy: str, stack: AsyncExitStack, *, repeatable: bool) -> Strategy:
    """The strategy on this bench, with what it needs; all is given back with the stack."""
    task = bench.task
    embedder = open_embedder() if task.corpus or any(item.passages for item in task.items) else None
    judges = [embedder, *open_grounding()] if embedder else []
    corpus = None
    if task.corpus and embedder:
        corpus = await asyncio.to_thread(TaskCorpus.open, task.corpus, embedder)
        stack.callback(corpus.close)
    if close := getattr(task.scorer, "aclose", None):
        stack.push_async_callback(cast(Callable[[], Awaitable[None]], close))
    model = Repeatable(bench.model) if repeatable else bench.model
    return build(strategy, replace(bench, model=model, corpus=corpus, judges=judges))


def drawn(items: Sequence[Item], *, limit: int | None, seed: int) -> list[Item]:
    """The items of a run, in an order that depends on seed and ids alone: a smaller sample begins a larger one."""
    chosen = sorted(items, key=lambda item: hashlib.sha256(f"{seed}:{item.id}".encode()).digest())
    return chosen[:limit]


async def each(items: Sequence[Item], work: Callable[[Item], Awaitable[None]], parallel: int) -> None:
    """Work on all items, some at a time, begun in order."""
    waiting = iter(items)

    async def worker() -> None:
        for item in waiting:
            await work(item)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(parallel, len(items))):
                group.create_task(worker())
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None


async def one(item: Item, task: Task, answer: Strategy) -> Record:
    """Answer an item and judge it. What crashes is recorded, so that the rest goes on.

    Raises:
        ModelError: The model failed, and not because of this item.
        MissingExtra: The strategy or the scorer needs what isn't installed.
    """
    start = time.monotonic()
    record = blank(item, task)
    remembered: list[float] = []
    SAVED.set(remembered)
    try:
        reply = await answer(item)
    except (ContextOverflow, GrammarError) as error:  # of this item alone
        return record.model_copy(update={"error": told_of(error)})
    except (ModelError, MissingExtra):
        raise
    except Exception as error:  # anyone's tool, check or data; the rest of the items have no part in it
        return record.model_copy(update={"error": told_of(error)})
    took = time.monotonic() - start + sum(remembered)
    reply = reply.model_copy(update={"seconds": reply.seconds + sum(remembered)})
    try:
        score = await task.scorer(item, reply)
        drafts = [
            score if text == reply.text else await judged(item, reply, text, task.scorer) for text in reply.drafts
        ]
    except MissingExtra:
        raise
    except Exception as error:  # a user's scorer
        return record.model_copy(update={"reply": reply, "error": f"not judged: {told_of(error)}"})
    overhead = max(took - reply.usage.seconds - reply.tool_seconds, 0.0)
    return record.model_copy(
        update={"reply": reply, "score": score, "draft_scores": tuple(drafts), "overhead": overhead}
    )


def blank(item: Item, task: Task) -> Record:
    """The record of an item that nothing came of yet."""
    return Record(id=item.id, cluster=item.cluster, answerable=item.answerable, stratum=stratum(item, task))


async def judged(item: Item, reply: Reply, text: str, scorer: Scorer) -> Score:
    """The score of a draft, had it been the answer."""
    return await scorer(item, reply.model_copy(update={"text": text, "status": "unchecked"}))


def stratum(item: Item, task: Task) -> str:
    """What an item counts under in balanced accuracy: its gold choice, else whether it can be answered."""
    if task.form == "choice" and isinstance(item.gold, str) and item.answerable:
        return item.gold
    return ""


def told_of(error: Exception) -> str:
    """An exception in one line."""
    return protocol.one_line(f"{type(error).__name__}: {error}")[:500]
