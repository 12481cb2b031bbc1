"""Word problems in a model's words: kept with the same numbers only, and only if its own agent finds their answer."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from random import Random

from agentkit.compress.cardinals import cardinals
from agentkit.compress.demonstration import Demonstrator
from agentkit.compress.problem import Problem, Unusable, shown
from agentkit.compress.sources.word_problem import WordProblem
from agentkit.models.model import Message, Model

RULES = (
    "You reword arithmetic problems. Say the same in other words: the same people, things and numbers, and the same "
    'question at the end. Keep every number, add none, and don\'t solve it. Reply {"problem":"..."}.'
)
EXAMPLES = (
    (
        "A crate holds 14 jars. Of the jars in 6 crates, 5 are broken. How many jars are whole?",
        "There are 6 crates with 14 jars in each of them. If 5 of these jars broke, how many are still whole?",
    ),
    (
        "Ines earns $18.50 an hour. She worked 32 hours in May and twice as many in June. How much did she earn in "
        "both months?",
        "In May, Ines worked 32 hours, and in June twice as many. What did she earn in these months at $18.50 an hour?",
    ),
)
STYLES = (
    "Tell it in another order.",
    "Use short sentences.",
    "Use as few sentences as you can.",
    "Tell it as a story.",
    "Use other verbs.",
)
LONGEST = 900
"""Characters of a problem."""


@dataclass(frozen=True)
class Rephrasing:
    """A word problem that is to be told in other words."""

    told: WordProblem
    seed: int
    """Of how its answer is asked for and worded."""
    style: str
    key: str = "problem"
    longest: int = LONGEST

    @property
    def asked(self) -> list[Message]:
        """Two examples, then the problem."""
        return shown(RULES, EXAMPLES, self.key, f"{self.told.question}\n({self.style})")

    def objection(self, text: str) -> tuple[str, str] | None:
        if words(text) == words(self.told.question):
            return "it says the same words", ""
        before, after = (
            Counter(n.value for n in cardinals(each, sums=True) if not n.pronoun) for each in (self.told.question, text)
        )
        if gone := before - after:
            return "a number is gone", ", ".join(map(str, gone))
        if new := after - before:
            return "a number is new", ", ".join(map(str, new))
        return None

    def problem(self, text: str) -> Problem:
        return replace(self.told, question=text, program="", labels=()).problem(Random(self.seed))

    async def misread(self, worded: Problem, reader: Model) -> tuple[str, str] | None:
        solved = await Demonstrator(reader).solve(worded)
        return (
            (f"the teacher doesn't solve it: {solved.reason}", solved.detail) if isinstance(solved, Unusable) else None
        )


def rephrased(problems: Iterable[WordProblem], chance: Random) -> Iterator[Problem]:
    """Each problem with what a model needs to tell it in other words."""
    for problem in problems:
        brief = Rephrasing(problem, chance.getrandbits(32), chance.choice(STYLES))
        yield replace(brief.problem(problem.question), id=f"{problem.id}-rephrased", brief=brief)


def words(text: str) -> list[str]:
    """What is compared to see whether anything changed."""
    return "".join(c if c.isalnum() else " " for c in text.lower()).split()
