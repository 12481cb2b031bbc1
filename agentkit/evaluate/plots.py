"""The plots of a report, as SVG to stand inside a page: its colours are the page's, for a light and a dark ground."""

import re
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, get_args

from agentkit.answer import Status
from agentkit.errors import MissingExtra
from agentkit.evaluate.comparison import Comparison
from agentkit.evaluate.figures import short
from agentkit.evaluate.report import by_task, side_name
from agentkit.evaluate.statistics import Estimate
from agentkit.evaluate.summary import Summary

WIDTH = 9.2
"""Inches, at 72 to an inch."""
ACROSS = 3
"""Panels in a row."""
INK, GRID = "#0a0b0c", "#0a0b0d"
"""Stand-ins: matplotlib wants colours, the page has variables."""
SERIES = tuple(f"#0a0b{number:02x}" for number in range(0x10, 0x17))
"""As many as Okabe and Ito's palette (2008, *Color Universal Design*) has besides black."""
MARKERS = "osD^vPX"
METADATA = ("Creator", "Date", "Format", "Type")
"""What matplotlib would say of itself; left out, the date above all: the same figures give the same page."""
VARIABLES = {INK: "var(--ink)", GRID: "var(--grid)", **{c: f"var(--series-{i})" for i, c in enumerate(SERIES)}}
RC: dict[str, Any] = {
    "svg.fonttype": "none",  # letters stay letters: small, selectable, in the page's colour
    "text.parse_math": False,  # a task may be called $x$
    "font.family": ["DejaVu Sans"],
    "font.size": 9,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "lines.linewidth": 1.6,
    "lines.markersize": 5,
}


class Look(NamedTuple):
    """How a series is told apart: never by its colour alone."""

    color: str
    marker: str


def accuracy(summaries: Sequence[Summary]) -> str:
    """The headline of every run with its interval, by task."""
    looks, tasks = looks_of(summaries), by_task(summaries)

    def draw(figure: Any) -> None:
        axes = figure.add_subplot()
        rows: list[tuple[float, str]] = []
        y = 0.0
        for task, runs in tasks.items():
            axes.text(-0.01, y, short(task), transform=axes.get_yaxis_transform(), **HEAD)
            if runs[0].metric != "accuracy":
                axes.text(1, y, runs[0].metric, **SMALL)
            for run in runs:
                y -= 1
                rows.append((y, name_of(run, summaries)))
                if run.score is not None:
                    whisker(axes, run.score, y, looks[key(run)])
                axes.text(101.5, y, f"n = {run.n}", **SMALL)
            y -= 1.4
        axes.set_yticks([at for at, _ in rows], [name for _, name in rows])
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.set(xlim=(0, 100), ylim=(y + 0.6, 0.8), xlabel="right (%), with 95 % interval")
        axes.grid(axis="x")

    rows = len(summaries) + 1.4 * len(tasks)
    return svg(draw, height=0.7 + 0.235 * rows, label="Accuracy of every run with 95 % interval, by task")


def risk(summaries: Sequence[Summary]) -> str:
    """Risk–coverage curves, a panel for each task."""

    def panel(axes: Any, runs: Sequence[Summary], looks: dict[str, Look]) -> None:
        silent: list[str] = []
        for run in runs:
            points = run.risk_coverage.points
            if not points:
                silent.append(name_of(run, summaries))
                continue
            look = looks[key(run)]
            x, y = ([100 * value for value in column] for column in zip(*points, strict=True))
            axes.plot(x, y, color=look.color, alpha=0.9)
            axes.plot(x[-1:], y[-1:], color=look.color, marker=look.marker, clip_on=False, zorder=3)
        if silent:
            axes.text(50, 103, "no answers: " + ", ".join(silent), ha="center", va="bottom", fontsize=7)
        axes.set(xlim=(0, 100), ylim=(0, 100))
        axes.grid()

    names = ("items answered, surest first (%)", "of these wrong (%)")
    return panels(summaries, panel, names, label="Risk–coverage curves: share of wrong answers by share answered")


def cost(summaries: Sequence[Summary]) -> str:
    """Accuracy against tokens per item, a panel for each task."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    means = [s.tokens.computed.mean for s in summaries if s.tokens and s.tokens.computed.mean > 0]
    ends = (min(means) / 1.6, max(means) * 1.6) if means else (1, 10)

    def panel(axes: Any, runs: Sequence[Summary], looks: dict[str, Look]) -> None:
        axes.set_xscale("log")
        for run in runs:
            if run.tokens and run.tokens.computed.mean > 0 and run.score:
                whisker(axes, run.score, run.tokens.computed.mean, looks[key(run)], upright=True)
        axes.set(xlim=ends, ylim=(0, 100))
        steps = (1.0, 2.0, 5.0) if ends[1] / ends[0] < 50 else (1.0,)
        axes.xaxis.set_major_locator(LogLocator(subs=steps, numticks=8))
        axes.xaxis.set_major_formatter(FuncFormatter(thousands))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.grid()

    names = ("tokens computed per item", "right (%)")
    return panels(summaries, panel, names, label="Accuracy with 95 % interval against tokens computed per item")


def status(summaries: Sequence[Summary]) -> str:
    """How often each status is right, a panel for each task; under each interval, its number of items."""
    statuses: tuple[str, ...] = get_args(Status)

    def panel(axes: Any, runs: Sequence[Summary], looks: dict[str, Look]) -> None:
        step = 0.8 / max(len(runs), 1)
        for i, run in enumerate(runs):
            for name, estimate in run.by_status.items():
                x = statuses.index(name) + step * (i - (len(runs) - 1) / 2)
                whisker(axes, estimate, x, looks[key(run)], upright=True)
                # Of many runs the numbers would run into one another; the tables have them.
                if len(runs) <= 4:
                    axes.text(x, -4 - 7 * (i % 2), str(estimate.n), ha="center", va="top", fontsize=6.5)
        axes.set(xlim=(-0.5, len(statuses) - 0.5), ylim=(-18 if len(runs) <= 4 else 0, 100))
        axes.set_yticks(range(0, 101, 25))
        axes.set_xticks(range(len(statuses)), statuses, fontsize=7)
        axes.tick_params(axis="x", length=0)
        axes.grid(axis="y")

    names = ("status of the reply (below: items)", "right (%)")
    return panels(summaries, panel, names, label="Share of right replies by status, with 95 % interval")


def differences(comparisons: Sequence[Comparison]) -> str:
    """B - A of every comparison with its interval."""

    def draw(figure: Any) -> None:
        axes = figure.add_subplot()
        for row, comparison in enumerate(comparisons):
            d = comparison.difference
            whisker(axes, d, -row, Look(SERIES[0], MARKERS[0]))
            axes.text(1.01, -row, f"n = {comparison.n}", transform=axes.get_yaxis_transform(), **SMALL)
        names = [difference_name(c, comparisons) for c in comparisons]
        axes.set_yticks([-row for row in range(len(comparisons))], names)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.axvline(0, color=INK, linewidth=0.8)
        widest = 100 * max((max(abs(c.difference.low), abs(c.difference.high)) for c in comparisons), default=0.1)
        reach = max(10.0, 1.08 * widest)
        axes.set(xlim=(-reach, reach), ylim=(0.7 - len(comparisons), 0.6))
        axes.set_xlabel("difference (percentage points), with 95 % interval; to the right the first-named is better")
        axes.grid(axis="x")

    label = "Paired differences between runs with 95 % interval"
    return svg(draw, height=0.75 + 0.36 * len(comparisons), label=label)


def budgets(comparison: Comparison) -> str:
    """Accuracy against what is spent, as a cap on the tokens of an item rises; empty unless it was asked for."""
    equal = comparison.equal_tokens
    if equal is None:
        return ""

    def draw(figure: Any) -> None:
        axes = figure.add_subplot()
        for which, curve, side in ((0, equal.curve_a, "a"), (1, equal.curve_b, "b")):
            x, y = zip(*curve, strict=True)
            name = f"{side.upper()}: {short(side_name(comparison, side))}"
            axes.step(x, [100 * v for v in y], where="post", color=SERIES[which], label=name)
            axes.plot(x[-1:], [100 * y[-1]], color=SERIES[which], marker=MARKERS[which], clip_on=False)
        axes.axvline(equal.tokens, color=INK, linewidth=0.8, linestyle=(0, (4, 3)))
        axes.text(equal.tokens, 101, "both spent the same", ha="center", va="bottom", fontsize=8)
        axes.set(xlim=(0, None), ylim=(0, 100), ylabel="right (%)")
        axes.set_xlabel(f"mean tokens computed per item (n = {comparison.n})")
        axes.legend(loc="upper left", bbox_to_anchor=(1.02, 1))
        axes.grid()

    return svg(draw, height=2.7, label=f"Accuracy by tokens spent: {comparison.task}")


HEAD: dict[str, Any] = {"ha": "right", "va": "center", "weight": "bold"}
SMALL: dict[str, Any] = {"ha": "left", "va": "center", "fontsize": 7.5}


def whisker(axes: Any, estimate: Estimate, at: float, look: Look, *, upright: bool = False) -> None:
    """A figure with its interval, in percent."""
    value, low, high = (100 * v for v in (estimate.value, estimate.low, estimate.high))
    ends, place = ([low, high], [at, at])
    axes.plot(*((place, ends) if upright else (ends, place)), color=look.color, linewidth=1.5, clip_on=False)
    point = ([at], [value]) if upright else ([value], [at])
    axes.plot(*point, color=look.color, marker=look.marker, clip_on=False, zorder=3)


def panels(
    summaries: Sequence[Summary],
    panel: Callable[[Any, Sequence[Summary], dict[str, Look]], None],
    names: tuple[str, str],
    *,
    label: str,
) -> str:
    """One panel for each task, with axes named alike and one legend."""
    looks, tasks = looks_of(summaries), by_task(summaries)
    across = min(ACROSS, max(len(tasks), 1))
    down = -(-len(tasks) // across)
    in_legend = {key(s): name_of(s, summaries) for s in summaries}

    def draw(figure: Any) -> None:
        from matplotlib.lines import Line2D

        for number, (task, runs) in enumerate(tasks.items()):
            axes = figure.add_subplot(down, across, number + 1)
            panel(axes, runs, looks)
            counts = sorted({run.n for run in runs})
            n = f"n = {counts[0]}" if len(counts) == 1 else f"n = {counts[0]}–{counts[-1]}"
            title = axes.set_title(f"{short(task)} ({n})", pad=14 if axes.texts else 6)
            title.set_in_layout(False)  # a long name must not squeeze its panel
            axes.set_xlabel(names[0])
            if number % across == 0:
                axes.set_ylabel(names[1])
        handles = [Line2D([], [], color=looks[k].color, marker=looks[k].marker, label=v) for k, v in in_legend.items()]
        figure.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), 3))

    legend = 0.2 * -(-len(in_legend) // 3)
    return svg(draw, height=0.3 + legend + 2.5 * down, label=label)


def svg(draw: Callable[[Any], None], *, height: float, label: str) -> str:
    """What is drawn on a figure, as an element for a page. The same figures give the same text.

    Raises:
        MissingExtra: matplotlib isn't installed.
    """
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtra("drawing plots", extra="evaluate") from error
    from html import escape
    from io import StringIO

    drawn = StringIO()
    library: Any = matplotlib
    with library.rc_context({**RC, "svg.hashsalt": label}), warnings.catch_warnings():
        # A name in another script is measured with a box for each letter; the browser has the letters.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure: Any = Figure(figsize=(WIDTH, height), layout="constrained")
        figure.get_layout_engine().set(h_pad=0.08)
        draw(figure)
        figure.savefig(drawn, format="svg", transparent=True, metadata=dict.fromkeys(METADATA))
    text = drawn.getvalue()
    text = text[text.index("<svg") :].replace("'DejaVu Sans'", "'DejaVu Sans', Verdana, sans-serif")
    # Several of these stand in one page: groups need no names, and a rule for everything is for this drawing only.
    text = re.sub(r'<g id="[^"]*"', "<g", text).replace("*{stroke", "svg *{stroke")
    for stand_in, variable in VARIABLES.items():
        text = text.replace(stand_in, variable)
    return text.replace("<svg ", f'<svg role="img" aria-label="{escape(label)}" ', 1)


def key(summary: Summary) -> str:
    """What makes runs of several tasks one series."""
    return f"{summary.model}\n{summary.strategy}"


def name_of(summary: Summary, among: Iterable[Summary]) -> str:
    """The series' name: its strategy, with its model if there are several."""
    several = len({s.model for s in among}) > 1
    return short(summary.label if several else summary.strategy)


def looks_of(summaries: Sequence[Summary]) -> dict[str, Look]:
    """A colour and a marker for each series; past seven, colours recur with other markers."""
    found: dict[str, Look] = {}
    for number, name in enumerate(dict.fromkeys(key(s) for s in summaries)):
        turn, place = divmod(number, len(SERIES))
        found[name] = Look(SERIES[place], MARKERS[(place + turn) % len(MARKERS)])
    return found


def difference_name(comparison: Comparison, among: Sequence[Comparison]) -> str:
    """`gsm8k: agent − direct`, with the model in the second line where there are several but one on both sides."""
    a, b = short(side_name(comparison, "a")), short(side_name(comparison, "b"))
    models = {s.model for c in among for s in (c.a, c.b)}
    model = f"\n{short(comparison.a.model)}" if len(models) > 1 and comparison.a.model == comparison.b.model else ""
    return f"{short(comparison.task, 24)}: {b} − {a}{model}"


def thousands(value: float, _position: int | None = None) -> str:
    """`500`, `2k`."""
    return f"{value / 1000:g}k" if value >= 1000 else f"{value:g}"
