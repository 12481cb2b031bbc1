"""Faults planted in true claims: each check catches those that it is for, and leaves true claims alone.

The table with all figures: `python tests/benchmarks/planted_faults.py`.
"""

from collections.abc import Mapping
from pathlib import Path

import pytest
from planted_faults import (
    TRUE,
    computations,
    derivations,
    objections,
    passages,
    questions,
    reports,
    resources,
    share,
)

from agentkit.checks import Answerability, agreement, default_checks, results
from agentkit.models import catalog

DATA = Path(__file__).parents[3] / "shared/data/train"
N = 40
"""Paragraphs and word problems: a share has a standard error of 8 points at most; the bounds below leave room."""

Found = Mapping[tuple[str, str], list[set[str]]]


@pytest.fixture(scope="module", autouse=True)
def data() -> None:
    if not DATA.is_dir():
        pytest.skip(f"no training data at {DATA}")


@pytest.fixture(scope="module")
def parts() -> list[object]:
    if catalog.locate(catalog.EMBEDDER) is None:
        pytest.skip(f"no embedder on this machine: run `agentkit models pull {catalog.EMBEDDER}`")
    return resources()


@pytest.fixture(scope="module")
def found(parts: list[object]) -> Found:
    return objections([*passages(DATA, N), *computations(DATA, N)], default_checks(parts))


@pytest.mark.parametrize(
    ("kind", "fault", "check"),
    [
        ("computation", "swapped number", "numbers"),
        ("equation", "swapped number", "equations"),
        ("passage", "swapped number", "numbers"),
        ("passage", "wrong passage", "citations"),
        ("passage", "joined", "citations"),
        ("quotation", "swapped name", "quotations"),
        ("quotation", "negated", "quotations"),
    ],
)
def test_a_fault_is_caught_by_the_check_that_is_for_it(found: Found, kind: str, fault: str, check: str) -> None:
    objected = found[kind, fault]
    assert len(objected) > 10
    assert share(objected, check) > 0.8


@pytest.mark.parametrize("kind", ["computation", "equation", "passage", "quotation"])
def test_true_claims_are_left_alone(found: Found, kind: str) -> None:
    assert share(found[kind, TRUE]) < 0.2


def test_results_support_a_result_that_is_reported_rightly_and_none_that_is_not() -> None:
    supported = objections(list(reports(DATA, N)), [results], "supported")
    assert share(supported["report", TRUE]) > 0.9
    assert share(supported["report", "misreported"]) < 0.1


def test_agreement_objects_where_two_derivations_differ_or_the_claim_does() -> None:
    objected = objections(list(derivations(DATA, N)), [agreement])
    assert share(objected["derived twice", "second result differs"]) > 0.9
    assert share(objected["derived twice", "misreported"]) > 0.9
    assert share(objected["derived twice", TRUE]) < 0.1


def test_answerability_objects_to_an_answer_without_the_number_asked_for(parts: list[object]) -> None:
    asked = [planted for planted in questions(DATA, N) if planted.kind == "count"]
    objected = objections(asked, [Answerability.of(parts)])
    assert share(objected["count", "number left out"]) > 0.9
    assert share(objected["count", TRUE]) < 0.2


def test_answerability_objects_to_some_passages_that_do_not_answer(parts: list[object]) -> None:
    """A weak check: most passages of the wrong text it can't tell."""
    asked = [planted for planted in questions(DATA, N) if planted.kind == "question"]
    objected = objections(asked, [Answerability.of(parts)])
    assert share(objected["question", "wrong passage"]) > 0.2
    assert share(objected["question", TRUE]) < 0.15
