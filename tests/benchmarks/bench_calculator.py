"""Microseconds per expression: python tests/benchmarks/bench_calculator.py"""

import time

from agentkit.arithmetic import equations, evaluate, quantities
from agentkit.errors import ExpressionError

EXPRESSIONS = [
    "12 * 3.5",
    "0.1+0.2",
    "(3 + 4) * 5 - 6 / 7 ^ 2",
    "15% of 80",
    "1,234,567.5 * 1.075",
    "sqrt(2)",
    "sin(1)",
    "200!",
    "60 mph * 30 min in miles",
    "20 °C to °F",
    "$12/hour * 8 hours",
    "9**9**9",
    "(" * 100_000,
]
PROSE = "He sold 48/2 = 24 clips in May for $3 each, so 24 * $3 = $72, and 48+24 = 72 clips altogether on 2024-05-01.\n"


def _microseconds(call: object, argument: str) -> float:
    assert callable(call)
    best = float("inf")
    for _ in range(5):
        start = time.perf_counter()
        for _ in range(200):
            try:
                call(argument)
            except ExpressionError:
                continue
        best = min(best, (time.perf_counter() - start) / 200)
    return best * 1e6


def main() -> None:
    """Print the table."""
    start = time.perf_counter()
    evaluate("5 ft")
    print(f"{(time.perf_counter() - start) * 1e6:9.0f} µs  the first unit (loads pint)")
    for expression in EXPRESSIONS:
        print(f"{_microseconds(evaluate, expression):9.1f} µs  {expression[:40]}")
    print(f"{_microseconds(equations, PROSE):9.1f} µs  equations in {len(PROSE)} characters of prose")
    print(f"{_microseconds(quantities, PROSE):9.1f} µs  quantities in them")


if __name__ == "__main__":
    main()
