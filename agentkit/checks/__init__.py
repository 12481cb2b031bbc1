"""The self-correction pass: what a draft claims is held against things outside the model.

A check is any function from a `Draft` to findings. It finds, it never rewrites. `judge` runs them all
and says whether every claim stands.
"""

from collections.abc import Sequence

from agentkit.checks.agreement import agreement
from agentkit.checks.answerability import Answerability
from agentkit.checks.arguments import made_up
from agentkit.checks.check import Check, Draft, Verdict, judge, known_checks, load_checks, name_of
from agentkit.checks.citations import Citations
from agentkit.checks.equations import equations
from agentkit.checks.numbers import numbers
from agentkit.checks.quotations import quotations
from agentkit.checks.refusals import refusals
from agentkit.checks.required import OBJECTING, Required
from agentkit.checks.results import results

__all__ = [
    "OBJECTING",
    "Answerability",
    "Check",
    "Citations",
    "Draft",
    "Required",
    "Verdict",
    "agreement",
    "default_checks",
    "equations",
    "judge",
    "known_checks",
    "load_checks",
    "made_up",
    "name_of",
    "numbers",
    "quotations",
    "refusals",
    "results",
]


def default_checks(resources: Sequence[object] = ()) -> list[Check]:
    """The checks that ship, bound to the embedder and the grounding model that are among the resources, if they are."""
    return [numbers, equations, results, quotations, Citations.of(resources), Answerability.of(resources), refusals]
