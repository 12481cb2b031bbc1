"""Strategies that draw several replies and keep one: `majority@K` and `best-of-K`."""

import json
import time
from collections.abc import Sequence
from dataclasses import replace

from agentkit.answer import Usage
from agentkit.arithmetic import evaluate as exactly
from agentkit.errors import ExpressionError
from agentkit.evaluate.item import Item, Reply
from agentkit.evaluate.strategies.agents import agent
from agentkit.evaluate.strategies.bench import Bench, Strategy
from agentkit.evaluate.strategies.completion import cot
from agentkit.voting import TEMPERATURE, Ballot, decided, standing


def majority(bench: Bench, k: int) -> Strategy:
    """The commonest answer of K chains of thought (Wang et al. 2022); the first drawn of equally common ones."""
    return drawn(bench, [cot(sampling(bench, i)) for i in range(k)], by_checks=False)


def best_of(bench: Bench, k: int) -> Strategy:
    """`Agent.run` with K draws: of K runs, what the checks support and most say; fewer where that is decided before."""
    return drawn(bench, [agent(sampling(bench, i) if i else bench) for i in range(k)], by_checks=True)


def sampling(bench: Bench, number: int) -> Bench:
    """The bench of one sample: other tokens, everything else the same."""
    return replace(bench, temperature=TEMPERATURE, seed=bench.seed + number)


def drawn(bench: Bench, samplers: Sequence[Strategy], *, by_checks: bool) -> Strategy:
    """Draw from every sampler, by_checks until the outcome is decided, then vote."""

    async def answer(item: Item) -> Reply:
        start = time.monotonic()
        replies = list[Reply]()
        for sampler in samplers:
            replies.append(await sampler(item))
            if by_checks and decided(ballots(bench, replies), len(samplers)):
                break
        chosen, share = vote(bench, replies, by_checks=by_checks)
        return chosen.model_copy(
            update={
                "drafts": tuple(r.text for r in replies if r.text is not None),
                "malformed": sum(r.malformed for r in replies),
                "completions": sum(r.completions for r in replies),
                "confidence": share * (chosen.confidence if by_checks else 1.0),
                "usage": sum((r.usage for r in replies), Usage()),
                "seconds": time.monotonic() - start,
                "tool_seconds": sum(r.tool_seconds for r in replies),
            }
        )

    return answer


def vote(bench: Bench, replies: Sequence[Reply], *, by_checks: bool) -> tuple[Reply, float]:
    """The reply that is kept, and the share of all replies that agree with it."""
    kept, votes = standing(ballots(bench, replies), by_checks=by_checks)
    return replies[kept], votes / len(replies)


def ballots(bench: Bench, replies: Sequence[Reply]) -> list[Ballot]:
    return [Ballot(reply.status, key(bench, reply)) for reply in replies]


def key(bench: Bench, reply: Reply) -> str | None:
    """What two replies that say the same have in common; None for a reply without an answer."""
    if bench.task.form == "calls" and (reply.calls or not reply.malformed):
        return json.dumps([[c.name, dict(c.arguments)] for c in reply.calls], sort_keys=True)
    if reply.text is None:
        return None
    if bench.task.form == "number":
        try:
            return str(exactly(reply.text))
        except ExpressionError:
            pass
    return " ".join(reply.text.casefold().split()).rstrip(".")
