"""Every number stands in the role that its evidence gives it, or was computed from such numbers."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import log
from typing import cast

from agentkit.answer import Evidence, Finding
from agentkit.arithmetic import DimensionError, Equation, Unit, equations
from agentkit.checks.check import Draft
from agentkit.checks.dates import DATE, dates_in
from agentkit.checks.quantities import Number, numbers_in, unit_names, years_in
from agentkit.checks.words import content_words

FREE = frozenset(Fraction(n) for n in (0, 1, 2))
"""Numbers that a computation may use though nobody said them: to count from, to average two."""
LICENSED = {
    "percent": (100,),
    "week": (7, 52),
    "day": (7, 24, 30, 365),
    "hour": (24, 60, 3600, "3.6"),
    "minute": (60,),
    "second": (60, 3600, "3.6"),
    "month": (12, 30),
    "year": (12, 52, 365),
    "kilo": (1000,),
    "milli": (1000,),
    "centi": (100,),
}
"""What the units that are spoken of allow a computation to know: how many days a week has."""
QUOTED = re.compile(r"""["']([^"'\n]{2,})["']""")
ECHO = re.compile(r"""["'][^"'\n]*["']|\bprint\s*\(|#.*""")
COMPUTES = re.compile(r"[-+*/%^<>(\[!]|\b(?:of|to|in|mod|for|while|if)\b")
"""A sign that something is worked out, once what is quoted or merely printed is left out."""
PROGRAM = re.compile(r"\b(?:for|while|def|lambda)\b")
"""An algorithm rather than a sum written in Python."""
IN_PROGRAM = frozenset([*(Fraction(n) for n in range(11)), Fraction(1, 2), Fraction(100), Fraction(1000)])
"""What may stand in a program though nobody said it: bounds, digits, roots."""
YEAR = re.compile(r"1\d{3}|20\d\d")
OPERAND = re.compile(r"(?<![\w.])\d+(?:,\d{3})*(?:\.\d+)?")


@dataclass(frozen=True)
class Known:
    """All that a draft's numbers may come from."""

    asked: Sequence[Number]
    """Of the task and of earlier answers."""
    found: Sequence[tuple[int, Number]]
    """Of passages, with the number of the evidence."""
    computed: Sequence[tuple[int, Number]]
    """Of what tools reported that cite no document."""
    operands: frozenset[Fraction]
    """What went into computations."""
    units: frozenset[str]
    words: frozenset[str]
    """Content words of task, history and evidence."""
    task_words: frozenset[str]
    task_years: frozenset[str]
    rarity: Mapping[str, float]
    """How much a word tells one number of the evidence from the others: the log of their count over its own."""

    @classmethod
    def of(cls, draft: Draft) -> "Known":
        """Gather the numbers of a draft's task, history and evidence."""
        said = [draft.task, *(text for turn in draft.history for text in (turn.task, turn.answer))]
        texts = [*said, *(f"{e.text} {e.source}" for e in draft.evidence)]
        found = [(e.id, n) for e in draft.evidence if e.source for n in numbers_in(e.text, context=e.source)]
        having = Counter(word for _, n in found for word in n.near | n.far)
        return cls(
            asked=[n for text in said for n in numbers_in(text)],
            found=found,
            computed=[(e.id, n) for e in draft.evidence if not e.source for n in numbers_in(e.text)],
            operands=frozenset(n for e in draft.evidence if not e.source for n in operands_of(draft, e)),
            units=frozenset[str]().union(*map(unit_names, texts)),
            words=frozenset[str]().union(*map(content_words, texts)),
            task_words=content_words(draft.task),
            task_years=years_in(draft.task),
            rarity={word: log((1 + len(found)) / count) for word, count in having.items()},
        )

    @property
    def said(self) -> list[Number]:
        """All numbers of the task, of earlier answers and of evidence."""
        return [*self.asked, *(n for _, n in (*self.found, *self.computed))]

    def affinity(self, claimed: Number, number: Number) -> tuple[float, float]:
        """How well the words around a claimed number fit those around one of the evidence: names first, then all.

        Words of the claim's own clause count double against those of the task, words in the evidence's clause or
        table cell double against the rest of its sentence, rare words more than common ones.
        """

        def weight(words: Iterable[str]) -> float:
            return sum(
                self.rarity[w] * (2 if w in number.near else 1) for w in words if w in number.near or w in number.far
            )

        names = sum(2 if w in number.near else w in number.far for w in claimed.named)
        return names, round(2 * weight(claimed.near) + weight(self.task_words - claimed.near), 6)


def numbers(draft: Draft) -> Iterator[Finding]:
    """One finding a claim that has numbers."""
    known = Known.of(draft)
    untraced = {e.id: reason for e in draft.evidence if not e.source and (reason := untraced_operand(draft, e, known))}
    for claim in draft.claims:
        reason, used = undated(claim, draft)
        claimed = numbers_in(DATE.sub(" ", claim))
        worked_out = {e.right.value for e in equations(claim) if e.right is not None and stands(e, known)}
        for number in claimed:
            if number.quantity is not None and number.quantity.value in worked_out:
                continue
            if reason:
                break
            reason, evidence = objection(number, known, untraced)
            used |= evidence
        dated = DATE.search(claim) is not None
        if (claimed or dated) and not reason and not used and len(draft.claims) == 1:
            reason = "it only repeats numbers of the task"
        if claimed or dated:
            verdict = "failed" if reason else "supported"
            yield Finding(check="numbers", claim=claim, verdict=verdict, reason=reason, evidence=tuple(sorted(used)))


def undated(claim: str, draft: Draft) -> tuple[str, set[int]]:
    """Why a date of a claim may not stand there (empty when all may), and the evidence that has them."""
    used: set[int] = set()
    claimed = list(dates_in(claim))
    said = [draft.task, *(text for turn in draft.history for text in (turn.task, turn.answer))] if claimed else []
    dates = [(0, date) for text in said for _, date in dates_in(text)]  # as of evidence 0, which there is not
    dates += [(e.id, d) for e in draft.evidence for _, d in dates_in(f"{e.source}\n{e.text}")] if claimed else []
    for written, date in claimed:
        holders = {i for i, other in dates if date.covers(other)}
        if not holders:
            return f"{written} is no date of the task or the evidence", set()
        used |= holders - {0}
    return "", used


def objection(claimed: Number, known: Known, untraced: dict[int, str]) -> tuple[str, set[int]]:
    """Why a number may not stand as it does (empty when it may), and the evidence that speaks of it."""
    if stranger := next((n for n in unit_of(claimed) if n not in known.units), ""):
        return f"neither the task nor the evidence speaks of {stranger}, as {claimed.written} does", set()
    if claimed.noun and claimed.noun not in known.words:
        return f"neither the task nor the evidence speaks of {claimed.noun}", set()
    if claimed.name and (holders := {i for i, n in known.found if n.name == claimed.name}):
        return "", holders
    computed = {i for i, n in known.computed if same_value(claimed, n)}
    sound = computed - untraced.keys()
    equals = [(i, n) for i, n in known.found if equal(claimed, n) and may_have_unit(claimed, n)]
    years = (claimed.years or known.task_years) - {claimed.written}
    matching = [(i, n) for i, n in equals if not years or not n.years or years & n.years]
    if equals and not matching and not sound:
        at, other = equals[0]
        return f"{claimed.written} is of {', '.join(sorted(other.years))}, not of {', '.join(sorted(years))}", {at}
    if matching and not sound:
        best = max(known.affinity(claimed, n) for _, n in matching)
        rivals = [r for r in known.found if rival(r[1], claimed) and known.affinity(claimed, r[1]) > best]
        if rivals and not asked(claimed, known):
            at, other = max(rivals, key=lambda r: known.affinity(claimed, r[1]))
            return f"{claimed.written} stands for something else in the evidence; [{at}] has {other.written}", {at}
        return "", {i for i, _ in matching}
    if sound:
        return "", sound
    if asked(claimed, known):
        return "", computed
    if claimed.quantity and claimed.quantity.value in known.operands:
        return "", set()
    if computed:
        return untraced[min(computed)], computed
    if bare := [(i, n) for i, n in known.found if equal(claimed, n)]:
        at, other = bare[0]
        return f"[{at}] has {other.written} without {unit_of(claimed)[0]}", {at}
    return f"{claimed.written} stands nowhere in the task or the evidence and was not computed", set()


def stands(equation: Equation, known: Known) -> bool:
    """Whether an equation of the draft holds and starts from numbers that somebody said."""
    left = equation.text.partition("=")[0]
    sources = [*known.asked, *(n for _, n in (*known.found, *known.computed))]
    return equation.holds and not untraced([left], sources, known.units)


def asked(claimed: Number, known: Known) -> bool:
    """Whether the task or an earlier answer has the number."""
    return any(equal(claimed, n) for n in known.asked)


def rival(other: Number, claimed: Number) -> bool:
    """Another number that could have been meant."""
    if other.quantity is None or claimed.quantity is None or other.name or is_year(other) != is_year(claimed):
        return False
    return not equal(claimed, other) and other.quantity.unit.base == claimed.quantity.unit.base


def is_year(number: Number) -> bool:
    """Whether a number is written as years are: it can't have been meant for the number of atoms, nor the other way."""
    bare = number.quantity is not None and not number.quantity.unit and not number.noun
    return bare and YEAR.fullmatch(number.written) is not None


def untraced_operand(draft: Draft, evidence: Evidence, known: Known) -> str:
    """What went into a computation and came from nowhere; empty when all of it has a source."""
    sources = [*known.asked, *(n for i, n in (*known.found, *known.computed) if i < evidence.id)]
    strange = untraced(arguments_of(draft, evidence), sources, known.units)
    return f"[{evidence.id}] was computed by {evidence.tool} from {strange[0]}, which nothing says" if strange else ""


def invented(draft: Draft, arguments: object) -> str:
    """Why a computation stands on nothing that the task or the evidence says; empty when it does."""
    known = Known.of(draft)
    sources = known.said
    texts = list(strings(arguments))
    if not any(COMPUTES.search(ECHO.sub("", text)) for text in texts):
        return "that computes nothing"
    if strange := untraced(texts, sources, known.units):
        return f"{strange[0]} stands neither in the task nor in the evidence"
    said = "\n".join([draft.task, *(e.text for e in draft.evidence), *(t.answer for t in draft.history)]).lower()
    values = {n.quantity.value for n in sources if n.quantity is not None}
    used = any(derived(Fraction(n.replace(",", "")), v) for t in texts for n in OPERAND.findall(t) for v in values)
    quoted = any(word.lower() in said for text in texts for word in QUOTED.findall(text))
    units = any(unit_names(text) & known.units for text in texts)
    return "" if used or quoted or units else "that uses no number and no text of the task or the evidence"


def untraced(texts: Sequence[str], sources: Iterable[Number], units: frozenset[str]) -> list[str]:
    """The numbers of an expression or a program that come from none of the sources."""
    licensed = {Fraction(n) for word, allowed in LICENSED.items() for n in allowed if any(word in u for u in units)}
    program = any(PROGRAM.search(text) for text in texts)
    free = FREE | licensed | (IN_PROGRAM if program else frozenset[Fraction]())
    values = {n.quantity.value for n in sources if n.quantity is not None}
    return [
        written
        for text in texts
        for written in OPERAND.findall(text)
        if (operand := Fraction(written.replace(",", ""))) not in free
        and not any(derived(operand, value) for value in values)
    ]


def derived(operand: Fraction, source: Fraction) -> bool:
    """The same number; as a percentage, a growth factor, a double; or the bound of a loop, which is one more."""
    share = source / 100
    return operand in (source, -source, share, 1 + share, 1 - share, 2 * source, source + 1)


def operands_of(draft: Draft, evidence: Evidence) -> frozenset[Fraction]:
    """The numbers in the arguments of the call that reported a piece of evidence."""
    texts = arguments_of(draft, evidence)
    return frozenset(Fraction(n.replace(",", "")) for text in texts for n in OPERAND.findall(text))


def arguments_of(draft: Draft, evidence: Evidence) -> list[str]:
    """The arguments of the call that reported a piece of evidence, as text."""
    made = 1 <= evidence.call <= len(draft.calls)
    return list(strings(draft.calls[evidence.call - 1].arguments)) if made else []


def strings(value: object) -> Iterator[str]:
    """All text and numbers inside a JSON value."""
    yield from map(str, leaves(value))


def leaves(value: object) -> Iterator[object]:
    """What a JSON value holds, out of its lists and objects."""
    match value:
        case dict():
            for item in cast(dict[str, object], value).values():
                yield from leaves(item)
        case list():
            for item in cast(list[object], value):
                yield from leaves(item)
        case _:
            yield value


def equal(claimed: Number, number: Number) -> bool:
    """The same quantity; what isn't one number (a date) must be spelled alike."""
    one, other = claimed.quantity, number.quantity
    if one is None or other is None:
        return one is other and claimed.written == number.written
    if one.unit and other.unit and one.unit.base == other.unit.base:
        try:
            return one.to(other.unit).value == other.value
        except DimensionError:
            return False
    return one.value == other.value and units_agree(one.unit, other.unit)


def may_have_unit(claimed: Number, number: Number) -> bool:
    """Whether the unit that a claim gives to a bare number of the evidence is spoken of where that number stands.

    Else section `7.` of a licence becomes a fine of 7 euros, as the task asks for euros.
    """
    bare = number.quantity is not None and not number.quantity.unit
    return not bare or not unit_of(claimed) or not number.units.isdisjoint(unit_of(claimed))


def same_value(claimed: Number, computed: Number) -> bool:
    """Equal to the precision in which the claim writes it; a result may lack the unit that the claim gives it."""
    if equal(claimed, computed):
        return True
    one, other = claimed.quantity, computed.quantity
    if one is None or other is None or not units_agree(one.unit, other.unit):
        return False
    if one.unit and other.unit and one.unit.base == other.unit.base:
        other = other.to(one.unit)
    close = abs(one.value - other.value) <= Fraction(1, 10**claimed.places) / 2
    return close and (claimed.places > 0 or abs(other.value) >= 100)


def units_agree(one: Unit, other: Unit) -> bool:
    """The same dimension, or one of the two has none; `kWh per day` agrees with `kWh`."""
    numerators = [{f.meaning.name for f in unit.factors if f.power > 0} for unit in (one, other)]
    return not one or not other or one.base == other.base or numerators[0] == numerators[1]


def unit_of(number: Number) -> list[str]:
    """Canonical names of a number's units."""
    return [f.meaning.name for f in number.quantity.unit.factors] if number.quantity else []
