"""Word problems with a sentence of another problem, which has numbers too but nothing to do with what is asked."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from random import Random

from agentkit.checks.words import content_words
from agentkit.compress.problem import Problem
from agentkit.compress.sources.word_problem import WordProblem
from agentkit.knowledge.sentences import sentences

TRIES = 20
"""Sentences that are tried for a problem."""
LONGEST = 110
"""Characters of such a sentence."""
REFERRING = re.compile(
    r"\b(?:he|she|they|it|its|him|his|her|hers|their|them|this|that|these|those|there|both|each|if|same|other|another|"
    r"more|less|than|as|i|my|we|our|you|your)\b",
    re.IGNORECASE,
)
COLLECTIVE = re.compile(
    r"\b(?:they|their|everyone|everybody|all|total|altogether|combined|together|people|persons|children|kids|students|"
    r"average|sum|rest|others?|who)\b",
    re.IGNORECASE,
)
"""What is asked may then take in whoever else is named."""


def distracted(problems: Sequence[WordProblem], chance: Random) -> Iterator[Problem]:
    """Each problem that asks of something definite, with a sentence that shares no word with it."""
    strangers = [s for problem in problems if (s := stranger(problem.question))]
    words = {s: content_words(s) for s in strangers}
    for problem in problems:
        told = sentences(problem.question)
        if len(told) < 2 or not told[-1].endswith("?") or COLLECTIVE.search(told[-1]) or not strangers:
            continue
        own = content_words(problem.question)
        tried = (chance.choice(strangers) for _ in range(TRIES))
        if sentence := next((s for s in tried if not words[s] & own), ""):
            # Behind the first sentence, which says of whom the others are.
            at = chance.randint(0, len(told) - 1)
            at = at if at == 0 or not begins_referring(told[at]) else 0
            question = " ".join([*told[:at], sentence, *told[at:]])
            yield replace(problem, id=f"{problem.id}-distracted", question=question, program="").problem(chance)


def begins_referring(sentence: str) -> bool:
    """Whether a sentence would be read as one about whatever stands before it."""
    return bool(REFERRING.search(sentence))


def stranger(question: str) -> str:
    """A problem's first sentence, if it tells something with a number that can be understood alone."""
    first = sentences(question)[0]
    named = re.match(r"[A-Z][a-z]+ (?!and\b)[a-z]", first)
    plain = first.endswith(".") and re.search(r"\d", first) and len(first) <= LONGEST
    return first if named and plain and not REFERRING.search(first) else ""
