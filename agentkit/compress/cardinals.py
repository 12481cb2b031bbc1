"""The numbers of a text in figures and in words: what is compared where a model words a task.

`agentkit.checks` reads numbers with the role that prose gives them. Here only which ones there are counts, wherever a
digit stands, also in a name: 2.5 million, twenty-five, two hundred and ten, a dozen, 12cm.
"""

import re
from dataclasses import dataclass
from fractions import Fraction

from agentkit.checks.spelled import CARDINALS

DOZEN = {"dozen": CARDINALS["dozen"]}
SINGLE = {word: value for word, value in CARDINALS.items() if word not in DOZEN}
UNITS = {"zero": Fraction(0)} | {word: value for word, value in SINGLE.items() if value < 10}
TEENS = {word: value for word, value in SINGLE.items() if 10 <= value < 20}
TENS = {word: value for word, value in SINGLE.items() if 20 <= value < 100}
SCALES = {word: value for word, value in SINGLE.items() if value >= 100}
MULTIPLES = {
    **dict.fromkeys(("half", "halves", "halved"), Fraction(1, 2)),
    **dict.fromkeys(("third", "thirds"), Fraction(1, 3)),
    **dict.fromkeys(("quarter", "quarters", "fourth", "fourths"), Fraction(1, 4)),
    **dict.fromkeys(("fifth", "fifths"), Fraction(1, 5)),
    **dict.fromkeys(("twice", "double", "doubled", "doubles"), Fraction(2)),
    **dict.fromkeys(("thrice", "triple", "tripled", "triples"), Fraction(3)),
}
"""Words that are numbers in a sum only: nobody who asks for a double room counts anything."""
FIGURE = r"(?:(?<![\w.)])[-−])?(?:\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)?|\d+(?:\.\d+)?|(?<!\d)\.\d+)"
PERCENT = re.compile(r"\s*(?:%|per ?cent\b)", re.IGNORECASE)


TABLES = {
    "unit": UNITS,
    "teen": TEENS,
    "tens": TENS,
    "scale": SCALES,
    "dozen": DOZEN,
    "multiple": MULTIPLES,
}
"""Words by kind."""
FOLLOWING = {
    **dict.fromkeys(("figure", "unit", "teen"), ("scale", "dozen")),
    "tens": ("unit", "scale", "dozen"),
    "scale": ("unit", "teen", "tens", "scale"),
}
"""Kinds that go on with a number, by the kind of its last word."""
WORDS = "|".join(word for table in TABLES.values() for word in table)
TOKEN = re.compile(rf"(?P<figure>{FIGURE})|\b(?:{WORDS})\b", re.IGNORECASE)


@dataclass
class Cardinal:
    """A number as it stands in a text."""

    value: Fraction
    written: str
    start: int
    kind: str
    """Of its last word: it says what may follow in the same number."""
    closed: Fraction = Fraction(0)
    """What stands before its last thousand or million."""
    percent: bool = False

    @property
    def end(self) -> int:
        return self.start + len(self.written)

    @property
    def pronoun(self) -> bool:
        """Whether it is a lone `one`, which mostly counts nothing."""
        return self.written.lower() == "one"


def cardinals(text: str, *, sums: bool = False) -> list[Cardinal]:
    """The numbers of a text in their order.

    Args:
        sums: Whether halves, thirds and doubles count.
    """
    found: list[Cardinal] = []
    for match in TOKEN.finditer(text):
        word = match[0].lower()
        kind = "figure" if match["figure"] else next(kind for kind, words in TABLES.items() if word in words)
        if kind == "multiple" and not sums:
            continue
        if found and goes_on(found[-1], kind, text[found[-1].end : match.start()]):
            extend(found[-1], kind, word)
            found[-1].written = text[found[-1].start : match.end()]
        else:
            value = Fraction(word.replace(",", "").replace("−", "-")) if kind == "figure" else TABLES[kind][word]
            closed = value if kind == "scale" and value > 100 else Fraction(0)
            found.append(Cardinal(value, match[0], match.start(), kind, closed))
    for number in found:
        number.percent = PERCENT.match(text, number.end) is not None
    return found


def goes_on(last: Cardinal, kind: str, between: str) -> bool:
    """Whether a word belongs to the number before it."""
    if last.kind == "scale" and kind in ("unit", "teen", "tens") and between.lower() == " and ":
        return True
    return kind in FOLLOWING.get(last.kind, ()) and between in (" ", "-")


def extend(number: Cardinal, kind: str, word: str) -> None:
    """Take one more word into a number: a scale multiplies what stands there since the last thousand or million."""
    value = TABLES[kind][word]
    if kind in ("scale", "dozen"):
        number.value = number.closed + (number.value - number.closed) * value
        number.closed = number.value if value > 100 else number.closed
    else:
        number.value += value
    number.kind = kind
