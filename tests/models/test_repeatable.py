"""A repeatable session computes the same whatever ran before it."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from agentkit.models.llamacpp import LlamaCpp
from agentkit.models.model import Message, Sampling

pytestmark = pytest.mark.model

RULES = Message(role="system", content="You answer questions about rivers in one sentence. " * 20)
QUESTIONS = (
    "How long is the river Nile in kilometres, and how many countries does it pass?",
    "How long is the river Rhine in kilometres?",
    "Who drew the first map of it?",
)


async def asked(model: LlamaCpp, question: str, *, repeatable: bool) -> tuple[list[float], int]:
    async with model.session(repeatable=repeatable) as session:
        sampling = Sampling(max_tokens=12, logprobs=1)
        completion = await session.generate([RULES, Message(role="user", content=question)], sampling=sampling)
    return [token.logprob for token in completion.logprobs], completion.usage.cached


def probabilities(path: Path, order: Sequence[int], *, repeatable: bool) -> dict[int, list[float]]:
    async def ask_all() -> dict[int, list[float]]:
        async with await LlamaCpp.load(path, context=1024, parallel=1, threads=1) as model:
            return {n: (await asked(model, QUESTIONS[n], repeatable=repeatable))[0] for n in order}

    return asyncio.run(ask_all())


def test_the_order_of_sessions_does_not_show_in_any_probability(model_path: Path) -> None:
    assert probabilities(model_path, [0, 1, 2], repeatable=True) == probabilities(
        model_path, [2, 1, 0], repeatable=True
    )


def test_without_asking_for_it_the_order_does_show(model_path: Path) -> None:
    """Else the test above would prove nothing."""
    assert probabilities(model_path, [0, 1], repeatable=False) != probabilities(model_path, [1, 0], repeatable=False)


def test_what_all_sessions_begin_with_is_still_computed_once(model: LlamaCpp) -> None:
    async def cached() -> list[int]:
        return [(await asked(model, question, repeatable=True))[1] for question in QUESTIONS]

    assert min(asyncio.run(cached())) > 150
