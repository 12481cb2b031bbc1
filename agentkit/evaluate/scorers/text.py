"""Answers in words: normalised as SQuAD's official script does (Rajpurkar et al. 2016), then compared."""

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, cast

from agentkit.evaluate.item import Item, Reply, Score
from agentkit.evaluate.scorers.abstention import compared, unanswered

MOST_TOKENS = 40
"""A longer reply isn't an answer, it's a text that the answer may be somewhere in; a longer gold answer allows more."""

_ARTICLES = re.compile(r"\b(?:a|an|the)\b")


class TextScorer:
    """Right if a gold answer stands in the reply word for word, and the reply is at most 40 words long.

    `Item.gold` is `{"answers": [...]}`. The value is the token F1 with the gold answer that fits best. Where yes or no
    is the gold answer, the first word of the reply decides alone.

    With `"sources": [...]` in the gold, `recall` in the details is the share of them in `Reply.sources`; with
    `"missing": n` besides, which are gold sources that nobody can find, `reachable` is the share that can be found.
    """

    async def __call__(self, item: Item, reply: Reply) -> Score:
        gold = cast(Mapping[str, Any], item.gold)
        details = recall(gold, reply)
        score = unanswered(item, reply, details)
        if score is not None:
            return score
        answers: Sequence[str] = gold["answers"]
        text = reply.text or ""
        return Score(
            right=any(matches(text, answer) for answer in answers),
            value=max((overlap(text, answer) for answer in answers), default=0.0),
            reason=compared(text, answers[0] if answers else ""),
            details=details,
        )


class ExactScorer:
    """Right if the reply is the gold text, but for case, commas, white space and a full stop at the end."""

    async def __call__(self, item: Item, reply: Reply) -> Score:
        score = unanswered(item, reply)
        if score is not None:
            return score
        gold, text = str(item.gold), reply.text or ""
        right = listed(text) == listed(gold)
        return Score(right=right, value=float(right), reason=compared(text, gold))


def matches(text: str, answer: str) -> bool:
    """Whether a reply gives this answer."""
    found, wanted = tokens(text), tokens(answer)
    if wanted in (["yes"], ["no"]):
        return found[:1] == wanted
    return len(found) <= max(MOST_TOKENS, len(wanted)) and contained(wanted, found)


def overlap(text: str, answer: str) -> float:
    """Token F1: the harmonic mean of precision and recall over the words that both have."""
    found, wanted = tokens(text), tokens(answer)
    if wanted in (["yes"], ["no"]):
        return float(found[:1] == wanted)
    common = sum((Counter(found) & Counter(wanted)).values())
    return 2 * common / (len(found) + len(wanted)) if common else 0.0


def contained(wanted: Sequence[str], found: Sequence[str]) -> bool:
    """Whether words stand in others, side by side."""
    if not wanted:
        return False
    return f" {' '.join(wanted)} " in f" {' '.join(found)} "


def tokens(text: str) -> list[str]:
    """The words of a text: lower case, no punctuation (of any script), no articles.

    A text that would be left without words (The The) keeps its articles.
    """
    text = unicodedata.normalize("NFC", text.lower())
    bare = "".join(c for c in text if c not in string.punctuation and unicodedata.category(c)[0] != "P")
    return _ARTICLES.sub(" ", bare).split() or bare.split()


def listed(text: str) -> list[str]:
    """The words of a list, however they're set apart."""
    return re.sub(r"[,;]", " ", text.strip().removesuffix(".").casefold()).split()


def recall(gold: Mapping[str, Any], reply: Reply) -> dict[str, float]:
    """How much of the gold sources was found, of those that can be."""
    if "sources" not in gold:
        return {}
    sources, missing = set(cast(Sequence[str], gold["sources"])), cast(int, gold.get("missing", 0))
    details: dict[str, float] = {}
    if sources:
        details["recall"] = len(sources & set(reply.sources)) / len(sources)
    if sources or missing:
        details["reachable"] = len(sources) / (len(sources) + missing)
    return details
