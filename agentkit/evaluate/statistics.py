"""Intervals and tests on numbers: means of items, and what differs between two runs of the same items.

Items that share a context (a cluster) aren't independent, so clusters are what is resampled and counted. Every
interval is a 95 % one. The bootstrap is the percentile one with the small-sample expansion of Hesterberg (2015, *What
Teachers Should Know About the Bootstrap*): its quantiles are those that make it as wide as a t interval. A bootstrap
can't see what didn't happen (40 wrong of 40 resample to 40 wrong of 40), so where an outcome is rare an interval made
for rare outcomes takes its place; `Estimate.method` says which one it was.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import BaseModel

from agentkit.errors import MissingExtra

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEVEL = 0.95
RESAMPLES = 4999
"""Enough for the ends of a 95 % interval to stand to within about a hundredth of its width."""
RARE = 5.0
"""Independent right (or wrong) items' worth below which a share's bootstrap isn't trusted: the textbook's np >= 5."""
MOVED = 10.0
"""Independent changed items' worth below which a paired difference's bootstrap isn't."""
FEWEST = 10
"""Clusters below which no bootstrap is."""
BATCH = 250


class Estimate(BaseModel, frozen=True):
    """A figure with its 95 % confidence interval."""

    value: float
    low: float
    high: float
    n: int
    """Items it was computed from."""
    clusters: int
    """Independent groups that these form; n if every item stands on its own."""
    method: str
    """How the interval was made."""


class McNemar(BaseModel, frozen=True):
    """Right and wrong of two runs on the same items, and the exact test of whether they differ."""

    both: int
    only_a: int
    only_b: int
    neither: int
    p: float
    """Two-sided, exact binomial on the discordant items (McNemar 1947); takes the items as independent."""


def libraries() -> tuple[Any, Any]:
    """numpy and scipy.stats, untyped.

    Raises:
        MissingExtra: They aren't installed.
    """
    try:
        import numpy
        from scipy import stats
    except ImportError as error:
        raise MissingExtra("computing intervals", extra="evaluate") from error
    return numpy, stats


class Grouped(NamedTuple):
    """Values by stratum and cluster."""

    values: "list[NDArray[Any]]"
    """Of each stratum."""
    sums: "NDArray[Any]"
    """Strata by clusters."""
    sizes: "NDArray[Any]"
    nested: bool
    """Whether no cluster reaches into two strata."""

    @property
    def means(self) -> list[float]:
        """Of each stratum."""
        return [float(values.mean()) for values in self.values]

    @property
    def effective(self) -> list[float]:
        """How many independent items each stratum's mean is as good as: items over the design effect (Kish 1965), with
        the allowance for few clusters of Korn and Graubard (1998). Never more than there are items; where nothing
        varies no effect can be seen, and every cluster counts as one item."""
        return [effective(*stratum) for stratum in zip(self.values, self.sums, self.sizes, strict=True)]

    @property
    def fewest(self) -> int:
        """Clusters of the stratum that has the fewest."""
        return int((self.sizes > 0).sum(axis=1).min())


def mean(
    values: Sequence[float],
    *,
    clusters: Sequence[str] | None = None,
    strata: Sequence[str] | None = None,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Estimate | None:
    """The mean of values from 0 to 1, a share of right ones say, or with strata the mean of the strata's means.

    Right and wrong without clusters or strata: Wilson (1927). Otherwise clusters are resampled, within their strata
    unless they reach across. Where an outcome is rare or there are fewer than ten clusters, Wilson with the effective
    number of items; not too narrow for partial credit either, as values between 0 and 1 vary at most as right and wrong
    with their mean do. Several strata are then joined as by Zou and Donner (2008, MOVER), or added up end to end where
    clusters tie them together.

    Args:
        values: One for each item.
        clusters: The context of each item; empty for an item on its own.
        strata: What each counts under; every stratum weighs the same, as in balanced accuracy.
        seed: Of the resampling.
        resamples: How many.

    Returns:
        None if there are no values.
    """
    if not values:
        return None
    np, _ = libraries()
    group = grouped(values, clusters, strata)
    shares, worth = group.means, group.effective
    k = len(shares)
    value = math.fsum(shares) / k
    found = Estimate(value=value, low=value, high=value, n=len(values), clusters=group.sizes.shape[1], method="")
    alone = found.clusters == found.n
    rare = group.fewest < FEWEST or any(
        min(share, 1 - share) * n < RARE or np.ptp(of) == 0
        for share, n, of in zip(shares, worth, group.values, strict=True)
    )
    if rare or (k == 1 and alone and set(values) <= {0, 1}):
        ends = [wilson(share * n, n) for share, n in zip(shares, worth, strict=True)]
        below = [share - low for share, (low, _) in zip(shares, ends, strict=True)]
        above = [high - share for share, (_, high) in zip(shares, ends, strict=True)]
        method = "Wilson" + ("" if alone else " over clusters") + (", strata joined" if k > 1 else "")
        low, high = (joined(distances, independent=group.nested) / k for distances in (below, above))
        return between(found, value - low, value + high, method=method)
    low, high = bootstrap(group, seed=seed, resamples=resamples)
    return between(found, low, high, method="bootstrap" + ("" if alone else " over clusters"))


def difference(
    a: Sequence[float],
    b: Sequence[float],
    *,
    clusters: Sequence[str] | None = None,
    strata: Sequence[str] | None = None,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Estimate | None:
    """The mean of b - a over the same items, values from 0 to 1; arguments as of `mean`.

    Items stay paired, clusters are resampled. Where fewer than ten outcomes changed or there are fewer than ten
    clusters, the interval of Bonett and Price (2012, *Adjusted Wald confidence interval for a difference of binomial
    proportions based on paired data*), with the effective number of items.
    """
    if len(a) != len(b):
        raise ValueError(f"a paired difference needs as many values on both sides, not {len(a)} and {len(b)}")
    if not a:
        return None
    np, stats = libraries()
    group = grouped([right - left for left, right in zip(a, b, strict=True)], clusters, strata)
    means, worth = group.means, group.effective
    k = len(means)
    value = math.fsum(means) / k
    found = Estimate(value=value, low=value, high=value, n=len(a), clusters=group.sizes.shape[1], method="")
    alone = "" if found.clusters == found.n else " over clusters"
    if group.fewest < FEWEST or any(
        np.abs(of).mean() * n < MOVED or np.ptp(of) == 0 for n, of in zip(worth, group.values, strict=True)
    ):
        z = float(stats.norm.isf((1 - LEVEL) / 2))
        parts = [bonett_price(of, n) for n, of in zip(worth, group.values, strict=True)]
        centre = math.fsum(c for c, _ in parts) / k
        half = z * joined([error for _, error in parts], independent=group.nested) / k
        return between(found, centre - half, centre + half, floor=-1.0, method="Bonett–Price" + alone)
    low, high = bootstrap(group, seed=seed, resamples=resamples)
    return between(found, low, high, floor=-1.0, method="bootstrap" + alone)


def ratio(
    a: Sequence[float],
    b: Sequence[float],
    *,
    clusters: Sequence[str] | None = None,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Estimate | None:
    """The mean of b over the mean of a, of positive amounts for the same items; clusters are resampled.

    None where a is all zero, or there are fewer than two clusters.
    """
    np, _ = libraries()
    over, under = (grouped(side, clusters, None).sums for side in (b, a))
    if under.sum() <= 0 or under.shape[1] < 2:
        return None
    value = float(over.sum() / under.sum())
    with np.errstate(divide="ignore", invalid="ignore"):  # a resample may hold nothing but zeros: see `quantiles`
        low, high = bootstrap(Grouped([], over, under, nested=True), seed=seed, resamples=resamples)
    found = Estimate(value=value, low=low, high=high, n=len(a), clusters=under.shape[1], method="bootstrap")
    return found if found.clusters == found.n else found.model_copy(update={"method": "bootstrap over clusters"})


def mcnemar(a: Sequence[bool], b: Sequence[bool]) -> McNemar:
    """Whether one run is right where the other is wrong more often than chance explains."""
    _, stats = libraries()
    pairs = list(zip(a, b, strict=True))
    only_a, only_b = sum(x and not y for x, y in pairs), sum(y and not x for x, y in pairs)
    both = sum(x and y for x, y in pairs)
    p = float(stats.binomtest(only_a, only_a + only_b, 0.5).pvalue) if only_a + only_b else 1.0
    return McNemar(both=both, only_a=only_a, only_b=only_b, neither=len(pairs) - both - only_a - only_b, p=p)


def sign_flip(
    a: Sequence[float],
    b: Sequence[float],
    *,
    clusters: Sequence[str] | None = None,
    strata: Sequence[str] | None = None,
    seed: int = 0,
) -> float:
    """Two-sided p that a and b are exchangeable within every cluster: a permutation test that swaps whole clusters.

    What McNemar's test is for items that share a context, or count as `difference` has them count in strata; with every
    item on its own and alike the two agree.
    """
    np, stats = libraries()
    # The share of each cluster in the mean of the strata's means.
    sums = [
        (g.sums / g.sizes.sum(axis=1, keepdims=True)).mean(axis=0)
        for g in (grouped(x, clusters, strata) for x in (a, b))
    ]
    changed = ~np.isclose(sums[0], sums[1])
    if changed.sum() < 2:
        return 1.0

    def moved(left: Any, right: Any, axis: int) -> Any:
        return (right - left).sum(axis=axis)

    sides = (sums[0][changed], sums[1][changed])
    test = stats.permutation_test(
        sides, moved, permutation_type="samples", vectorized=True, batch=BATCH, rng=np.random.default_rng(seed)
    )
    return min(float(test.pvalue), 1.0)


def holm(ps: Sequence[float]) -> list[float]:
    """The p values adjusted for being one of several tests (Holm 1979), in their order."""
    adjusted, running = [1.0] * len(ps), 0.0
    for rank, i in enumerate(sorted(range(len(ps)), key=lambda i: ps[i])):
        running = max(running, min(1.0, (len(ps) - rank) * ps[i]))
        adjusted[i] = running
    return adjusted


def wilson(right: float, n: float, *, level: float = LEVEL) -> tuple[float, float]:
    """The score interval of a share (Wilson 1927); the count may be a fraction, as of clusters partly right."""
    if n <= 0:
        raise ValueError(f"a share of {n} items has no interval")
    _, stats = libraries()
    z2, p = float(stats.norm.isf((1 - level) / 2)) ** 2, right / n
    centre = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = math.sqrt(z2 * (p * (1 - p) / n + z2 / (4 * n * n))) / (1 + z2 / n)
    return max(0.0, centre - half), min(1.0, centre + half)


def joined(distances: Sequence[float], *, independent: bool) -> float:
    """How far a sum may stray whose terms may stray that far: less where they do so on their own."""
    return math.hypot(*distances) if independent else math.fsum(distances)


def bonett_price(changes: "NDArray[Any]", n: float) -> tuple[float, float]:
    """Centre and standard error of the paired difference, from the items' changes and what number they are worth."""
    up = (n * float(changes.clip(0, 1).mean()) + 1) / (n + 2)
    down = (n * float((-changes).clip(0, 1).mean()) + 1) / (n + 2)
    return up - down, math.sqrt((up + down - (up - down) ** 2) / (n + 2))


def effective(values: "NDArray[Any]", sums: "NDArray[Any]", sizes: "NDArray[Any]") -> float:
    """How many independent items the mean of one stratum's values is as good as: see `Grouped.effective`."""
    _, stats = libraries()
    n, clusters, centre = len(values), int((sizes > 0).sum()), float(values.mean())
    if clusters == n:
        return float(n)
    if clusters == 1:
        return 1.0
    independent = float(values.var()) / n
    # Of a ratio of sums, linearised: clusters without an item in this stratum add nothing.
    clustered = float(((sums - centre * sizes) ** 2).sum()) * clusters / (clusters - 1) / n**2
    worth = clusters if independent == 0 else n if clustered <= independent else n * independent / clustered
    tail = (1 - LEVEL) / 2
    return float(worth * (stats.norm.isf(tail) / stats.t.isf(tail, clusters - 1)) ** 2)


def grouped(values: Sequence[float], clusters: Sequence[str] | None, strata: Sequence[str] | None) -> Grouped:
    """The values summed by stratum and cluster; clusters and strata in the order of their names."""
    np, _ = libraries()
    column = cluster_index(clusters, len(values))
    row = np.unique(np.array(strata), return_inverse=True)[1] if strata else np.zeros(len(values), dtype=int)
    if len(row) != len(values):
        raise ValueError(f"{len(values)} values but {len(row)} strata")
    shape = (int(row.max(initial=0)) + 1, int(column.max(initial=-1)) + 1)
    sums, sizes = np.zeros(shape), np.zeros(shape)
    array = np.asarray(values, dtype=float)
    np.add.at(sums, (row, column), array)
    np.add.at(sizes, (row, column), 1.0)
    split = [array[row == number] for number in range(shape[0])]
    return Grouped(split, sums, sizes, nested=bool(((sizes > 0).sum(axis=0) <= 1).all()))


def cluster_index(clusters: Sequence[str] | None, n: int) -> "NDArray[Any]":
    """The number of each item's cluster; one of its own for an item without."""
    np, _ = libraries()
    if clusters is None:
        return np.arange(n)
    if len(clusters) != n:
        raise ValueError(f"{n} values but {len(clusters)} clusters")
    names = [(cluster, -1) if cluster else ("", i) for i, cluster in enumerate(clusters)]
    numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
    return np.array([numbers[name] for name in names], dtype=int)


def bootstrap(group: Grouped, *, seed: int, resamples: int) -> tuple[float, float]:
    """The ends of the interval of the mean of the strata's means, from resampled clusters."""
    np, stats = libraries()
    everything = np.arange(group.sizes.shape[1])
    samples = [everything[row > 0] for row in group.sizes] if group.nested and len(group.sizes) > 1 else [everything]

    def statistic(*drawn: Any, axis: int) -> Any:
        index = np.concatenate(drawn, axis=-1)
        sums = np.stack([row[index].sum(axis=axis) for row in group.sums])
        sizes = np.stack([row[index].sum(axis=axis) for row in group.sizes])
        shares = np.divide(sums, sizes, out=np.full(sums.shape, np.nan), where=sizes > 0)
        # A stratum that clusters across strata left out of a resample is left out of its mean.
        there = ~np.isnan(shares)
        total, count = np.where(there, shares, 0.0).sum(axis=0), there.sum(axis=0)
        return np.divide(total, count, out=np.full(np.shape(total), np.nan), where=count > 0)

    drawn = stats.bootstrap(
        tuple(samples),
        statistic,
        n_resamples=resamples,
        batch=BATCH,
        vectorized=True,
        method="percentile",
        rng=np.random.default_rng(seed),
    )
    return quantiles(drawn.bootstrap_distribution, min(len(sample) for sample in samples))


def quantiles(distribution: "NDArray[Any]", clusters: int) -> tuple[float, float]:
    """The ends of the expanded percentile interval of what resampling that many clusters gave."""
    np, stats = libraries()
    t = float(stats.t.isf((1 - LEVEL) / 2, clusters - 1))
    tail = float(stats.norm.sf(math.sqrt(clusters / (clusters - 1)) * t))
    low, high = np.nanquantile(distribution, [tail, 1 - tail])
    return float(low), float(high)


def between(estimate: Estimate, low: float, high: float, *, method: str, floor: float = 0.0) -> Estimate:
    """The estimate with these ends, kept within what is possible, rounding of the ends excepted."""
    low, high = min(max(low, floor), estimate.value), max(min(high, 1.0), estimate.value)
    return estimate.model_copy(update={"low": low, "high": high, "method": method})
