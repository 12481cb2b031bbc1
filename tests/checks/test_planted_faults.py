"""Faults planted in true claims: each check catches those that it is for, and leaves true claims alone.

The table with all figures: `python tests/benchmarks/planted_faults.py`.
"""

from collections.abc import Mapping
from pathlib import Path

import pytest
from planted_faults import TRUE, computations, objections, passages, resources, share

from agentkit.checks import default_checks
from agentkit.models import catalog

DATA = Path(__file__).parents[3] / "shared/data/train"
N = 40
"""Paragraphs and word problems: a share has a standard error of 8 points at most; the bounds below leave room."""

Found = Mapping[tuple[str, str], list[set[str]]]


@pytest.fixture(scope="module")
def found() -> Found:
    if not DATA.is_dir():
        pytest.skip(f"no training data at {DATA}")
    if catalog.locate(catalog.EMBEDDER) is None:
        pytest.skip(f"no embedder on this machine: run `agentkit models pull {catalog.EMBEDDER}`")
    return objections([*passages(DATA, N), *computations(DATA, N)], default_checks(resources()))


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
