"""Answers out of a closed list."""

import re
from collections.abc import Sequence

from agentkit.evaluate.item import Item, Reply, Score
from agentkit.evaluate.scorers.abstention import compared, unanswered

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
"""By which a question lists its choices: (A), (B), …"""
MOST_WORDS = 12
"""A choice that stands in a longer sentence may be meant otherwise."""
_EDGES = " \t\n\r.,;:!?\"'“”‘’`*_()[]{}"
_LABEL = re.compile(r"\(([A-Z])\)\s*(.*)|([A-Z])[).:]\s*(.*)|([A-Za-z])", re.DOTALL)


class ChoiceScorer:
    """Right if the reply names the gold choice and no other.

    A choice may be written with other case and punctuation, by the letter that the question lists it under, ahead of
    an explanation ("Yes, because …"), or in a sentence of at most 12 words. Where two could be meant, it's wrong.
    """

    async def __call__(self, item: Item, reply: Reply) -> Score:
        score = unanswered(item, reply)
        if score is not None:
            return score
        text, gold = reply.text or "", str(item.gold)
        choice = chosen(text, item.choices, item.question)
        right = choice == gold
        why = "" if choice is not None else "none of the choices, or several: "
        return Score(right=right, value=float(right), reason=f"{why}{compared(text, gold)}")


def chosen(text: str, choices: Sequence[str], question: str = "") -> str | None:
    """The choice that a text names; None where it names none or several."""
    if text in choices:
        return text
    bare = {choice: folded(choice) for choice in choices}
    whole = [choice for choice, written in bare.items() if written == folded(text)]
    if whole:
        return whole[0] if len(whole) == 1 else None
    label = labelled(text, choices, question)
    if label is not None:
        return label or None
    return leading(text, bare) or mentioned(text, bare)


def labelled(text: str, choices: Sequence[str], question: str) -> str | None:
    """The choice that a text names by its letter: (B), b, B) Paris; empty where the words behind it don't fit."""
    match = _LABEL.fullmatch(text.strip().removesuffix("."))
    if match is None:
        return None
    letter = (match[1] or match[3] or match[5]).upper()
    rest = folded(match[2] or match[4] or "")
    for choice in choices:
        if f"({letter}) {choice}" in question:
            return choice if rest in ("", folded(choice)) else ""
    return None


def leading(text: str, bare: dict[str, str]) -> str | None:
    """The choice that a text starts with, set apart from what follows."""
    start = re.split(r"[,.;:!\n–—]|\s-\s", text.strip(_EDGES), maxsplit=1)[0]
    found = [choice for choice, written in bare.items() if written == folded(start)]
    return found[0] if len(found) == 1 else None


def mentioned(text: str, bare: dict[str, str]) -> str | None:
    """The only choice that a short text mentions; one that is part of a longer one doesn't count beside it."""
    line = folded(text[:1000])
    if len(line.split()) > max([MOST_WORDS, *(len(written.split()) + 6 for written in bare.values())]):
        return None
    spans = [
        (match.start(), match.end(), choice)
        for choice, written in bare.items()
        if written
        for match in re.finditer(rf"(?<!\w){re.escape(written)}(?!\w)", line)
    ]
    outer = {
        choice
        for start, end, choice in spans
        if not any(s <= start and end <= e and e - s > end - start for s, e, _ in spans)
    }
    return outer.pop() if len(outer) == 1 else None


def folded(text: str) -> str:
    """A text without case, and without punctuation around it."""
    return " ".join(text.strip(_EDGES).casefold().split())
