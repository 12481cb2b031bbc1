"""Selective prediction: how often answers are wrong, if only those that one is surest of are given."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from agentkit.evaluate.statistics import LEVEL, Estimate, cluster_index, libraries, quantiles

if TYPE_CHECKING:
    from numpy.typing import NDArray

POINTS = 200
"""Most points of a curve that are kept; the area is computed from all."""
RESAMPLES = 999
GRID = 10_001
"""Values that are tried for the ends of an interval."""
FEWEST = 10
"""Answers at the cut below which no interval is given."""


class RiskCoverage(BaseModel, frozen=True):
    """A risk–coverage curve (El-Yaniv and Wiener 2010; Geifman and El-Yaniv 2017, *Selective Classification for Deep
    Neural Networks*)."""

    points: tuple[tuple[float, float], ...]
    """(coverage, risk): the share of all items that is answered, and of these the share that is wrong."""
    area: float | None
    """AURC (Geifman, Uziel and El-Yaniv 2019): the mean risk over the coverages 1/n, 2/n, … up to `coverage`, so that
    of two curves it compares only equally long ones. None if nothing was answered."""
    coverage: float
    """Where the curve ends: what was never answered can't be."""
    auroc: Estimate | None = None
    """See `auroc`."""
    n: int


class EqualCoverage(BaseModel, frozen=True):
    """How often two runs' answers are wrong where both give as many: each one's surest, as many as the one with fewer
    answers gave."""

    answers: int
    coverage: float
    a: float
    b: float
    area_a: float
    """Mean risk of A over the coverages up to this one."""
    area_b: float
    difference: float
    """b - a; negative where B's answers are wrong less often."""
    low: float | None
    high: float | None
    """95 % bootstrap interval of the difference, over clusters; the cut is made anew in every resample. None where
    fewer than ten answers, or none that differ, give nothing to resample."""


@dataclass(frozen=True)
class Ranking:
    """The answers of a run, surest first. Where several are equally sure, any order of them is as good as another:
    what is computed is the mean over all orders, so that errors rise evenly through such a tie."""

    ends: "NDArray[Any]"
    """Answers given once each tie is through; the first is 0."""
    errors: "NDArray[Any]"
    """Wrong ones among them."""
    n: int
    """Items, answered or not."""

    @classmethod
    def of(cls, confidence: Any, wrong: Any, answered: Any) -> "Ranking":
        """From one value for each item."""
        np, _ = libraries()
        given = np.asarray(answered, dtype=bool)
        sure, bad = np.asarray(confidence, dtype=float)[given], np.asarray(wrong, dtype=float)[given]
        _, tie = np.unique(-sure, return_inverse=True)
        ends = np.concatenate([[0], np.cumsum(np.bincount(tie, minlength=0))])
        errors = np.concatenate([[0.0], np.cumsum(np.bincount(tie, weights=bad, minlength=0))])
        return cls(ends=ends, errors=errors, n=len(given))

    @property
    def answers(self) -> int:
        """How many there are."""
        return int(self.ends[-1])

    def risks(self, answers: int) -> "NDArray[Any]":
        """The expected share of wrong ones among the surest 1, 2, … that many."""
        np, _ = libraries()
        given = np.arange(1, answers + 1)
        return np.interp(given, self.ends, self.errors) / given

    def risk(self, answers: int) -> float:
        """The expected share of wrong ones among that many of the surest."""
        np, _ = libraries()
        return float(np.interp(answers, self.ends, self.errors)) / answers

    def area(self, answers: int) -> float:
        """The mean of the risks of the surest 1, 2, … that many."""
        return float(self.risks(answers).mean())


def risk_coverage(confidence: Sequence[float], wrong: Sequence[bool], answered: Sequence[bool]) -> RiskCoverage:
    """The curve of a run, from one value for each item; what isn't answered doesn't count as wrong."""
    np, _ = libraries()
    ranking = Ranking.of(confidence, wrong, answered)
    if not ranking.answers:
        return RiskCoverage(points=(), area=None, coverage=0.0, n=ranking.n)
    risks = ranking.risks(ranking.answers)
    kept = np.unique(np.linspace(0, len(risks) - 1, min(POINTS, len(risks))).round().astype(int))
    return RiskCoverage(
        points=tuple((float(i + 1) / ranking.n, float(risks[i])) for i in kept),
        area=float(risks.mean()),
        coverage=ranking.answers / ranking.n,
        auroc=auroc(ranking),
        n=ranking.n,
    )


def auroc(ranking: Ranking) -> Estimate | None:
    """Of a right and a wrong answer, how often the right one is the surer; a tie counts half. 0.5 is chance.

    The interval is Newcombe's (2006, *Confidence intervals for an effect size measure based on the Mann-Whitney
    statistic*, part 2, method 5), which takes the answers as independent.

    Returns:
        None if all answers are right, or all are wrong.
    """
    np, stats = libraries()
    wrong = np.diff(ranking.errors)
    right = np.diff(ranking.ends) - wrong
    rights, wrongs = float(right.sum()), float(wrong.sum())
    if not rights or not wrongs:
        return None
    surer = np.cumsum(right) - right / 2
    found = float((wrong * surer).sum()) / (rights * wrongs)
    true, worth = np.linspace(0, 1, GRID), (rights + wrongs) / 2 - 1
    variance = true * (1 - true) * (1 + worth * ((1 - true) / (2 - true) + true / (1 + true))) / (rights * wrongs)
    possible = true[(found - true) ** 2 <= stats.norm.isf((1 - LEVEL) / 2) ** 2 * variance]
    return Estimate(
        value=found,
        low=min(found, float(possible[0])),
        high=max(found, float(possible[-1])),
        n=ranking.answers,
        clusters=ranking.answers,
        method="Newcombe",
    )


def equal_coverage(
    a: tuple[Sequence[float], Sequence[bool], Sequence[bool]],
    b: tuple[Sequence[float], Sequence[bool], Sequence[bool]],
    *,
    clusters: Sequence[str] | None = None,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> EqualCoverage | None:
    """Two runs of the same items, each as (confidence, wrong, answered), at the smaller one's coverage.

    Returns:
        None if a run answered nothing: who always abstains is never wrong, and that earns nothing.
    """
    np, stats = libraries()
    sides = [tuple(np.asarray(column) for column in side) for side in (a, b)]
    left, right = Ranking.of(*sides[0]), Ranking.of(*sides[1])
    answers = min(left.answers, right.answers)
    if not answers:
        return None
    column = cluster_index(clusters, left.n)
    members = [np.flatnonzero(column == number) for number in range(int(column.max()) + 1)]

    def statistic(drawn: Any) -> float:
        items = np.concatenate([members[number] for number in drawn])
        one, other = (Ranking.of(*(values[items] for values in side)) for side in sides)
        cut = min(one.answers, other.answers)
        return other.risk(cut) - one.risk(cut) if cut else float("nan")

    low = high = None
    if answers >= FEWEST and len(members) >= FEWEST:
        drawn = stats.bootstrap(
            (np.arange(len(members)),),
            statistic,
            n_resamples=resamples,
            vectorized=False,
            method="percentile",
            rng=np.random.default_rng(seed),
        )
        low, high = quantiles(drawn.bootstrap_distribution, len(members))
        if low == high:
            low = high = None
    risks = left.risk(answers), right.risk(answers)
    return EqualCoverage(
        answers=answers,
        coverage=answers / left.n,
        a=risks[0],
        b=risks[1],
        area_a=left.area(answers),
        area_b=right.area(answers),
        difference=risks[1] - risks[0],
        low=low,
        high=high,
    )
