"""What counts as going round in circles; that models are cut off for it is in their own tests."""

import pytest

from agentkit.models.loops import LONGEST, SPAN, circling


@pytest.mark.parametrize("stretch", [1, 2, 7, LONGEST])
def test_one_stretch_over_and_over_is_a_circle_wherever_it_began(stretch: int) -> None:
    tokens = [100 + n for n in range(40)] + [n % stretch for n in range(SPAN)]
    assert circling(tokens)
    assert not circling([*tokens[:-1], 99])


def test_what_goes_on_or_is_short_is_none() -> None:
    assert not circling([7] * (SPAN - 1))
    assert not circling(range(3 * SPAN))
    rows = [token for n in range(SPAN) for token in (5, 6, 1000 + n, 8)]
    assert not circling(rows), "rows of a table that differ in a number"
    assert not circling([n % (LONGEST + 1) for n in range(SPAN)])
