"""A run in figures: what counts as what."""

import json
from typing import Any

import pytest

from agentkit.answer import Finding, Usage
from agentkit.errors import ConfigurationError
from agentkit.evaluate.item import Called, Header, Record, Reply, Score
from agentkit.evaluate.statistics import Estimate, wilson
from agentkit.evaluate.summary import Summary, summarize


def header(n: int = 0, **changes: Any) -> Header:
    ids = tuple(f"i{number}" for number in range(n))
    run: dict[str, Any] = {"task": "sums", "metric": "accuracy", "form": "number", "data": "d", "model": "m"}
    run |= {"strategy": "agent", "seed": 0, "limit": n, "ids": ids, "parallel": 1, "agentkit": "0", "protocol": "p"}
    return Header(**(run | changes))


def record(
    number: int,
    right: bool,
    *,
    text: str | None = "1",
    status: Any = "unchecked",
    reason: str = "",
    details: dict[str, float] | None = None,
    value: float | None = None,
    drafts: tuple[bool, ...] = (),
    answerable: bool = True,
    cluster: str = "",
    **reply: Any,
) -> Record:
    worth = float(right) if value is None else value
    return Record(
        id=f"i{number}",
        answerable=answerable,
        cluster=cluster,
        reply=Reply(status=status, text=text, **reply),
        score=Score(right=right, value=worth, reason=reason, details=details or {}),
        draft_scores=tuple(Score(right=draft, value=float(draft)) for draft in drafts),
    )


def crashed(number: int, error: str = "RuntimeError: no more memory") -> Record:
    return Record(id=f"i{number}", error=error)


def summary(*records: Record, **changes: Any) -> Summary:
    return summarize(header(len(records), **changes), records)


def there(estimate: Estimate | None) -> Estimate:
    assert estimate is not None
    return estimate


def test_accuracy_counts_every_item_and_a_crash_as_wrong() -> None:
    found = summary(record(0, True), record(1, True), record(2, False), crashed(3))
    score = there(found.score)
    assert (score.value, score.n) == (0.5, 4)
    assert (score.low, score.high) == pytest.approx(wilson(2, 4))
    assert (found.answered, found.abstained, found.crashed) == (3, 0, 1)
    assert found.errors == {"i3": "RuntimeError: no more memory"}


def test_an_item_that_was_not_judged_is_wrong_and_named() -> None:
    spoilt = record(1, True).model_copy(update={"score": None, "error": "not judged: ValueError: of the scorer"})
    found = summary(record(0, True), spoilt)
    assert (there(found.score).value, found.answered, found.crashed, found.unjudged) == (0.5, 2, 0, 1)
    assert found.errors == {"i1": "not judged: ValueError: of the scorer"}


def test_an_unfinished_run_says_so() -> None:
    found = summarize(header(10), [record(0, True)])
    assert (found.n, found.asked) == (1, 10)


def test_a_run_without_items_has_no_figures() -> None:
    found = summary()
    assert (found.n, found.score, found.value, found.coverage, found.hallucination) == (0, None, None, None, None)
    assert (found.tokens, found.seconds, found.overhead) == (None, None, None)
    assert found.risk_coverage.area is None


def test_abstaining_is_no_answer_and_wrong_unless_it_was_called_for() -> None:
    found = summary(
        record(0, False, text=None, status="abstained"),
        record(1, True, text=None, status="abstained", answerable=False),
        record(2, True),
        record(3, False, answerable=False),
    )
    assert there(found.accuracy).value == 0.5
    assert there(found.coverage).value == 0.5
    assert there(found.hallucination).value == 0.5, "one of the two answers was to what can't be answered"
    assert there(found.hallucination).n == 2
    assert found.by_status["abstained"].value == 0.5
    assert found.by_status["abstained"].n == 2
    assert "exhausted" not in found.by_status


def test_who_always_abstains_has_no_hallucination_rate() -> None:
    found = summary(*(record(i, False, text=None, status="abstained") for i in range(5)))
    assert found.hallucination is None
    assert found.risk_coverage.area is None
    assert there(found.score).value == 0


def test_of_a_task_that_asks_for_calls_a_call_is_the_answer() -> None:
    call = Called(name="book", arguments={})
    found = summary(
        record(0, True, text="", calls=(call,)),
        record(1, True, text="", answerable=False),
        record(2, False, text=None, status="abstained", calls=(call,), reason="called the irrelevant: book"),
        record(3, False, text="", reason="no call"),
        form="calls",
    )
    assert (found.answered, found.abstained) == (2, 2)
    assert there(found.hallucination).value == 0.5


def test_an_answer_to_what_cannot_be_answered_is_a_hallucination_whatever_its_score() -> None:
    found = summary(record(0, True, answerable=False), record(1, True))
    assert there(found.hallucination).value == 0.5


def test_balanced_accuracy_weighs_both_strata_alike() -> None:
    records = [record(i, i < 8) for i in range(10)]
    records += [record(i, i < 12, text=None, status="abstained", answerable=False) for i in range(10, 50)]
    found = summary(*records, metric="balanced accuracy")
    assert found.metric == "balanced accuracy"
    assert there(found.score).value == pytest.approx((0.8 + 2 / 40) / 2)
    assert {name: estimate.n for name, estimate in found.strata.items()} == {"answerable": 10, "unanswerable": 40}
    assert there(found.accuracy).value == pytest.approx(10 / 50)


def test_balanced_accuracy_of_one_stratum_is_called_what_it_is() -> None:
    found = summary(record(0, True), record(1, False), metric="balanced accuracy")
    assert found.metric == "accuracy"
    assert found.score == found.accuracy


def test_clusters_widen_the_interval() -> None:
    alone = summary(*(record(i, i % 40 < 20) for i in range(80)))
    tied = summary(*(record(i, i % 40 < 20, cluster=f"c{i // 4}") for i in range(80)))
    assert (alone.clusters, tied.clusters) == (80, 20)
    a, b = there(alone.score), there(tied.score)
    assert b.high - b.low > 1.5 * (a.high - a.low)


def test_tool_errors_are_counted_by_kind() -> None:
    calls = (
        Called(name="add", arguments={}),
        Called(name="add", arguments={}, error="no such thing"),
        Called(name="add", arguments={}, repeated=True),
    )
    found = summary(
        record(0, False, calls=calls, completions=5, malformed=2, reason="wrong tool: add instead of sub"),
        record(1, False, calls=calls[:1], completions=1, reason="Wrong arguments: x is 1"),
        record(2, False, completions=1, malformed=1, reason="malformed: nothing to read"),
        record(3, False, completions=1, reason="no call: 1 made, 2 asked for"),
        record(4, True, completions=1, reason="wrong tool, it says, yet right"),
        crashed(5),
    ).tool_errors
    assert (found.completions, found.malformed) == (9, 3)
    assert (found.calls, found.failed, found.repeated) == (4, 1, 1)
    assert found.mistakes == {"malformed": 1, "no call": 1, "wrong tool": 1, "wrong arguments": 1}


def test_checks_are_judged_by_what_became_of_the_first_draft() -> None:
    fired = (Finding(check="numbers", claim="2", verdict="failed"),)
    passed = (Finding(check="numbers", claim="2", verdict="supported"),)
    both = (*fired, Finding(check="citations", claim="2", verdict="failed"))
    found = summary(
        record(0, True, drafts=(False, True), findings=both),
        record(1, False, drafts=(True, False), findings=fired),
        record(2, False, drafts=(True,), findings=fired, text=None, status="abstained"),
        record(3, False, drafts=(False,), findings=fired, text=None, status="abstained"),
        record(4, True, drafts=(True,), findings=passed),
        record(5, True, drafts=(False,), findings=passed, text=None, status="abstained", answerable=False),
        record(6, False, findings=fired),
    )
    d = found.drafts
    assert (d.items, d.fixed, d.broke, d.withheld) == (6, 2, 2, 1)
    n = found.checks["numbers"]
    assert (n.fired, n.fixed, n.broke, n.withheld) == (5, 1, 2, 1)
    c = found.checks["citations"]
    assert (c.fired, c.fixed, c.broke, c.withheld) == (1, 1, 0, 0)


def test_a_check_that_never_fired_is_listed() -> None:
    passed = (Finding(check="units", claim="2", verdict="supported"),)
    assert summary(record(0, True, findings=passed)).checks["units"].fired == 0


def test_spending_is_per_item_without_the_crashed() -> None:
    found = summary(
        *(
            record(i, True, completions=2, seconds=s, usage=Usage(prompt=100, cached=60, generated=10 * i, seconds=1))
            for i, s in enumerate([1.0, 2.0, 3.0, 10.0])
        ),
        crashed(4),
    )
    assert found.tokens is not None
    assert (found.tokens.prompt.mean, found.tokens.cached.mean, found.tokens.generated.total) == (100, 60, 60)
    assert found.tokens.computed.mean == 40 + 15
    assert found.seconds is not None
    assert (found.seconds.median, found.seconds.mean) == (2.5, 4.0)
    assert 3 < found.seconds.p95 <= 10
    assert found.completions is not None
    assert found.completions.mean == 2


def test_partial_credit_and_details_are_averaged_over_those_that_have_them() -> None:
    found = summary(
        record(0, True, value=1.0, details={"recall": 1.0}),
        record(1, False, value=0.5, details={"recall": 0.5}),
        record(2, False),
    )
    assert there(found.value).value == pytest.approx(0.5)
    assert (found.details["recall"].value, found.details["recall"].n) == (0.75, 2)


def test_confidence_ranks_the_answers() -> None:
    found = summary(
        record(0, True, confidence=0.9), record(1, False, confidence=0.2), record(2, False, text=None, confidence=1.0)
    ).risk_coverage
    assert found.coverage == pytest.approx(2 / 3)
    assert found.area == pytest.approx((0 + 1 / 2) / 2), "what wasn't answered has no place on the curve"


def test_the_order_of_the_lines_does_not_matter() -> None:
    records = [record(i, i % 3 == 0, cluster=f"c{i // 2}", confidence=i / 40) for i in range(40)]
    assert summarize(header(40), records) == summarize(header(40), records[::-1])


def test_a_summary_survives_json() -> None:
    found = summary(*(record(i, i % 2 == 0, details={"recall": 0.5}) for i in range(12)), crashed(12))
    assert Summary.model_validate(json.loads(found.model_dump_json())) == found


def test_an_item_that_stands_twice_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="'i0' stands twice"):
        summarize(header(2), [record(0, True), record(0, False)])


def test_a_metric_that_there_is_not_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="'F1', which isn't known"):
        summary(record(0, True), metric="F1")
