"""The figures of run folders as Markdown, each row with what reproduces it.

python tests/benchmarks/evaluation_table.py RUNS... > table.md
"""

import sys
from itertools import groupby
from pathlib import Path

from agentkit.evaluate.comparison import Comparison, compare
from agentkit.evaluate.figures import change, interval, percent
from agentkit.evaluate.folder import find_runs, read_run
from agentkit.evaluate.summary import Summary, summarize


def row(summary: Summary) -> str:
    """One run."""
    held = None if summary.coverage is None else 1 - summary.coverage.value
    wrong = None if summary.hallucination is None else summary.hallucination.value
    tokens = "–" if summary.tokens is None else f"{summary.tokens.computed.mean:.0f}"
    seconds = "–" if summary.seconds is None else f"{summary.seconds.median:.1f}"
    right = interval(summary.score)
    supported = summary.by_status.get("supported")
    trusted = "–" if supported is None else f"{percent(supported.value)} of {supported.n}"
    cells = [
        summary.task,
        summary.strategy,
        str(summary.n),
        right,
        percent(held),
        percent(wrong),
        trusted,
        tokens,
        seconds,
    ]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    runs = [read_run(path) for path in find_runs([Path(name) for name in sys.argv[1:]])]
    by_model = sorted((run for run in runs if run[1]), key=lambda run: run[0].model)
    for model, group in groupby(by_model, key=lambda run: run[0].model):
        found = list(group)
        print(f"## {model}\n")
        print(
            "| task | strategy | n | right, % [95 %] | held, % | wrong of answered, % | supported: right | tokens | s |"
        )
        print("|---|---|---|---|---|---|---|---|---|")
        for header, records in found:
            print(row(summarize(header, records)))
        print("\nThe self-correction pass, paired: `agent` minus `agent-unchecked`.\n")
        print("| task | n | right, points [95 %] | wrong of answered at equal coverage, % with / without |")
        print("|---|---|---|---|")
        runs_of = {(header.task, header.strategy): (header, records) for header, records in found}
        for task in dict.fromkeys(header.task for header, _ in found):
            pair = [runs_of.get((task, name)) for name in ("agent-unchecked", "agent")]
            if pair[0] and pair[1]:
                print(difference(task, compare(pair[0], pair[1])))
        print()


def difference(task: str, comparison: Comparison) -> str:
    """One pair."""
    points, equal = comparison.difference, comparison.hallucination
    shown = "–" if equal is None else f"{percent(equal.b)} / {percent(equal.a)}"
    return f"| {task} | {comparison.n} | {change(points.value, points.low, points.high)} | {shown} |"


if __name__ == "__main__":
    main()
