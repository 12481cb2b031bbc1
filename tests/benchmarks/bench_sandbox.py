"""What a program costs in each tier: python tests/benchmarks/bench_sandbox.py [RUNS]"""

import statistics
import subprocess
import sys
import time

from rich.console import Console
from rich.table import Table

from agentkit import sandbox

PROGRAMS = {
    "1 + 1": "1 + 1",
    "primes below 20,000": "print(sum(all(n % d for d in range(2, int(n**0.5) + 1)) for n in range(2, 20000)))",
    "sort 100,000": "x = [(i * 7919) % 100003 for i in range(100000)]\nprint(sorted(x)[:3])",
}


def milliseconds(code: str, tier: str, runs: int) -> str:
    seconds: list[float] = []
    for _ in range(runs):
        start = time.perf_counter()
        result = sandbox.run(code, tier=tier)
        seconds.append(time.perf_counter() - start)
        if result.error:
            return result.error
    return f"{statistics.median(seconds) * 1000:.1f} ({min(seconds) * 1000:.1f}-{max(seconds) * 1000:.1f})"


def in_new_process(code: str) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    return time.perf_counter() - start


def main(runs: int) -> None:
    table = Table("tier", "first (ms)", *PROGRAMS, title=f"ms a program: median of {runs} (least-most)")
    for name, tier in sandbox.tiers().items():
        start = time.perf_counter()
        if reason := tier.unavailable():
            table.add_row(name, reason)
            continue
        first = f"{(time.perf_counter() - start) * 1000:.0f}"
        table.add_row(name, first, *(milliseconds(code, name, runs) for code in PROGRAMS.values()))
    Console(width=140).print(table)
    base = min(in_new_process("from pydantic import BaseModel\nclass A(BaseModel): a: int") for _ in range(3))
    full = min(in_new_process("import agentkit.sandbox") for _ in range(3))
    print(f"import agentkit.sandbox: {(full - base) * 1000:.0f} ms on top of a pydantic model ({base * 1000:.0f} ms)")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 15)
