"""Runs and comparisons as tables for the terminal, readable at 80 columns, and as JSON."""

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from agentkit.evaluate.comparison import Comparison
from agentkit.evaluate.figures import (
    amount,
    change,
    factor,
    interval,
    legible,
    p_equals,
    p_value,
    percent,
    times,
)
from agentkit.evaluate.statistics import holm
from agentkit.evaluate.summary import Summary

if TYPE_CHECKING:
    from rich.table import Table

NAMED = 5
"""Items, and lines of data, whose errors are told; of the others how many there are."""


def table(summaries: Sequence[Summary]) -> "Table":
    """One row a run: the figures to compare runs by."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    several = len({s.model for s in summaries}) > 1
    title = "" if several or not summaries else legible(summaries[0].model)
    caption = (
        "right: by the task's metric, % with 95 % interval · held: % not answered\n"
        "wrong: % of the answers · AURC: area under risk–coverage, %\n"
        "tokens: computed per item, mean · s: seconds per item, median"
    )
    shown = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), title=Text(title) if title else None, caption=caption)
    shown.title_justify = shown.caption_justify = "left"
    shown.add_column("task, strategy", overflow="fold", min_width=14)
    for name in ("n", "right [95 %]", "held", "wrong", "AURC", "tokens", "s"):
        shown.add_column(name, justify="right", no_wrap=True)
    for task, runs in by_task(summaries).items():
        metric = "" if runs[0].metric == "accuracy" else f", {runs[0].metric}"
        shown.add_row(Text(f"{legible(task)}{metric}", style="bold"))
        for summary in runs:
            strategy = Text(f"  {legible(summary.strategy)}")
            if several:
                strategy.append(f"\n  {legible(summary.model)}", style="dim")
            shown.add_row(
                strategy,
                str(summary.n) if summary.n == summary.asked else f"{summary.n}/{summary.asked}",
                interval(summary.score),
                percent(1 - summary.coverage.value if summary.coverage else None),
                percent(summary.hallucination.value if summary.hallucination else None),
                percent(summary.risk_coverage.area),
                amount(summary.tokens.computed.mean if summary.tokens else None),
                amount(summary.seconds.median if summary.seconds else None),
            )
    return shown


def by_task(summaries: Sequence[Summary]) -> dict[str, list[Summary]]:
    """The runs of each task, tasks in the order they come."""
    found: dict[str, list[Summary]] = {}
    for summary in summaries:
        found.setdefault(summary.task, []).append(summary)
    return found


def details(summary: Summary) -> "Table":
    """Everything else of one run, a line each."""
    return lines(f"{summary.task} · {summary.label}", list(figures(summary)))


def mishap_tables(summaries: Sequence[Summary]) -> "Iterator[Table]":
    """For each run with such, the items that crashed or weren't judged and the lines that couldn't be read."""
    for summary in summaries:
        if told := list(mishaps(summary)):
            yield lines(f"{summary.task} · {summary.label}", told)


def comparison_table(comparisons: Sequence[Comparison]) -> "Table":
    """One block a comparison, A above B; of several, the p values are adjusted for being several (Holm)."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    adjusted = holm([c.p for c in comparisons])
    p_name = "p" if len(comparisons) < 2 else "p (Holm)"
    caption = (
        "right: %, by the task's metric · B−A: percentage points with 95 % interval\n"
        "wrong: % of the answers, at equal coverage · tokens, s: per item"
    )
    shown = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), caption=caption, caption_justify="left")
    shown.add_column("task, A, B", overflow="fold", min_width=14)
    for name in ("right", "B−A [95 %]", p_name, "wrong", "tokens", "s"):
        shown.add_column(name, justify="right", no_wrap=True)
    for comparison, p in zip(comparisons, adjusted, strict=True):
        a, b, hallucination = comparison.a, comparison.b, comparison.hallucination
        d = comparison.difference
        shown.add_row(
            Text(f"{legible(comparison.task)}, n = {comparison.n}", style="bold"),
            "",
            change(d.value, d.low, d.high),
            p_value(p),
            "",
            times(comparison.tokens_ratio),
            times(comparison.seconds_ratio),
        )
        for name, side, wrong in (
            ("a", a, hallucination.a if hallucination else None),
            ("b", b, hallucination.b if hallucination else None),
        ):
            shown.add_row(
                Text(f"  {side_name(comparison, name, comparisons)}"),
                percent(side.score.value),
                "",
                "",
                percent(wrong),
                amount(side.tokens),
                amount(side.seconds),
            )
    return shown


def comparison_details(comparison: Comparison) -> "Table":
    """Everything else of one comparison, a line each."""
    return lines(comparison_name(comparison), list(differences(comparison)))


def comparison_name(comparison: Comparison) -> str:
    """`gsm8k: A direct, B agent`."""
    return f"{legible(comparison.task)}: A {side_name(comparison, 'a')}, B {side_name(comparison, 'b')}"


def side_name(comparison: Comparison, side: str, among: Sequence[Comparison] = ()) -> str:
    """The strategy of A or B, with as much more as tells the two apart, and the comparison among others."""
    this, other = (comparison.a, comparison.b) if side == "a" else (comparison.b, comparison.a)
    name = this.strategy
    if len({s.model for c in (comparison, *among) for s in (c.a, c.b)}) > 1:
        name += f" · {this.model}"
    if (this.model, this.strategy) == (other.model, other.strategy) and this.seed != other.seed:
        name += f" · seed {this.seed}"
    return legible(name)


def figures(summary: Summary) -> Iterator[tuple[str, str]]:
    """The figures of a run as (name, figure), for the terminal and the page."""
    errors, n = summary.tool_errors, summary.n
    yield "items", f"{n} of {summary.asked}" + (f" in {summary.clusters} contexts" if summary.clusters < n else "")
    yield f"{summary.metric}, %", f"{interval(summary.score)}" + (f" ({summary.score.method})" if summary.score else "")
    if summary.strata:
        for name, estimate in summary.strata.items():
            yield f"  of the {name}, %", f"{interval(estimate)}, n = {estimate.n}"
    if summary.value and summary.accuracy and summary.value.value != summary.accuracy.value:
        yield "mean credit, %", interval(summary.value)
    for name, estimate in summary.details.items():
        yield f"{legible(name)}, %", f"{interval(estimate)}, n = {estimate.n}"
    unjudged = f", {summary.unjudged} not judged" * bool(summary.unjudged)
    counts = f"{summary.answered} answered, {summary.abstained} not answered, {summary.crashed} crashed{unjudged}"
    yield "outcomes", counts
    for status, estimate in summary.by_status.items():
        yield f"right if {status}, %", f"{interval(estimate)}, n = {estimate.n}"
    yield "wrong answers, %", interval(summary.hallucination) if summary.hallucination else "nothing was answered"
    curve = summary.risk_coverage
    if curve.area is not None:
        yield "risk–coverage area, %", f"{percent(curve.area)} up to a coverage of {percent(curve.coverage)}"
    if curve.auroc is not None:
        yield "AUROC, %", f"{interval(curve.auroc)}: of a right and a wrong answer, the right one is the surer"
    yield "malformed completions", f"{errors.malformed} of {errors.completions}"
    yield "calls", f"{errors.calls}: {errors.failed} failed, {errors.repeated} repeated"
    if errors.mistakes:
        yield "items wrong by their calls", ", ".join(f"{count} {kind}" for kind, count in errors.mistakes.items())
    if summary.drafts.items:
        d = summary.drafts
        yield "first drafts", f"{d.items}: {d.fixed} fixed, {d.broke} broken, {d.withheld} wrong ones withheld"
    for name, effect in summary.checks.items():
        text = f"fired on {effect.fired}: {effect.fixed} fixed, {effect.broke} broken, {effect.withheld} withheld"
        yield f"check {legible(name)}", text
    if summary.tokens:
        t = summary.tokens
        sent = f"{amount(t.prompt.mean)} prompt, of these {amount(t.cached.mean)} cached, "
        yield "tokens per item", f"{sent}{amount(t.generated.mean)} generated"
    for name, took in (
        ("seconds per item", summary.seconds),
        ("  of the model", summary.model_seconds),
        ("  of tools and checks", summary.tool_seconds),
    ):
        if took:
            yield name, f"median {amount(took.median)}, mean {amount(took.mean)}, 95 % under {amount(took.p95)}"
    if summary.completions:
        yield "completions per item", amount(summary.completions.mean)
    if summary.overhead:
        yield "harness per item, ms", f"median {amount(1000 * summary.overhead.median)}"
    yield from mishaps(summary)


def mishaps(summary: Summary) -> Iterator[tuple[str, str]]:
    """What went wrong with single items and lines of data: the first few of each, and how many more there are."""
    for name, told in (
        ("error", [f"{item}: {error or 'without a message'}" for item, error in summary.errors.items()]),
        ("unreadable data", summary.problems),
    ):
        yield from ((name, legible(line)) for line in told[:NAMED])
        if len(told) > NAMED:
            yield name, f"and {len(told) - NAMED} more"


def differences(comparison: Comparison) -> Iterator[tuple[str, str]]:
    """The figures of a comparison as (name, figure), for the terminal and the page."""
    d, m = comparison.difference, comparison.mcnemar
    clusters = f" in {comparison.clusters} contexts" if comparison.clusters < comparison.n else ""
    yield "common items", f"{comparison.n}{clusters}"
    yield f"{comparison.metric} of A, %", interval(comparison.a.score)
    yield f"{comparison.metric} of B, %", interval(comparison.b.score)
    yield "B−A, points", f"{change(d.value, d.low, d.high)} ({d.method})"
    v = comparison.value_difference
    if (v.value, v.low, v.high) != (d.value, d.low, d.high):
        yield "mean credit, B−A, points", change(v.value, v.low, v.high)
    yield "right", f"both {m.both}, only A {m.only_a}, only B {m.only_b}, neither {m.neither}"
    yield "McNemar, exact", p_equals(m.p)
    if comparison.p_permuted is not None:
        yield "permutation test", p_equals(comparison.p_permuted)
    if (h := comparison.hallucination) is None:
        yield "wrong answers", "not comparable: one of the two answered nothing"
    else:
        cut = f"at a coverage of {percent(h.coverage)} ({h.answers} answers each)"
        yield "wrong answers, %", f"A {percent(h.a)}, B {percent(h.b)} {cut}"
        yield "  B−A, points", change(h.difference, h.low, h.high) + ("" if h.low is not None else " (no interval)")
        yield "risk–coverage area, %", f"A {percent(h.area_a)}, B {percent(h.area_b)} up to that coverage"
    for name, ratio, a, b in (
        ("tokens per item", comparison.tokens_ratio, comparison.a.tokens, comparison.b.tokens),
        ("seconds per item", comparison.seconds_ratio, comparison.a.seconds, comparison.b.seconds),
    ):
        ends = f" [{factor(ratio.low)}, {factor(ratio.high)}]" if ratio else ""
        yield name, f"A {amount(a)}, B {amount(b)}: {times(ratio)}{ends}"
    yield "flips, %", f"{interval(comparison.flips)}; {comparison.changed} replies differ"
    if (e := comparison.equal_tokens) is not None:
        cut = f", {e.cut.upper()} cut at {amount(e.cap)} tokens an item" if e.cut else ""
        yield "at equal tokens", f"{amount(e.tokens)} per item each{cut}"
        yield "  right, %", f"A {interval(e.a)}, B {interval(e.b)}"
        difference = change(e.difference.value, e.difference.low, e.difference.high)
        p = p_equals(e.mcnemar.p if e.p_permuted is None else e.p_permuted)
        yield "  B−A, points", f"{difference}, {p}"
    for note in comparison.notes:
        yield "note", legible(note)


def lines(title: str, named: Sequence[tuple[str, str]]) -> "Table":
    """Names and figures, side by side."""
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=None, show_header=False, padding=(0, 2, 0, 0), title=Text(legible(title), style="bold"))
    shown.title_justify = "left"
    shown.add_column(style="dim", overflow="fold", max_width=30)
    shown.add_column(overflow="fold")
    for name, figure in named:
        shown.add_row(Text(name), Text(figure))
    return shown


def to_json(summaries: Sequence[Summary], comparisons: Sequence[Comparison] = ()) -> str:
    """One JSON object with `summaries` and `comparisons`, in ASCII: safe to print whatever stands in it."""
    data = {
        "summaries": [s.model_dump(mode="json") for s in summaries],
        "comparisons": [c.model_dump(mode="json") for c in comparisons],
    }
    return json.dumps(data, indent=2, allow_nan=False).replace("\x7f", "\\u007f")
