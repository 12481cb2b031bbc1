"""Every number stands in the role that its evidence gives it, or was computed from such numbers."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from math import log

from agentkit.answer import Evidence, Finding
from agentkit.arithmetic import Equation, Quantity, equations
from agentkit.checks.bounds import WORDS, beyond
from agentkit.checks.bridges import bridges
from agentkit.checks.check import Draft
from agentkit.checks.dates import Date, dates_in, without_dates
from agentkit.checks.equality import converted, equal, is_year, may_have_unit, paired, same_date, same_value, unit_of
from agentkit.checks.licences import Spoken, counts_in
from agentkit.checks.operands import (
    arguments_of,
    derived,
    operands,
    operands_of,
    strings,
    untraced,
    value_of,
    values_of,
)
from agentkit.checks.quantities import Number, numbers_in, unit_names, years_in
from agentkit.checks.quotations import has, plain
from agentkit.checks.words import content_words, kind, stem

QUOTED = re.compile(r"""["']([^"'\n]{2,})["']""")
ECHO = re.compile(r"""["'][^"'\n]*["']|\bprint\s*\(|#.*""")
COMPUTES = re.compile(r"[-+*/%^<>(\[!]|\b(?:of|to|in|mod|for|while|if)\b")
"""A sign that something is worked out, once what is quoted or merely printed is left out."""
NUMBERED = re.compile(r"([^\W\d_]+) (\d+)\b(?![.,:]\d)")
"""What may be a name, however it is written: tank 2, Room 12."""
PRICES = content_words("costs pays charges")
"""What prose says of an amount and the cells of a table leave to their column."""


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
    spoken: Spoken
    """The units and words of task, history and evidence, and how many things the task lists."""
    result_words: frozenset[str]
    """Content words of what tools reported that cite no document."""
    task_words: frozenset[str]
    task_bare: Sequence[Quantity]
    """What the task says that counts nothing, as the age of a child of 4."""
    task_names: frozenset[str]
    """`room#2`, if the evidence has that name."""
    task_years: frozenset[str]
    bridges: frozenset[tuple[int, int]]
    """Evidence that names what other evidence is about."""
    rarity: Mapping[str, float]
    """How much a word tells one number of the evidence from the others: the log of their count over its own."""

    @classmethod
    def of(cls, draft: Draft) -> "Known":
        """Gather the numbers of a draft's task, history and evidence."""
        said = [draft.task, *(text for turn in draft.history for text in (turn.task, turn.answer))]
        texts = [*said, *(f"{e.text} {e.source}" for e in draft.evidence)]
        found = [(e.id, n) for e in draft.evidence if e.source for n in numbers_in(e.text, context=e.source, more=True)]
        plain = [n for _, n in found if n.date is None and not n.is_span]
        having = Counter(word for n in plain for word in n.near | n.far)
        numbered = frozenset(f"{stem(word)}#{number}" for word, number in NUMBERED.findall(draft.task))
        return cls(
            asked=[n for text in said for n in numbers_in(text)],
            found=found,
            computed=[(e.id, n) for e in draft.evidence if not e.source for n in numbers_in(e.text)],
            operands=frozenset(n for e in draft.evidence if not e.source for n in operands_of(draft, e)),
            spoken=Spoken(
                units=frozenset[str]().union(*map(unit_names, texts)),
                words=frozenset[str]().union(*map(content_words, texts)),
                counts=counts_in(draft.task),
            ),
            result_words=frozenset[str]().union(*(content_words(e.text) for e in draft.evidence if not e.source)),
            task_words=content_words(draft.task),
            task_bare=[
                beyond(n.quantity, n.bound)
                for n in numbers_in(draft.task)
                if n.quantity is not None and not (n.noun or n.name or is_year(n))
            ],
            task_names=numbered & having.keys(),
            task_years=years_in(draft.task),
            bridges=bridges(draft.evidence),
            rarity={word: log((1 + len(plain)) / count) for word, count in having.items()},
        )

    @property
    def said(self) -> list[Number]:
        """All numbers of the task, of earlier answers and of evidence."""
        return [*self.asked, *(n for _, n in (*self.found, *self.computed))]

    @cached_property
    def asked_values(self) -> frozenset[Fraction]:
        """Of the task and of earlier answers, whatever their units."""
        return frozenset(n.quantity.value for n in self.asked if n.quantity is not None)

    def reports(self, claim: str) -> bool:
        """Whether a claim has a word that only a tool knows: that a day is a *Tuesday*."""
        return bool((content_words(claim) & self.result_words) - self.task_words)

    def affinity(self, claimed: Number, number: Number, *, without: Set[str] = frozenset()) -> tuple[float, float]:
        """How well a claimed number's surroundings fit those of one of the evidence: names and values, then words.

        Words of the claim's own clause count double against those of the task, words in the evidence's clause or
        table cell double against the rest of its sentence, rare words more than common ones, and some not at all.
        """

        def weight(words: Set[str]) -> float:
            return sum(
                self.rarity[w] * (2 if w in number.near else 1)
                for w in words - without
                if w in number.near or w in number.far
            )

        names = sum(2 if w in number.near else w in number.far for w in claimed.named)
        asked = self.task_names - without  # of room 1: not what is said of room 2, unless the claim is of that as well
        names -= 2 * sum(is_other(name, number.near) and not is_other(name, claimed.named) for name in asked)
        names += number.band is not None and any(map(number.band.holds, self.task_bare))
        names += 2 * len((claimed.beside | self.asked_values) & number.beside)
        return names, round(2 * weight(claimed.near) + weight(self.task_words - claimed.near), 6)


def numbers(draft: Draft) -> Iterator[Finding]:
    """One finding a claim that has numbers."""
    known = Known.of(draft)
    untraced = {e.id: reason for e in draft.evidence if not e.source and (reason := untraced_operand(draft, e, known))}
    read = [plain(e.text) for e in draft.evidence if e.source]
    for claim in draft.claims:
        repeated = any(has(text, claim) for text in read)
        reason, used = undated(claim, draft, known, repeated=repeated)
        bare = without_dates(claim)
        claimed = [number for number in numbers_in(bare) if not is_article(number, known)]
        if dated := bare != claim:  # which of its numbers a date was of can't be told any more
            claimed = [replace(number, years=years_in(claim)) for number in claimed]
        worked_out = {e.right.value for e in equations(claim) if e.right is not None and stands(e, known)}
        for number in claimed:
            if number.quantity is not None and number.quantity.value in worked_out:
                continue
            if reason:
                break
            reason, evidence = objection(number, known, untraced, claimed, repeated=repeated)
            used |= evidence
        if (claimed or dated) and not reason and not used and len(draft.claims) == 1 and not known.reports(claim):
            reason = "it only repeats numbers of the task"
        if claimed or dated:
            verdict = "failed" if reason else "supported"
            yield Finding(check="numbers", claim=claim, verdict=verdict, reason=reason, evidence=tuple(sorted(used)))


def undated(claim: str, draft: Draft, known: Known, *, repeated: bool) -> tuple[str, set[int]]:
    """Why a date of a claim may not stand there (empty when all may), and the evidence that has them."""
    used: set[int] = set()
    claimed = list(dates_in(claim))
    said = [draft.task, *(text for turn in draft.history for text in (turn.task, turn.answer))] if claimed else []
    dates = [(0, date) for text in said for _, date in dates_in(text)]  # as of evidence 0, which there is not
    dates += [(e.id, d) for e in draft.evidence for _, d in dates_in(f"{e.source}\n{e.text}")] if claimed else []
    asked_for = any(i and in_years(other, known.task_years) for i, other in dates)
    for written, date in claimed:
        holders = {i for i, other in dates if date.covers(other)}
        if asked_for and date.year is None:  # what was in 1932 was on none of the days of 1988
            holders = {i for i, d in dates if date.covers(d) and (d.year is None or in_years(d, known.task_years))}
        apart = str(date.year) in known.task_years and any(other.covers(date) for i, other in dates if not i)
        if not holders and not apart:  # as in: May 27 of the year 2002
            return f"{written[0]} is no date of the task or the evidence", set()
        used |= holders - {0}
    told = [n for n in numbers_in(claim, more=True) if n.date is not None] if claimed else []
    for number in told:
        matching = [(i, n) for i, n in known.found if same_date(number, n)]
        asked = any(number.date and number.date.covers(date) for i, date in dates if not i)
        meant = likelier(number, matching, known) if matching and not asked else None
        if meant and not (repeated and any(same_date(n, meant[1]) for n in told)):
            return otherwise(number, meant)
    return "", used


def in_years(date: Date, years: Set[str]) -> bool:
    """Whether a date is of one of the years."""
    return str(date.year) in years


def otherwise(claimed: Number, meant: tuple[int, Number]) -> tuple[str, set[int]]:
    """The objection to a number that stands for something else than what is meant."""
    at, other = meant
    return f"{claimed.written} stands for something else in the evidence; [{at}] has {other.written}", {at}


def objection(
    claimed: Number, known: Known, untraced: dict[int, str], told: Sequence[Number], *, repeated: bool
) -> tuple[str, set[int]]:
    """Why a number may not stand as it does (empty when it may), and the evidence that speaks of it.

    Args:
        told: All numbers of the claim. None of them can have been meant instead where the claim is `repeated` word for
            word: each is told as it is.
    """
    stranger = next((n for n in unit_of(claimed) if n not in known.spoken.units), "")
    if stranger and not any(converted(claimed, n) for n in known.said):
        return f"neither the task nor the evidence speaks of {stranger}, as {claimed.written} does", set()
    # A number in words counts things that need no name as well: two others, three main ones.
    strange = claimed.noun and claimed.noun not in known.spoken.words and claimed.written[0].isdigit()
    if strange and not asked(claimed, known):  # of what was asked, the next word may be a verb
        return f"neither the task nor the evidence speaks of {claimed.noun}", set()
    if claimed.name and (holders := {i for i, n in known.found if n.name == claimed.name and equal(claimed, n)}):
        meant = namesake(claimed, known)
        if meant and all(n.name != meant[1].name for n in told):
            at, other = meant
            said, fitting = (n.name.replace("#", " ") for n in (claimed, other))
            return f"{said} is something else; [{at}] has {fitting}", {at}
        return "", holders
    computed = {i for i, n in known.computed if same_value(claimed, n)}
    sound = computed - untraced.keys()
    equals = [(i, n) for i, n in known.found if equal(claimed, n) and may_have_unit(claimed, n)]
    equals = [(i, n) for i, n in equals if not n.is_span] or equals
    years = (claimed.years or known.task_years) - {claimed.written}
    matching = [(i, n) for i, n in equals if not years or not n.years or years & n.years]
    if equals and not matching and not sound:
        at, other = equals[0]
        return f"{claimed.written} is of {', '.join(sorted(other.years))}, not of {', '.join(sorted(years))}", {at}
    if matching and not sound:
        if turned := turned_round(claimed, matching):
            return turned
        meant = likelier(claimed, matching, known)
        if meant and not asked(claimed, known) and not (repeated and any(equal(meant[1], n) for n in told)):
            return otherwise(claimed, meant)
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


def turned_round(claimed: Number, matching: Sequence[tuple[int, Number]]) -> tuple[str, set[int]] | None:
    """The objection to a bound told the wrong way round: at most 18, where the evidence has at least 18 of the same."""
    said = claimed.own - WORDS - content_words(claimed.written)
    told = [(i, n) for i, n in matching if n.bound and said <= n.near]
    if claimed.bound is None or not told or any(n.bound == claimed.bound for _, n in told):
        return None
    at, other = told[0]
    return f"{claimed.written} is the {claimed.bound} here, and the {other.bound} in [{at}]", {at}


def is_other(name: str, words: Set[str]) -> bool:
    """Whether words speak of another of a kind: room 1, and not of room 2."""
    return name not in words and kind(name) in {kind(word) for word in words} - {""}


def stands(equation: Equation, known: Known) -> bool:
    """Whether an equation of the draft holds and starts from numbers that somebody said."""
    left = equation.text.partition("=")[0]
    sources = [*known.asked, *(n for _, n in (*known.found, *known.computed))]
    return equation.holds and not untraced([left], sources, known.spoken)


def asked(claimed: Number, known: Known) -> bool:
    """Whether the task or an earlier answer has the number."""
    return any(equal(claimed, n) for n in known.asked)


def is_article(number: Number, known: Known) -> bool:
    """Whether `one` says no more than `a` does, or stands for a noun: nothing else counts the same."""
    if number.written.lower() != "one" or number.quantity is None:
        return False
    noun, base = number.noun, number.quantity.unit.base
    alike = (n for n in known.said if n.quantity is not None and n.noun == noun and n.quantity.unit.base == base)
    return not (noun or base) or not any(alike)


def likelier(claimed: Number, matching: Sequence[tuple[int, Number]], known: Known) -> tuple[int, Number] | None:
    """Another number that fits better what is said of the claimed one than those that equal it, if there is one.

    None of evidence that leads to theirs, if the claim says nothing else: it has the words of a question of several
    steps, they its answer.
    """
    # What a unit is called says nothing of what is meant: 400 mg of one thing, 1 g of another.
    beside = frozenset(word for word in content_words(claimed.written) if word.isalpha())
    if not any(n.own for _, n in matching):  # in tables
        beside |= PRICES

    def affinity(number: Number) -> tuple[float, float]:
        return known.affinity(claimed, number, without=beside)

    best = max(affinity(n) for _, n in matching)
    fitting = [(i, n) for i, n in matching if affinity(n) == best]
    bare = claimed.near <= content_words(claimed.written)
    leading = {at for at, to in known.bridges if bare and to in {i for i, _ in fitting}} - {i for i, _ in matching}
    rivals = [
        (i, n)
        for i, n in known.found
        if n.is_span <= matching[0][1].is_span
        and i not in leading
        and rival(n, claimed, known)
        and (
            (fit := affinity(n)) > best
            or (fit == best and all(closer(n, m, claimed.near | known.task_words) for _, m in fitting))
        )
    ]
    return max(rivals, key=lambda r: affinity(r[1]), default=None)


def namesake(claimed: Number, known: Known) -> tuple[int, Number] | None:
    """Another of a kind that fits better what is said of the claimed one: of fines section 7, not section 5.

    None is looked for where the task says the name itself.
    """
    if any(n.name == claimed.name for n in known.asked):
        return None
    kind = claimed.name.partition("#")[0]
    alike = [(i, n) for i, n in known.found if n.name.partition("#")[0] == kind]
    names = frozenset(n.name for _, n in alike) | {kind}
    bare = replace(claimed, near=claimed.near - names, named=claimed.named - names)

    def affinity(number: Number) -> tuple[float, float]:
        return known.affinity(bare, number, without=names)

    best = max(affinity(n) for _, n in alike if n.name == claimed.name)
    return next(((i, n) for i, n in alike if affinity(n) > best), None)


def closer(other: Number, number: Number, said: frozenset[str]) -> bool:
    """Whether the clause of another number of the same sentence is nearer to what is said.

    Clauses share their subject, so its words don't tell `built in 1932` from `and rebuilt in 1950`; what only one of
    the clauses says does.
    """
    same_kind = not (other.noun and number.noun) or other.noun == number.noun
    return same_kind and other.far == number.far and other.own - said < number.own - said


def rival(other: Number, claimed: Number, known: Known) -> bool:
    """Another number that could have been meant."""
    if other.date is not None or claimed.date is not None:
        return other.date is not None and claimed.date is not None and not same_date(claimed, other)
    if other.time is not None and claimed.time is not None:
        return other.time != claimed.time
    years = claimed.years or known.task_years
    of_others = other.years and years and other.years.isdisjoint(years)
    if of_others and claimed.written not in years:  # unless the year itself is what is claimed
        return False
    if other.quantity is None or claimed.quantity is None or is_year(other) != is_year(claimed):
        return False
    if other.name and not is_year(other):  # June 1923 is a year all the same
        return False
    if other.written.lower() in ("one", "both") and other.noun != claimed.noun:
        return False
    one, another = paired(claimed.quantity, other.quantity)
    return not equal(claimed, other) and one.unit.base == another.unit.base


def untraced_operand(draft: Draft, evidence: Evidence, known: Known) -> str:
    """What went into a computation and came from nowhere; empty when all of it has a source."""
    sources = [*known.asked, *(n for i, n in (*known.found, *known.computed) if i < evidence.id)]
    strange = untraced(arguments_of(draft, evidence), sources, known.spoken)
    return f"[{evidence.id}] was computed by {evidence.tool} from {strange[0]}, which nothing says" if strange else ""


def invented(draft: Draft, arguments: object) -> str:
    """Why a computation stands on nothing that the task or the evidence says; empty when it does."""
    known = Known.of(draft)
    sources = known.said
    texts = list(strings(arguments))
    if not any(COMPUTES.search(ECHO.sub("", text)) for text in texts):
        return "that computes nothing"
    if strange := untraced(texts, sources, known.spoken):
        return f"{strange[0]} stands neither in the task nor in the evidence"
    said = "\n".join([draft.task, *(e.text for e in draft.evidence), *(t.answer for t in draft.history)]).lower()
    values = values_of(sources, known.spoken.units)
    used = {value_of(n) for text in texts for n in operands(text)}
    follows = any(derived(n, v) for n in used for v in values)
    quoted = any(word.lower() in said for text in texts for word in QUOTED.findall(text))
    units = any(unit_names(text) & known.spoken.units for text in texts)
    # How many seconds a week has takes no number that anyone says, but two units.
    licences = known.spoken.licences
    between = len(licences) > 1 and any(used & allowed for allowed in licences)
    if follows or between or quoted or units:
        return ""
    return "that uses no number and no text of the task or the evidence"
