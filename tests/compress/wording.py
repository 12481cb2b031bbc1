"""A function to ask for, and scripted teachers that word and read."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from agentkit.compress.problem import Problem
from agentkit.compress.sources.calls import called
from agentkit.compress.sources.functions import Offer, Request
from agentkit.compress.sources.functions.spec import parsed
from agentkit.compress.sources.functions.values import Value
from agentkit.compress.sources.worded import CallBrief, Make
from agentkit.decision import compact
from agentkit.evaluate.item import Function
from agentkit.models.model import Grammar, Message
from agentkit.models.scripted import Reply, ScriptedModel

[SPEC] = parsed(
    "food",
    """restaurants

book_table / reserve_table ~ book_table
Book a table at a restaurant that is up to 30 km away.
> table booking
place: restaurant | Name of the restaurant.
people: integer 2..12 | Number of guests.
date: date | Day of the visit.
time: time | Time of the visit.
tip?: rate 5..25 | Share of the bill that is given as a tip.
part?: one of main_room|terraces = main_room | Part of the restaurant.
outdoor?: flag = false | Whether to sit outside.
dishes?: list of 2..3 dish | Dishes to be kept.
limits?: list of 2..3 integer 1..90 | Limits in dollars.
- Book {place} for {people} on {date} at {time}[ {tip}][ {part}][outdoor: outside][ {dishes}][ {limits}].
""",
)
VALUES: Mapping[str, Value] = {
    "place": Value("Luigi's", "Luigi's"),
    "people": Value(4, "four"),
    "date": Value("2024-03-05", "March 5, 2024"),
    "time": Value("19:30", "7:30 PM"),
    "tip": Value(0.15, "15%"),
    "part": Value("terraces", "terraces"),
    "outdoor": Value(True, ""),
    "dishes": Value(["paella", "apple pie"], "paella and apple pie"),
    "limits": Value([20, 45], "20 and 45"),
}
TYPES = {"people": "integer", "tip": "number", "outdoor": "boolean"}
TEXTS: Mapping[str, str] = {
    "place": "at Luigi's",
    "people": "for four people",
    "date": "on March 5, 2024",
    "time": "at 7:30 PM",
    "tip": "with a tip of 15%",
    "part": "on the terraces",
    "outdoor": "outside",
    "dishes": "and keep us the paella and apple pie",
    "limits": "with limits of 20 and 45 dollars",
}
"""How each argument is told; together they are a request."""


def told(**instead: str) -> str:
    """A request that tells all arguments, some of them otherwise."""
    return f"Please book a table {' '.join({**TEXTS, **instead}.values())}."


def brief(*names: str, make: Make = called, **changed: Value) -> CallBrief:
    """A call with some of the arguments, by default with all; `part` keeps its default where it isn't among them."""
    values = {name: value for name, value in {**VALUES, **changed}.items() if name in (names or VALUES)}
    properties: dict[str, Any] = {name: {"type": TYPES.get(name, "string")} for name in VALUES}
    properties |= {"dishes": {"type": "array", "items": {"type": "string"}}}
    properties |= {"limits": {"type": "array", "items": {"type": "integer"}}}
    properties["part"]["default"] = "main_room"
    schema = {"type": "object", "properties": properties, "required": ["place", "people"]}
    function = Function(name="restaurants.book_table", description=SPEC.description, parameters=schema)
    offered = Offer(SPEC, function, {}, {name: name for name in VALUES}, {"part": "main_room"})
    arguments = {name: value.argument for name, value in values.items()}
    said = Request("template", arguments, {name: value.words for name, value in values.items()}, values)
    return CallBrief(offered, said, make, seed=3, style="Write a question.")


def problem_of(given: CallBrief) -> Problem:
    made = given.problem("a template's words")
    return Problem(
        id="functions_worded-1",
        source="functions_worded",
        task=made.task,
        tools=made.tools,
        script=made.script,
        answer=made.answer,
        brief=given,
    )


def call(tool: str = "restaurants.book_table", **arguments: Any) -> Mapping[str, Any]:
    return {"tool": tool, "arguments": arguments}


PLAN: Mapping[str, Any] = {"plan": []}
ENDING: Mapping[str, Any] = {"give_up": {"reason": "the evidence does not tell"}}
Say = Callable[[Sequence[Message], Grammar | None], Reply]


def answering(decisions: Sequence[Reply]) -> Say:
    """A reader that plans nothing, takes these decisions, and ends."""

    def read(messages: Sequence[Message], _grammar: Grammar | None) -> Reply:
        following: list[Reply] = [PLAN, *decisions, *[ENDING] * 9]
        return following[taken(messages)]

    return read


def adding_up(expression: str, answer: str) -> Say:
    """A reader that works something out and answers, with a value where one is asked for."""

    def read(messages: Sequence[Message], grammar: Grammar | None) -> Reply:
        typed = grammar is not None and "'value'" in str(grammar.json_schema)
        said = {"value": int(answer)} if typed else {"text": answer}
        found = {"answer": {"evidence": [1], **said}}
        return answering([call("calculator", expression=expression), found])(messages, grammar)

    return read


def taken(messages: Sequence[Message]) -> int:
    """How many decisions were taken since the task was told."""
    start = max(n for n, m in enumerate(messages) if m.content.startswith("Task: "))
    return sum(m.role == "assistant" for m in messages[start:])


def teacher(write: Say | str, read: Say = answering(()), *, key: str = "request", name: str = "big") -> ScriptedModel:
    """Words a task as the one says, and decides in the loop as the other does."""

    def reply(messages: Sequence[Message], grammar: Grammar | None) -> Reply:
        if not messages[0].content.startswith("You solve a task"):
            return compact({key: write}) if isinstance(write, str) else write(messages, grammar)
        return read(messages, grammar)

    return ScriptedModel(reply, name=name)
