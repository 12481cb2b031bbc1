"""Requests for functions say all that the call has, and nothing that it hasn't."""

import asyncio
import json
import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import jsonschema_rs
import pytest

from agentkit.compress.problem import Problem
from agentkit.compress.recording import record
from agentkit.compress.sources.calls import (
    DONE,
    UNKNOWN,
    failed_call,
    no_call,
    one_call,
    synthesised,
    two_calls,
    vague_call,
)
from agentkit.compress.sources.functions import Offer, Request, catalogue, offer, request
from agentkit.compress.sources.functions.spec import parsed
from agentkit.compress.sources.functions.values import SPELLED, kind_of
from agentkit.decision import Call, GiveUp, Plan
from agentkit.evaluate.strategies.completion import done
from agentkit.grammars import act_grammar, plan_grammar
from agentkit.models.grammar import admits
from agentkit.tools import Tool

NOWHERE = Path()


def made(count: int, *, seed: int = 0) -> list[Problem]:
    return [p for p in islice(synthesised(NOWHERE, Random(seed)), count) if isinstance(p, Problem)]


def requests(count: int) -> Iterator[tuple[Offer, Request]]:
    chance = Random(1)
    for spec in islice((s for _ in range(99) for s in catalogue()), count):
        offered = offer(spec, chance)
        if said := request(offered, chance):
            yield offered, said


def test_there_are_many_functions_of_many_domains_and_types() -> None:
    assert len(catalogue()) >= 300
    assert len({spec.domain for spec in catalogue()}) >= 20
    assert len({spec.name for spec in catalogue()}) == len(catalogue())
    kinds = Counter(str(kind_of(p.kind, Random(0)).schema["type"]) for spec in catalogue() for p in spec.parameters)
    assert all(kinds[kind] >= 20 for kind in ("string", "integer", "number", "boolean", "array")), kinds
    assert any(p.optional and p.default for spec in catalogue() for p in spec.parameters)


def test_arguments_fit_the_schema_and_keep_its_order() -> None:
    for offered, said in requests(1500):
        schema: Any = offered.function.parameters
        jsonschema_rs.validate(schema, dict(said.arguments))
        assert list(said.arguments) == [name for name in schema["properties"] if name in said.arguments]


def test_every_argument_is_said_and_none_is_the_default() -> None:
    flags = 0
    for offered, said in requests(1500):
        properties: Any = offered.function.parameters["properties"]
        for name, argument in said.arguments.items():
            assert argument != properties[name].get("default", ...), (said, name)
            assert said.words[name] in said.text or said.words[name][0].lower() + said.words[name][1:] in said.text
            flags += isinstance(argument, bool)
    assert flags > 30


def test_numbers_and_plain_texts_stand_in_the_request_as_they_are_passed() -> None:
    for offered, said in requests(1500):
        properties: Any = offered.function.parameters["properties"]
        words = re.sub(r"(?<=\d),(?=\d{3})", "", said.text)
        for name, argument in said.arguments.items():
            told = str(properties[name].get("description", ""))
            if isinstance(argument, int) and not isinstance(argument, bool) and "million" not in words:
                spelled = 0 < argument < len(SPELLED) and SPELLED[argument] in words.lower()
                assert str(argument) in words or spelled, (said.text, argument)
            if isinstance(argument, str) and "enum" not in properties[name] and "in the format" not in told:
                literal = argument.lower() in said.text.lower()
                assert literal or "one of" in told or "HH:MM" in told or said.words[name] != argument


def test_what_the_words_leave_open_stands_in_the_description() -> None:
    written = 0
    for offered, said in requests(1500):
        for name, kind in offered.kinds.items():
            if kind.note and name in said.values:
                properties: Any = offered.function.parameters["properties"]
                assert kind.note.lower() in properties[offered.written[name]]["description"].lower()
                written += 1
    assert written > 50


def test_a_function_is_written_in_many_ways() -> None:
    spec = next(spec for spec in catalogue() if spec.name == "calculate_triangle_area")
    offers = [offer(spec, Random(seed)).function for seed in range(60)]
    assert len({o.name for o in offers}) >= 12
    assert len({o.description for o in offers}) >= 5
    assert any("." in o.name for o in offers)
    assert {"base"} <= {name for o in offers for name in o.parameters["properties"]}
    assert len({tuple(o.parameters["properties"]) for o in offers}) >= 5


def test_problems_are_balanced_and_alike_for_equal_chance() -> None:
    problems = made(600)
    refused = [p for p in problems if isinstance(p.script[-1].cue, GiveUp)]
    assert 0.25 < sum(p.kind == "refusal" for p in problems) / len(problems) < 0.38
    assert sum(len(p.tools) == 1 for p in problems) > 200
    assert sum(len(p.tools) > 1 for p in problems) > 150
    assert len({p.id for p in problems}) == len(problems)
    assert len({p.task for p in problems}) > 0.95 * len(problems)
    assert [p.task for p in made(50)] == [p.task for p in problems[:50]]
    assert [p.task for p in made(50, seed=1)] != [p.task for p in problems[:50]]
    assert refused


def test_a_request_is_refused_only_where_its_function_is_not_shown() -> None:
    for problem in made(400):
        tools = {t.name: t for t in problem.tools if isinstance(t, Tool)}
        calls = [line.cue for line in problem.script if isinstance(line.cue, Call)]
        assert all(call.tool in tools for call in calls)
        for call in calls:
            tools[call.tool].validate(call.arguments)
        if not calls:
            assert problem.kind == "refusal"
            assert problem.script[0].cue == Plan(steps=())


def test_every_kind_of_problem_is_kept_when_the_loop_has_run_it() -> None:
    """Functions that fail too: what a model does when they do is among what it learns."""
    chance = Random(2)
    for make in (one_call, two_calls, failed_call, vague_call, no_call):
        problems = [p for p in (make(chance) for _ in range(40)) if p][:10]
        kept = [recorded for p in problems if (recorded := asyncio.run(record(p))).lesson]
        assert len(kept) >= 9, make.__name__


def test_what_a_request_leaves_open_is_not_made_up() -> None:
    chance = Random(3)
    asked = [p for p in (vague_call(chance) for _ in range(60)) if p]
    assert len(asked) > 15
    assert all(p.script[-1].cue == GiveUp(reason=UNKNOWN) for p in asked)
    assert any("my " in p.task for p in asked)


def test_decisions_are_such_as_the_grammar_admits() -> None:
    for problem in made(60):
        tools = [t for t in problem.tools if isinstance(t, Tool)]
        for line in problem.script:
            match line.cue:
                case Plan(steps=steps):
                    said: Any = {"plan": [{"for": s.purpose, "tool": s.tool} for s in steps]}
                    grammar = plan_grammar(tools)
                case Call(tool=tool, arguments=arguments):
                    said, grammar = {"tool": tool, "arguments": arguments}, act_grammar(tools, [])
                case _:
                    continue
            assert admits(grammar, json.dumps(said, ensure_ascii=False, separators=(",", ":"))), said


def test_a_function_says_what_those_of_an_evaluation_say() -> None:
    assert done() == DONE


@pytest.mark.parametrize(
    ("block", "complaint"),
    [
        ("f\nDoes.\nfor: it\n- Do it.", "third line"),
        ("f\nDoes.\n> it\na: integer 1..2 | A.\n- Do it.", "lacks a"),
        ("f\nDoes.\n> it\n- Do {b}.", "no parameter"),
        ("f\nDoes.\n> it", "no request"),
    ],
)
def test_a_function_that_cannot_be_asked_for_is_refused(block: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        list(parsed("domain", f"module\n\n{block}"))
