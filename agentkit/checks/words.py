"""The content words of a text, stemmed: what lexical evidence is counted in."""

import re
from functools import lru_cache

from agentkit.arithmetic.units import is_unit
from agentkit.checks.dates import MONTHS

STOPWORDS = frozenset(
    "a an the this that these those it its is are was were be been being am do does did has have had "
    "having of in on at to for from by with as and or but nor so if then than too very can could will "
    "would shall should may might must there here what which who whom whose when where why how much many "
    "i you he she we they them his her our your their my me us not no yes per each about into over under "
    "out up down also only just will total answer task according please give tell say says state states".split()
)
WORD = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)?|(?<!\d)\d++[^\W\d_][^\W_]*")
"""Letters, or digits with letters behind (the *2O* of H2O): so written that each digit is looked at once."""

AFTER_NAME = "is|are|was|were|has|had|does|did|can|will|holds|costs|weighs|contains|takes|needs|uses|and|or|to|in|of"
ARTICLE = re.compile(rf"(?:^|[.!?|]\s+|\n[^\S\n]*)A(?= (?!(?:{AFTER_NAME})\b)[a-z])")
"""Not the name that it is in `Tank A`, nor in `A holds more`."""
NAME = re.compile(
    r"\b([A-Z][^\W\d_]+|article|chapter|clause|gate|paragraph|platform|room|section) (\d+)\b(?![.,:]\d)"
    r"(?: ?([%€$£°]|[^\W\d_]+))?"
)
SUFFIXES = re.compile(r"(?<=[^\W\d_]{3})(?:ings?|ed|e?s|e|ly)$")


@lru_cache(maxsize=20_000)
def stem(word: str) -> str:
    """`Tanks` and `tank` are one word, so are `costs`, `cost` and `costing`; rough, and the same for both sides."""
    lower = word.lower().removesuffix("'s").removesuffix("\u2019s")
    if lower.endswith(("ies", "ied")) and len(lower) > 4:
        return lower[:-3] + "y"
    if lower.endswith("ied"):  # died
        return lower[:-1]
    if lower.endswith(("ss", "us", "is")):
        return lower
    return SUFFIXES.sub("", lower)


STEMMED_MONTHS = frozenset(map(stem, MONTHS))


def names(text: str) -> frozenset[str]:
    """Names made of a capitalised word and a number: `Generator 1` is `generator#1`, `in 2026` is none."""
    return frozenset(
        f"{stem(word)}#{number}"
        for word, number, after in NAME.findall(text)
        if word.lower() not in STOPWORDS and not is_measure(after)
    )


def kind(word: str) -> str:
    """The kind of thing that a name is of, `room` of `room#2`; empty for other words, and for a day of June."""
    found, _, number = word.partition("#")
    return found if number and found not in STEMMED_MONTHS else ""


def is_measure(after: str) -> bool:
    """Whether what follows a number makes a quantity of it: nothing is called `Take 500` in `Take 500 mg`."""
    return bool(after) and after.lower() not in STOPWORDS and (not after.isalpha() or is_unit(after))


def identifiers(text: str) -> frozenset[str]:
    """Stems of the words that name one thing among its kind: `B` of Tank B, `Winter Room` inside a sentence."""
    text = _article_lowered(text)
    found = [m for m in re.finditer(r"\b[A-Z][^\W\d_]*", text) if m.start() > 0 or len(m[0]) == 1]
    return frozenset(stem(m[0]) for m in found if m[0] != "I" and m[0].lower() not in STOPWORDS - {"a"}) | names(text)


def content_words(text: str) -> frozenset[str]:
    """The stems of the words that carry content; of numbers, only those that are part of a name.

    A single capital letter is a name too (`Tank A`).
    """
    text = _article_lowered(text)
    words = (w for w in WORD.findall(text) if w.lower() not in STOPWORDS or (len(w) == 1 and w.isupper() and w != "I"))
    return frozenset(stem(w) for w in words) | names(text)


def cells_of(line: str) -> list[str]:
    """The cells of a line of a Markdown table; none of any other line."""
    row = line.strip()
    return [cell.strip() for cell in row.strip("|").split("|")] if row.startswith("|") else []


def _article_lowered(text: str) -> str:
    """The text with the article that begins a sentence in lower case."""
    return ARTICLE.sub(lambda match: match[0][:-1] + "a", text)
