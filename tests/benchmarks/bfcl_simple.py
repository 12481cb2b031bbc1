"""Function calls of BFCL v4 (`simple_python`) through the real loop: how many can be read, how many are right?

    python tests/benchmarks/bfcl_simple.py --model qwen2.5-coder-0.5b --limit 200 --out results.jsonl

Measured is a run's first call, as the loop has it written: after the plan, decoded among the item's function, a
distractor (another item's function, drawn by the item's id) and none. The run ends there: the function itself, which
would say `ok`, is never reached. Malformed is every decision that the loop could not read: cut off or off its schema.

Arguments are judged by the rules of the benchmark's own checker for Python (bfcl_eval/eval_checker/ast_eval in
ShishirPatil/gorilla): each must have one of the values that the answers list, texts compared without case, spaces
and `,./-_*^`; what may be left out is so marked. Lists and objects are compared in depth here, there to one level.

Results are written as they come; items that `--out` already has are not run again.
"""

import argparse
import asyncio
import json
import math
import os
import random
import re
import statistics
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any, Literal, cast

from pydantic import BaseModel, ValidationError

from agentkit import protocol
from agentkit.agent import Agent
from agentkit.answer import Usage
from agentkit.errors import ContextOverflow, GrammarError
from agentkit.events import Called, Decided, Finished
from agentkit.models import catalog
from agentkit.models.model import Model
from agentkit.tools import Tool

DATA = "data/eval/bfcl_v4_simple_python"
TYPES = {"dict": "object", "float": "number", "tuple": "array"}
"""BFCL's names of types that JSON Schema calls otherwise."""
IGNORED = re.compile(r"[ ,./\-_*^]")
"""What the benchmark's checker leaves out of a text before it compares."""

Outcome = Literal["right", "wrong arguments", "wrong tool", "no call", "unusable"]


class Item(BaseModel, frozen=True):
    """One task with the function that is to be called for it."""

    id: str
    task: str
    name: str
    description: str
    parameters: dict[str, Any]
    """JSON Schema."""
    gold: dict[str, list[Any]]
    """For each argument its right values; an empty text among them says that it may be left out."""

    @property
    def tool(self) -> Tool:
        """The function, as an agent takes it."""
        return Tool.from_schema(self.name, self.description, self.parameters, said_ok)

    def objection(self, arguments: Mapping[str, Any]) -> str:
        """What is wrong with the arguments of a call; empty when nothing is."""
        for name in self.parameters.get("required", []):
            if name not in arguments:
                return f"{name} is missing"
        return strays(arguments, self.gold)


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


def items(limit: int | None = None) -> list[Item]:
    """The first items of the benchmark, in its order."""
    tasks, answers = (rows(shared() / f"{DATA}{part}.jsonl") for part in ("", "_answers"))
    gold = {row["id"]: row["ground_truth"] for row in answers}
    found: list[Item] = []
    for row in tasks[:limit]:
        [function], [[message]] = row["function"], row["question"]
        [[right]] = [answer.values() for answer in gold[row["id"]]]
        parameters = json_schema(function["parameters"])
        told = {key: function[key] for key in ("name", "description")}
        found.append(Item(id=row["id"], task=message["content"], **told, parameters=parameters, gold=right))
    return found


def shared() -> Path:
    """The folder of data that is no part of the checkout."""
    return Path(os.environ.get("AGENTKIT_SHARED") or Path(__file__).parents[3] / "shared")


def rows(path: Path) -> list[Any]:
    if not path.is_file():
        raise SystemExit(f"no {path}; AGENTKIT_SHARED may name the folder that holds {DATA}.jsonl")
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def json_schema(given: Mapping[str, Any]) -> dict[str, Any]:
    """BFCL's dialect as JSON Schema. Its `optional` says no more than `required` does, and not always."""
    schema = {key: value for key, value in given.items() if key not in ("type", "optional")}
    if (kind := given.get("type", "any")) != "any":
        schema["type"] = TYPES.get(kind, kind)
    if "properties" in given:
        schema["properties"] = {name: json_schema(node) for name, node in given["properties"].items()}
    if "items" in given:
        schema["items"] = json_schema(given["items"])
    return schema


def offered(item: Item, others: Sequence[Item], distractors: int) -> list[Tool]:
    """The item's tool among others, the same ones in the same order whenever it is run."""
    draw = random.Random(item.id)
    names: dict[str, Item] = {}
    for other in draw.sample(others, len(others)):
        if other.name != item.name and len(names) < distractors:
            names.setdefault(other.name, other)
    return [chosen.tool for chosen in draw.sample([item, *names.values()], len(names) + 1)]


# What is right


def strays(given: Mapping[str, Any], gold: Mapping[str, Sequence[Any]]) -> str:
    """Where an object strays from those that are right; empty when it doesn't."""
    for name, value in given.items():
        if name not in gold:
            return f"{name} is not asked for"
        if not any(same(value, right) for right in gold[name]):
            return f"{name} is {json.dumps(value, ensure_ascii=False)}, not one of {json.dumps(gold[name])}"
    return next((f"{name} is missing" for name in gold if name not in given and "" not in gold[name]), "")


def same(given: Any, right: Any) -> bool:
    """Whether two values are equal by the benchmark's rules."""
    match given, right:
        case bool(), bool():
            return given is right
        case (bool(), _) | (_, bool()):
            return False
        case str(), str():
            return plain(given) == plain(right)
        case list(), list():
            pair = cast(list[Any], given), cast(list[Any], right)
            return len(pair[0]) == len(pair[1]) and all(map(same, *pair))
        case dict(), dict():
            return not strays(cast(dict[str, Any], given), cast(dict[str, list[Any]], right))
        case _:
            return type(given) in (int, float) and given == right


def plain(text: str) -> str:
    """A text as it is compared: `April 1, 2024` and `april 1 2024` are the same."""
    return IGNORED.sub("", text).lower().replace("'", '"')


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
        async with aclosing(agent.stream(item.task)) as events:
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
        reason = item.objection(called.arguments) if called.tool == item.name else f"not {item.name}"
        outcome = "wrong tool" if called.tool != item.name else "wrong arguments" if reason else "right"
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
