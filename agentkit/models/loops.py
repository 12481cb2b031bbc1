"""A model that goes round in circles, as small ones do: what it writes from then on is worth nothing."""

from collections.abc import Sequence

SPAN = 96
"""Tokens that must go round: more than the rows of a table or the steps of a program that are alike."""
LONGEST = 32
"""Tokens of the longest circle, so one that was gone three times."""


def circling(tokens: Sequence[int]) -> bool:
    """Whether the last tokens are one stretch over and over."""
    last = tuple(tokens[-SPAN:])
    return len(last) == SPAN and any(last[n:] == last[:-n] for n in range(1, LONGEST + 1))
