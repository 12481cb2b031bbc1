"""Talking to a model in tests."""

import asyncio
from collections.abc import Sequence
from typing import Any, cast

from agentkit.models.llamacpp import LlamaCpp
from agentkit.models.model import Completion, Grammar, Message, Role, Sampling, Session

SYSTEM = "You answer in few words and only with what you were told. " * 6
CONTROL = ["<|im_end|>", "<|im_start|>", "<|endoftext|>", "<tool_call>", "<|fim_prefix|>", "<repo_name>"]


def say(*turns: str) -> list[Message]:
    """System, user, assistant, user … in turn."""
    roles: tuple[Role, ...] = ("system", *cast(tuple[Role, Role], ("user", "assistant")) * len(turns))
    return [Message(role=role, content=turn) for role, turn in zip(roles, turns, strict=False)]


def choose(*options: str) -> Grammar:
    return Grammar(
        json_schema={
            "type": "object",
            "properties": {"choice": {"enum": list(options)}},
            "required": ["choice"],
            "additionalProperties": False,
        }
    )


def ask(model: LlamaCpp, messages: Sequence[Message], **options: Any) -> Completion:
    """One question to a session of its own."""

    async def asked() -> Completion:
        async with model.session() as session:
            return await session.generate(messages, **options)

    return asyncio.run(asked())


async def converse(session: Session, steps: int, *, topic: str) -> tuple[list[Message], list[Completion]]:
    """A run of some steps: free text and decisions in turn."""
    messages = say(SYSTEM, f"Tell me about {topic}.")
    completions: list[Completion] = []
    for step in range(steps):
        grammar = choose("olive 🦄", f"{topic}", "neither") if step % 2 else None
        completions.append(await session.generate(messages, grammar=grammar, sampling=Sampling(max_tokens=24)))
        messages += [
            Message(role="assistant", content=completions[-1].text),
            Message(role="user", content=f"Observation {step}: the {topic} has {step * 17} parts. Go on."),
        ]
    return messages, completions
