"""A report as one HTML file that needs nothing else: no network, no script, plots inside."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from agentkit.errors import MissingExtra
from agentkit.evaluate import figures, plots
from agentkit.evaluate.comparison import Comparison
from agentkit.evaluate.folder import replace_file
from agentkit.evaluate.report import by_task, differences, mishaps, side_name
from agentkit.evaluate.report import figures as figures_of
from agentkit.evaluate.statistics import holm
from agentkit.evaluate.summary import Summary

TEMPLATE = "page.html.j2"
PALETTE = (
    ("#0072b2", "#56b4e9"),
    ("#c4560a", "#ff9a4d"),
    ("#008060", "#2fc79a"),
    ("#a8457f", "#e79bc8"),
    ("#8a6d00", "#e6c229"),
    ("#5b4bb5", "#ada1f5"),
    ("#6b6b6b", "#b5b5b5"),
)
"""Of each series, on a light ground and on a dark one: Okabe and Ito's hues, darkened or lightened until they stand out
from the ground by 3 to 1 or more (WCAG 2.2, 1.4.11)."""


def write_page(
    path: Path, summaries: Sequence[Summary], comparisons: Sequence[Comparison] = (), *, title: str = "Evaluation"
) -> None:
    """Write the page; a page that stood there is replaced at once, never half.

    Raises:
        MissingExtra: jinja2, matplotlib, numpy or scipy isn't installed.
        OSError: The file can't be written.
    """
    html = render(summaries, comparisons, title=title)
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, html)


def render(summaries: Sequence[Summary], comparisons: Sequence[Comparison] = (), *, title: str = "Evaluation") -> str:
    """The page's text; the same figures give the same text. Whatever comes from data is escaped."""
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined
        from markupsafe import Markup
    except ImportError as error:
        raise MissingExtra("writing the page", extra="evaluate") from error

    environment = Environment(
        loader=PackageLoader("agentkit.evaluate", ""), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    written = (figures.percent, figures.interval, figures.amount, figures.times, figures.change, figures.p_value)
    filters = cast("dict[str, Any]", environment.filters)
    filters.update({function.__name__: function for function in written})
    adjusted = holm([c.p for c in comparisons])
    models = sorted({s.model for s in summaries})
    return environment.get_template(TEMPLATE).render(
        title=title,
        lead=", ".join(models),
        palette=PALETTE,
        several=len(models) > 1,
        tasks=by_task(summaries),
        runs=[{"summary": s, "figures": list(figures_of(s))} for s in summaries],
        mishaps=[{"summary": s, "figures": told} for s in summaries if (told := list(mishaps(s)))],
        plots=[{**plot, "svg": Markup(plot["svg"])} for plot in drawn(summaries, comparisons)],
        comparisons=[
            {
                "comparison": c,
                "a": side_name(c, "a", comparisons),
                "b": side_name(c, "b", comparisons),
                "p": p,
                "figures": list(differences(c)),
                "budgets": Markup(plots.budgets(c)),
            }
            for c, p in zip(comparisons, adjusted, strict=True)
        ],
    )


def drawn(summaries: Sequence[Summary], comparisons: Sequence[Comparison]) -> list[Mapping[str, Any]]:
    """The plots there is something to show in, with what a reader needs to know."""
    shown: list[Mapping[str, Any]] = []
    runs = [s for s in summaries if s.n]
    if runs:
        shown += [
            {
                "title": "Accuracy",
                "text": "By the task's metric, with its 95 % interval.",
                "svg": plots.accuracy(runs),
            },
            {
                "title": "Risk and coverage",
                "text": "If only the surest answers were given, how many of them would be wrong? Lower is better, and "
                "further right is more answered; a curve ends where the run had no more answers. Level stretches are "
                "answers it was equally sure of.",
                "svg": plots.risk(runs),
            },
            {
                "title": "What accuracy costs",
                "text": "Up and to the left is better. Tokens: prompt tokens that weren't cached, and generated ones.",
                "svg": plots.cost(runs),
            },
            {
                "title": "What a status is worth",
                "text": "Of the replies with a status, the share that is right, with its 95 % interval. Abstaining is "
                "right where the question can't be answered.",
                "svg": plots.status(runs),
            },
        ]
    if comparisons:
        shown.append(
            {
                "title": "Differences",
                "text": "On the items that both runs have, paired. An interval that crosses zero is compatible with no "
                "difference.",
                "svg": plots.differences(comparisons),
            }
        )
    return shown
