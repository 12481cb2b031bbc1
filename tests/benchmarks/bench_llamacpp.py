"""What llama.cpp's settings cost, and what a run reuses: python tests/benchmarks/bench_llamacpp.py MODEL.gguf

First five steps of a run, then prefill and decode speed for each setting (best of three), then how often runs
side by side write something else than alone: batching rounds differently.
"""

import asyncio
import sys
import threading
import time
from pathlib import Path
from typing import Any

from agentkit.models.llama_server import LlamaServer, load_library
from agentkit.models.llamacpp import LlamaCpp, physical_cores
from agentkit.models.model import Message, Sampling

PROMPT = "The harbour master writes down the length, the flag and the cargo of every ship. " * 24
TOPICS = ("glaciers", "violins", "volcanoes", "lighthouses", "bees", "ferns", "bridges", "tides")


async def run(model: LlamaCpp, topic: str, steps: int, *, show: bool = False) -> list[str]:
    """A run of some steps; each prints what it computed and what it reused."""
    messages = [
        Message(role="system", content="You answer in one short sentence. " * 12),
        Message(role="user", content=f"Tell me about {topic}."),
    ]
    texts: list[str] = []
    async with model.session() as session:
        for step in range(steps):
            done = await session.generate(messages, sampling=Sampling(max_tokens=24))
            texts.append(done.text)
            messages += [
                Message(role="assistant", content=done.text),
                Message(role="user", content=f"Observation {step}: the {topic} have {step * 17} parts. Go on. " * 3),
            ]
            if show:
                u = done.usage
                print(f"| {step} | {u.prompt} | {u.prefilled} | {u.cached} | {u.generated} | {u.seconds:.2f} |")
    return texts


def speed(path: Path, **options: Any) -> tuple[float, float]:
    """Tokens a second: prefill, decode."""
    threads = options.pop("threads", physical_cores())
    server = LlamaServer(path, context=1024, parallel=1, threads=threads, tuning=options)
    prompt = list(server.tokenize(PROMPT, control=False))
    read: list[float] = []
    written: list[float] = []
    for _ in range(3):
        start = time.monotonic()
        server.complete({"prompt": prompt, "n_predict": 1, "cache_prompt": False}, threading.Event())
        read.append(time.monotonic() - start)
        start = time.monotonic()
        request = {"prompt": prompt, "n_predict": 48, "temperature": 0, "ignore_eos": True}
        server.complete(request | {"n_probs": 1, "post_sampling_probs": True}, threading.Event())
        written.append(time.monotonic() - start)
    server.close()
    return len(prompt) / min(read), 48 / min(written)


async def flips(path: Path) -> int:
    """How many of the topics' texts come out otherwise when four runs generate at once."""
    async with await LlamaCpp.load(path, context=1024, parallel=4) as model:
        together = await asyncio.gather(*(run(model, topic, 1) for topic in TOPICS))
        alone = [await run(model, topic, 1) for topic in TOPICS]
    return sum(a != b for a, b in zip(together, alone, strict=True))


async def steps(path: Path) -> None:
    async with await LlamaCpp.load(path, context=2048, parallel=1) as model:
        print("| step | prompt | prefilled | cached | generated | seconds |\n|---|---|---|---|---|---|")
        await run(model, "glaciers", 5, show=True)


def main() -> None:
    path = Path(sys.argv[1])
    asyncio.run(steps(path))
    library = load_library()
    attention, kind = library.llama_flash_attn_type, library.ggml_type
    settings: dict[str, dict[str, Any]] = {
        "as shipped": {},
        "1 thread": {"threads": 1},
        "batch 32": {"n_batch": 32, "n_ubatch": 32},
        "batch 512": {"n_batch": 512, "n_ubatch": 512},
        "no flash attention": {"flash_attn_type": attention.LLAMA_FLASH_ATTN_TYPE_DISABLED},
        "keys and values in Q8_0": {"cache_type_k": kind.GGML_TYPE_Q8_0, "cache_type_v": kind.GGML_TYPE_Q8_0},
    }
    print("\n| setting | prefill/s | decode/s |\n|---|---|---|")
    for name, options in settings.items():
        read, written = speed(path, **options)
        print(f"| {name} | {read:.0f} | {written:.1f} |", flush=True)
    print(f"\nside by side, {asyncio.run(flips(path))} of {len(TOPICS)} texts differ")


if __name__ == "__main__":
    main()
