"""The same decisions by llama.cpp and by torch on the same weights.

Two decisions a task, which tool and with what input, both engines with the same messages before each. Reports the share
of equal decisions, tokens a second of one session and of several at a time, and what was reused. torch computes in 32
bits what llama.cpp keeps in the file's format, so that decisions near a tie may differ; with `--wide` llama.cpp keeps
32 bits too. Speeds mean something only on a machine that does nothing else.
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from agentkit.compress.weights import gguf_to_hf, hf_to_gguf
from agentkit.models.llamacpp import LlamaCpp
from agentkit.models.model import Completion, Grammar, Message, Model, Sampling
from agentkit.models.transformers import Transformers

SYSTEM = Message(
    role="system",
    content="You decide which tool is used next. The calculator takes an expression, retrieval a query, python a "
    "program. Answer with the decision and nothing else. " * 4,
)
TASKS = (
    "What is 15% of 80?",
    "Who discovered radium, and in which year?",
    "How many litres do three tanks of 8,500 litres hold?",
    "List the primes below 60.",
    "What does the handbook say of the north hut?",
    "A train covers 240 km in 3 hours. How fast is it?",
    "Which documents mention the water pump?",
    "Sort the words pear, apple, fig by their length.",
)
OBSERVED = "The tool reports nothing of use. Decide again, otherwise."
DECISION = Grammar(
    json_schema={
        "type": "object",
        "properties": {
            "tool": {"enum": ["calculator", "retrieval", "python"]},
            "input": {"type": "string", "maxLength": 60},
        },
        "required": ["tool", "input"],
        "additionalProperties": False,
    }
)
SESSIONS = (1, 2, 4, 8)
"""How many write at the same time."""
LIST = Grammar(json_schema={"type": "array", "items": {"enum": list(range(100, 1000, 7))}, "minItems": 100})
"""Longer than anyone may write: all sessions write to the last."""


@dataclass
class Figures:
    """What one engine did."""

    completions: list[Completion] = field(default_factory=list[Completion])
    read: float = 0.0
    """Prompt tokens a second, nothing reused."""
    written: float = 0.0
    """Tokens a second, one after the other."""

    def row(self, name: str) -> str:
        used = [c.usage for c in self.completions]
        prompt, cached = sum(u.prompt for u in used), sum(u.cached for u in used)
        seconds = sum(u.seconds for u in used)
        return f"| {name} | {self.read:.0f} | {self.written:.1f} | {prompt} | {cached} | {seconds:.1f} |"


async def decide(model: Model, tasks: Sequence[str], led: Sequence[Completion] | None) -> list[Completion]:
    """Two decisions a task; after the first, all engines go on from what the first engine decided."""
    told: list[Completion] = []
    for task in tasks:
        messages = [SYSTEM, Message(role="user", content=task)]
        async with model.session() as session:
            for _ in range(2):
                told.append(await session.generate(messages, grammar=DECISION, sampling=Sampling(max_tokens=60)))
                said = (led or told)[len(told) - 1].text
                messages += [Message(role="assistant", content=said), Message(role="user", content=OBSERVED)]
    return told


async def speed(model: Model) -> tuple[float, float]:
    """Tokens a second: prefill, decode."""
    prompt = [Message(role="user", content=" ".join(TASKS) * 4)]
    async with model.session() as session:
        start = time.monotonic()
        first = await session.generate(prompt, sampling=Sampling(max_tokens=1))
        read = first.usage.prefilled / (time.monotonic() - start)
        start = time.monotonic()
        rest = await session.generate(prompt, sampling=Sampling(max_tokens=33))
        return read, max(rest.usage.generated - 1, 1) / (time.monotonic() - start)


async def crowd(model: Model, count: int) -> float:
    """Tokens a second in all that so many sessions write at the same time, their prompts read before."""
    async with AsyncExitStack() as stack:
        sessions = [await stack.enter_async_context(model.session()) for _ in range(count)]

        async def write(number: int, tokens: int) -> int:
            messages = [SYSTEM, Message(role="user", content=" ".join(TASKS[: number + 1]))]
            sampling = Sampling(max_tokens=tokens, temperature=1.0, seed=number)
            done = await sessions[number].generate(messages, grammar=LIST, sampling=sampling)
            return done.usage.generated

        await asyncio.gather(*(write(number, 2) for number in range(count)))
        start = time.monotonic()
        written = await asyncio.gather(*(write(number, 48) for number in range(count)))
        return sum(written) / (time.monotonic() - start)


async def crowds(model: Model, name: str) -> str:
    async with model:
        return f"| {name} | " + " | ".join([f"{await crowd(model, count):.1f}" for count in SESSIONS]) + " |"


async def measured(model: Model, tasks: Sequence[str], led: Sequence[Completion] | None) -> Figures:
    async with model:
        read, written = await speed(model)
        return Figures(await decide(model, tasks, led), read, written)


async def compare(path: Path, folder: Path, options: argparse.Namespace) -> None:
    tasks = TASKS[: options.tasks]
    threads: int = options.threads
    llama = await LlamaCpp.load(path, context=2048, parallel=1, threads=threads)
    theirs = await measured(llama, tasks, None)
    torch = await Transformers.load(folder, context=2048, parallel=1, threads=threads, device=options.device)
    ours = await measured(torch, tasks, theirs.completions)
    equal = [a.text == b.text for a, b in zip(ours.completions, theirs.completions, strict=True)]
    tools = [a.text[:20] == b.text[:20] for a, b in zip(ours.completions, theirs.completions, strict=True)]
    print(f"equal decisions: {sum(equal)} of {len(equal)}; the same tool: {sum(tools)}\n")
    print("| engine | prefill/s | decode/s | prompt tokens | of them reused | seconds |\n|---|---|---|---|---|---|")
    print(theirs.row("llamacpp"))
    print(ours.row("transformers"))
    most = max(SESSIONS)
    print(f"\n| tokens/s of sessions | {' | '.join(map(str, SESSIONS))} |\n|---{'|---' * len(SESSIONS)}|")
    llama = await LlamaCpp.load(path, context=2048, parallel=most, threads=threads)
    print(await crowds(llama, "llamacpp"))
    torch = await Transformers.load(folder, context=2048, parallel=most, threads=threads, device=options.device)
    print(await crowds(torch, "transformers"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="a GGUF file of a Llama or Qwen2")
    parser.add_argument("--folder", type=Path, help="the same as a Hugging Face folder; made for the run by default")
    parser.add_argument("--wide", action="store_true", help="both engines in 32 bits")
    parser.add_argument("--tasks", type=int, default=len(TASKS))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder = options.folder or gguf_to_hf(options.model, Path(made) / "folder")
        path: Path = options.model
        if options.wide:
            path = hf_to_gguf(folder, Path(made) / "wide.gguf", format="F32", like=path)
        asyncio.run(compare(path, folder, options))


if __name__ == "__main__":
    main()
