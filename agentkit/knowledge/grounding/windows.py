"""The parts of a passage that a claim is held against: a model reads well only what is short."""

import math
import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

from agentkit.knowledge.sentences import sentences

WORDS = 200
"""Of a window: with a claim of 40 they are about the 320 tokens that the model reads at once."""
WINDOWS = 3
"""Windows of a long passage that are scored, those that share most words with the claim."""

_WORD = re.compile(r"\w+")


def windows(passage: str, claim: str, *, words: int = WORDS) -> list[str]:
    """What to hold a claim against: the passage if it is short, else its best excerpt and its best windows.

    The excerpt has the sentences that share most words with the claim, wherever they stand, since what supports a
    summary is spread over a text; windows are consecutive sentences, each window half in the next, since a sentence
    may need the one before it. Rare words of the passage count more.
    """
    parts = _parts(passage, words)
    lengths = [len(part.split()) for part in parts]
    if sum(lengths) <= words:
        return [passage]
    weights = _weights(parts, claim)
    starts, spans = [0], list[tuple[int, int]]()
    for start in starts:
        end, length = start, 0
        while end < len(parts) and length + lengths[end] <= words:
            length += lengths[end]
            end += 1
        spans.append((start, end))
        if end < len(parts):
            starts.append(_middle(lengths, start, end))
    spans.sort(key=lambda span: (-sum(weights[span[0] : span[1]]), span))
    found = [excerpt(parts, weights, words), *(" ".join(parts[a:b]) for a, b in spans[:WINDOWS])]
    return list(dict.fromkeys(found))


def excerpt(parts: Sequence[str], weights: Sequence[float], words: int) -> str:
    """The weightiest parts, for their length, that have so many words together; in the order of the text."""
    lengths = [len(part.split()) for part in parts]
    kept: list[int] = []
    room = words
    for n in sorted(range(len(parts)), key=lambda n: (-weights[n] / math.sqrt(lengths[n] or 1), n)):
        if lengths[n] <= room:
            kept.append(n)
            room -= lengths[n]
    return " ".join(parts[n] for n in sorted(kept))


@lru_cache(maxsize=64)  # a passage is often held against several claims
def _parts(passage: str, words: int) -> list[str]:
    """The passage's sentences; one that is longer than a window is cut."""
    split = [sentence.split() for sentence in sentences(passage)]
    return [" ".join(of[n : n + words]) for of in split for n in range(0, len(of), words)]


def _weights(parts: Sequence[str], claim: str) -> list[float]:
    having = [frozenset(_WORD.findall(part.casefold())) for part in parts]
    spread = Counter(word for found in having for word in found)
    wanted = frozenset(_WORD.findall(claim.casefold()))
    return [math.fsum(math.log(1 + len(parts) / spread[word]) for word in sorted(found & wanted)) for found in having]


def _middle(lengths: Sequence[int], start: int, end: int) -> int:
    """Where the window after this one starts: at least a sentence on, and so that the half is in both."""
    half, n = sum(lengths[start:end]) / 2, start
    while n < end - 1 and sum(lengths[start : n + 1]) <= half:
        n += 1
    return max(n, start + 1)
