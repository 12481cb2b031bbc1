"""Requests for functions in a model's own words: a function and its arguments are drawn, the model asks for the call.

What templates ask for is worded alike however many there are of them; what a model words is as people ask, but may be
wrong. So it is kept only if it tells every argument and no other number, and if the model, given the functions and the
request, makes the same call with the same arguments (round-trip consistency: Alberti et al. 2019). What a model gets
wrong both ways goes through: the 0.5B asked for `60 kg of water`, where 60 kg was a weight, and read it as that. So the
teacher should be the most able one that there is.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Any

from agentkit.compress.problem import Problem, shown
from agentkit.compress.recording import agent_for
from agentkit.compress.sources import Problems
from agentkit.compress.sources.calls import called, drawn, failed, unfit
from agentkit.compress.sources.functions import Offer, Request, telling
from agentkit.compress.sources.functions.telling import Fact
from agentkit.evaluate.item import Called, Item
from agentkit.evaluate.scorers import calls
from agentkit.evaluate.strategies.completion import functions
from agentkit.events import Called as CallEvent
from agentkit.events import Event, Observed
from agentkit.models.model import Message, Model
from agentkit.tools import Tool

RULES = (
    "You write what people ask an assistant for. You are told what it is to do and the facts that it needs. "
    "Write the request as the person would say it. It has every fact, each word for word, and no other number. "
    'Reply {"request":"..."}.'
)
EXAMPLES = (
    (
        "The assistant is to: Convert a temperature from one scale to another.\n"
        "- Temperature: 68\n- Scale that it is in: Fahrenheit\n- Scale that is wanted: Celsius\n"
        "Write a question.",
        "How much is a temperature of 68 degrees Fahrenheit in Celsius?",
    ),
    (
        "The assistant is to: Have flowers sent to someone.\n"
        "- Who gets them: Mrs. Novak\n- Day of delivery: May 3, 2026\n- Number of flowers: 15\n"
        "- Whether a card comes with them: yes\n"
        "Write two sentences, the first of which says why.",
        "Mrs. Novak retires soon. Please send her 15 flowers with a card on May 3, 2026.",
    ),
)
STYLES = (
    "Write a question.",
    "Write a short order.",
    "Write two sentences, the first of which says why.",
    "Write it politely.",
    "Write it as to a friend.",
    "Write it as someone in a hurry would.",
)
LONGEST = 400
"""Characters of a request."""

Make = Callable[[Offer, Request, Random], Problem]


def unfitting(offered: Offer, said: Request, chance: Random) -> Problem:
    """The request where none of the functions shown is the one that it is meant for."""
    return unfit(said.text, [offered.spec], chance)


MAKERS: Sequence[Make] = (*(called,) * 14, *(unfitting,) * 5, failed)
"""What is made of a request, each as often as it stands here."""


@dataclass(frozen=True)
class CallBrief:
    """A call that a request is to be worded for."""

    offered: Offer
    said: Request
    """What a template would say, and the arguments."""
    make: Make
    seed: int
    """Of what is drawn around the request: the other functions, what the call reports."""
    style: str
    key: str = "request"
    longest: int = LONGEST

    @cached_property
    def facts(self) -> list[Fact]:
        return telling.facts(self.offered, self.said)

    @property
    def asked(self) -> list[Message]:
        """Two examples, then the call without a word of code: what isn't shown isn't repeated."""
        told = [f"- {fact.description}: {said(fact)}" for fact in self.facts]
        order = "\n".join([f"The assistant is to: {self.offered.spec.description}", *told, self.style])
        return shown(RULES, EXAMPLES, self.key, order)

    def objection(self, text: str) -> tuple[str, str] | None:
        return telling.objection(text, self.facts, self.offered)

    def problem(self, text: str) -> Problem:
        return self.make(self.offered, replace(self.said, text=text), Random(self.seed))

    async def misread(self, worded: Problem, reader: Model) -> tuple[str, str] | None:
        tools = self.tools(worded)
        events: list[Event] = []
        async with aclosing(agent_for(worded, reader, tools).stream(worded.task)) as stream:
            async for event in stream:
                events.append(event)
        why = calls.objection([self.offered.function], [self.gold], list(made(events)))
        return (f"it doesn't parse back: {why.partition(':')[0]}", why.partition(": ")[2]) if why else None

    def tools(self, worded: Problem) -> list[Tool]:
        """The function and all that a student is shown, none of which does anything."""
        shown = [self.offered.function]
        own = functions(Item(id="", question="", gold=None, functions=tuple(shown)))
        others = [t for t in worded.tools if isinstance(t, Tool) and t.name != own[0].name]
        return sorted([*own, *(replace(t, function=own[0].function) for t in others)], key=lambda tool: tool.name)

    @property
    def gold(self) -> Mapping[str, Mapping[str, Sequence[Any]]]:
        """The call as a scorer has it; what is its default may be passed or left out."""
        given = {name: [value] for name, value in self.said.arguments.items()}
        defaults = {self.offered.written[name]: [value, ""] for name, value in self.offered.defaults.items()}
        return {self.offered.function.name: {**defaults, **given}}


def worded(_folder: Path, chance: Random) -> Problems:
    """Calls to be worded, without end; until a model has, their tasks are a template's."""
    for number, (offered, said) in enumerate(requests(chance), 1):
        brief = CallBrief(offered, said, chance.choice(MAKERS), chance.getrandbits(32), chance.choice(STYLES))
        name = f"functions_worded-{number}"
        yield replace(brief.problem(said.text), id=name, source="functions_worded", brief=brief)


def requests(chance: Random) -> Iterator[tuple[Offer, Request]]:
    """Functions with arguments drawn for them."""
    return filter(None, (drawn(chance, frame=False) for _ in itertools.count()))


def said(fact: Fact) -> str:
    """An argument as the model is told it."""
    if isinstance(fact.argument, bool):
        return "yes" if fact.argument else "no"
    return fact.words


def made(events: Sequence[Event]) -> Iterator[Called]:
    """The calls that reached a function, each once."""
    refused = {event.call for event in events if isinstance(event, Observed) and event.refused}
    for event in events:
        if isinstance(event, CallEvent) and not event.repeated and event.call not in refused:
            yield Called(name=event.tool, arguments=event.arguments)
