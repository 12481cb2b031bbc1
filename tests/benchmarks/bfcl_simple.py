"""Function calls of BFCL v4 (`simple_python`) through the real loop: how many can be read, how many are right?

    python tests/benchmarks/bfcl_simple.py --model qwen2.5-coder-0.5b --limit 200 --out results.jsonl

Measured is a run's first call, as the loop has it written: after the plan, decoded among the item's function, a
distractor (another item's function, drawn by the item's id) and none. The run ends there: the function itself, which
would say `ok`, is never reached. Malformed is every decision that the loop could not read: cut off or off its schema.

Arguments are judged by the rules of the benchmark's own checker, see agentkit/evaluate/scorers/calls.py.

Results are written as they come; items that `--out` already has are not run again.
"""

import argparse
import asyncio
import math
import os
import random
import statistics
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any, Literal, cast

from pydantic import BaseModel, ValidationError

from agentkit import protocol
from agentkit.agent import Agent
from agentkit.answer import Usage
from agentkit.errors import ConfigurationError, ContextOverflow, GrammarError
from agentkit.evaluate.item import Function, Item
from agentkit.evaluate.scorers.calls import Gold, mistaken
from agentkit.evaluate.tasks.calls import bfcl_simple
from agentkit.evaluate.tasks.data import VARIABLE, folder
from agentkit.events import Called, Decided, Finished
from agentkit.models import catalog
from agentkit.models.model import Model
from agentkit.tools import Tool

DATA = Path(__file__).parents[3] / "shared/data"
FILES = ("bfcl_v4_simple_python.jsonl", "bfcl_v4_simple_python_answers.jsonl")

Outcome = Literal["right", "wrong arguments", "wrong tool", "no call", "unusable"]


class Result(BaseModel, frozen=True):
    """What came of one item."""

    id: str
    model: str
    protocol: str
    """Results of different protocols don't belong in one table."""
    distractors: int
    outcome: Outcome
    reason: str = ""
    tool: str = ""
    arguments: dict[str, Any] = {}
    decisions: int
    malformed: tuple[str, ...] = ()
    usage: Usage
    seconds: float
    """From the task to the call, plan included."""


def said_ok(**_arguments: object) -> str:
    """The function of every item. BFCL has none: it judges the call."""
    return "ok"


# What is asked


def items() -> Sequence[Item]:
    """The items of the benchmark, in its order."""
    shared = os.environ.get("AGENTKIT_SHARED")
    data = Path(shared) / "data" if shared else None if os.environ.get(VARIABLE) else DATA
    try:
        return bfcl_simple(folder(data, *FILES)).items
    except ConfigurationError as error:
        raise SystemExit(str(error)) from None


def tool(function: Function) -> Tool:
    """A function, as an agent takes it."""
    return Tool.from_schema(function.name, function.description, function.parameters, said_ok)


def offered(item: Item, others: Sequence[Item], distractors: int) -> list[Tool]:
    """The item's tool among others, the same ones in the same order whenever it is run."""
    draw = random.Random(item.id)
    [own] = item.functions
    names: dict[str, Function] = {}
    for other in draw.sample(others, len(others)):
        [function] = other.functions
        if function.name != own.name and len(names) < distractors:
            names.setdefault(function.name, function)
    return [tool(chosen) for chosen in draw.sample([own, *names.values()], len(names) + 1)]


# Running and counting


async def measure(model: Model, item: Item, others: Sequence[Item], distractors: int) -> Result:
    """Run the agent on an item up to its first call."""
    agent: Agent[Any] = Agent(model, tools=offered(item, others, distractors), checks=[])
    decided: list[Decided] = []
    called: Called | None = None
    outcome: Outcome = "no call"
    reason = ""
    start = time.monotonic()
    try:
        async with aclosing(agent.stream(item.question)) as events:
            async for event in events:
                match event:
                    case Decided():
                        decided.append(event)
                    case Called():
                        called = event
                        break
                    case Finished():
                        reason = f"{event.answer.status}: {event.answer.reason}"
                    case _:
                        pass
    except (ContextOverflow, GrammarError) as error:  # this item's own: the others still count
        outcome, reason = "unusable", f"{type(error).__name__}: {error}"
    if called:
        [function], [gold] = item.functions, cast(Sequence[Gold], item.gold)
        if called.tool != function.name:
            outcome, reason = "wrong tool", f"not {function.name}"
        else:
            reason = mistaken(function.parameters, gold[function.name], called.arguments)
            outcome = "wrong arguments" if reason else "right"
    return Result(
        id=item.id,
        model=model.name,
        protocol=protocol.fingerprint(),
        distractors=distractors,
        outcome=outcome,
        reason=reason,
        tool=called.tool if called else "",
        arguments=called.arguments if called else {},
        decisions=len(decided),
        malformed=tuple(d.malformed for d in decided if d.malformed),
        usage=sum((d.usage for d in decided), Usage()),
        seconds=time.monotonic() - start,
    )


def read_results(path: Path) -> list[Result]:
    """The results of earlier; a last line that was cut off when writing it was interrupted is removed."""
    if not path.exists():
        return []
    found: list[Result] = []
    lines = path.read_text("utf-8").splitlines(keepends=True)
    for number, line in enumerate(lines, 1):
        try:
            found.append(Result.model_validate_json(line))
        except ValidationError:
            if number < len(lines) or line.endswith("\n"):
                raise SystemExit(f"{path}:{number} is no result of this benchmark; name another --out") from None
            path.write_text("".join(lines[:-1]), "utf-8")
    return found


async def run(spec: str, *, limit: int, distractors: int, out: Path) -> list[Result]:
    """Measure what is still missing; all results, in the benchmark's order."""
    everything = items()
    wanted = everything[:limit]
    results = {result.id: result for result in read_results(out)}
    kind = (spec, protocol.fingerprint(), distractors)
    for old in results.values():
        if (was := (old.model, old.protocol, old.distractors)) != kind:
            raise SystemExit(f"{out} has results of model, protocol, distractors {was}, not {kind}; name another --out")
    missing = [item for item in wanted if item.id not in results]
    if missing:
        async with await catalog.load(spec, parallel=1) as model:
            with out.open("a", encoding="utf-8") as file:
                for item in missing:
                    result = results[item.id] = await measure(model, item, everything, distractors)
                    print(result.model_dump_json(), file=file, flush=True)
                    told = f"{len(results)}/{len(wanted)} {item.id}: {result.outcome} {result.reason}"
                    print(told[:160], *(f"MALFORMED {m}" for m in result.malformed), file=sys.stderr, flush=True)
    return [results[item.id] for item in wanted if item.id in results]


def wilson(count: int, of: int) -> tuple[float, float]:
    """The 95 % score interval of a share (Wilson, 1927)."""
    z = statistics.NormalDist().inv_cdf(0.975)
    share, scale = count / of, 1 + z * z / of
    half = z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    return (share + z * z / (2 * of) - half) / scale, (share + z * z / (2 * of) + half) / scale


def table(results: Sequence[Result]) -> str:
    """The counts, each with its share."""
    n = len(results)
    counts = Counter(result.outcome for result in results)
    low, high = wilson(counts["right"], n)
    malformed = sum(len(result.malformed) for result in results)
    tokens = {name: statistics.fmean(getattr(r.usage, name) for r in results) for name in Usage.model_fields}
    lines = [
        f"{results[0].model}, protocol {results[0].protocol}, {results[0].distractors} distractors: {n} items",
        f"malformed        {malformed:4} of {sum(r.decisions for r in results)} decisions, "
        f"in {sum(bool(r.malformed) for r in results)} items",
        *(f"{name:16} {counts[name]:4} {counts[name] / n:6.1%}" for name in ("no call", "wrong tool")),
        f"wrong arguments  {counts['wrong arguments']:4} {counts['wrong arguments'] / n:6.1%}",
        f"right            {counts['right']:4} {counts['right'] / n:6.1%}   95 %: {low:.1%} to {high:.1%}",
        f"an item: {statistics.median(r.seconds for r in results):.1f} s (median), tokens (mean): "
        f"{tokens['prompt']:.0f} prompt, {tokens['cached']:.0f} cached, {tokens['generated']:.0f} generated",
    ]
    if counts["unusable"]:  # its `reason` tells why
        lines.insert(-1, f"unusable         {counts['unusable']:4} {counts['unusable'] / n:6.1%}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=catalog.DEFAULT)
    parser.add_argument("--limit", type=int, default=200)
    parser.add_argument("--distractors", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    if options.limit < 1 or options.distractors < 0:
        parser.error("--limit must be at least 1 and --distractors at least 0")
    print(table(asyncio.run(run(options.model, limit=options.limit, distractors=options.distractors, out=options.out))))


if __name__ == "__main__":
    main()
