"""Numbers in prose and tables, each with its unit and the words that say what it is the number of."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from agentkit.checks.words import content_words, stem
from agentkit.knowledge.sentences import sentences

NUMBER_WORDS = {
    word: value
    for value, words in {
        2: "two both twice double doubled pair half halve",
        3: "three thrice triple tripled third",
        4: "four quarter quadruple",
        5: "five fifth",
        6: "six",
        7: "seven",
        8: "eight",
        9: "nine",
        10: "ten",
        11: "eleven",
        12: "twelve dozen",
        13: "thirteen",
        14: "fourteen fortnight",
        15: "fifteen",
        16: "sixteen",
        17: "seventeen",
        18: "eighteen",
        19: "nineteen",
        20: "twenty",
        30: "thirty",
        40: "forty",
        50: "fifty",
        60: "sixty",
        70: "seventy",
        80: "eighty",
        90: "ninety",
        100: "hundred",
        1000: "thousand",
    }.items()
    for word in words.split()
}

UNITS = {
    alias: unit
    for unit, aliases in {
        "%": "% percent pct",
        "€": "€ eur euro euros",
        "$": "$ usd dollar dollars",
        "£": "£ gbp pound_sterling",
        "CHF": "chf franc francs",
        "cent": "cent cents ct",
        "mm": "mm millimetre millimetres millimeter millimeters",
        "cm": "cm centimetre centimetres centimeter centimeters",
        "m": "m metre metres meter meters",
        "km": "km kilometre kilometres kilometer kilometers",
        "ft": "ft foot feet",
        "in": "inch inches",
        "mi": "mi mile miles",
        "m²": "m² m2 sqm",
        "m³": "m³ m3",
        "ha": "ha hectare hectares",
        "ml": "ml millilitre millilitres milliliter milliliters",
        "l": "l litre litres liter liters",
        "mg": "mg milligram milligrams",
        "g": "g gram grams gramme grammes",
        "kg": "kg kilogram kilograms kilo kilos",
        "t": "t tonne tonnes ton tons",
        "lb": "lb lbs pound pounds",
        "s": "s sec secs second seconds",
        "min": "min mins minute minutes",
        "h": "h hr hrs hour hours",
        "d": "d day days",
        "wk": "wk week weeks",
        "mo": "month months",
        "a": "yr year years",
        "W": "w watt watts",
        "kW": "kw kilowatt kilowatts",
        "MW": "mw megawatt megawatts",
        "Wh": "wh",
        "kWh": "kwh kilowatt-hour kilowatt-hours",
        "MWh": "mwh",
        "V": "v volt volts",
        "A": "amp amps ampere amperes",
        "Hz": "hz hertz",
        "bar": "bar bars",
        "°C": "°c celsius",
        "°F": "°f fahrenheit",
        "km/h": "km/h kph kmh",
        "m/s": "m/s",
        "mph": "mph",
        "MB": "mb megabyte megabytes",
        "GB": "gb gigabyte gigabytes",
        "KB": "kb kilobyte kilobytes",
    }.items()
    for alias in aliases.split()
}
"""Spellings of the units that answers come in. A unit that isn't here counts as a word of the role."""

CURRENCY = "€$£"
TOKEN = re.compile(
    rf"(?P<sign>(?<![\w.,)])[-\u2212](?=[\d{CURRENCY}]))?(?P<currency>[{CURRENCY}])?\s?"
    r"(?P<number>(?<![\w.])\d{1,3}(?:,\d{3})+(?:\.\d+)?(?![\d])|(?<![\w.])\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)"
    r"(?P<rest>(?:[-:/.\u2013]\d+)*)(?P<exponent>\s?[x×]\s?10\^?\d+)?"
)
UNIT = re.compile(r"[\s\u00a0-]?(?P<unit>%|€|\$|£|°\s?[CF]\b|[^\W\d_]+(?:[/-][^\W\d_]+|[²³]|\d\b)?)")
WORD_NUMBER = re.compile(rf"\b({'|'.join(NUMBER_WORDS)})\b", re.IGNORECASE)
CLAUSE = re.compile(r"[;:]|,(?!\d)|\b(?:and|but|while|whereas|so)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Quantity:
    """A number as it stands in a text."""

    written: str
    value: Fraction | None
    """None for what isn't one number: a date, a time of day, a version."""
    unit: str
    """Canonical spelling; empty when it has none that is known."""
    near: frozenset[str]
    """Content words of its clause, or of its row and column in a table."""
    far: frozenset[str]
    """Content words of its sentence, its heading and its source."""

    @property
    def decimals(self) -> int:
        """Digits after the point, as written."""
        return len(self.written.partition(".")[2]) if self.value is not None else 0


def quantities(text: str, *, context: str = "", words: bool = True) -> list[Quantity]:
    """The numbers of a text. `context` (a heading, a source) belongs to the role of each.

    `words`: number words count too (two, a dozen).
    """
    found: list[Quantity] = []
    around = content_words(context)
    header: list[str] = []
    for line in text.splitlines():
        if line.strip().startswith("|"):
            cells = [c.strip() for c in line.strip().strip("|").split("|")]
            if not header:
                header = cells
                continue
            found += _row(cells, header, around, words=words)
            continue
        header = []
        for sentence in sentences(line):
            far = around | content_words(sentence)
            for clause in CLAUSE.split(sentence):
                found += _in_clause(clause, near=content_words(clause), far=far, column="", words=words)
    return found


def _row(cells: list[str], header: list[str], around: frozenset[str], *, words: bool) -> Iterator[Quantity]:
    for index, cell in enumerate(cells):
        column = header[index] if index < len(header) else ""
        near = content_words(f"{cells[0]} {column} {cell}")
        yield from _in_clause(cell, near=near, far=near | around, column=column, words=words)


def _in_clause(
    clause: str, *, near: frozenset[str], far: frozenset[str], column: str, words: bool
) -> Iterator[Quantity]:
    for match in TOKEN.finditer(clause):
        written = match["number"] + match["rest"]
        unit = UNITS.get(match["currency"] or "", "") or unit_after(clause, match.end()) or unit_in(column)
        if match["exponent"]:
            yield Quantity(clause[match.start() : match.end()].strip(), None, unit, near, far)
            continue
        for part, value in _values(match["number"], match["rest"]):
            negative = bool(match["sign"]) and value is not None
            yield Quantity(f"-{part}" if negative else part, -value if negative and value else value, unit, near, far)
        del written
    if words:
        for match in WORD_NUMBER.finditer(clause):
            value = Fraction(NUMBER_WORDS[match[0].lower()])
            yield Quantity(match[0], value, unit_after(clause, match.end()), near, far)


def _values(number: str, rest: str) -> list[tuple[str, Fraction | None]]:
    """A range is two numbers, a fraction is one, a date or a time of day is none."""
    plain = Fraction(number.replace(",", ""))
    if not rest:
        return [(number, plain)]
    parts = re.findall(r"[-:/.\u2013]\d+", rest)
    if len(parts) == 1 and rest[0] in "-\u2013" and "." not in number:
        return [(number, plain), (rest[1:], Fraction(rest[1:]))]
    if len(parts) == 1 and rest[0] == "/" and int(rest[1:]):
        return [(number + rest, plain / int(rest[1:]))]
    return [(number + rest, None)]


def unit_after(text: str, position: int) -> str:
    """The known unit that follows a number; `l/day` counts by its first part when the whole isn't known."""
    match = UNIT.match(text, position)
    return known_unit(match["unit"]) if match else ""


def known_unit(word: str) -> str:
    """Canonical spelling of a unit; empty when the word is none."""
    word = word.replace(" ", "")
    for candidate in (word, re.split(r"[/-]", word)[0]):
        unit = UNITS.get(candidate.lower(), "")
        # One capital letter is a name more often than a unit (`Tank A`), but W, V and L are units.
        if unit and not (len(candidate) == 1 and candidate.isupper() and candidate not in "WVL"):
            return unit
    return ""


def unit_in(column: str) -> str:
    """The unit that a table's column head names: `Price (€)`, `Energy [kWh]`, `Weight in kg`."""
    match = re.search(r"[(\[]([^)\]]+)[)\]]\s*$|\bin\s+(\S+)\s*$", column)
    if not match:
        return ""
    named = match[1] or match[2]
    return next((u for w in named.split() if (u := known_unit(w))), "")


def units_in(text: str) -> frozenset[str]:
    """All known units that a text names, with or without a number."""
    tokens = re.findall(rf"[{CURRENCY}%]|°[CF]|[^\W\d_]+(?:/[^\W\d_]+|[²³23])?", text)
    return frozenset(u for t in tokens if (u := known_unit(t)))


def same_word(one: str, other: str) -> bool:
    """Whether two words have one stem."""
    return stem(one) == stem(other)
