"""Risk–coverage curves and wrong answers at equal coverage, held against brute force."""

import itertools
import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentkit.evaluate.selective import Ranking, auroc, equal_coverage, risk_coverage
from agentkit.evaluate.statistics import difference


def test_the_area_is_the_mean_risk() -> None:
    found = risk_coverage([0.9, 0.8, 0.7], [False, True, False], [True] * 3)
    assert [x for x, _ in found.points] == pytest.approx([1 / 3, 2 / 3, 1])
    assert [y for _, y in found.points] == pytest.approx([0, 1 / 2, 1 / 3])
    assert found.area == pytest.approx((0 + 1 / 2 + 1 / 3) / 3)


@given(
    st.lists(st.tuples(st.sampled_from([0.1, 0.5, 0.9]), st.booleans(), st.booleans()), min_size=1, max_size=6),
)
def test_ties_count_as_the_mean_over_their_orders(items: list[tuple[float, bool, bool]]) -> None:
    given_answers = [(sure, wrong) for sure, wrong, answered in items if answered]
    found = Ranking.of(*zip(*items, strict=True))
    assert found.answers == len(given_answers)
    orders = [
        [wrong for _, wrong in sorted(order, key=lambda item: -item[0])]
        for order in itertools.permutations(given_answers)
    ]
    for answers in range(1, len(given_answers) + 1):
        expected = sum(sum(order[:answers]) / answers for order in orders) / len(orders)
        assert found.risk(answers) == pytest.approx(expected)


def test_who_never_answers_has_no_curve() -> None:
    found = risk_coverage([0.0] * 5, [False] * 5, [False] * 5)
    assert (found.points, found.area, found.coverage, found.n) == ((), None, 0.0, 5)


@given(st.lists(st.tuples(st.sampled_from([0.1, 0.5, 0.9]), st.booleans()), min_size=2, max_size=12))
def test_auroc_is_how_often_the_right_one_is_the_surer(items: list[tuple[float, bool]]) -> None:
    sure, wrong = [s for s, _ in items], [bad for _, bad in items]
    found = auroc(Ranking.of(sure, wrong, [True] * len(items)))
    pairs = [(a > b) + (a == b) / 2 for a, bad in items if not bad for b, worse in items if worse]
    if not pairs:
        assert found is None
        return
    assert found is not None
    assert found.value == pytest.approx(sum(pairs) / len(pairs))
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert found.high - found.low > 0.1, "so few answers tell little, also where they are told apart by chance"


def test_the_interval_of_auroc_has_the_true_value_as_often_as_it_says() -> None:
    rng = np.random.default_rng(3)
    wrong = np.arange(60) % 3 == 0
    true = NormalDist().cdf(1 / math.sqrt(2))
    runs = [auroc(Ranking.of(rng.normal(np.where(wrong, 0, 1)), wrong, np.ones(60))) for _ in range(400)]
    assert 0.92 <= sum(run is not None and run.low <= true <= run.high for run in runs) / 400 <= 0.98


def test_a_long_curve_is_thinned_but_its_area_is_not() -> None:
    rng = np.random.default_rng(10)
    sure, wrong = [float(x) for x in rng.random(3000)], [bool(x) for x in rng.random(3000) < 0.4]
    found = risk_coverage(sure, wrong, [True] * 3000)
    order = np.argsort(-np.array(sure))
    risks = np.cumsum(np.array(wrong)[order]) / np.arange(1, 3001)
    assert found.area == pytest.approx(risks.mean())
    assert len(found.points) == 200
    assert found.points[-1] == pytest.approx((1.0, risks[-1]))


def test_hallucinations_are_compared_at_equal_coverage() -> None:
    sure = [i / 20 for i in range(20, 0, -1)]
    everything = (sure, [False] * 10 + [True] * 10, [True] * 20)
    cautious = (sure, [False] * 20, [True] * 10 + [False] * 10)
    found = equal_coverage(everything, cautious)
    assert found is not None
    assert (found.answers, found.coverage) == (10, 0.5)
    assert (found.a, found.b) == (0.0, 0.0), "cut at the same coverage the bold one is no worse"
    assert (found.low, found.high) == (None, None)


def test_who_always_abstains_earns_nothing() -> None:
    some = ([0.5] * 12, [True] * 12, [True] * 12)
    nothing = ([0.0] * 12, [False] * 12, [False] * 12)
    assert equal_coverage(some, nothing) is None
    assert equal_coverage(nothing, some) is None


def test_the_difference_at_full_coverage_is_the_plain_paired_one() -> None:
    rng = np.random.default_rng(11)
    a, b = (rng.random(100) < p for p in (0.6, 0.3))
    sure = [1.0] * 100
    found = equal_coverage((sure, list(a), [True] * 100), (sure, list(b), [True] * 100))
    plain = difference([float(x) for x in a], [float(x) for x in b])
    assert plain is not None
    assert found is not None
    assert found.low is not None
    assert found.high is not None
    assert found.difference == pytest.approx(plain.value)
    assert (found.low, found.high) == pytest.approx((plain.low, plain.high), abs=0.03)
