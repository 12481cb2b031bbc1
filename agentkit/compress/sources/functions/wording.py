"""Requests: a template with values put in, framed as people ask."""

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from agentkit.compress.sources.functions.spec import SEGMENT, SLOT
from agentkit.compress.sources.functions.values import Value
from agentkit.compress.sources.functions.variants import Offer

ORDERS = (
    "Please {}.|Can you {}?|Could you {}?|I need you to {}.|I'd like you to {}.|Would you {}?|Could you please {}?|"
    "Hi, can you {}?|I want to {}.|Help me {}.|{}, please.|Go ahead and {}."
).split("|")
QUESTIONS = (
    "Hi! {}|Hello, {}|Quick question: {}|{} Thanks!|Could you tell me: {}|I was wondering: {}|Please tell me, {}|"
    "I need to know: {}|Any idea, {}|Hey, {}"
).split("|")
BEFORE = (
    "I'm preparing a report for work.|My sister asked me for help.|I'm helping my son with his homework.|"
    "I've been thinking about this all day.|I need this before noon.|We talked about it at dinner.|"
    "I'm new to this.|It's for a project.|I'm in a bit of a hurry.|My boss wants to know.|I am writing an article."
).split("|")
FRAMED = 0.45
"""Share of requests that are framed; most are bare, as in sets of test questions."""
GIVEN = 0.6
"""Share of a template's optional parts that are said."""


@dataclass(frozen=True)
class Request:
    """What is asked, and the arguments that it asks for."""

    text: str
    arguments: Mapping[str, Any]
    """By the schema's names, in its order."""
    words: Mapping[str, str]
    """For each argument, how the request says it; nothing for a flag."""
    values: Mapping[str, Value]
    """By the template's names."""


def request(offered: Offer, chance: Random, *, frame: bool = True) -> Request | None:
    """A request for a function as it's offered; None if no template fits what its schema was written without.

    Without a frame it begins with the template's own first word.
    """
    templates = [t for t in offered.spec.templates if set(SLOT.findall(SEGMENT.sub("", t))) <= offered.kinds.keys()]
    if not templates:
        return None
    template = chance.choice(templates)
    values: dict[str, Value] = {}

    def segment(match: Any) -> str:
        negated, flag, text = match.groups()
        slots = SLOT.findall(text)
        new = [flag] if flag else slots
        if not {*slots, *([flag] if flag else [])} <= offered.kinds.keys():
            return ""
        # A parameter that is said once is said wherever it stands.
        if all(name in values for name in new) or chance.random() < GIVEN:
            if flag:
                values[flag] = Value(not negated, "")
            for name in slots:
                said(name)
            return text
        return ""

    def said(name: str) -> str:
        if name not in values:
            values[name] = drawn(offered, name, chance)
        return values[name].words

    text = SLOT.sub(lambda m: said(m[1]), SEGMENT.sub(segment, template))
    arguments = {offered.written[name]: values[name].argument for name in offered.written if name in values}
    # A flag said to be what it is anyway needn't be passed: which of both is meant can't be known.
    if any(values[name].argument == default for name, default in offered.defaults.items() if name in values):
        return None
    return Request(
        text=framed(text, chance) if frame else text,
        arguments=arguments,
        words={offered.written[name]: values[name].words for name in offered.written if name in values},
        values=values,
    )


def drawn(offered: Offer, name: str, chance: Random) -> Value:
    """A value of a parameter, other than its default."""
    value = offered.kinds[name].draw(chance)
    while name in offered.defaults and value.argument == offered.defaults[name] and value.words:
        value = offered.kinds[name].draw(chance)
    return value


def framed(text: str, chance: Random) -> str:
    """A request the way someone says it."""
    draw = chance.random()
    if draw > FRAMED:
        return text
    if draw > FRAMED - 0.1:
        return f"{chance.choice(BEFORE)} {text}"
    first = text.split(maxsplit=1)[0]
    lower = f"{text[0].lower()}{text[1:]}" if first[1:].islower() and first not in ("I'm", "I'd", "I've") else text
    if text.endswith("?"):
        frame = chance.choice(QUESTIONS)
        return frame.format(text if frame.startswith("{}") or frame.endswith("! {}") else lower)
    if not text.endswith(".") or first in ("I", "I'm", "I'd", "I've", "My", "We", "A", "The", "There") or ". " in text:
        return text
    frame = chance.choice(ORDERS)
    return frame.format(text[:-1] if frame.startswith("{}") else lower[:-1])
