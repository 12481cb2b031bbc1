"""JSON lines: an object a line."""

import json
from collections.abc import Iterator
from typing import cast

from agentkit.knowledge.formats import rows, text
from agentkit.knowledge.formats.content import Content, Unreadable

MAX_COLUMNS = 500
DEPTH = 4
"""Objects inside objects become columns like `address.city` this deep; what lies below stays JSON."""


def read(data: bytes) -> Content:
    """A passage an object. Lines that hold none are left out, with a notice."""
    decoded, notice = text.decode(data)
    wrong: list[int] = []
    sections = tuple(rows.sections(_objects(decoded, wrong)))
    if not sections:
        raise Unreadable("is not JSON lines: no line of it is an object with a value")
    if wrong:
        skipped = f"has {len(wrong):,} lines that are no JSON objects, left out; the first is line {wrong[0]}"
        notice = f"{notice}; {skipped}" if notice else skipped
    return Content(sections=sections, notice=notice)


def _objects(decoded: str, wrong: list[int]) -> Iterator[dict[str, str]]:
    for number, line in enumerate(decoded.split("\n"), start=1):
        if not line.strip():
            continue
        found = _object(line)
        if found is None:
            wrong.append(number)
        else:
            yield dict(list(found.items())[:MAX_COLUMNS])


def _object(line: str) -> dict[str, str] | None:
    """What a line holds by column; None where that is no object."""
    try:
        value = json.loads(line)
        return dict(_flat(cast(dict[str, object], value))) if isinstance(value, dict) else None
    except (ValueError, RecursionError):  # what can just be read may nest too deeply to be written again
        return None


def _flat(value: dict[str, object], above: str = "", depth: int = 1) -> Iterator[tuple[str, str]]:
    for key, inner in value.items():
        name = f"{above}{key}"
        if isinstance(inner, dict) and depth < DEPTH:
            yield from _flat(cast(dict[str, object], inner), f"{name}.", depth + 1)
        else:
            yield name, _said(cast(object, inner))


def _said(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        parts = cast(list[object], value)
        if all(isinstance(part, str | int | float) for part in parts):
            return ", ".join(map(str, parts))
    return json.dumps(value, ensure_ascii=False)
