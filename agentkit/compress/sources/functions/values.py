"""Kinds of argument: their schema, and values with the words that people write for them."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from importlib.resources import files
from random import Random
from typing import Any

REFERENCE = re.compile(r"<(\w+)>")
SPELLED = "zero one two three four five six seven eight nine ten eleven twelve".split()
FORMATS: Mapping[str, str] = {"YYYY-MM-DD": "%Y-%m-%d", "MM/DD/YYYY": "%m/%d/%Y", "DD-MM-YYYY": "%d-%m-%Y"}
LAST_DAY = date(2031, 12, 31)


@dataclass(frozen=True)
class Value:
    """An argument and how a request says it."""

    argument: Any
    words: str


@dataclass(frozen=True)
class Kind:
    """What an argument may be."""

    schema: Mapping[str, Any]
    draw: Callable[[Random], Value]
    note: str = ""
    """What its description must add, since the request doesn't write it so."""


def kind_of(text: str, chance: Random) -> Kind:
    """The kind that a catalogue names; where it can be described in several ways, one of them.

    Raises:
        ValueError: There is no such kind.
    """
    word, _, rest = text.partition(" ")
    match word:
        case "integer":
            low, high = _bounds(rest)
            return Kind({"type": "integer"}, lambda c: _whole(_drawn(low, high, c), c))
        case "number":
            low, high = _bounds(rest)
            return Kind({"type": "number"}, lambda c: _decimal(low, high, c))
        case "year":
            low, high = _bounds(rest or "1950..2030")
            return Kind({"type": "integer"}, lambda c: _said(c.randint(int(low), int(high))))
        case "money":
            low, high = _bounds(rest)
            whole = chance.random() < 0.4
            return Kind({"type": "integer" if whole else "number"}, lambda c: _money(low, high, c, whole=whole))
        case "percent":
            return Kind({"type": "number"}, lambda c: _percent(*_bounds(rest), c, share=False), "in percent")
        case "rate":
            note = "as a decimal, 0.05 for 5%"
            return Kind({"type": "number"}, lambda c: _percent(*_bounds(rest), c, share=True), note)
        case "date":
            shape = "YYYY-MM-DD" if chance.random() < 0.7 else chance.choice(sorted(FORMATS))
            return Kind({"type": "string"}, lambda c: _date(shape, c), f"in the format {shape}")
        case "time":
            return Kind({"type": "string"}, _time, "in 24-hour format HH:MM")
        case "flag":
            return Kind({"type": "boolean"}, lambda _: Value(True, ""))
        case "one":
            return _one_of(rest.removeprefix("of "), chance)
        case "list":
            return _list_of(rest.removeprefix("of "), chance)
        case _ if word in words():
            return _from_list(word)
        case _:
            raise ValueError(f"no kind of argument is called {text!r}")


def default_of(kind: Kind, written: str) -> Any:
    """A default as the schema has it."""
    match kind.schema["type"]:
        case "boolean":
            return written == "true"
        case "integer":
            return int(written)
        case "number":
            return float(written) if "." in written else int(written)
        case _:
            return written


@cache
def words() -> Mapping[str, tuple[str, ...]]:
    """Lists of names and things; an entry may be `value=how it's said|another way`, and refer to other `<lists>`."""
    lines = files("agentkit.compress.sources.functions").joinpath("words.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.partition(": ") for line in lines if ": " in line]
    return {name: tuple(entry.strip() for entry in rest.split(";")) for name, _, rest in pairs}


def filled(text: str, chance: Random) -> str:
    """A text with an entry drawn for each list that it refers to, as it's said."""
    return REFERENCE.sub(lambda m: _entry(m[1], chance).words, text)


def joined(parts: list[str], chance: Random) -> str:
    """A list as it's said."""
    if len(parts) < 2:
        return "".join(parts)
    last = chance.choice((" and ", ", and ")) if len(parts) > 2 else " and "
    return f"{', '.join(parts[:-1])}{last}{parts[-1]}"


def _entry(name: str, chance: Random) -> Value:
    written, _, said = chance.choice(words()[name]).partition("=")
    value = filled(written, chance)
    return Value(value, chance.choice(said.split("|")) if said else value)


def _from_list(name: str) -> Kind:
    return Kind({"type": "string"}, lambda c: _entry(name, c))


def _bounds(text: str) -> tuple[float, float]:
    low, _, high = text.partition("..")
    return float(low), float(high)


def _drawn(low: float, high: float, chance: Random) -> int:
    """Whole numbers, the large ones mostly round."""
    value = chance.randint(int(low), int(high))
    for size in (100_000, 10_000, 1000, 100):
        if value >= 20 * size and chance.random() < 0.8:
            return value // size * size
    return value


def _whole(value: int, chance: Random) -> Value:
    if 0 < value < len(SPELLED) and chance.random() < 0.2:
        return Value(value, SPELLED[value])
    return Value(value, _grouped(value, chance))


def _grouped(value: float, chance: Random) -> str:
    if isinstance(value, int) and value >= 1_000_000 and value % 100_000 == 0 and chance.random() < 0.5:
        return f"{value / 1_000_000:g} million"
    return f"{value:,}" if abs(value) >= 1000 and chance.random() < 0.6 else f"{value}"


def _decimal(low: float, high: float, chance: Random) -> Value:
    if high - low >= 4 and chance.random() < 0.5:
        return _whole(_drawn(low, high, chance), chance)
    value = round(chance.uniform(low, high), chance.choice((1, 1, 2)) if high > 1 else 2)
    return Value(value, f"{value}") if value % 1 else _whole(int(value), chance)


def _said(value: int) -> Value:
    return Value(value, str(value))


def _money(low: float, high: float, chance: Random, *, whole: bool) -> Value:
    cents = not whole and high < 2000 and chance.random() < 0.4
    value = round(chance.uniform(low, high), 2) if cents else _drawn(low, high, chance)
    said = f"{value:,.2f}" if cents else _grouped(value, chance)
    return Value(value, chance.choice((f"${said}", f"${said}", f"{said} dollars", f"{said} USD")))


def _percent(low: float, high: float, chance: Random, *, share: bool) -> Value:
    value = round(chance.uniform(low, high) * 4) / 4 if chance.random() < 0.5 else chance.randint(int(low), int(high))
    written = f"{value:g}"
    number = round(value / 100, 6) if share else (int(value) if value % 1 == 0 else value)
    return Value(number, chance.choice((f"{written}%", f"{written}%", f"{written} percent")))


def _date(shape: str, chance: Random) -> Value:
    day = date(2019, 1, 1) + timedelta(days=chance.randrange((LAST_DAY - date(2019, 1, 1)).days))
    ordinal = f"{day.day}{'th' if 4 <= day.day % 100 <= 20 else {1: 'st', 2: 'nd', 3: 'rd'}.get(day.day % 10, 'th')}"
    month = day.strftime("%B")
    said = [f"{month} {day.day}, {day.year}", f"{month} {ordinal}, {day.year}", f"{ordinal} of {month} {day.year}"]
    said += [f"{day.day} {month} {day.year}", day.isoformat(), f"{day.strftime('%b')} {day.day}, {day.year}"]
    if day.day > 12:
        said.append(day.strftime("%m/%d/%Y"))
    return Value(day.strftime(FORMATS[shape]), chance.choice(said))


def _time(chance: Random) -> Value:
    hour, minute = chance.randrange(24), chance.choice((0, 0, 0, 15, 30, 30, 45))
    half = "AM" if hour < 12 else "PM"
    twelve = hour % 12 or 12
    said = [f"{twelve}:{minute:02d} {half}", f"{hour:02d}:{minute:02d}"]
    said += [f"{twelve} {half}", f"{twelve}{half.lower()}"] if minute == 0 else []
    said += ["noon"] if (hour, minute) == (12, 0) else []
    return Value(f"{hour:02d}:{minute:02d}", chance.choice(said))


def _one_of(text: str, chance: Random) -> Kind:
    """A closed list, as an enum or named in the description."""
    pairs = [option.strip().partition("=") for option in text.split("|")]
    options = [value for value, _, _ in pairs]
    shown = list(options)
    if chance.random() < 0.3:
        chance.shuffle(shown)

    def draw(chance: Random) -> Value:
        value, _, said = chance.choice(pairs)
        return Value(value, said or value)

    if chance.random() < 0.55:
        return Kind({"type": "string", "enum": shown}, draw)
    return Kind({"type": "string"}, draw, f"one of {', '.join(map(repr, shown))}")


def _list_of(text: str, chance: Random) -> Kind:
    """`list of 2..4 integer 1..9`: so many of a kind, said one after the other."""
    count, _, inner = text.partition(" ")
    low, high = _bounds(count)
    kind = kind_of(inner, chance)

    def draw(chance: Random) -> Value:
        found = [kind.draw(chance) for _ in range(chance.randint(int(low), int(high)))]
        if kind.schema["type"] == "string":
            found = list({value.argument: value for value in found}.values())
            return Value([v.argument for v in found], joined([v.words for v in found], chance))
        plain = [f"{value.argument}" for value in found]
        return Value([v.argument for v in found], chance.choice((joined(plain, chance), f"[{', '.join(plain)}]")))

    return Kind({"type": "array", "items": dict(kind.schema)}, draw, kind.note)
