"""Where support begins: the threshold that tells supported claims from others best."""

from collections.abc import Iterable, Mapping, Sequence

Scored = tuple[float, bool]
"""A score, and whether the claim is supported."""


def balanced_accuracy(scored: Iterable[Scored], threshold: float) -> float:
    """The mean of the shares of supported and of other claims that are told right; 0.5 is chance."""
    right, of = [0, 0], [0, 0]
    for score, supported in scored:
        of[supported] += 1
        right[supported] += (score >= threshold) == supported
    return sum(r / n for r, n in zip(right, of, strict=True) if n) / sum(n > 0 for n in of) if any(of) else 0.0


def by_source(scored: Iterable[Scored], sources: Iterable[str]) -> dict[str, list[Scored]]:
    """The scores of each source; those that have only one kind of claim tell nothing and are left out."""
    found: dict[str, list[Scored]] = {}
    for one, source in zip(scored, sources, strict=True):
        found.setdefault(source, []).append(one)
    return {name: of for name, of in sorted(found.items()) if len({supported for _, supported in of}) == 2}


def best_threshold(sources: Mapping[str, Sequence[Scored]], *, steps: int = 100) -> tuple[float, float]:
    """The threshold with the best balanced accuracy in the mean of the sources, and that mean.

    Thresholds are tried at `steps` quantiles of the scores, so scores of any range will do.
    """
    values = sorted(score for of in sources.values() for score, _ in of)
    tried = sorted({values[min(len(values) - 1, n * len(values) // steps)] for n in range(steps + 1)})
    return max(
        ((t, sum(balanced_accuracy(of, t) for of in sources.values()) / len(sources)) for t in tried),
        key=lambda found: found[1],
    )
