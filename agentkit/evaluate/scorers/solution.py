"""What runs beside the code under test: answers calls with it, in values that carry no code.

The text of this file is the beginning of a program for the sandbox, so it imports nothing of agentkit.
"""

import decimal
import fractions
import itertools
import json
import sys
import types
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

ELEMENTS = 10_000
"""Taken from an iterator that the code returns: it may be endless."""


def encode(value: Any) -> Any:
    """A value as one of JSON, whatever its class claims to be equal to: `[kind, content]`, or itself if plain."""
    match value:
        case None | bool() | str():
            return value if value is None or isinstance(value, bool) else str.__str__(value)
        case int():
            plain = int.__int__(value)
            return plain if abs(plain) < 1 << 63 else ["int", hex(plain)]
        case float():
            return float.__float__(value)
        case complex():
            return ["complex", [value.real, value.imag]]
        case bytes() | bytearray():
            return [("bytes" if isinstance(value, bytes) else "bytearray"), value.hex()]
        case range():
            return ["range", [value.start, value.stop, value.step]]
        case fractions.Fraction() | decimal.Decimal():
            return ["Fraction" if isinstance(value, fractions.Fraction) else "Decimal", str(value)]
        case dict():
            pairs = cast(Any, dict).items(value)
            return ["dict", [[encode(key), encode(content)] for key, content in pairs]]
        case _:
            pass
    for kind in (list, tuple, set, frozenset):
        if isinstance(value, kind):
            return [kind.__name__, [encode(element) for element in cast(Any, kind).__iter__(value)]]
    if isinstance(value, Iterator):
        return ["iterator", [encode(e) for e in itertools.islice(cast(Iterator[Any], value), ELEMENTS)]]
    return ["object", type(cast(object, value)).__name__]


def decode(code: Any) -> Any:
    """The value again; what isn't data becomes an object that equals nothing."""
    if not isinstance(code, list):
        return code
    kind, content = cast(list[Any], code)
    match kind:
        case "int":
            return int(content, 16)
        case "complex":
            return complex(*content)
        case "bytes":
            return bytes.fromhex(content)
        case "bytearray":
            return bytearray.fromhex(content)
        case "range":
            return range(*content)
        case "Fraction":
            return fractions.Fraction(content)
        case "Decimal":
            return decimal.Decimal(content)
        case "dict":
            return {decode(key): decode(value) for key, value in content}
        case "list" | "tuple" | "set" | "frozenset":
            made = {"list": list, "tuple": tuple, "set": set, "frozenset": frozenset}[kind]
            return cast(Any, made)(decode(element) for element in content)
        case "iterator":
            return iter([decode(element) for element in content])
        case _:
            return object()


def answers(sources: Sequence[str], entry: str, calls: Sequence[Any]) -> str:
    """What the function returns or raises for each call, as JSON."""
    sys.stdout = sys.stderr = cast(Any, types.SimpleNamespace(write=len, flush=lambda: None))
    module = types.ModuleType("solution")  # not `__main__`: a program's own trial runs stay out
    sys.modules["solution"] = module
    for number, source in enumerate(sources):
        exec(compile(source, f"<source {number}>", "exec"), module.__dict__)
    function = module.__dict__[entry]
    return json.dumps([answer(function, *decode(call)) for call in calls])


def answer(function: Any, positional: Sequence[Any], named: Mapping[str, Any]) -> list[Any]:
    """`[True, value]`, or `[False, type of the error, message]`."""
    try:
        return [True, encode(function(*positional, **named))]
    except BaseException as error:
        return [False, type(error).__name__, str(error)[:200]]
