"""Numbers in prose and tables, each with the words that say what it is the number of."""

import re
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache

from agentkit.arithmetic import Mention, Quantity, Unit, first_quantity
from agentkit.arithmetic import quantities as mentions
from agentkit.arithmetic.units import CURRENCY_SIGNS, is_unit
from agentkit.checks.bounds import Band, Bound, bound_of
from agentkit.checks.dates import Date, dates_in
from agentkit.checks.spelled import Spelled, half_in_front, spelled, without
from agentkit.checks.times import times_in
from agentkit.checks.words import cells_of, content_words, identifiers, kind, names
from agentkit.knowledge.sentences import sentences_within

UNCOUNTED = frozenset(
    "time times more less fewer such different possible distinct whole full other was were left "
    "pay pays paid cost costs get gets take takes need needs".split()
)
"""Words after a number that say nothing of what it counts."""
CLAUSE = re.compile(
    r";|:(?!\s*[-+$€£]?\d)|,(?!\d|(?:(?<=[a-z.] \d,)|(?<=[a-z.] \d\d,)) (?:1\d|20)\d\d\b)"
    r"|\((?=[^()\d:]*[^\W\d_][^()\d:]*:\s)|\b(?:and|but|while|whereas|so)\b"
    r"|\bor\b(?=\s[$€£]?\d[\d.,]*\s?\S+\s(?:for|if|in|with|when)\b)",
    re.IGNORECASE,
)
"""Where one ends. What a colon stands before belongs to its label: *meals: 28 euros*, *30 days (software: 14 days)*; a
year to its day: *May 3, 1901*."""
BAND = re.compile(r"(?<![\w.,:/-])(\d+(?:\.\d+)?)\s?(?:-|–|to)\s?(\d+(?:\.\d+)?)(?![\w:/-]|[.,]\d)")
"""From where to where: *3–5*, *3 to 5*; no times and no days."""
ENDLESS = Fraction(10**15)
ENUMERATED = re.compile(r"\s*(?:[-*]\s+)?(?:§+\s*)?(?:\(\d+\)|\d+(?:\.\d+)*[.)]?(?=\s+[A-Z]))\s*")
"""What a paragraph of a law begins with: *(2)*, *§ 4.2*."""
LITERAL = re.compile(r"[^\s|()]*\d[^\s|()]*")
HALF_OF_A = re.compile(r"^ (?:of )?an? ")
YEAR = re.compile(r"\b(?:19|20)\d\d\b")
REFERS = re.compile(r"(?:it|its|they|their|this|these|he|she|his|her)\b", re.IGNORECASE)
"""What a sentence begins with that speaks of what the one before does."""
SUBJECT = re.compile(r"[^,;:()]*?\b(?=(?:is|are|was|were|has|have|had|can|will|may|must)\b)")
"""What such a sentence speaks of: what stands before the verb of the one before."""
PERIOD = r"(hour|dai|day|night|week|month|quarter|year|annu)(?:s|ly|ally|um)?\b"
PER = rf"(?:/\s*|\b(?:per|an?|each|every)\s+){PERIOD}|\b(?=\w+ly\b){PERIOD}"
PER_IN_HEAD = re.compile(PER, re.IGNORECASE)
PER_BEHIND = re.compile(rf"\s*(?:(?!an?\b|per\b|each\b|every\b)[^\W\d_]+\s+)?(?:{PER})", re.IGNORECASE)
"""How often, behind a number and what it counts: *40 euros a month*, *2 tablets daily*."""
PERIOD_NAME = re.compile(PERIOD)
PERIODS = {"dai": "day", "annu": "year"}
SPACED = re.compile(
    r"(?<![\w.,/-])(?<!\d )[1-9]\d{0,2}(?: \d{3})+(?= ?[^\W\d_]| ?[%€$£°]|[.,;:)](?:\s|$))"
    r"|(?:(?<=\|)|(?<=\| ))[1-9]\d{0,2}(?: \d{3})+(?= ?\|)"
)
"""Thousands set apart by ordinary spaces, where words or the end of a sentence follow, or alone in a table's cell."""
MIXED = re.compile(r"(?<![\w.,/-])(?:(\d{1,3}) (\d{1,2}/[1-9]\d?)(?![\w/]|\.\d)|([1-9]\d?/[1-9]\d?)(?= of (?!\d)))")
"""One and a half, as recipes write it; or so many parts of something."""
ABOUT = re.compile(r"(?:\b(?:about|around|approximately|approx\.?|roughly|nearly|almost|some|circa|ca\.)|[~≈])\s*$")
LONGEST_ABOUT = 20
"""Characters before a number in which such a word stands."""
LONGEST_KIND = 40
"""Characters before a number in which the word stands that makes a name with it."""
LONGEST_SENTENCE = 1000
"""Characters: each number is held against all others of its clause. No sentence of hotpotqa_passages has more."""
LONGEST_UNIT = 100
"""Characters after a number in words in which what it is of stands."""
IN_HEAD = re.compile(r"[(\[]([^)\]]+)[)\]]\s*$|\bin\s+(\S+)\s*$")


@dataclass(frozen=True)
class Number:
    """A number as it stands in a text, in its role."""

    written: str
    quantity: Quantity | None
    """None for what isn't one number: a date, 14:30, a version."""
    places: int
    """Decimal places that it is written with."""
    near: frozenset[str]
    """Content words of its clause and of the subject that this shares, or of its row and column in a table."""
    far: frozenset[str]
    """Content words of its sentence, its heading and its source."""
    own: frozenset[str] = frozenset()
    """Content words of its clause alone; none in a table."""
    name: str = ""
    """The name that it is part of: `generator#1`."""
    noun: str = ""
    """Stem of the word that follows it and is no unit: what is counted, as in `12 beds`."""
    named: frozenset[str] = frozenset()
    """Identifiers in its clause (`B` of Tank B)."""
    years: frozenset[str] = frozenset()
    """Years that its clause speaks of, else its sentence, its column or its heading; that of a file says nothing."""
    units: frozenset[str] = frozenset()
    """Canonical names of the units that its sentence, its row, its column or its heading speak of."""
    per: str = ""
    """The period in which it is so much or so often: `month`."""
    beside: frozenset[Fraction] = frozenset()
    """Values that tell its row or clause from others: of the first cell, or in other units (*after 5 years*)."""
    band: Band | None = None
    """For whom or for how much it is so, by its clause or the first cell of its row."""
    time: int | None = None
    """Minutes since midnight, if it is a time of day."""
    is_span: bool = False
    """Whether it is the time between two times of day, which the text leaves to be worked out."""
    date: Date | None = None
    about: int | None = None
    """Decimal places that it is rounded to, if a word such as *about* says that it is; of thousands -3."""
    bound: Bound | None = None


# Evidence stays as it is while a run goes on, but is asked about before each call and by the check.
@lru_cache(maxsize=1000)
def numbers_in(text: str, *, context: str = "", words: bool = True, more: bool = False) -> tuple[Number, ...]:
    """The numbers of a text. `context` (a source: its file and headings) belongs to the role of each.

    `words`: number words count too (two, a dozen). `more`: so do dates, besides the numbers that they are made of, and
    how long it is between two times of day.
    """
    found: list[Number] = []
    around = content_words(context)
    heading = context.partition(" > ")[2]
    header: list[str] = []
    for line in SPACED.sub(lambda match: match[0].replace(" ", "\u202f"), half_in_front(text)).splitlines():
        cells = cells_of(line)
        if cells and max(map(len, cells)) <= LONGEST_SENTENCE:
            if header:
                row = list(_in_row(cells, header, context, words=words, more=more))
                found += [*row, *_spans(row)] if more else row
            header = header or cells
            continue
        header = []
        before = subject = frozenset[str]()
        for sentence in sentences_within(line, LONGEST_SENTENCE):
            in_words = spelled(sentence) if words else []
            bare = without(sentence, in_words)
            said = content_words(bare)
            refers = REFERS.match(sentence)
            before = said | before if refers else said
            if not refers:
                subject = content_words(stated[0]) if (stated := SUBJECT.match(bare)) else frozenset[str]()
            far = around | before
            # Later clauses share the subject, which stands before the first number.
            listed = ENUMERATED.match(sentence)
            begin = listed.end() if listed else 0
            starts = [m.start for m in mentions(sentence) if m.start >= begin and not _name(sentence, m)]
            head = content_words(bare[: min([*starts, *(n.start for n in in_words if n.counts)], default=len(bare))])
            years, units = years_in(f"{sentence} {heading}"), unit_names(f"{sentence} {context}")
            earlier = len(found)
            told: tuple[Number, frozenset[str]] | None = None
            for start, end in _clauses(bare):
                own = content_words(bare[start:end])
                near = own | _shared(head, own) | (subject if refers else frozenset[str]())
                in_clause = list(_in_clause(sentence[start:end], near=near, far=far, words=words, more=more))
                if told and len(in_clause) == 1 and _is_bare(in_clause[0], sentence[start:end]):
                    in_clause = [_completed(in_clause[0], *told)]
                elif in_clause:
                    told = in_clause[-1], content_words(_behind(in_clause[-1], sentence[start:end]))
                in_years = years_in(bare[start:end])
                band = _band(sentence[start:end], in_clause)
                measured = _measured(in_clause)
                found += [
                    replace(
                        n,
                        own=own,
                        years=years if n.written in in_years else in_years or years,
                        units=units,
                        beside=_values(other for other in measured if _tells(other, n)),
                        band=band,
                    )
                    for n in in_clause
                ]
            found += _spans(found[earlier:]) if more else ()
    return tuple(found)


def _spans(numbers: Iterable[Number]) -> Iterator[Number]:
    """From each time of day to the next: 9:00-17:00 are 8 hours."""
    times = [n for n in numbers if n.time is not None]
    if len(times) % 2:
        return
    for start, end in zip(times[::2], times[1::2], strict=True):
        hours = Quantity(Fraction((end.time or 0) - (start.time or 0), 60) % 24, Unit.of("hour"))
        near, own, written = start.near | end.near, start.own | end.own, f"{start.written}-{end.written}"
        yield replace(start, written=written, quantity=hours, near=near, own=own, time=None, is_span=True)


def _is_bare(number: Number, clause: str) -> bool:
    """Whether a clause ends with a number and doesn't say what it counts or measures."""
    counts = number.quantity is None or number.quantity.unit or number.name or YEAR.fullmatch(number.written)
    return not counts and not content_words(_behind(number, clause))


def _completed(number: Number, told: Number, after: frozenset[str]) -> Number:
    """A number with what it counts or measures, told in the clause before: *adults pay 12 euros, children 5*."""
    quantity = number.quantity
    if quantity is not None and told.quantity is not None:
        quantity = Quantity(quantity.value, told.quantity.unit, quantity.exact)
    return replace(number, quantity=quantity, noun=told.noun, near=number.near | after)


def _behind(number: Number, clause: str) -> str:
    """What a clause says after a number."""
    return clause.rpartition(number.written)[2]


def _clauses(sentence: str) -> Iterator[tuple[int, int]]:
    """Where the clauses of a sentence start and end."""
    start = 0
    for cut in CLAUSE.finditer(sentence):
        yield start, cut.start()
        start = cut.end()
    yield start, len(sentence)


def _shared(head: frozenset[str], own: frozenset[str]) -> frozenset[str]:
    """What a clause takes from the head of its sentence: not room 1, if it speaks of room 2 itself."""
    kinds = {kind(word) for word in own} - {""}
    return frozenset(word for word in head if kind(word) not in kinds) if kinds else head


def _in_row(cells: list[str], header: list[str], context: str, *, words: bool, more: bool) -> Iterator[Number]:
    first = list(_in_clause(cells[0], near=frozenset(), far=frozenset(), words=words))
    beside, band = _values(first), _band(cells[0], first)
    for cell, column in zip(cells, header, strict=False):
        row = f"{header[0]} {cells[0]} {column} {cell}"
        far = content_words(row) | content_words(context)
        in_cell = _in_clause(cell, near=content_words(row), far=far, words=words, more=more, unit=_unit_of(column))
        for number in in_cell:
            years = years_in(f"{row} {context.partition(' > ')[2]}")
            per = number.per or _period(PER_IN_HEAD.search(column))
            units = unit_names(f"{row} {context}")
            yield replace(number, years=years, units=units, beside=beside, band=band, per=per)


def _band(text: str, numbers: Sequence[Number]) -> Band | None:
    """The band that a text gives, in the unit of its upper end, or from a bound on; none where it gives several."""
    found = list(BAND.finditer(text))
    bounds = [
        (n.bound, n.quantity)
        for n in numbers
        if n.bound and n.quantity is not None and not n.noun and str(n.quantity.unit) != "%"  # nobody is 20 % old
    ]
    if len(found) + len(bounds) != 1:
        return None
    if bounds:
        [(bound, at)] = bounds
        return Band(at.value, ENDLESS, at.unit) if bound == "least" else Band(-ENDLESS, at.value, at.unit)
    low, high = map(Fraction, found[0].groups())
    ends = (n.quantity.unit for n in numbers if n.quantity is not None and n.quantity.value == high)
    return Band(low, high, next(ends, Unit()))


def _values(numbers: Iterable[Number]) -> frozenset[Fraction]:
    return frozenset(n.quantity.value for n in numbers if n.quantity is not None and n.time is None)


def _measured(numbers: Iterable[Number]) -> Sequence[Number]:
    """Those with units, each quantity once: what may tell others apart, few even in a long row of figures."""
    measured = {(n.quantity.value, n.quantity.unit): n for n in numbers if n.quantity is not None and n.quantity.unit}
    return list(measured.values())


def _tells(other: Number, number: Number) -> bool:
    """Whether another number of the clause says when, of whom or from where on the number is true.

    One in the same unit is the other end of a range.
    """
    if other.quantity is None or number.quantity is None or number.time is not None:
        return False
    counts = bool(number.quantity.unit) or bool(number.noun)
    return counts and bool(other.quantity.unit) and other.quantity.unit != number.quantity.unit


def _in_clause(
    clause: str,
    *,
    near: frozenset[str],
    far: frozenset[str],
    words: bool,
    more: bool = False,
    unit: Unit | None = None,
) -> Iterator[Number]:
    taken: set[int] = set()
    named = identifiers(clause)
    for match, date in dates_in(clause) if more else ():
        own = content_words(match[0])  # June says when it was, not what was then
        yield Number(match[0], None, 0, near - own, far, named=named - own, date=date)
    for match, time in times_in(clause):
        taken.update(range(*match.span()))
        hour = Quantity(Fraction(match["hour"])) if match["hour"] and not match["minute"] else None
        yield Number(match[0], hour, 0, near, far, named=named, time=time)
    for match in MIXED.finditer(clause):
        taken.update(range(*match.span()))
        value = sum(map(Fraction, filter(None, match.groups())), Fraction())
        yield _in_words(Spelled(*match.span(), value, counts=True), clause, near, far)
    for mention in mentions(clause):
        if _overlaps(mention.start, mention.end, taken):
            continue
        taken.update(range(mention.start, mention.end))
        quantity = mention.quantity
        if unit and not quantity.unit:
            quantity = Quantity(quantity.value, unit, quantity.exact)
        written = clause[mention.start : mention.end]
        noun = "" if quantity.unit else _noun(clause[mention.end :])
        name = _name(clause, mention)
        places, per = max(mention.places, 0), _period(PER_BEHIND.match(clause, mention.end)) or _in_unit(quantity.unit)
        about = mention.places if _is_about(clause, mention.start) else None
        yield Number(
            written,
            quantity,
            places,
            near,
            far,
            name=name,
            noun=noun,
            named=named,
            per=per,
            about=about,
            bound=bound_of(clause, mention.start, mention.end),
        )
    for match in LITERAL.finditer(clause):
        if not _overlaps(*match.span(), taken):
            yield Number(match[0].strip(".,;:!?\"'*_`"), None, 0, near, far)
    for number in spelled(clause) if words else ():
        if not _overlaps(number.start, number.end, taken):
            yield _in_words(number, clause, near, far)


def _in_words(number: Spelled, clause: str, near: frozenset[str], far: frozenset[str]) -> Number:
    whole = number.value.denominator == 1
    after = clause[number.end : number.end + LONGEST_UNIT]
    after = after if whole else HALF_OF_A.sub(" ", after)
    following = first_quantity(f"{number.value if whole else float(number.value)}{after}")
    quantity = following.quantity if following else Quantity(number.value)
    noun = "" if quantity.unit else _noun(after)
    written = clause[number.start : number.end]
    per = _period(PER_BEHIND.match(after))
    about = following.places if following and _is_about(clause, number.start) else None
    bound, named = bound_of(clause, number.start, number.end), identifiers(clause)
    return Number(written, quantity, 0, near, far, noun=noun, named=named, per=per, about=about, bound=bound)


def _is_about(text: str, start: int) -> bool:
    """Whether a number that starts there is said to be rounded."""
    return ABOUT.search(text[max(start - LONGEST_ABOUT, 0) : start].lower()) is not None


def _in_unit(unit: Unit) -> str:
    """The period of euros per month."""
    below = (factor.meaning.name for factor in unit.factors if factor.power < 0)
    return next((name for name in below if PERIOD_NAME.fullmatch(name)), "")


def _period(match: re.Match[str] | None) -> str:
    """The period that was found, in one word."""
    found = next(filter(None, match.groups()), "").lower() if match else ""
    return PERIODS.get(found, found)


def _overlaps(start: int, end: int, taken: Set[int]) -> bool:
    return not taken.isdisjoint(range(start, end))


def years_in(text: str) -> frozenset[str]:
    """The years that a text speaks of."""
    return frozenset(YEAR.findall(text))


def _name(text: str, mention: Mention) -> str:
    """The name that a number is part of, if it is part of one."""
    before = re.search(r"[^\W\d_]+ $", text[max(mention.start - LONGEST_KIND, 0) : mention.start])
    found = names(f"{before[0]}{text[mention.start : mention.end]}") if before else frozenset[str]()
    return next(iter(found), "")


def _noun(following: str) -> str:
    """What is counted: the content word right after a number."""
    match = re.match(r" (?!o['’]clock)([^\W\d_]+)", following)
    word = match[1] if match else ""
    return "" if word.lower() in UNCOUNTED else next(iter(content_words(word)), "")


def _unit_of(column: str) -> Unit | None:
    """The unit that a table's column head names: `Price (€)`, `Energy [kWh]`, `Weight in kg`; or is, unless of time."""
    match = IN_HEAD.search(column)
    found = mentions(f"1 {(match[1] or match[2]) if match else column}")
    unit = found[0].quantity.unit if found else Unit()
    is_one = found and found[0].end == len(f"1 {column}") and unit.base != {"second": 1}  # a Year is no duration
    return unit if match or is_one else None


@lru_cache(maxsize=1000)
def unit_names(text: str) -> frozenset[str]:
    """Canonical names of all units that a text speaks of, with or without a number."""
    tokens = re.findall(rf"[{CURRENCY_SIGNS}%]|°[CF]|[^\W\d_]+", text)
    known = [t for t in dict.fromkeys(tokens) if t in CURRENCY_SIGNS + "%" or is_unit(t)]
    units = [m.quantity.unit for t in known for m in mentions(f"{t}1" if t in CURRENCY_SIGNS else f"1 {t}")]
    units += [m.quantity.unit for m in mentions(text)]
    return frozenset(factor.meaning.name for unit in units for factor in unit.factors)
