"""The calculator: exact arithmetic with percentages and units."""

import re
from typing import Annotated

from pydantic import Field

from agentkit.arithmetic import evaluate
from agentkit.errors import ExpressionError, ToolError
from agentkit.tools import Example, tool

FUNCTIONS = "sqrt abs round floor ceil min max sum mean factorial gcd lcm ln log10 exp".split()
UNITS = (
    "% km/h m/s mph km cm mm m ft foot feet inches inch miles mile kg mg g t lb ml l litres liters gallons "
    "hours hour h minutes min seconds s days day weeks week months month years year "
    "kWh MWh Wh kW MW W J kJ °C °F GB MB KB euros dollars cents"
).split()
WORDS = "|".join(re.escape(word) for word in ["of ", "to ", "in ", "mod ", *(f"{f}(" for f in FUNCTIONS), *UNITS])
EXPRESSION = rf"^(?:[-(]|(?:{'|'.join(FUNCTIONS)})\()*[$€£]?[0-9](?:[-0-9.,+*/^()% ]|{WORDS}){{0,80}}$"
"""What a model may write: numbers, operators, functions and common units, so that it can't put words for numbers.

People may write more: this binds decoding only, the calculator itself knows every unit of its table.
"""


@tool(
    pure=True,
    grounded=True,
    examples=[
        Example(
            task="A crate holds 14 jars. Of the jars in 6 crates, 5 are broken. How many jars are whole?",
            purpose="jars in all crates less the broken ones",
            arguments={"expression": "14 * 6 - 5"},
            result="79",
            answer="79 jars are whole.",
        ),
        # Without a second one, of several steps, the 0.5B wrote programs for sums, mostly a loop that it had seen.
        Example(
            task="Ann has 44 stamps, Ben has twice as many. How many stamps do they have together?",
            purpose="stamps of both",
            arguments={"expression": "44 + 44 * 2"},
            result="132",
            answer="Together they have 132 stamps.",
        ),
    ],
)
def calculator(expression: Annotated[str, Field(json_schema_extra={"pattern": EXPRESSION})]) -> str:
    """Compute one arithmetic expression exactly; knows percentages, currencies and units.

    Args:
        expression: For example 15% of 80, 3 * (4 + 5)^2, 5 ft to cm, $12.50 * 3
    """
    try:
        return str(evaluate(expression))
    except ExpressionError as error:
        raise ToolError(str(error), hint="one expression, as 12 * 3.5, 15% of 80, sqrt(2) or 60 km/h * 2 h") from None
