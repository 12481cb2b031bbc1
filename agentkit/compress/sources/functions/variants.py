"""A function as one of the many schemas that it could have been written with."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from agentkit.compress.sources.functions.spec import Parameter, Spec
from agentkit.compress.sources.functions.values import Kind, default_of, kind_of
from agentkit.evaluate.item import Function

VERBS: Mapping[str, tuple[str, ...]] = {
    "calculate": ("calculate", "compute", "calc", "get", "find", "determine"),
    "compute": ("compute", "calculate", "get"),
    "get": ("get", "fetch", "retrieve", "lookup", "find"),
    "find": ("find", "search", "get", "lookup"),
    "search": ("search", "find", "query"),
    "book": ("book", "reserve"),
    "create": ("create", "make", "add", "new"),
    "add": ("add", "create", "insert"),
    "send": ("send", "post", "deliver"),
    "convert": ("convert", "transform"),
    "estimate": ("estimate", "predict", "calculate"),
    "generate": ("generate", "create", "make"),
    "check": ("check", "verify", "get"),
    "order": ("order", "buy", "purchase"),
    "analyze": ("analyze", "evaluate", "inspect"),
}
"""Verbs that a name may begin with instead. A description keeps its own more often: it has room to be exact."""
SAID: Mapping[str, tuple[str, ...]] = {
    "Calculate": ("Calculate", "Compute", "Determine", "Work out"),
    "Get": ("Get", "Retrieve", "Fetch", "Return"),
    "Find": ("Find", "Look up", "Search for"),
    "Create": ("Create", "Make", "Set up"),
    "Convert": ("Convert", "Transform"),
    "Estimate": ("Estimate", "Predict"),
}


@dataclass(frozen=True)
class Offer:
    """A function as a model is shown it."""

    spec: Spec
    function: Function
    kinds: Mapping[str, Kind]
    """By what templates call the parameters; those that the schema was written without are missing."""
    written: Mapping[str, str]
    """For each of these, what the schema calls it; in its order."""
    defaults: Mapping[str, Any]


def offer(spec: Spec, chance: Random) -> Offer:
    """One way to write the function: its name, parameters and descriptions."""
    camel = chance.random() < 0.12
    kept = [p for p in spec.parameters if not p.optional or chance.random() < 0.7]
    if chance.random() < 0.25:
        chance.shuffle(kept)
    told = chance.random() < 0.94  # whether parameters are described at all
    kinds = {p.name: kind_of(p.kind, chance) for p in kept}
    written = {p.name: _styled(chance.choice(p.names) if chance.random() < 0.5 else p.name, camel=camel) for p in kept}
    defaults = {p.name: default_of(kinds[p.name], p.default) for p in kept if p.default}
    properties = {
        written[p.name]: _property(p, kinds[p.name], defaults.get(p.name), chance, described=told) for p in kept
    }
    required = [written[p.name] for p in kept if not p.optional]
    function = Function(
        name=_name(spec, chance, camel=camel),
        description=_description(spec, chance),
        parameters={"type": "object", "properties": properties, "required": required},
    )
    return Offer(spec, function, kinds, written, defaults)


def _name(spec: Spec, chance: Random, *, camel: bool) -> str:
    name = chance.choice(spec.names)
    verb, _, rest = name.partition("_")
    if rest and verb in VERBS and chance.random() < 0.4:
        name = f"{chance.choice(VERBS[verb])}_{rest}"
    elif rest and verb in VERBS and chance.random() < 0.2:
        name = rest
    name = _styled(name, camel=camel)
    draw = chance.random()
    if draw < 0.22:
        return f"{chance.choice(spec.modules)}.{name}"
    if draw < 0.26:
        return f"{chance.choice(spec.modules).title()}.{name}"
    return name


def _styled(name: str, *, camel: bool) -> str:
    return re.sub(r"_(\w)", lambda m: m[1].upper(), name) if camel else name


def _description(spec: Spec, chance: Random) -> str:
    first, _, rest = spec.description.partition(" ")
    verb = chance.choice(SAID[first]) if first in SAID and chance.random() < 0.5 else first
    draw = chance.random()
    if draw < 0.15:
        return f"{_third_person(verb)} {rest}"
    if draw < 0.22:
        return f"This function {_third_person(verb).lower()} {rest}"
    if draw < 0.28:
        return f"{spec.purpose[0].upper()}{spec.purpose[1:]}."
    return f"{verb} {rest}" if draw < 0.9 else f"{verb} {rest}".rstrip(".")


def _third_person(verb: str) -> str:
    first, *rest = verb.split(" ")
    if first.endswith(("s", "x", "ch", "sh")):
        first += "es"
    elif first.endswith("y") and first[-2] not in "aeiou":
        first = f"{first[:-1]}ies"
    else:
        first += "s"
    return " ".join([first, *rest])


def _property(parameter: Parameter, kind: Kind, default: Any, chance: Random, *, described: bool) -> dict[str, Any]:
    schema = dict(kind.schema)
    parts: list[str] = []
    if described and chance.random() < 0.95:
        text = parameter.description.rstrip(".")
        parts.append(text if chance.random() < 0.75 else f"The {text[0].lower()}{text[1:]}")
    if kind.note:  # the argument can't be known without
        parts = [f"{parts[0]}, {kind.note}" if parts else kind.note[0].upper() + kind.note[1:]]
    if default is not None:
        schema["default"] = default
        if chance.random() < 0.7:
            shown = str(default).lower() if isinstance(default, bool) else default
            parts.append(
                chance.choice((f"Default is {shown}", f"Defaults to {shown}", f"Optional, {shown} if not given"))
            )
    if parts:
        schema["description"] = ". ".join(parts) + chance.choice((".", ".", ""))
    return schema
