"""A document may hold anything: a thousand digits of pi, a column of figures, nothing but blank lines."""

import time

import pytest

from agentkit.arithmetic import equations
from agentkit.checks.quantities import numbers_in
from agentkit.checks.words import content_words
from agentkit.evidence import CHARS
from agentkit.injections import without_injections


@pytest.mark.parametrize("text", ["1" * 3000, "\n" * CHARS, "1," * 2500, "z" * CHARS, "reply with" + " " * CHARS])
def test_a_text_of_any_kind_is_read_in_time(text: str) -> None:
    start = time.process_time()
    for read in (content_words, without_injections, numbers_in):
        read(text)
    assert time.process_time() - start < 5


def test_an_equation_is_looked_for_in_time() -> None:
    start = time.process_time()
    equations("½" * CHARS)
    assert time.process_time() - start < 8


def test_words_with_digits_are_read_as_before() -> None:
    assert content_words("H2O, 4WD, 10th, 2132, x12y and 5² of Tank 3B") >= {"10th", "12y", "3b", "tank", "2o", "4wd"}
    assert content_words("3.14159 and 2132") == frozenset()
