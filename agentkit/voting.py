"""Which of several answers to one task stands: what the checks support, and of that what most runs say.

Drawing several and keeping the commonest is Wang et al. 2022 (*Self-Consistency*); to stop once nothing can change is
the simplest rule of Aggarwal et al. 2023 (*Let's Sample Step by Step: Adaptive-Consistency*).
"""

import re
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from typing_extensions import TypeVar

from agentkit.answer import Answer, Status, Usage
from agentkit.checks.namesakes import names_in
from agentkit.checks.quantities import numbers_in

T = TypeVar("T", default=Any)

MOST_DRAWS = 64
TEMPERATURE = 0.7
"""Of every run but the first, as in Wang et al. 2022."""
YES_NO = re.compile(r"(?:yes|no)\b")
WHO = re.compile(r"\b(?:who|whose|whom|which|where)\b", re.IGNORECASE)
RANK: Mapping[Status, int] = MappingProxyType({"supported": 2, "unchecked": 1, "abstained": 0, "exhausted": 0})
"""Statuses by how sure they are."""


class Ballot(NamedTuple):
    """What one run says."""

    status: Status
    says: Hashable | None
    """Equal for answers that say the same; None for none."""


class Standing(NamedTuple):
    """The outcome of a vote."""

    kept: int
    """The ballot that stands, the first drawn of those that say the same."""
    votes: int
    """Ballots that say so; 0 if no run has an answer."""


def standing(ballots: Sequence[Ballot], *, by_checks: bool = True) -> Standing:
    """The commonest answer, by_checks: among those of the best status; the first drawn of equally common ones."""
    best = max(RANK[b.status] for b in ballots)
    voters = [i for i, b in enumerate(ballots) if not by_checks or RANK[b.status] == best]
    counts = Counter(ballots[i].says for i in voters if ballots[i].says is not None)
    if not counts:
        return Standing(voters[0], 0)
    (winner, votes), *_ = counts.most_common(1)
    return Standing(next(i for i in voters if ballots[i].says == winner), votes)


def decided(ballots: Sequence[Ballot], draws: int) -> bool:
    """Whether no further run can change the outcome: more than half of the draws say the same, and it is supported."""
    kept, votes = standing(ballots)
    return ballots[kept].status == "supported" and 2 * votes > draws


def ballot(task: str, answer: Answer[Any]) -> Ballot:
    """What an answer says: yes or no; its numbers without those of the task, and who or which has them where that is
    asked; without numbers, its words."""
    if answer.text is None:
        return Ballot(answer.status, None)
    words = " ".join(answer.text.casefold().split()).rstrip(".")
    told = numbers(answer.text)
    if not told:
        return Ballot(answer.status, words)
    verdict = YES_NO.match(words)
    names = frozenset(names_in(answer.text, first=True)) if WHO.search(task) else frozenset[str]()
    return Ballot(answer.status, (verdict and verdict[0], told - numbers(task) or told, names))


def numbers(text: str) -> frozenset[Hashable]:
    """The values of a text's numbers; of what isn't one number, a date say, how it is written."""
    return frozenset(n.quantity.value if n.quantity else n.written for n in numbers_in(text))


def elected(task: str, answers: Sequence[Answer[T]]) -> Answer[T]:
    """The answer that stands, with the votes for it and what all of them cost; a single one as it is."""
    if len(answers) == 1:
        return answers[0]
    kept, votes = standing([ballot(task, answer) for answer in answers])
    usage = sum((answer.usage for answer in answers), Usage())
    return answers[kept].model_copy(update={"draws": len(answers), "votes": votes, "usage": usage})
