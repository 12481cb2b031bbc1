"""Lower-cased, tokenized text as people write it."""

import json
import re
from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

SPACED = (
    (r"-lrb-|-LRB-", "("),
    (r"-rrb-|-RRB-", ")"),
    (r"-lsb-|-LSB-", "["),
    (r"-rsb-|-RSB-", "]"),
    (r"``\s*|\s*''", '"'),
    (r"\s+([,.;:!?%)\]])", r"\1"),
    (r"([(\[$£€#])\s+", r"\1"),
    (r"\s+('s|'re|'ve|'ll|'d|'m|n't|')(?=[\s,.;:!?)]|$)", r"\1"),
    (r"(\w)\s--\s(\w)", r"\1–\2"),
    (r"\s--\s", " – "),
    (r"\s{2,}", " "),
)
SEEN = 4
"""Times that a word must have been seen with capitals inside sentences to be written so."""
MOSTLY = 0.85
"""Share of its occurrences that must have been so."""
BEFORE_NAME = re.compile(
    r"\b(?:new|north|south|east|west|san|los|las|great|saint|lake|mount|king|queen|prince|lady|lord|sir)(?= [A-Z])"
)
"""Words that are part of a name before another."""
WORD = re.compile(r"[^\W\d_][\w'’-]*")


def detokenized(text: str) -> str:
    """A text without the spaces that a tokenizer put around punctuation."""
    for pattern, plain in SPACED:
        text = re.sub(pattern, plain, text)
    return text.strip()


def truecased(text: str, forms: Mapping[str, str]) -> str:
    """A lower-cased text with capitals where sentences start and in words that are mostly written so."""
    words = BEFORE_NAME.sub(lambda m: m[0].title(), WORD.sub(lambda m: forms.get(m[0], m[0]), text))
    return re.sub(r"(^|(?<=[.!?] ))[^\W\d_]", lambda m: m[0].upper(), re.sub(r"\bi\b", "I", words))


@lru_cache(maxsize=2)
def forms(path: Path) -> Mapping[str, str]:
    """How words are mostly written inside the sentences of HotpotQA's paragraphs, where that isn't lower case.

    A file that isn't there has no words.
    """
    if not path.is_file():
        return {}
    counts: Counter[str] = Counter()
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            texts = [sentence for _, parts in json.loads(line)["context"] for sentence in parts]
        except (ValueError, KeyError, TypeError):
            continue  # the source that reads it says so
        for text in texts:
            counts.update(WORD.findall(text)[1:])
    alike: dict[str, Counter[str]] = {}
    for form, count in counts.items():
        alike.setdefault(form.lower(), Counter())[form] = count
    best = {word: (*found.most_common(1)[0], found.total()) for word, found in alike.items()}
    return {
        word: form
        for word, (form, count, total) in best.items()
        if form != word and count >= SEEN and count >= MOSTLY * total
    }
