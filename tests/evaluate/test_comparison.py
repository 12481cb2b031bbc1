"""Two runs side by side."""

import json
from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
import pytest

from agentkit.answer import Usage
from agentkit.errors import ConfigurationError
from agentkit.evaluate.comparison import Comparison, compare
from agentkit.evaluate.item import Header, Record, Reply, Score
from agentkit.evaluate.spending import cap_for, curve
from agentkit.evaluate.statistics import difference, wilson


def run(rights: Sequence[bool], *, first: int = 0, **changes: Any) -> tuple[Header, list[Record]]:
    """A run with one record for each outcome; lists among the changes are spread over the records."""
    n = len(rights)
    of: dict[str, Any] = {"task": "sums", "metric": "accuracy", "form": "number", "data": "d", "model": "m"}
    of |= {"strategy": "direct", "seed": 0, "limit": n, "parallel": 1, "agentkit": "0", "protocol": "p"}
    of |= {name: changes.pop(name) for name in list(changes) if name in of}
    spread: dict[str, list[Any]] = {
        name: value if isinstance(value, list) else [value] * n for name, value in changes.items()
    }

    def column(name: str, default: Any) -> list[Any]:
        return spread.get(name, [default] * n)

    records = [
        Record(
            id=f"i{first + i:03}",
            cluster=column("cluster", "")[i],
            answerable=column("answerable", True)[i],
            reply=Reply(
                status="unchecked",
                text=column("text", "1")[i],
                confidence=column("confidence", 1.0)[i],
                seconds=column("seconds", 1.0)[i],
                usage=Usage(prompt=column("prompt", 10)[i], generated=column("generated", 0)[i]),
            ),
            score=Score(right=right, value=float(right)),
        )
        for i, right in enumerate(rights)
    ]
    return Header(ids=tuple(r.id for r in records), **of), records


def outcomes(n: int, p: float, seed: int) -> list[bool]:
    return [bool(x) for x in np.random.default_rng(seed).random(n) < p]


def test_items_are_paired() -> None:
    a, b = outcomes(100, 0.3, 1), outcomes(100, 0.5, 2)
    found = compare(run(a), run(b, strategy="agent"))
    expected = difference([float(x) for x in a], [float(x) for x in b])
    assert found.difference == expected
    assert found.mcnemar.only_a == sum(x and not y for x, y in zip(a, b, strict=True))
    assert found.mcnemar.both + found.mcnemar.only_b == sum(b)
    assert found.p == found.mcnemar.p
    assert found.p_permuted is None
    assert (found.a.strategy, found.b.strategy, found.n) == ("direct", "agent", 100)


def test_the_order_of_the_lines_does_not_matter() -> None:
    (h, a), (k, b) = run(outcomes(60, 0.3, 1)), run(outcomes(60, 0.5, 2))
    assert compare((h, a), (k, b)) == compare((h, a[::-1]), (k, b[20:] + b[:20]))


def test_only_what_both_have_counts_and_the_rest_is_named() -> None:
    found = compare(run([True] * 30), run([False] * 30, first=10))
    assert found.n == 20
    assert found.notes[:2] == (
        "A has 10 items that B hasn't: left out",
        "B has 10 items that A hasn't: left out",
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"task": "other"}, "the task of A is 'sums', that of B 'other'"),
        ({"data": "e"}, "the data of A is 'd', that of B 'e'"),
        ({"first": 5}, "none of A's 5 items of sums is among B's 5"),
    ],
)
def test_what_cannot_be_compared_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        compare(run([True] * 5), run([True] * 5, **changes))


def test_an_item_that_stands_twice_is_refused() -> None:
    header, records = run([True] * 3)
    with pytest.raises(ConfigurationError, match="'i000' stands twice"):
        compare((header, records), (header, [*records, records[0]]))


def test_contexts_are_swapped_whole() -> None:
    clusters = [f"c{i // 20}" for i in range(80)]
    a, b = [False] * 80, [True] * 60 + [False] * 20
    found = compare(run(a, cluster=clusters), run(b, cluster=clusters))
    assert found.mcnemar.p < 1e-6
    assert found.p_permuted == pytest.approx(0.25), "3 contexts of 4 that changed: 2 / 2^3"
    assert found.p == found.p_permuted
    assert found.difference.low < 0.3
    assert any("go by the clustered test" in note for note in found.notes)


def test_the_balanced_metric_is_compared_balanced() -> None:
    answerable = [True] * 60 + [False] * 20
    a = [True] * 30 + [False] * 30 + [False] * 20
    b = [True] * 30 + [False] * 30 + [True] * 20
    same: dict[str, Any] = {"metric": "balanced accuracy", "answerable": answerable}
    found = compare(run(a, **same), run(b, **same))
    assert found.metric == "balanced accuracy"
    assert (found.a.score.value, found.b.score.value) == (0.25, 0.75)
    assert found.difference.value == pytest.approx(0.5)
    assert found.a.accuracy.value == pytest.approx(30 / 80)


def test_the_balanced_metric_is_tested_balanced() -> None:
    answerable = [True] * 60 + [False] * 6
    a = [True] * 30 + [False] * 30 + [False] * 6
    b = [False] * 6 + [True] * 24 + [False] * 30 + [True] * 6
    same: dict[str, Any] = {"metric": "balanced accuracy", "answerable": answerable}
    found = compare(run(a, **same), run(b, **same))
    assert found.mcnemar.p == 1.0, "6 better, 6 worse"
    assert found.difference.value == pytest.approx((1 - 6 / 60) / 2)
    assert found.p_permuted == pytest.approx(2 * exceeding(6 * [1 / 6] + 6 * [-1 / 60]))
    assert found.p < 0.1


def exceeding(changes: Sequence[float]) -> float:
    """The share of sign patterns whose sum is at least that of the changes, all patterns counted."""
    sums = [
        sum(s * abs(c) for s, c in zip(signs, changes, strict=True)) for signs in product((-1, 1), repeat=len(changes))
    ]
    return sum(total >= sum(changes) - 1e-12 for total in sums) / len(sums)


def test_answers_are_wrong_at_equal_coverage() -> None:
    bold = run([True] * 20 + [False] * 20, confidence=[1 - i / 40 for i in range(40)])
    shy = run([True] * 15 + [False] * 25, text=["1"] * 20 + [None] * 20, strategy="agent")
    found = compare(bold, shy).hallucination
    assert found is not None
    assert (found.answers, found.a, found.b) == (20, 0.0, 0.25)


def test_who_always_abstains_scores_nothing() -> None:
    found = compare(run([False] * 20), run([False] * 20, text=None))
    assert found.hallucination is None


def test_ratios_leave_out_what_crashed() -> None:
    a, (header, b) = run([True] * 20, prompt=100, seconds=1.0), run([True] * 20, prompt=300, seconds=2.0)
    b[0] = Record(id="i000", error="RuntimeError: gone")
    found = compare(a, (header, b))
    assert found.tokens_ratio is not None
    assert found.seconds_ratio is not None
    assert (found.tokens_ratio.value, found.seconds_ratio.value) == (3.0, 2.0)
    assert (found.a.tokens, found.b.tokens) == (100, 300)
    assert found.mcnemar.only_a == 1, "the crash is still wrong"


def test_flips_are_counted_also_where_the_mean_stays() -> None:
    a, b = [True, False] * 20, [True, False] * 18 + [False, True] * 2
    found = compare(run(a), run(b, text=["1"] * 36 + ["2"] * 4, parallel=4))
    assert found.difference.value == 0
    assert (found.flips.value, found.changed) == (0.1, 4)
    assert (found.flips.low, found.flips.high) == pytest.approx(wilson(4, 40))
    assert "parallel differs: 1 and 4" in found.notes


def test_a_run_is_no_different_from_itself() -> None:
    same = run(outcomes(50, 0.4, 3))
    found = compare(same, same, equal_tokens=True)
    assert (found.difference.value, found.flips.value, found.changed, found.p) == (0, 0, 0, 1)
    assert found.equal_tokens is not None
    assert (found.equal_tokens.cut, found.equal_tokens.cap) == ("", None)


# At equal tokens


def test_the_dearer_run_is_cut_until_both_spent_the_same() -> None:
    cheap = run([True] * 10 + [False] * 10, prompt=100)
    dear = run([True] * 20, prompt=[60] * 10 + [400] * 10, strategy="agent")
    found = compare(cheap, dear, equal_tokens=True).equal_tokens
    assert found is not None
    assert (found.tokens, found.cut, found.cap) == (100, "b", 140)
    assert sum(min(tokens, 140) for tokens in [60] * 10 + [400] * 10) / 20 == found.tokens
    assert (found.a.value, found.b.value) == (0.5, 0.5), "what needed more than the cap wasn't done"
    assert found.curve_b[-1] == (230, 1.0)
    swapped = compare(dear, cheap, equal_tokens=True).equal_tokens
    assert swapped is not None
    assert (swapped.cut, swapped.a.value) == ("a", 0.5)


def test_cached_tokens_are_not_spent() -> None:
    header, records = run([True] * 5)
    cached = [
        r.model_copy(update={"reply": r.reply.model_copy(update={"usage": Usage(prompt=900, cached=890, generated=5)})})
        for r in records
        if r.reply
    ]
    assert compare((header, records), (header, cached)).b.tokens == 15


def test_a_cap_brings_spending_down_to_a_total() -> None:
    spent = [float(x) for x in np.random.default_rng(4).integers(0, 500, size=50)]
    for total in (0.0, 100.0, sum(spent) / 2, sum(spent)):
        assert np.minimum(spent, cap_for(spent, total)).sum() == pytest.approx(total)


def test_the_curve_is_what_each_cap_gives() -> None:
    rng = np.random.default_rng(5)
    spent, right = [float(x) for x in rng.integers(1, 30, size=60)], outcomes(60, 0.5, 6)
    drawn = curve(spent, right)
    expected = [(0.0, 0.0)]
    for cap in sorted(set(spent)):
        done = [r and s <= cap for s, r in zip(spent, right, strict=True)]
        expected.append((float(np.minimum(spent, cap).mean()), float(np.mean(done))))
    assert [x for x, _ in drawn] == pytest.approx([x for x, _ in expected])
    assert [y for _, y in drawn] == pytest.approx([y for _, y in expected])


def test_a_comparison_survives_json() -> None:
    found = compare(run(outcomes(40, 0.4, 7)), run(outcomes(40, 0.6, 8), prompt=30), equal_tokens=True)
    assert Comparison.model_validate(json.loads(found.model_dump_json())) == found
