"""Intervals and tests, held against scipy, statsmodels, published examples and brute force."""

import itertools
import math
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from agentkit.evaluate.statistics import (
    Estimate,
    bonett_price,
    difference,
    grouped,
    holm,
    mcnemar,
    mean,
    ratio,
    sign_flip,
    wilson,
)

models: Any = import_module("statsmodels.api")
proportion: Any = import_module("statsmodels.stats.proportion")
weightstats: Any = import_module("statsmodels.stats.weightstats")
multitest: Any = import_module("statsmodels.stats.multitest")
tables: Any = import_module("statsmodels.stats.contingency_tables")
scipy_stats: Any = stats


def there(estimate: Estimate | None) -> Estimate:
    assert estimate is not None
    return estimate


def marks(right: int, n: int) -> list[float]:
    return [1.0] * right + [0.0] * (n - right)


def clustered(rng: Any, clusters: int, largest: int, p: float, rho: float) -> tuple[list[float], list[str]]:
    """Right and wrong whose clusters each have a rate of their own, beta-distributed with correlation rho."""
    values: list[float] = []
    names: list[str] = []
    for number in range(clusters):
        rate, size = rng.beta(p * (1 - rho) / rho, (1 - p) * (1 - rho) / rho), int(rng.integers(1, largest + 1))
        values += [float(draw) for draw in rng.random(size) < rate]
        names += [f"c{number}"] * size
    return values, names


# Shares and means


@pytest.mark.parametrize(
    ("right", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_is_that_of_newcombes_table(right: int, n: int, low: float, high: float) -> None:
    # Newcombe (1998), Two-sided confidence intervals for the single proportion, Table I, method 3.
    assert wilson(right, n) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_agrees_with_scipy_and_statsmodels(count: tuple[int, int]) -> None:
    right, n = count
    ours = wilson(right, n)
    assert ours == pytest.approx(tuple(scipy_stats.binomtest(right, n).proportion_ci(method="wilson")), abs=1e-9)
    theirs = proportion.proportion_confint(right, n, method="wilson")
    assert ours == pytest.approx(theirs, abs=1e-9)


def test_items_of_their_own_get_wilsons_interval() -> None:
    found = there(mean(marks(81, 263)))
    assert (found.value, found.n, found.clusters, found.method) == (81 / 263, 263, 263, "Wilson")
    assert (found.low, found.high) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert mean(marks(81, 263), clusters=[""] * 263) == found


def test_nothing_has_no_mean() -> None:
    assert mean([]) is None
    assert difference([], []) is None


def test_partial_credit_gets_about_a_t_interval() -> None:
    values = [float(v) for v in np.random.default_rng(0).beta(2, 3, size=60)]
    found = there(mean(values))
    low, high = weightstats.DescrStatsW(values).tconfint_mean()
    assert found.method == "bootstrap"
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.008)


def test_a_mean_over_clusters_is_as_wide_as_cluster_robust_regression_says() -> None:
    values, names = clustered(np.random.default_rng(1), 60, 8, 0.5, 0.4)
    found = there(mean(values, clusters=names))
    groups = np.unique(names, return_inverse=True)[1]
    fit = models.OLS(values, np.ones(len(values))).fit(
        cov_type="cluster", cov_kwds={"groups": groups, "df_correction": True}, use_t=True
    )
    low, high = fit.conf_int()[0]
    assert found.method == "bootstrap over clusters"
    assert (found.n, found.clusters) == (len(values), 60)
    assert found.high - found.low == pytest.approx(high - low, rel=0.08)
    alone = there(mean(values))
    assert found.high - found.low > 1.2 * (alone.high - alone.low), "clusters that agree are worth fewer items"


def test_the_effective_number_of_items_is_that_of_cluster_robust_regression() -> None:
    values, names = clustered(np.random.default_rng(2), 40, 6, 0.3, 0.5)
    groups = np.unique(names, return_inverse=True)[1]
    fit = models.OLS(values, np.ones(len(values))).fit(
        cov_type="cluster", cov_kwds={"groups": groups, "use_correction": False}
    )
    independent, robust = np.var(values), float(fit.cov_params()[0][0]) * 40 / 39
    t = scipy_stats.norm.isf(0.025) / scipy_stats.t.isf(0.025, 39)
    [found] = grouped(values, names, None).effective
    assert found == pytest.approx(independent / robust * t**2)
    assert found < len(values)


def test_what_never_happened_is_not_taken_for_impossible() -> None:
    names = [f"c{i // 4}" for i in range(80)]
    found = there(mean(marks(0, 80), clusters=names))
    assert found.low == 0
    assert 0.1 < found.high < 0.25, "20 contexts without a right answer say about as much as 20 items"
    assert there(mean([0.5] * 30)).high > 0.5


@pytest.mark.parametrize(
    ("clusters", "largest", "p", "rho"),
    [(12, 8, 0.5, 0.5), (40, 5, 0.3, 0.5), (25, 4, 0.2, 0.05), (30, 5, 0.1, 0.4), (6, 8, 0.3, 0.3)],
)
def test_intervals_over_clusters_cover_the_truth(clusters: int, largest: int, p: float, rho: float) -> None:
    rng = np.random.default_rng(3)
    covered = 0
    for _ in range(200):
        values, names = clustered(rng, clusters, largest, p, rho)
        found = there(mean(values, clusters=names, resamples=399))
        covered += found.low <= p <= found.high
    assert covered >= 180


def test_an_interval_that_ignores_clusters_would_not() -> None:
    rng = np.random.default_rng(3)
    runs = [clustered(rng, 12, 8, 0.5, 0.5)[0] for _ in range(200)]
    covered = sum(low <= 0.5 <= high for low, high in (wilson(sum(values), len(values)) for values in runs))
    assert covered < 170


def test_the_same_seed_gives_the_same_interval_and_another_about_the_same() -> None:
    values, names = clustered(np.random.default_rng(4), 40, 5, 0.4, 0.3)
    one, same, other = (there(mean(values, clusters=names, seed=seed)) for seed in (1, 1, 2))
    assert one == same
    assert (one.low, one.high) == pytest.approx((other.low, other.high), abs=0.02)


# Balanced accuracy


def test_strata_weigh_the_same_however_many_items_they_have() -> None:
    values, strata = [*marks(45, 90), *marks(8, 10)], ["a"] * 90 + ["b"] * 10
    found = there(mean(values, strata=strata))
    assert found.value == pytest.approx((0.5 + 0.8) / 2)
    assert found.method == "Wilson, strata joined", "two wrong ones of ten are too few to resample"


def test_a_stratified_bootstrap_is_about_as_wide_as_the_strata_say() -> None:
    values, strata = [*marks(60, 100), *marks(30, 80)], ["a"] * 100 + ["b"] * 80
    found = there(mean(values, strata=strata))
    error = math.sqrt(0.6 * 0.4 / 100 + 0.375 * 0.625 / 80) / 2
    assert found.method == "bootstrap"
    assert found.high - found.low == pytest.approx(2 * 1.96 * error, rel=0.08)


def test_a_stratum_alone_is_joined_from_wilsons_ends() -> None:
    values, strata = [*marks(0, 30), *marks(27, 30)], ["a"] * 30 + ["b"] * 30
    found = there(mean(values, strata=strata))
    (l1, h1), (l2, h2) = wilson(0, 30), wilson(27, 30)
    # Zou and Donner (2008): each end is as far off as the two distances at right angles.
    assert found.low == pytest.approx(0.45 - math.hypot(0 - l1, 0.9 - l2) / 2)
    assert found.high == pytest.approx(0.45 + math.hypot(h1 - 0, h2 - 0.9) / 2)


@pytest.mark.parametrize(("first", "second"), [((20, 0.5), (20, 0.5)), ((50, 0.9), (20, 0.4)), ((80, 0.02), (60, 0.7))])
def test_balanced_accuracy_covers_the_truth(first: tuple[int, float], second: tuple[int, float]) -> None:
    rng = np.random.default_rng(5)
    truth, covered = (first[1] + second[1]) / 2, 0
    for _ in range(200):
        values = [float(draw) for n, p in (first, second) for draw in rng.random(n) < p]
        found = there(mean(values, strata=["a"] * first[0] + ["b"] * second[0], resamples=399))
        covered += found.low <= truth <= found.high
    assert covered >= 180


def test_clusters_may_reach_across_strata() -> None:
    rng = np.random.default_rng(6)
    values: list[float] = []
    names: list[str] = []
    strata: list[str] = []
    for number, rate in enumerate(rng.beta(1, 1, size=40)):
        values += [float(draw) for draw in rng.random(6) < rate]
        names += [f"c{number}"] * 6
        strata += ["a", "b"] * 3
    tied, free = (there(mean(values, clusters=c, strata=strata)) for c in (names, None))
    assert tied.method == "bootstrap over clusters"
    assert tied.high - tied.low > 1.3 * (free.high - free.low)


# Paired differences


def test_a_difference_is_paired() -> None:
    a, b = marks(60, 120), [*marks(60, 60), *marks(15, 60)]
    found = there(difference(a, b))
    assert found.value == pytest.approx(15 / 120)
    low, high = weightstats.DescrStatsW(np.subtract(b, a)).tconfint_mean()
    assert found.method == "bootstrap"
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.015)


def test_few_changes_get_the_interval_of_bonett_and_price() -> None:
    # Airway hyper-responsiveness before and after transplantation (Bentur et al. 2009; Fagerland, Lydersen and Laake
    # 2014, Recommended tests and confidence intervals for paired binomial proportions, Tables I and V).
    before, after = [1.0] * 2 + [0.0] * 19, [1.0, 0.0] + [1.0] * 7 + [0.0] * 12
    found = there(difference(after, before))
    assert found.method == "Bonett–Price"
    assert found.value == pytest.approx(-6 / 21)
    assert (found.low, found.high) == pytest.approx((-0.508, -0.013), abs=6e-4)
    centre, error = bonett_price(np.subtract(before, after), 21)
    assert (centre, error) == pytest.approx((2 / 23 - 8 / 23, math.sqrt((10 / 23 - (6 / 23) ** 2) / 23)))


def test_runs_that_never_differ_may_still_differ_a_little() -> None:
    found = there(difference(marks(10, 40), marks(10, 40)))
    assert found.value == 0
    assert -0.1 < found.low < 0 < found.high < 0.1


@pytest.mark.parametrize(
    ("clusters", "size", "moved"), [(40, 1, 0.05), (40, 1, 0.3), (30, 4, 0.05), (20, 5, 0.3), (8, 5, 0.2)]
)
def test_differences_cover_the_truth(clusters: int, size: int, moved: float) -> None:
    rng = np.random.default_rng(7)
    p, covered = 0.2, 0
    names = [f"c{i // size}" for i in range(clusters * size)]
    for _ in range(200):
        rates = rng.beta(moved * 2.5, (1 - moved) * 2.5, size=clusters).repeat(size)
        a = rng.random(clusters * size) < p
        b = a ^ (rng.random(clusters * size) < rates)
        found = there(difference([float(x) for x in a], [float(x) for x in b], clusters=names, resamples=399))
        covered += found.low <= moved * (1 - 2 * p) <= found.high
    assert covered >= 180


def test_a_ratio_of_means_agrees_with_the_log_normal_theory() -> None:
    rng = np.random.default_rng(8)
    a = rng.gamma(4, 25, size=150)
    b = a * rng.gamma(9, 1 / 3, size=150)
    found = there(ratio([float(x) for x in a], [float(x) for x in b]))
    assert found.value == pytest.approx(b.mean() / a.mean())
    residual = b - found.value * a
    half = 1.96 * residual.std(ddof=1) / math.sqrt(150) / a.mean()
    assert (found.low, found.high) == pytest.approx((found.value - half, found.value + half), rel=0.03)
    assert ratio([0.0, 0.0], [1.0, 1.0]) is None


# Tests


def test_mcnemar_is_exact() -> None:
    # The same patients: Fagerland, Lydersen and Laake (2014), exact conditional test.
    found = mcnemar([True] * 2 + [False] * 19, [True, False] + [True] * 7 + [False] * 12)
    assert (found.both, found.only_a, found.only_b, found.neither) == (1, 1, 7, 12)
    assert found.p == pytest.approx(0.0703, abs=5e-5)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=120))
def test_mcnemar_agrees_with_statsmodels(pairs: Sequence[tuple[bool, bool]]) -> None:
    found = mcnemar([a for a, _ in pairs], [b for _, b in pairs])
    table = [[found.both, found.only_a], [found.only_b, found.neither]]
    assert sum(map(sum, table)) == len(pairs)
    expected = tables.mcnemar(table, exact=True).pvalue if found.only_a + found.only_b else 1
    assert found.p == pytest.approx(expected)


def test_swapping_items_of_their_own_is_mcnemars_test() -> None:
    a, b = marks(12, 20), [*marks(11, 12), *marks(6, 8)]
    exact = mcnemar([x > 0 for x in a], [x > 0 for x in b]).p
    assert exact == pytest.approx(0.125)
    assert sign_flip(a, b) == pytest.approx(exact)


def test_swapping_clusters_is_the_permutation_test_by_hand() -> None:
    rng = np.random.default_rng(9)
    names = [f"c{i // 3}" for i in range(27)]
    a, b = ([float(x) for x in rng.random(27) < p] for p in (0.3, 0.7))
    sums = np.subtract(b, a).reshape(9, 3).sum(axis=1)
    seen = sums.sum()
    flipped = [float(np.dot(signs, sums)) for signs in itertools.product((-1, 1), repeat=9)]
    expected = min(1.0, 2 * sum(total >= abs(seen) for total in flipped) / len(flipped))
    assert sign_flip(a, b, clusters=names) == pytest.approx(expected)


def test_one_context_proves_nothing() -> None:
    assert mcnemar([False] * 20, [True] * 20).p < 0.001
    assert sign_flip(marks(0, 20), marks(20, 20), clusters=["the same"] * 20) == 1.0


@settings(max_examples=25)  # statsmodels takes 30 ms each time
@given(st.lists(st.integers(0, 1000).map(lambda n: n / 1000), min_size=1, max_size=12))
def test_holm_agrees_with_statsmodels(ps: list[float]) -> None:
    expected = multitest.multipletests(ps, method="holm")[1]
    assert holm(ps) == pytest.approx(list(expected))


def test_no_test_needs_no_adjustment() -> None:
    assert holm([]) == []


def test_columns_must_fit() -> None:
    with pytest.raises(ValueError, match="3 values but 2 clusters"):
        mean([0.0, 1.0, 1.0], clusters=["a", "b"])
    with pytest.raises(ValueError, match="3 values but 1 strata"):
        mean([0.0, 1.0, 1.0], strata=["a"])
    with pytest.raises(ValueError, match="not 1 and 2"):
        difference([0.0], [0.0, 1.0])
