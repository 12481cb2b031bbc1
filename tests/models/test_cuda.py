"""The torch engine on a GPU writes what it writes on the CPU."""

import asyncio
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from agentkit.models.model import Grammar, Message, Sampling
from agentkit.models.transformers import Transformers

torch: Any = import_module("torch")
pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU that torch can use")
ENTRY = Grammar(json_schema={"type": "array", "items": {"type": "integer"}, "minItems": 8, "maxItems": 9})
RULES = Message(role="system", content="You answer questions about rivers. " * 60)


def written(folder: Path, *, device: str, at_once: int) -> list[str]:
    """What two turns of each of several conversations are, which run at the same time."""

    async def talk(model: Transformers, n: int) -> str:
        sampling = Sampling(max_tokens=60)
        async with model.session(repeatable=True) as session:
            messages = [RULES, Message(role="user", content=f"Name {n} rivers.")]
            first = await session.generate(messages, grammar=ENTRY, sampling=sampling)
            messages += [Message(role="assistant", content=first.text), Message(role="user", content="And others.")]
            return first.text + (await session.generate(messages, grammar=ENTRY, sampling=sampling)).text

    async def all_of_them() -> list[str]:
        model = await Transformers.load(folder, context=2048, parallel=at_once, device=device, dtype="float32")
        try:
            return await asyncio.gather(*(talk(model, n) for n in range(6)))
        finally:
            await model.aclose()

    return asyncio.run(all_of_them())


def test_it_writes_what_the_cpu_writes_alone_and_in_batches(tiny_llama: Path) -> None:
    expected = written(tiny_llama, device="cpu", at_once=1)
    assert written(tiny_llama, device="cuda", at_once=1) == expected
    assert written(tiny_llama, device="cuda", at_once=4) == expected
