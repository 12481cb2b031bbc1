"""Does agentkit judge function calls as the official checker of BFCL does?

    AGENTKIT_DATA=../shared/data python tests/benchmarks/bfcl_agreement.py [--record]

Both judges get the same calls for every item of simple, multiple and parallel (and of both together): right ones made
from the gold answers, and each of these with one thing changed: a value, its type, its spelling, an argument left out
or added, another name, calls missing, doubled or in another order. Printed is how often they agree, and each kind of
change where they don't.

The official checker is the package `bfcl-eval`, in an environment of its own (a folder in the cache, made at the first
run: 20 MB; its own dependencies, which are for running models, aren't installed). `--record` writes a sample of its
verdicts for the tests.
"""

import argparse
import asyncio
import copy
import json
import random
import re
import subprocess
import sys
import time
import venv
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel, JsonValue

from agentkit.evaluate.item import Called, Function, Item, Reply
from agentkit.evaluate.scorers.calls import score_calls
from agentkit.evaluate.tasks.calls import bfcl_multiple, bfcl_parallel, bfcl_parallel_multiple, bfcl_simple
from agentkit.evaluate.tasks.data import folder, read
from agentkit.models import catalog

PACKAGE = "bfcl-eval==2026.3.23"
RECORDED = Path(__file__).parents[1] / "evaluate/scorers/bfcl_verdicts.jsonl"
KEPT = 2
"""Verdicts of each kind and outcome that are recorded."""
LONGEST = 1200
"""Characters of one of these."""
CATEGORIES = {
    "simple_python": bfcl_simple,
    "multiple": bfcl_multiple,
    "parallel": bfcl_parallel,
    "parallel_multiple": bfcl_parallel_multiple,
}

OFFICIAL = """
import json, sys, types

# The checker asks this module of every model's API client only whether dots in names were replaced for a model.
models = types.ModuleType("bfcl_eval.constants.model_config")
models.MODEL_CONFIG_MAPPING = {"any": types.SimpleNamespace(underscore_to_dot=False)}
sys.modules[models.__name__] = models

from bfcl_eval.constants.enums import Language
from bfcl_eval.eval_checker.ast_eval.ast_checker import ast_checker

for line in sys.stdin:
    case = json.loads(line)
    try:
        told = ast_checker(
            case["functions"], case["calls"], case["gold"], Language.PYTHON, case["category"], "any"
        )
        print(json.dumps([told["valid"], str(told.get("error_type", ""))]))
    except Exception as error:
        print(json.dumps([None, type(error).__name__]))
"""

Calls = list[tuple[str, dict[str, Any]]]


class Case(BaseModel, frozen=True):
    """Calls that both judges get for an item."""

    category: str
    item: str
    kind: str
    calls: tuple[tuple[str, dict[str, Any]], ...]


class Verdict(BaseModel, frozen=True):
    """A recorded case, with all that a judge needs, and what the official checker says of it."""

    id: str
    kind: str
    functions: tuple[Function, ...]
    gold: JsonValue
    calls: tuple[Called, ...]
    right: bool


# What is judged


def cases(category: str, item: Item) -> Iterator[Case]:
    """Right calls for an item, and each with one thing changed."""
    draw = random.Random(item.id)
    gold = cast(Sequence[Mapping[str, Any]], item.gold)
    right = [next(iter(call.items())) for call in gold]

    def case(kind: str, calls: Calls) -> Case:
        return Case(category=category, item=item.id, kind=kind, calls=tuple(copy.deepcopy(calls)))

    full = [(name, {key: fill(values[0]) for key, values in arguments.items()}) for name, arguments in right]
    for number in range(max(len(values) for _, arguments in right for values in (*arguments.values(), [0]))):
        calls = [
            (name, {k: fill(v[number % len(v)]) for k, v in arguments.items() if v[number % len(v)] != ""})
            for name, arguments in right
        ]
        yield case("right", calls)
    least = [(name, {k: fill(v[0]) for k, v in arguments.items() if "" not in v}) for name, arguments in right]
    calls = [
        (name, {k: fill(next((o for o in v if o != ""), "")) for k, v in arguments.items()})
        for name, arguments in right
    ]
    yield case("without what may be left out", least)
    yield case("with what may be left out", calls)
    yield case("first values", full)
    yield case("no calls", [])
    yield case("a call too many", [*calls, draw.choice(calls)])
    yield case("a call too few", calls[:-1])
    yield case("in reverse", calls[::-1])
    yield case("shuffled", draw.sample(calls, len(calls)))
    yield case("all the first", [calls[0]] * len(calls))
    for index, (name, arguments) in enumerate(calls):

        def other(kind: str, changed: Mapping[str, Any], called: str = name, index: int = index) -> Case:
            return case(kind, [*calls[:index], (called, dict(changed)), *calls[index + 1 :]])

        yield other("another name", arguments, f"{name}_2")
        yield other("name in capitals", arguments, name.upper())
        yield other("name without dots", arguments, name.replace(".", "_"))
        for function in item.functions:
            if function.name != name:
                yield other("another function", arguments, function.name)
        yield other("an argument too many", {**arguments, "extra_one": 1})
        for key in schema_of(item, name).get("properties", {}):
            if key not in arguments:
                for value in ("x", 1, True):
                    yield other("an argument not in the answer", {**arguments, key: value})
        for key, value in arguments.items():
            yield other("an argument left out", {k: v for k, v in arguments.items() if k != key})
            yield other("an argument misnamed", {k if k != key else f"{k}s": v for k, v in arguments.items()})
            for kind, changed in changes(value):
                yield other(kind, {**arguments, key: changed})


def fill(value: Any) -> Any:
    """A gold value as an argument: of the values of each key of an object, the first."""
    if isinstance(value, dict):
        given = cast(dict[str, list[Any]], value)
        return {key: fill(values[0]) for key, values in given.items() if values and values[0] != ""}
    if isinstance(value, list):
        return [fill(element) for element in cast(list[Any], value)]
    return value


def schema_of(item: Item, name: str) -> Mapping[str, Any]:
    return next(function.parameters for function in item.functions if function.name == name)


def changes(value: Any) -> Iterator[tuple[str, Any]]:
    """A value changed in one way or another."""
    yield from (("null", None), ("as a list", [value]), ("as an object", {"value": value}))
    match value:
        case bool():
            yield from (("the other truth", not value), ("truth as number", int(value)), ("as text", str(value)))
        case int() | float():
            yield from (
                ("off by one", value + 1),
                ("negated", -value),
                ("as text", str(value)),
                ("number as truth", True),
            )
            yield from (("as a float", float(value)), ("nearly", value + 1e-9))
            yield from [("as an integer", int(value))] if value == int(value) else []
        case str():
            yield from (("in capitals", value.upper()), ("in small letters", value.lower()), ("empty text", ""))
            yield from (("with spaces", f" {' '.join(value)} "), ("with punctuation", ".".join(value) + "!"))
            yield from (("ignored punctuation", "-".join(value) + ",./-_*^"), ("single quotes", f"'{value}'"))
            yield from (("accented", f"{value}é"), ("one letter less", value[:-1]), ("another text", f"not {value}"))
            yield from [("text as number", float(value))] if re.fullmatch(r"-?\d+(\.\d+)?", value) else []
        case list():
            values = cast(list[Any], value)
            yield from (
                ("reversed", values[::-1]),
                ("empty list", []),
                ("doubled", values * 2),
                ("as text", str(values)),
            )
            yield from (("one element less", values[:-1]), ("nested", [values]), ("mixed", [*values[:-1], {"a": 1}]))
            for index, element in enumerate(values[:2]):
                for kind, changed in changes(element):
                    yield f"element {kind}", [*values[:index], changed, *values[index + 1 :]]
        case dict():
            fields = cast(dict[str, Any], value)
            yield from (("empty object", {}), ("another key", {**fields, "extra_one": 1}), ("as text", str(fields)))
            for key, field in list(fields.items())[:3]:
                yield "a key left out", {k: v for k, v in fields.items() if k != key}
                for kind, changed in changes(field):
                    yield f"field {kind}", {**fields, key: changed}
        case _:
            pass


# Judging


def official(data: Path, everything: Sequence[Case]) -> list[bool | None]:
    """The official checker's verdicts; None where it crashes."""
    python = environment()
    functions: dict[str, Any] = {}
    gold: dict[str, Any] = {}
    for category in CATEGORIES:
        functions |= {row.values["id"]: row.values["function"] for row in read(data / f"bfcl_v4_{category}.jsonl").rows}
        answers = read(data / f"bfcl_v4_{category}_answers.jsonl").rows
        gold |= {row.values["id"]: row.values["ground_truth"] for row in answers}
    lines = [
        json.dumps(
            {
                "category": case.category,
                "functions": functions[case.item],
                "gold": gold[case.item],
                "calls": [{name: arguments} for name, arguments in case.calls],
            }
        )
        for case in everything
    ]
    told = subprocess.run(
        [str(python), "-c", OFFICIAL], input="\n".join(lines), capture_output=True, text=True, check=False
    )
    if told.returncode:
        raise SystemExit(f"the official checker failed: {told.stderr[-2000:]}")
    return [json.loads(line)[0] for line in told.stdout.splitlines()]


def environment() -> Path:
    """The interpreter of an environment that has the official checker."""
    top = catalog.cache() / "bfcl-eval" / PACKAGE.partition("==")[2]
    python = top / "bin/python"
    if not (top / "ready").exists():
        print(f"making an environment with {PACKAGE} in {top}", file=sys.stderr)
        venv.create(top, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "--no-deps", PACKAGE], check=True)
        (top / "ready").touch()
    return python


async def ours(items: Mapping[str, Item], everything: Sequence[Case]) -> list[bool]:
    """Agentkit's verdicts."""
    return [(await score_calls(items[case.item], reply(case))).right for case in everything]


def reply(case: Case) -> Reply:
    return Reply(status="unchecked", text="", calls=tuple(Called(name=n, arguments=a) for n, a in case.calls))


def record(items: Mapping[str, Item], judged: Sequence[tuple[Case, bool | None]]) -> None:
    """Write a sample of the official verdicts: some of each kind of change, category and outcome."""
    kept: Counter[tuple[str, bool]] = Counter()
    order = random.Random(0).sample(judged, len(judged))
    with RECORDED.open("w", encoding="utf-8") as file:
        for case, right in order:
            if right is None or kept[(key := (case.kind, right))] >= KEPT:
                continue
            item = items[case.item]
            functions = [
                f.model_copy(update={"description": "", "parameters": bare(f.parameters)}) for f in item.functions
            ]
            verdict = Verdict(
                id=case.item,
                kind=case.kind,
                functions=tuple(functions),
                gold=item.gold,
                calls=reply(case).calls,
                right=right,
            )
            if len(line := verdict.model_dump_json(exclude_defaults=True)) > LONGEST:
                continue
            kept[key] += 1
            print(line, file=file)
    print(f"{sum(kept.values())} verdicts recorded in {RECORDED}")


def bare(schema: Any) -> Any:
    """A schema without what no judge looks at."""
    if not isinstance(schema, dict):
        return schema
    given = cast(Mapping[str, Any], schema)
    kept = {key: bare(value) for key, value in given.items() if key in ("type", "items", "required")}
    if "properties" in given:
        kept["properties"] = {name: bare(value) for name, value in given["properties"].items()}
    return kept


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--show", type=int, default=2, help="examples of each kind of disagreement")
    options = parser.parse_args()
    data = folder(options.data, "bfcl_v4_simple_python.jsonl")
    tasks = {category: make(data) for category, make in CATEGORIES.items()}
    items = {item.id: item for task in tasks.values() for item in task.items}
    everything = [case for category, task in tasks.items() for item in task.items for case in cases(category, item)]
    theirs = official(data, everything)
    start = time.perf_counter()
    mine = asyncio.run(ours(items, everything))
    seconds = time.perf_counter() - start
    agreed = sum(t == m for t, m in zip(theirs, mine, strict=True))
    right = sum(map(bool, theirs))
    print(f"{len(everything)} sets of calls for {len(items)} items, {right} right by the official checker")
    print(f"agree: {agreed} ({agreed / len(everything):.3%}); {seconds / len(everything) * 1e6:.0f} µs a verdict here")
    said = {True: "right", False: "wrong", None: "a crash"}
    differing: dict[tuple[str, str, bool | None], list[Case]] = defaultdict(list)
    for case, t, m in zip(everything, theirs, mine, strict=True):
        if t != m:
            differing[case.category, case.kind, t].append(case)
    for (category, kind, t), found in differing.items():
        print(f"{len(found):6} {category}, {kind}: {said[t]} officially, {said[not t]} here")
        for case in found[: options.show]:
            print(f"       {case.item}: {json.dumps(case.calls)[:200]}")
    if options.record:
        record(items, list(zip(everything, theirs, strict=True)))


if __name__ == "__main__":
    main()
