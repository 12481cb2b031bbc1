"""The part of a long text that is worth reading for a question."""

import math
import re
from collections import Counter
from collections.abc import Sequence

PIECE = 600
"""Characters that lines are joined to before they're weighed."""

_WORD = re.compile(r"\w+")


def excerpt(lines: Sequence[str], about: str, *, limit: int) -> list[str]:
    """Pieces of a text, in its order, of at most `limit` characters: those that share most words with `about`.

    Words count by how rare they are among the pieces. A text that fits is kept whole.
    """
    pieces: list[str] = []
    for line in lines:
        if pieces and len(pieces[-1]) + len(line) < PIECE:
            pieces[-1] += f"\n{line}"
        else:
            pieces.append(line[:limit])
    words = [set(_WORD.findall(text.casefold())) for text in pieces]
    spread = Counter(word for found in words for word in found)
    wanted = set(_WORD.findall(about.casefold()))
    weights = [sum(math.log(1 + len(pieces) / spread[word]) for word in sorted(found & wanted)) for found in words]
    kept: list[int] = []
    room = limit
    for number in sorted(range(len(pieces)), key=lambda n: (-weights[n], n)):
        if len(pieces[number]) <= room:
            kept.append(number)
            room -= len(pieces[number])
    return [pieces[number] for number in sorted(kept)]
