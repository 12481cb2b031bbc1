"""Does a text tell the arguments of a call, all of them and no other number, as people tell them?"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, cast

from agentkit.checks.dates import Date, dates_in
from agentkit.checks.times import times_in
from agentkit.checks.words import content_words
from agentkit.compress.cardinals import Cardinal, cardinals
from agentkit.compress.sources.functions.variants import Offer
from agentkit.compress.sources.functions.wording import Request

NUMBERS = frozenset("integer number year money percent rate".split())
TWELVE = re.compile(r"\b(?:(?P<noon>noon)|midnight)\b", re.IGNORECASE)
NEGATION = re.compile(
    r"\b(?:no|not|none|never|without|skip|exclud\w+|omit\w*|leav\w+ out|avoid\w*|instead|off|fine)\b|n['’]t\b",
    re.IGNORECASE,
)
COVER = "·"
"""In the place of what tells an argument, while the rest is looked at."""


@dataclass(frozen=True)
class Fact:
    """An argument that a request has to tell."""

    name: str
    """As the schema has it."""
    description: str
    kind: str
    """The first word of the catalogue's, that of the elements for a list."""
    argument: Any
    words: str
    """How a template's request would say it; nothing for a flag."""
    hints: frozenset[str]
    """Of a flag: stems of words that it may be asked for by."""

    @property
    def values(self) -> Sequence[Any]:
        """The argument, or its elements."""
        return cast(list[Any], self.argument) if isinstance(self.argument, list) else [self.argument]

    def spans(self, text: str) -> list[range] | None:
        """Where a text tells it; None where it doesn't, or can't be seen to."""
        if self.kind == "flag":
            told = self.hints & content_words(text) and (self.argument or NEGATION.search(text))
            return [] if told else None
        if self.kind == "date":
            return days(text, self.words) or None
        if self.kind == "time":
            return [range(*match.span()) for match, time in clock(text) if time == self.argument] or None
        if self.kind in NUMBERS:
            found = [number for value in self.values for number in amounts(text, self.accepted(value))]
            told = all(any(amounts(text, self.accepted(value))) for value in self.values)
            return [range(number.start, number.end) for number in found] if told else None
        if whole := stretches(text, [self.words]):
            return whole
        each = [stretches(text, forms(value, loose=self.kind == "one")) for value in self.values]
        return [span for spans in each for span in spans] if all(each) else None

    def accepted(self, value: Any) -> list[tuple[Fraction, bool | None]]:
        """The numbers that tell a value, each with whether it must be followed by percent; None where it may be."""
        exact = Fraction(str(value))
        said = cardinals(self.words)
        if self.kind == "rate" and said:
            return [(said[0].value, True), (exact, False)]
        return [(exact, None)]


def facts(offered: Offer, said: Request) -> list[Fact]:
    """What a request for a call has to tell, in the order of its schema."""
    parameters = {p.name: p for p in offered.spec.parameters}
    common = content_words(f"{offered.spec.description} {offered.spec.purpose}")
    found: list[Fact] = []
    for name, value in said.values.items():
        parameter = parameters[name]
        words = parameter.kind.split()
        hints = content_words(f"{parameter.description} {' '.join(parameter.names)}".replace("_", " "))
        hints -= content_words("whether")
        kind = words[3] if words[0] == "list" else words[0]  # list of 2..4 integer
        written = offered.written[name]
        description = parameter.description.rstrip(".")
        found.append(Fact(written, description, kind, value.argument, value.words, hints - common or hints))
    order = list(said.arguments)
    return sorted(found, key=lambda fact: order.index(fact.name))


def objection(text: str, told: Sequence[Fact], offered: Offer) -> tuple[str, str] | None:
    """Why a text isn't a request that tells these facts, and what is special to it; None if it is.

    Args:
        offered: The function. Nobody would say its name or those of its parameters as they are written in code. Numbers
            that the catalogue describes it with, as in litres per 100 km, may be told.
    """
    left = text
    # A number inside of a name or a date tells no other argument, nor does the York of New York.
    for fact in sorted(told, key=lambda fact: (fact.kind in NUMBERS, -len(fact.words))):
        spans = fact.spans(left)
        if spans is None:
            return "an argument isn't told", f"{fact.name}={fact.argument}"
        if fact.kind not in NUMBERS:
            left = covered(left, spans)
    amount = [span for fact in told if fact.kind in NUMBERS for span in fact.spans(left) or ()]
    left = covered(left, amount)
    described = [offered.spec.description, *(p.description for p in offered.spec.parameters)]
    known = {number.value for number in cardinals(" ".join(described))}
    if other := next((n for n in cardinals(left) if not (n.pronoun or n.value in known)), None):
        return "another number is told", other.written
    names = (offered.function.name, *offered.written.values())
    if name := next((name for name in names if in_code(name).search(left)), ""):
        return "it names the function or a parameter like code", name
    return None


def in_code(name: str) -> re.Pattern[str]:
    """A name as it stands in code: any of several words, one word only where signs of code stand around it.

    A single letter is one of algebra.
    """
    last = name.rpartition(".")[2]
    any_of = "|".join(re.escape(each) for each in {name, last})
    if "_" in last or re.search(r"[a-z][A-Z]", last):
        return re.compile(rf"(?<!\w)(?:{any_of})(?!\w)", re.IGNORECASE)
    dotted = rf"(?<!\w){re.escape(name)}(?!\w)|" if name != last else ""
    word = re.escape(last)
    equals = r"(?:\s*=|\()" if len(last) > 1 else r"\("
    return re.compile(rf"""{dotted}(?<!\w){word}{equals}|(["'])(?:{word})\1""", re.IGNORECASE)


def covered(text: str, spans: Sequence[range]) -> str:
    """A text without some stretches, every other character where it was."""
    characters = list(text)
    for span in spans:
        characters[span.start : span.stop] = COVER * len(span)
    return "".join(characters)


def forms(value: Any, *, loose: bool) -> list[str]:
    """How a text may be written; one of a closed list also without its underscores and in the singular."""
    text = str(value)
    if not loose:
        return [text]
    plain = re.sub(r"[_-]", " ", text)
    return [text, plain, *([plain[:-1]] if plain.endswith("s") and len(plain) > 3 else ())]


def stretches(text: str, several: Sequence[str]) -> list[range]:
    """Where one of some phrases stands; letters count alike large and small, but for those that stand alone."""
    found: list[range] = []
    for phrase in filter(None, several):
        before = r"(?<!\w)" if phrase[0].isdigit() else r"(?<![^\W\d_])"  # 12cm
        spaced = r"\s+".join(map(re.escape, phrase.split()))
        pattern = re.compile(rf"{before}{spaced}(?:s|es)?(?!\w)", re.IGNORECASE if len(phrase) > 2 else 0)
        found += [range(m.start(), m.end()) for m in pattern.finditer(text)]
    return found


def amounts(text: str, accepted: Sequence[tuple[Fraction, bool | None]]) -> Iterator[Cardinal]:
    """The numbers of a text that tell a value."""
    for number in cardinals(text):
        if any(number.value == value and percent in (None, number.percent) for value, percent in accepted):
            yield number


def days(text: str, words: str) -> list[range]:
    """Where a text tells the day that some words do, in a way that can't be read as another day."""
    wanted = {day for _, day in dates_in(words)}
    read: dict[str, set[Date]] = {}
    for match, day in dates_in(text):
        read.setdefault(match[0], set()).add(day)
    return [span for written, found in read.items() if found == wanted for span in stretches(text, [written])]


def clock(text: str) -> Iterator[tuple[re.Match[str], str]]:
    """The times of day of a text, each with where it stands, as HH:MM."""
    for match, time in times_in(text):
        yield match, f"{time // 60:02d}:{time % 60:02d}"
    for match in TWELVE.finditer(text):
        yield match, "12:00" if match["noon"] else "00:00"
