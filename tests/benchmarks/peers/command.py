"""agentkit beside smolagents and pydantic-ai: same model, same items, same tools.

    AGENTKIT_DATA=../shared/data python tests/benchmarks/peers --model qwen2.5-coder-0.5b+none --limit 40 --out DIR

Runs agentkit's strategy `agent`, then smolagents' ToolCallingAgent and CodeAgent and pydantic-ai's Agent, on svamp and
bfcl-simple; prints one table and writes it to DIR/peers.md. Every run is a run folder: `agentkit compare DIR` works.
Begun again with the same DIR it goes on where it was stopped; with a larger --limit it adds items to what is there.

Pinned: smolagents 1.26.0 (Apache-2.0), pydantic-ai-slim 2.68.0 (MIT), openai 3.54.0 (Apache-2.0), in an environment of
their own in the cache, made at the first run (180 MB).

What is the same: the GGUF, llama.cpp, context, threads, greedy decoding, 10 steps, 700 tokens a completion, the tools'
names, descriptions, schemas and functions, which run in this process for everyone, Python in agentkit's sandbox.

What differs:

* agentkit runs the model in its own process and under a grammar; the peers ask an OpenAI-compatible endpoint on
  loopback, whose chat template and parser of calls are llama.cpp's, with their own default prompts.
* A CodeAgent has the calculator or the item's function as a Python function, runs its code in smolagents' own
  interpreter and so gets no python tool.
* The calculator's regular expression, by which agentkit decodes its argument, isn't in the peers' schema: llama.cpp
  can't enforce it, and in the prompt it would be 300 tokens of noise.
* agentkit ends an item after 4,000 generated tokens. smolagents can't be bounded so; peers get 15 minutes an item, more
  than their 10 steps of 700 tokens take the 0.5B, so that the clock ends only what hangs.
* Dots in bfcl's names of functions are underscores for the peers, as OpenAI's protocol wants.

Where a peer's default did it harm here, it gets what is better for it. pydantic-ai may retry 10 times instead of once.
ToolCallingAgent's tool_choice is "auto": with its default, "required", this llama.cpp seems not to end a reply that
isn't in the template's form. Seen on one item: the 0.5B filled its 700 tokens with line ends behind a call that
smolagents can read.
"""

import argparse
import asyncio
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from peers import environment, running
from peers.conversation import ITEM_SECONDS
from peers.endpoint import Endpoint
from peers.records import known_as
from peers.table import Run, markdown

from agentkit.evaluate.item import Record
from agentkit.evaluate.runner import Told, drawn, evaluate
from agentkit.evaluate.task import Task
from agentkit.evaluate.tasks import load_task
from agentkit.models import catalog
from agentkit.models.llamacpp import physical_cores

OWN = "agent"
CONTEXT = 8192
"""Tokens, agentkit's default."""


async def own_runs(tasks: Sequence[Task], options: argparse.Namespace, command: str) -> list[Run]:
    """agentkit's, in this process; the model is given back before the peers' is loaded."""
    model = await catalog.load(options.model, context=CONTEXT, parallel=1, threads=options.threads)
    async with model:
        return [
            await evaluate(
                task,
                model,
                strategy=OWN,
                folder=options.out / f"{task.name}-{OWN}",
                limit=options.limit,
                seed=options.seed,
                resume=True,
                settings={"threads": options.threads},
                command=command,
                told=progress(task, OWN),
            )
            for task in tasks
        ]


async def all_runs(tasks: Sequence[Task], options: argparse.Namespace, command: str) -> str:
    """Everything, and the table of it."""
    path = catalog.resolve(options.model).path
    if path is None:
        raise SystemExit(f"{options.model} is no GGUF on this machine: agentkit models pull {options.model}")
    python = environment.interpreter()
    versions = environment.versions(python)
    runs = await own_runs(tasks, options, command)
    counts: dict[tuple[str, str], running.Counts] = {}
    settings = {
        "threads": options.threads,
        "steps": running.STEPS,
        "max_tokens": running.MAX_TOKENS,
        "context": CONTEXT,
        "item_seconds": ITEM_SECONDS,
    }
    with Endpoint(model=path, context=CONTEXT, threads=options.threads) as endpoint:
        for task, (header, _) in list(zip(tasks, runs, strict=True)):
            items = drawn(task.items, limit=options.limit, seed=options.seed)
            for peer in options.peers:
                folder = options.out / f"{task.name}-{peer}"
                wanted = running.header(header, peer, versions, settings)
                runs.append(
                    await running.run(
                        task, items, wanted, folder, python=python, endpoint=endpoint, told=progress(task, peer)
                    )
                )
                names = {item.id: [known_as(t.name) for t in running.tools(task, item, peer)] for item in items}
                counts[task.name, peer] = running.counted(folder, names)
    order = {name: number for number, name in enumerate((OWN, *options.peers))}
    runs.sort(key=lambda run: (options.tasks.index(run[0].task), order[run[0].strategy]))
    return markdown(runs, counts)


def progress(task: Task, strategy: str) -> Told:
    """A line to standard error for each item."""

    def told(record: Record) -> None:
        right = record.score is not None and record.score.right
        seconds = record.reply.seconds if record.reply else 0
        why = record.error or (record.score.reason if record.score else "")
        print(
            f"{task.name} {strategy} {record.id} {'right' if right else 'WRONG'} {seconds:.1f} s {why[:160]}",
            file=sys.stderr,
        )

    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="qwen2.5-coder-0.5b+none")
    parser.add_argument("--limit", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--data", type=Path, default=os.environ.get("AGENTKIT_DATA"))
    parser.add_argument("--threads", type=int, default=physical_cores())
    parser.add_argument("--tasks", nargs="+", default=["svamp", "bfcl-simple"])
    parser.add_argument("--peers", nargs="+", choices=running.PEERS, default=running.PEERS)
    options = parser.parse_args()
    tasks = [load_task(name, data=options.data and Path(options.data)) for name in options.tasks]
    command = " ".join(["python", "tests/benchmarks/peers", *map(shlex.quote, sys.argv[1:])])
    text = asyncio.run(all_runs(tasks, options, command))
    (options.out / "peers.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
