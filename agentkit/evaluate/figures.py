"""How figures are written, in the terminal and on the page alike."""

from agentkit.evaluate.statistics import Estimate

NOTHING = "–"
"""Where there is no figure."""


def legible(text: str) -> str:
    """The text on one line, without anything that a terminal would obey or that turns the reading order."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in " ".join(text.split()))


def short(text: str, limit: int = 36) -> str:
    """The same, cut where there is little room."""
    line = legible(text)
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def percent(share: float | None) -> str:
    """`42.5`, of a share."""
    return NOTHING if share is None else f"{100 * share:.1f}"


def interval(estimate: Estimate | None) -> str:
    """`42.5 [28.5, 57.8]`, in percent."""
    if estimate is None:
        return NOTHING
    return f"{percent(estimate.value)} [{percent(estimate.low)}, {percent(estimate.high)}]"


def change(value: float, low: float | None, high: float | None) -> str:
    """`+5.0 [−3.1, +12.9]`, in percentage points; without brackets where there is no interval."""
    if low is None or high is None:
        return signed(value)
    return f"{signed(value)} [{signed(low)}, {signed(high)}]"


def signed(share: float) -> str:
    """`+5.0` or `−5.0`, in percentage points."""
    written = f"{100 * share:+.1f}"
    return "0.0" if written in ("+0.0", "-0.0") else written.replace("-", "−")


def times(estimate: Estimate | None) -> str:
    """`2.3×`, of a ratio."""
    return NOTHING if estimate is None else f"{factor(estimate.value)}×"


def factor(value: float) -> str:
    """`12`, `2.3`, `0.45`."""
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}" if value >= 1 else f"{value:.2f}"


def p_value(p: float) -> str:
    """`0.031`, `<0.001`."""
    return "<0.001" if p < 0.001 else f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def p_equals(p: float) -> str:
    """`p = 0.031`, `p < 0.001`."""
    return f"p {'= ' if p >= 0.001 else '< '}{p_value(p).lstrip('<')}"


def amount(value: float | None) -> str:
    """`1,234`, `12.3`, `0.53`, `0.0021`: three figures or more."""
    if value is None:
        return NOTHING
    size = abs(value)
    if size >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if size >= 10 else f"{value:.2f}" if size >= 0.0995 or not value else f"{value:.2g}"
