"""The evidence speaks of what the question asks for."""

import re
from collections.abc import Iterator, Sequence

from agentkit.answer import Evidence, Finding
from agentkit.arithmetic import quantities as mentions
from agentkit.arithmetic.units import is_unit
from agentkit.checks.check import Draft
from agentkit.checks.citations import Similarity, similarity_of
from agentkit.checks.quantities import Number, numbers_in
from agentkit.checks.spelled import spelled
from agentkit.checks.words import STOPWORDS, WORD, content_words, stem
from agentkit.knowledge.sentences import sentences

COSINE = 0.55
"""Least cosine between what is asked for and some word of the passages. With all-MiniLM-L6-v2, `price` and `cost`
have 0.74, `boss` and `leader` 0.66; `dogs` and `e-mail address` stay under 0.43 with words about a station's staff.
On held-out questions of SQuAD and HotpotQA (`tests/benchmarks/calibrate_checks.py`) 32 % of 291 similar passages that
don't answer are caught, and 9 % of 289 that do are objected to: a weak check. 0.4 gives 15 % and 4 %, 0.7 gives 37 %
and 13 %, but a false alarm withholds a right answer."""
KNOWN = 0.6
"""Share of the other words of a question of ENOUGH from which on passages are taken to answer it, whatever they call
that: *Swiss* is a nationality. Without it there were 13 % of false alarms for 28 % caught (at a cosine of 0.5)."""
ENOUGH = 4
"""*What is the fare to the station?* has too few: every passage on the station has them."""

VERBS = r"is|are|was|were|do|does|did|has|have|had|can|could|will|would|should|must|may"
NO_VERB = "to|if|when|the|an?|his|her|its|their|this|that|these|those|you|people"
"""What follows a verb rather than a noun: what *happens to*, what *causes the*."""
DONE = r"(?:\w+ed|paid|done|known|given|sold|kept)\b(?: (?:for|by|to|in|on|at|when|if)\b|\W*$)"
"""No noun either: what is *required for* it, what is *allowed*?"""
PRONOUN = "(?:it|they|he|she|you|we|i|there|this|that|these|those)"
"""Of what was spoken of before, so it names nothing: what is *it* called."""
GENERIC = frozenset(
    stem(word)
    for word in (
        "name nickname title term word type kind sort form example number amount value size share part dose score "
        "position age temperature place time date day year person people thing way reason purpose role other another "
        "different new"
    ).split()
)
"""What an answer is without being called so, as Argos is the name of a dog."""
PRICES = frozenset(map(stem, "price cost charge fee fare rent toll money".split()))
"""What an amount is without being called so: *it costs 16 euros*."""
FEW = re.compile(r"\b(?:once|single|sole|none|nobody|neither|zero|no(?= \w))\b", re.IGNORECASE)
"""One or none, in other words than numbers."""
ONE_OF = re.compile(r"\ban? ((?:[\w-]+ ?){1,2})", re.IGNORECASE)
DIVIDED = re.compile(r"\b(?:average|mean|per|ratio|rate|times|dozens?|half|halves|thirds?|quarters?)\b", re.IGNORECASE)
"""What a task says that asks for so many in the mean, or for parts."""
HOW_MANY = re.compile(r"\bhow many\b *(.*)", re.IGNORECASE)
FOCUS = [
    re.compile(rf"\bhow (?:many|much) (?!(?:{VERBS})\b)([\w-]+)", re.IGNORECASE),
    re.compile(
        rf"\b(?:what|which) (?:{VERBS}) (?!{PRONOUN}\b|{DONE})(?:the |an? |its |their |his |her |[\w-]+ ?['\u2019]s )?"
        r"(?:(?:most|least) [\w-]+ )?([^\W\d][\w-]*(?: (?!of|for|in|at|to|on)[\w-]+)?)",
        re.IGNORECASE,
    ),
    re.compile(
        rf"\b(?:what|which) (?!(?:{VERBS}|comes?|goes?|belongs?|\w+ly (?:{VERBS}))\b)"
        rf"([^\W\d][\w-]*)\b(?! (?:{NO_VERB})\b)",
        re.IGNORECASE,
    ),
]
"""Where a question names what it asks for: how many *dogs*, what is the *e-mail address* of, which *tank*."""


class Answerability:
    """The check; it only ever objects. Without an embedder it goes by words alone."""

    name = "answerability"

    def __init__(self, similarity: Similarity | None = None) -> None:
        self.similarity = similarity

    @classmethod
    def of(cls, resources: Sequence[object]) -> "Answerability":
        """The check with the embedder that is among the resources, if one is."""
        return cls(similarity_of(resources))

    def __call__(self, draft: Draft) -> Iterator[Finding]:
        """One finding when the draft, or the evidence, has nothing of what the task asks for."""
        asked = focus(draft.task)
        if reason := miscounts(asked, draft) or self.silent(asked, draft):
            yield Finding(check=self.name, claim=draft.text, verdict="failed", reason=reason)

    def silent(self, asked: str, draft: Draft) -> str:
        """Why the passages can't answer; empty when they speak of what is asked for, or there are none."""
        passages = [e for e in draft.evidence if e.source]
        # What was worked out (a sum, a difference) need not be named by any document.
        if not passages or any(not e.source for e in draft.cited_evidence):
            return ""
        words = {w for e in passages for w in WORD.findall(f"{e.source} {e.text}") if w.lower() not in STOPWORDS}
        if (
            not asked
            or is_unit(asked)
            or is_generic(asked, draft.text)
            or content_words(asked) & {stem(w) for w in words}
        ):
            return ""
        if not HOW_MANY.search(draft.task) and spoken_of(asked, draft.task, passages) >= KNOWN:
            return ""
        if self.similarity is not None and max(map(float, self.similarity([asked], sorted(words))[0])) >= COSINE:
            return ""
        return f"the evidence does not speak of {asked}, which the task asks for"


def miscounts(asked: str, draft: Draft) -> str:
    """Why a draft is no answer to `how many`: no number, none in the unit asked for, or 57.6 of whole things."""
    counted = HOW_MANY.search(draft.task)
    if not counted:
        return ""
    told = [n for n in numbers_in(draft.text) if n.quantity is not None]
    found = [n.quantity for n in told if n.quantity is not None]
    if not found:
        few = FEW.search(draft.text) or says_one(asked, draft.text)
        return "" if few else "the task asks how many, and the answer has no number"
    if not content_words(counted[1]) or counted[1].lower().startswith("degree"):  # of an angle or of heat
        return ""
    wanted = mentions(f"1 {counted[1]}")[0].quantity.unit
    measured = wanted or any(map(is_unit, re.split(r"[\s-]", asked)))  # kilowatt-hours
    if asked and not measured and (broken := in_parts(draft, told)):
        return f"the task asks how many {asked}, which are counted whole, and the answer has {broken}"
    if wanted and not any(not q.unit or q.unit.base == wanted.base for q in found):
        return f"the task asks for {asked or counted[1].split()[0]}, and the answer has none"
    return ""


def in_parts(draft: Draft, told: Sequence[Number]) -> str:
    """The first number of an answer, if none is whole, in words, or with a unit, and nothing is told of in parts.

    Of 4,092 problems of GSM8K's training data that ask how many no answer is objected to; of 1,173 other ones
    (word_problem_programs) two are, on balloons and trees; of 951 questions of SQuAD none.
    """
    texts = [draft.task, *(e.text for e in draft.evidence if e.source)]
    parted = DIVIDED.search(draft.task) or any(is_broken(n) for text in texts for n in numbers_in(text))
    return "" if parted or not all(is_broken(n) and n.written[0].isdigit() for n in told) else told[0].written


def is_broken(number: Number) -> bool:
    """Whether a number without a unit isn't whole."""
    return number.quantity is not None and number.quantity.value.denominator > 1 and not number.quantity.unit


def says_one(asked: str, text: str) -> bool:
    """Whether a text has one of what is asked for, as *a wheel* of wheels."""
    wanted = content_words(asked)
    return bool(wanted) and any(wanted <= content_words(after) for after in ONE_OF.findall(text))


def spoken_of(asked: str, task: str, passages: Sequence[Evidence]) -> float:
    """The share that passages have of the words of a question besides what it asks for; 0 where those are few."""
    question = next((sentence for sentence in sentences(task) if asked in sentence), task)
    words = content_words(question) - content_words(asked)
    found = frozenset[str]().union(*(content_words(f"{e.source} {e.text}") for e in passages))
    return len(words & found) / len(words) if len(words) >= ENOUGH else 0.0


def is_generic(asked: str, text: str) -> bool:
    """Whether what is asked for says nothing of what an answer speaks of; of a price, the answer has a number."""
    words = set(map(stem, WORD.findall(asked)))
    is_price = not PRICES.isdisjoint(words) and bool(numbers_in(text))
    return is_price or not GENERIC.isdisjoint(words) or bool(spelled(asked))


def focus(task: str) -> str:
    """What a question asks for; empty when it doesn't name it (`Who leads it?`)."""
    found = next((m for pattern in FOCUS if (m := pattern.search(task))), None)
    return found[1] if found and content_words(found[1]) else ""
