"""The content words of a text, stemmed: what lexical evidence is counted in."""

import re
from functools import lru_cache

import snowballstemmer

STOPWORDS = frozenset(
    "a an the this that these those it its is are was were be been being am do does did has have had "
    "having of in on at to for from by with as and or but nor so if then than too very can could will "
    "would shall should may might must there here what which who whom whose when where why how much many "
    "i you he she we they them his her our your their my me us not no yes per each about into over under "
    "out up down also only just will total answer task according please give tell say says state states".split()
)
WORD = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)?|[^\W_]*\d[^\W_]*[^\W\d_][^\W_]*")

_STEMMER = snowballstemmer.stemmer("english")


@lru_cache(maxsize=20_000)
def stem(word: str) -> str:
    """`Tanks` and `tank` are one word."""
    return str(_STEMMER.stemWord(word.lower().removesuffix("'s").removesuffix("\u2019s")))


def content_words(text: str) -> frozenset[str]:
    """The stems of the words that carry content; single capital letters (`Tank A`) count, numbers don't."""
    words = (w for w in WORD.findall(text) if w.lower() not in STOPWORDS or (len(w) == 1 and w.isupper() and w != "I"))
    return frozenset(stem(w) for w in words)
