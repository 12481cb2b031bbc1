"""A claim that agrees with a sentence of a passage in all words but a negation: it says what the passage denies."""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from agentkit.answer import Evidence
from agentkit.checks.words import stem
from agentkit.knowledge.sentences import sentences

TOKEN = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)?|[,;:()]")
CONTRACTED = re.compile(r"n['\u2019]t\b", re.IGNORECASE)
WHOLE = ((re.compile(r"\bcannot\b|\bcan['\u2019]t\b"), "can not"), (re.compile(r"\bwon['\u2019]t\b"), "will not"))
NEGATIONS = frozenset("not no never".split())
SUPPORT = frozenset("do does did".split())
"""What a verb needs to be denied: `do not pay` is `pay` denied."""
GO_ON = frozenset("and but while whereas".split())
"""What a clause begins with that says something of its own; after a condition (*in winter, …*) it doesn't."""
ANSWER = re.compile(r"\s*(?:yes|no)\s*[,.:;]\s*", re.IGNORECASE)
SHORTEST = 4
"""Words that a claim must share with a sentence, besides negations."""


class Worded(NamedTuple):
    """A text as stems, and before which of them a negation stands."""

    words: tuple[str, ...]
    denied: frozenset[int]

    @classmethod
    @lru_cache(maxsize=1024)  # each claim of a draft is held against the same sentences
    def of(cls, text: str) -> "Worded":
        """The words of a text; commas and their like are kept, as they divide what belongs together."""
        text = ANSWER.sub("", text.lower(), count=1) if ANSWER.match(text) else text.lower()
        for pattern, whole in WHOLE:
            text = pattern.sub(whole, text)
        words: list[str] = []
        denied: set[int] = set()
        tokens = TOKEN.findall(CONTRACTED.sub(" not", text))
        for number, token in enumerate(tokens):
            if token in NEGATIONS:
                denied.add(len(words))
            elif token not in SUPPORT or tokens[number + 1 : number + 2] not in (["not"], ["never"]):
                words.append(stem(token))
        return cls(tuple(words), frozenset(denied))

    def starts(self) -> Iterator[int]:
        """Where something begins that is said by itself: the sentence, or a clause that goes on."""
        yield 0
        for at, word in enumerate(self.words):
            if word == ";":
                yield at + 1
            elif word == "," and self.words[at + 1 : at + 2] and self.words[at + 1] in GO_ON:
                yield at + 2


def denied(claim: str, passages: Sequence[Evidence]) -> tuple[str, int] | None:
    """The sentence that says of a claim the opposite, and the evidence it stands in; None if one says the same."""
    said = Worded.of(claim)
    length = len(said.words)
    found: tuple[str, int] | None = None
    if sum(word.isalnum() for word in said.words) < SHORTEST:
        return None
    for passage in passages:
        for sentence in sentences(passage.text):
            told = Worded.of(sentence)
            for at in told.starts():
                if told.words[at : at + length] != said.words:
                    continue
                # Not counting one at the end: *whether it is open or not*.
                if sum(at <= n < at + length for n in told.denied) == sum(n < length for n in said.denied):
                    return None
                found = found or (sentence, passage.id)
    return found
