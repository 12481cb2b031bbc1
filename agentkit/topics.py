"""Topics that an assistant refuses: told by comparing the question, before any model is asked.

A small model can't be trusted to refuse: it answers what resembles its worked examples. So the question itself is
compared with questions that the profile lists. That is coarse and says so: what is put quite differently gets by, as
does a language other than English, and what a document tells is no concern of it.
"""

import re
from collections.abc import Sequence

from pydantic import BaseModel, Field, model_validator

from agentkit.checks.citations import Similarity
from agentkit.checks.words import stem
from agentkit.errors import ConfigurationError
from agentkit.knowledge.sentences import sentences

WORD = re.compile(r"\w+")
ALIKE = 0.5
"""Least cosine between a question and one of those listed. With all-MiniLM-L6-v2, over 40 topics of
train/metatool_queries with 5 questions listed each (`tests/benchmarks/calibrate_topics.py`): 64 % of 800 further
questions of the topic are refused, 0.4 % of those of other topics, 6 % of those of the topic closest to it; with 10
listed 72 %, 0.6 % and 9 %. 0.45 gives 72 %, 0.8 % and 11 %, 0.6 gives 45 %, 0.1 % and 1 %. One in three gets by: what
must never pass needs `words`, and `unlike` keeps the closest topic out."""


class Topic(BaseModel, frozen=True, extra="forbid"):
    """A kind of question that is refused, and what is said then."""

    topic: str = Field(min_length=1, max_length=80)
    """What the model is told to give up on."""
    say: str = Field(min_length=1, max_length=300)
    """The reason that the user is given."""
    like: list[str] = []
    """Questions to refuse; five or more, put as differently as users will."""
    unlike: list[str] = []
    """Questions to take all the same, though they resemble these: the closest question decides."""
    words: list[str] = []
    """Phrases; a question that has one is refused, whatever else it says. Endings don't count: `bomb` is `bombs`."""

    @model_validator(mode="after")
    def _is_told_somehow(self) -> "Topic":
        if not self.like and not self.words:
            raise ValueError("needs questions in `like` or phrases in `words`, else nothing would be refused")
        if not all(stems(phrase).strip() for phrase in self.words):
            raise ValueError("has a phrase in `words` without a word; take it out")
        return self


class TopicGuard:
    """Says of a question why it is refused, or nothing.

    Args:
        topics: The first that fits decides.
        similarity: Compares questions by meaning, an embedder's; needed where a topic has questions in `like`.

    Raises:
        ConfigurationError: There are questions to compare with and nothing that compares.
    """

    def __init__(self, topics: Sequence[Topic], *, similarity: Similarity | None = None) -> None:
        if similarity is None and any(topic.like for topic in topics):
            raise ConfigurationError(
                "refusing what is like listed questions needs an embedder; pass one, or use `words`"
            )
        self.topics = tuple(topics)
        self.similarity = similarity

    def __call__(self, question: str) -> str:
        """What to say instead of an answer; empty where nothing is refused."""
        # Each sentence by itself too: a long question drowns what one of its sentences asks.
        asked = list(dict.fromkeys([question, *sentences(question)]))
        words = stems(question)
        for topic in self.topics:
            if any(stems(phrase) in words for phrase in topic.words) or self.resembles(asked, topic):
                return topic.say
        return ""

    def resembles(self, asked: Sequence[str], topic: Topic) -> bool:
        """Whether a sentence is close to a question of the topic, and closer than to those that are none of it."""
        if not topic.like or self.similarity is None:
            return False
        cosines = self.similarity(asked, [*topic.like, *topic.unlike])
        n = len(topic.like)
        return any(
            max(row[:n]) >= ALIKE and max(row[:n]) > max(row[n:], default=-1.0)
            for row in ([float(c) for c in row] for row in cosines)
        )


def stems(text: str) -> str:
    """The words of a text without their endings, each between spaces, so that phrases can be found in it."""
    return f" {' '.join(map(stem, WORD.findall(text)))} "
