"""Two runs where both spent the same: accuracy as a function of what is spent."""

from collections.abc import Sequence

from pydantic import BaseModel

from agentkit.evaluate.statistics import Estimate, McNemar, difference, libraries, mcnemar, mean, sign_flip

POINTS = 120
"""Most points of a curve that are kept."""

Curve = tuple[tuple[float, float], ...]
"""(tokens spent per item, share right)."""


class EqualTokens(BaseModel, frozen=True):
    """Two runs at the same mean spending. The cheaper one is left whole."""

    tokens: float
    """Spent per item by both, on average."""
    cut: str
    """Which run was cut: `a`, `b`, or neither where both spent the same anyhow."""
    cap: float | None
    """Tokens after which an item of the run that was cut is given up."""
    a: Estimate
    b: Estimate
    difference: Estimate
    """b - a, items paired; for the cap as it was chosen here."""
    mcnemar: McNemar
    p_permuted: float | None
    """The permutation test; None where every item stands on its own and counts alike."""
    curve_a: Curve
    curve_b: Curve


def at_equal_tokens(
    spent: Sequence[Sequence[float]],
    right: Sequence[Sequence[bool]],
    *,
    clusters: Sequence[str] | None = None,
    strata: Sequence[str] | None = None,
    seed: int = 0,
) -> EqualTokens:
    """Compare A and B after cutting the dearer one down to what the cheaper one spent.

    The dearer run gets a cap of so many tokens an item that it spends, on average, exactly what the cheaper one does.
    An item that needed more has cost the whole cap and counts as wrong, whatever came of it in the end. That is what a
    user with this budget would have got from the run as it is; a strategy that knew of the budget might do better, so
    for the dearer run it is a lower bound.

    Args:
        spent: Tokens of each item, of A and of B; none for one that crashed.
        right: Whether each item was right, of A and of B.
        clusters: The context of each item.
        strata: What each counts under in a balanced accuracy.
        seed: Of the bootstraps.
    """
    totals = [sum(side) for side in spent]
    dear = 0 if totals[0] > totals[1] else 1
    cap = None if totals[0] == totals[1] else cap_for(spent[dear], min(totals))
    kept = [[bool(r) for r in side] for side in right]
    if cap is not None:
        kept[dear] = [r and tokens <= cap for r, tokens in zip(kept[dear], spent[dear], strict=True)]
    marks = [[float(r) for r in side] for side in kept]
    a, b = (mean(side, clusters=clusters, strata=strata, seed=seed) for side in marks)
    differs = difference(*marks, clusters=clusters, strata=strata, seed=seed)
    if a is None or b is None or differs is None:
        raise ValueError("nothing to compare: there are no items")
    return EqualTokens(
        tokens=min(totals) / len(spent[0]),
        cut="" if cap is None else "ab"[dear],
        cap=cap,
        a=a,
        b=b,
        difference=differs,
        mcnemar=mcnemar(*kept),
        p_permuted=sign_flip(*marks, clusters=clusters, strata=strata, seed=seed)
        if strata or differs.clusters < differs.n
        else None,
        curve_a=curve(spent[0], right[0]),
        curve_b=curve(spent[1], right[1]),
    )


def cap_for(spent: Sequence[float], total: float) -> float:
    """The cap that brings the sum of min(spent, cap) down to a total."""
    left = total
    for i, tokens in enumerate(sorted(spent)):
        above = len(spent) - i
        if tokens * above >= left:
            return left / above
        left -= tokens
    return max(spent)


def curve(spent: Sequence[float], right: Sequence[bool]) -> Curve:
    """Share right against tokens spent per item, as a cap rises from nothing to the most any item took."""
    np, _ = libraries()
    tokens, marks = np.asarray(spent, dtype=float), np.asarray(right, dtype=float)
    order = np.argsort(tokens, kind="stable")
    tokens, marks, n = tokens[order], marks[order], len(tokens)
    reached = np.append(tokens[1:] > tokens[:-1], True)  # the last of items that took as many
    paid = np.cumsum(tokens) + tokens * (n - np.arange(1, n + 1))
    points = np.stack([paid / n, np.cumsum(marks) / n], axis=1)[reached]
    kept = np.unique(np.linspace(0, len(points) - 1, min(POINTS, len(points))).round().astype(int))
    return ((0.0, 0.0), *((float(x), float(y)) for x, y in points[kept]))
