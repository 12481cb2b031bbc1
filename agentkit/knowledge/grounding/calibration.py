"""Where support begins: the threshold that tells supported claims from others best."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence

from agentkit.knowledge.grounding.data import ANSWERED, ASKED, Pair

FALSE_ALARMS = 0.05
"""Share of supported claims that a check may object to: a false alarm withholds a right answer."""
Scored = tuple[float, bool]
"""A score, and whether the claim is supported."""


def balanced_accuracy(scored: Iterable[Scored], threshold: float) -> float:
    """The mean of the shares of supported and of other claims that are told right; 0.5 is chance."""
    right, of = [0, 0], [0, 0]
    for score, supported in scored:
        of[supported] += 1
        right[supported] += (score >= threshold) == supported
    return sum(r / n for r, n in zip(right, of, strict=True) if n) / sum(n > 0 for n in of) if any(of) else 0.0


def calibrate(pairs: Sequence[Pair], scores: Sequence[float]) -> tuple[float, dict[str, float]]:
    """The best threshold for claims, and the balanced accuracy that it has on each source."""
    sources = by_source(pairs, scores)
    threshold = best_threshold({name: of for name, of in sources.items() if name != ASKED} or sources)
    return threshold, {name: balanced_accuracy(of, threshold) for name, of in sources.items()}


def lenient(pairs: Sequence[Pair], scores: Sequence[float]) -> float:
    """The highest threshold at which at most 5 % of the supported claims fail, in the mean of the sources.

    Only those count that the check of citations holds against it: neither questions nor short answers to them.
    """
    supported = {
        name: sorted(score for score, is_supported in of if is_supported)
        for name, of in by_source(pairs, scores).items()
        if name not in (ASKED, ANSWERED)
    }

    def failing(threshold: float) -> float:
        return sum(bisect_left(of, threshold) / len(of) for of in supported.values()) / len(supported)

    return max((t for of in supported.values() for t in of if failing(t) <= FALSE_ALARMS), default=0.0)


def by_source(pairs: Iterable[Pair], scores: Iterable[float]) -> dict[str, list[Scored]]:
    """The scores of each source; those that have only one kind of claim tell nothing and are left out."""
    found: dict[str, list[Scored]] = {}
    for pair, score in zip(pairs, scores, strict=True):
        found.setdefault(pair.source, []).append((score, pair.supported))
    return {name: of for name, of in sorted(found.items()) if len({supported for _, supported in of}) == 2}


def best_threshold(sources: Mapping[str, Sequence[Scored]], *, steps: int = 100) -> float:
    """The threshold with the best balanced accuracy in the mean of the sources.

    Thresholds are tried at `steps` quantiles of the scores, so scores of any range will do.
    """
    values = sorted(score for of in sources.values() for score, _ in of)
    tried = sorted({values[min(len(values) - 1, n * len(values) // steps)] for n in range(steps + 1)})
    return max(tried, key=lambda t: sum(balanced_accuracy(of, t) for of in sources.values()))
