"""Calls of typed functions: the right one of those shown, with its arguments, or none where none fits."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

from agentkit.checks.answerability import HOW_MANY
from agentkit.compress.problem import Line, Problem
from agentkit.compress.sources.functions import Offer, Request, Spec, catalogue, offer, request
from agentkit.compress.sources.functions.values import filled, kind_of, words
from agentkit.compress.sources.rows import Problems
from agentkit.decision import Call, Decision, GiveUp, Plan, Proposal
from agentkit.errors import ToolError
from agentkit.evaluate.item import Function, Item
from agentkit.evaluate.strategies.completion import functions
from agentkit.events import Step
from agentkit.grammars import GIVE_UP
from agentkit.tools import Tool

UNKNOWN, UNFIT, FAILED = GIVE_UP
CHOICE = "choice of tool"
REFUSAL = "refusal"
DONE = "done"
"""What a function says that only is called: an item's functions in an evaluation say no more."""
SHOWN = (1, 1, 1, 2, 3, 4)
"""How many functions are shown, each as often as it stands here."""
DOWN = ("service unavailable", "connection refused", "internal error", "not authorized", "rate limit reached")
ALONE = r"(?<![\w$.,-])(?<!\ba )(?<!\ban )(?<!\b[Tt]he )"
"""Before a value: neither a sign, nor a part of a word, nor an article."""
BLANK = re.compile(r"\{(\w+)(?:: ([^{}\"]+))?\}")
"""In a report: a value of the request, or `name: kind`."""


def synthesised(_folder: Path, chance: Random) -> Problems:
    """Requests for functions of the catalogue, without end.

    Of 100, about 60 ask for one of the functions shown, 6 for two calls, 3 for one that fails, 25 for none of them, and
    6 for one of them without saying what it needs.
    """
    number = 0
    while True:
        draw = chance.random()
        if draw < 0.60:
            problem = one_call(chance)
        elif draw < 0.66:
            problem = two_calls(chance)
        elif draw < 0.69:
            problem = failed_call(chance)
        elif draw < 0.75:
            problem = vague_call(chance)
        else:
            problem = no_call(chance)
        if problem is not None:
            number += 1
            yield replace(problem, id=f"functions-{number}")


def problem(
    task: str, tools: Sequence[Tool], script: Sequence[Decision | Line], answer: str | None, kind: str
) -> Problem:
    """A problem of this source; its id comes later."""
    lines = [line if isinstance(line, Line) else Line(line) for line in script]
    return Problem(id="", source="functions", task=task, tools=tools, script=lines, answer=answer, kind=kind)


def one_call(chance: Random) -> Problem | None:
    """One call of one of the functions."""
    asked = drawn(chance)
    return called(*asked, chance) if asked else None


def called(offered: Offer, said: Request, chance: Random) -> Problem:
    """A request that one of the functions shown is called for."""
    tools = as_tools([offered, *others([offered.spec], chance, chance.choice(SHOWN) - 1)], chance)
    name, spec = offered.function.name, offered.spec
    begun = [planned(offered), Call(tool=name, arguments=dict(said.arguments))]
    if spec.reports and chance.random() < 0.6:
        report, answer = reported(spec, said, chance)
        tools = [replace(tool, function=returning(report)) if tool.name == name else tool for tool in tools]
        return problem(said.text, tools, [*begun, Proposal(text=answer, cited=(1,))], answer, CHOICE)
    return problem(said.text, tools, [*begun, ended(said.text, (1,))], answered(said.text), CHOICE)


def two_calls(chance: Random) -> Problem | None:
    """Two calls, of one function or of two."""
    first = drawn(chance, frame=False)
    if first is None:
        return None
    second = first
    if chance.random() < 0.6:  # the same function again
        said = request(first[0], chance, frame=False)
        second = (first[0], said) if said else first
    else:
        second = drawn(chance, frame=False) or first
    asked = [first, second]
    alike = first[0].function.name == second[0].function.name
    if first[1].text == second[1].text or (alike and first[0] is not second[0]):
        return None
    if alike and first[1].arguments == second[1].arguments:
        return None
    wanted = [first[0]] if alike else [first[0], second[0]]
    shown = [*wanted, *others([o.spec for o in wanted], chance, chance.randrange(2))]
    task = chance.choice((" Also: ", " And then: ", "\n", " ")).join(said.text for _, said in asked)
    script: list[Decision] = [Plan(steps=tuple(step(offered) for offered, _ in asked))]
    script += [Call(tool=offered.function.name, arguments=dict(said.arguments)) for offered, said in asked]
    return problem(task, as_tools(shown, chance), [*script, ended(task, (1, 2))], answered(task), CHOICE)


def failed_call(chance: Random) -> Problem | None:
    """A call that fails: then there is no answer."""
    asked = drawn(chance)
    return failed(*asked, chance) if asked else None


def failed(offered: Offer, said: Request, chance: Random) -> Problem:
    """A request whose function fails."""
    [tool] = as_tools([offered], chance)
    call = Line(Call(tool=tool.name, arguments=dict(said.arguments)), fails=True)
    script = [planned(offered), call, GiveUp(reason=FAILED)]
    return problem(said.text, [replace(tool, function=failing(chance.choice(DOWN)))], script, None, REFUSAL)


def no_call(chance: Random) -> Problem | None:
    """A request that none of the functions shown is for: of the same domain, of another, or of no function at all."""
    asked = drawn(chance)
    if asked is None:
        return None
    offered, said = asked
    text, avoided = said.text, [offered.spec]
    if chance.random() < 0.3:
        text = filled("<unrelated>", chance)
        # What it asks for may well be in the catalogue, where it is kin to functions on the same things.
        avoided = [spec for spec in catalogue() if spec.domain in NEAR_KNOWLEDGE]
    return unfit(text, avoided, chance)


def unfit(text: str, avoided: Sequence[Spec], chance: Random) -> Problem:
    """A request that isn't meant for any of the functions shown, but for one of those avoided, if for any."""
    shown = others(avoided, chance, chance.choice(SHOWN), near=0.7)
    return problem(text, as_tools(shown, chance), [Plan(steps=()), GiveUp(reason=UNFIT)], None, REFUSAL)


def vague_call(chance: Random) -> Problem | None:
    """A request for one of the functions that leaves open what a call needs: a value made up would be a guess."""
    asked = drawn(chance)
    if asked is None:
        return None
    offered, said = asked
    open_to = [p for p in offered.spec.parameters if not p.optional and vague(p.kind) and p.name in said.values]
    if not open_to:
        return None
    parameter = chance.choice(open_to)
    known, instead = said.values[parameter.name].words, filled(f"<{vague(parameter.kind)}>", chance)
    # Nobody says "a base of some" or "the order my order": a number counts something, and no article goes before.
    counted = "(?= [a-z])" if parameter.kind.startswith(("integer", "number")) else ""
    text, found = re.subn(rf"{ALONE}{re.escape(known)}(?![\w-]){counted}", instead, said.text)
    if found != 1:
        return None
    shown = as_tools([offered, *others([offered.spec], chance, chance.choice(SHOWN) - 1)], chance)
    text = f"{text[0].upper()}{text[1:]}"
    return problem(text, shown, [Plan(steps=()), GiveUp(reason=UNKNOWN)], None, REFUSAL)


def vague(kind: str) -> str:
    """The list of words that tell no value of a kind, if there is one."""
    name = f"vague_{kind.split(maxsplit=1)[0]}"
    return name if name in words() else ""


NEAR_KNOWLEDGE = frozenset(
    "art biology chemistry communication education food health history home media music physics sports travel".split()
)
"""Domains with functions that a general question could be meant for."""


def drawn(chance: Random, *, frame: bool = True) -> tuple[Offer, Request] | None:
    """A function and a request for it."""
    offered = offer(chance.choice(catalogue()), chance)
    said = request(offered, chance, frame=frame)
    return (offered, said) if said else None


def others(avoided: Sequence[Spec], chance: Random, count: int, *, near: float = 0.5) -> list[Offer]:
    """Functions that a request for these isn't meant for; such a share of a domain of these, if it has others."""
    fit = [spec for spec in catalogue() if not any(spec.near(one) for one in avoided)]
    alike = [spec for spec in fit if any(spec.domain == one.domain for one in avoided)]
    found: dict[str, Offer] = {}
    for _ in range(count):
        spec = chance.choice(alike if alike and chance.random() < near else fit)
        found.setdefault(spec.name, offer(spec, chance))
    return list(found.values())


def as_tools(offers: Sequence[Offer], chance: Random) -> list[Tool]:
    """The functions as an evaluation makes tools of them, in any order, each name once."""
    shown: dict[str, Function] = {}
    for offered in offers:
        shown.setdefault(offered.function.name, offered.function)
    order = chance.sample(list(shown.values()), len(shown))
    return functions(Item(id="", question="", gold=None, functions=tuple(order)))


def step(offered: Offer) -> Step:
    return Step(tool=offered.function.name, purpose=offered.spec.purpose)


def planned(offered: Offer) -> Plan:
    return Plan(steps=(step(offered),))


def ended(task: str, cited: tuple[int, ...]) -> Decision:
    """What follows from a report that all is done: nothing, where the task asks how many."""
    return GiveUp(reason=UNKNOWN) if HOW_MANY.search(task) else Proposal(text=DONE, cited=cited)


def answered(task: str) -> str | None:
    return None if HOW_MANY.search(task) else DONE


def reported(spec: Spec, said: Request, chance: Random) -> tuple[str, str]:
    """What a function reports, and the answer that follows."""
    report, answer = chance.choice(spec.reports)
    values = {name: value.words for name, value in said.values.items()}

    def blank(match: re.Match[str]) -> str:
        name, kind = match.groups()
        if kind:
            values[name] = str(kind_of(kind, chance).draw(chance).argument)
        return values[name]

    return BLANK.sub(blank, report), BLANK.sub(blank, answer)


def returning(report: str) -> Callable[..., str]:
    """A function that reports this, whatever it is called with."""

    def say(**_arguments: Any) -> str:
        return report

    return say


def failing(reason: str) -> Callable[..., str]:
    """A function that fails."""

    def fail(**_arguments: Any) -> str:
        raise ToolError(reason)

    return fail
