"""Exact arithmetic on expressions, and on the numbers in a text.

Numbers are Fractions: 0.1 + 0.2 is 3/10. What has no exact value (sqrt(2), sin(1), pi) has 50 digits and says so.
Nothing evaluates Python; size and nesting are bounded before anything is computed, so that every expression
has its value or its error within 100 ms.

Written as on paper: + - * / ** ^ // mod, × · ÷ −, `x` between numbers, parentheses, n!, √, 1,234,567.5, 1e6.

* `^` is a power, -2^2 is -4, and powers group from the right. No sign is left out: 2(3 + 4) is an error.
* `n%` is n/100. Added to or subtracted from anything but a percentage it's that share of it, as on a pocket
  calculator: 200 + 10% is 220, but 5% + 3% is 8%. `of` multiplies: 15% of 80. Before a number, `%` is the
  remainder (17 % 5 is 2); 17% 5 is an error.
* A quantity is a number with all its units: 3 GB / 2 MB/s divides by a speed, 5 ft 3 in is one length. 3/4 km is
  0.75 km. `to`, `in` and `as` convert. A sum has the unit of its first term. C and F are temperatures.
* $, €, £, ¥, ₹ before a number and USD, euros … after it are units; no rate converts one into another.
* Temperatures in °C and °F are readings: they can be converted, averaged and subtracted, not multiplied.
* Inside a function, commas separate arguments. Halves are rounded away from zero. Angles are in radians unless
  they have a unit.

Results are written as `Quantity.__str__` says, and `read` reads them back.
"""

from agentkit.arithmetic.equations import Equation, Verdict, equations
from agentkit.arithmetic.expression import Expression, convert, evaluate, operands, read
from agentkit.arithmetic.literals import Operand
from agentkit.arithmetic.prose import Mention, first_quantity, quantities
from agentkit.arithmetic.quantity import Quantity
from agentkit.arithmetic.tokens import NotAnExpression
from agentkit.arithmetic.units import DimensionError, Unit

__all__ = [
    "DimensionError",
    "Equation",
    "Expression",
    "Mention",
    "NotAnExpression",
    "Operand",
    "Quantity",
    "Unit",
    "Verdict",
    "convert",
    "equations",
    "evaluate",
    "operands",
    "first_quantity",
    "quantities",
    "read",
]
