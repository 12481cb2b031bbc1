"""Is one piece of mathematical notation worth the other? Runs in a worker only: nothing else may import this.

math-verify hands what it reads to sympy's parser, which evaluates it. Imported at the top, so that loading it and
building its parser's tables aren't counted as part of a judgement.
"""

from typing import Any, cast

import math_verify

_verify = cast(Any, math_verify)


def read(text: str) -> list[Any]:
    """The values that a text may stand for; its own time limit needs a signal, the worker has one that can't fail."""
    return _verify.parse(text, parsing_timeout=None)


def equal(gold: str, text: str) -> bool:
    """Whether the text is worth the gold answer."""
    return bool(_verify.verify(read(gold), read(text), timeout_seconds=None))


equal("$\\frac{1}{2}$", "0.5")
