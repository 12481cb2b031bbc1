"""Two runs of the same items side by side: what differs, by how much, and could it be chance?"""

from collections.abc import Mapping, Sequence

from pydantic import BaseModel

from agentkit.errors import ConfigurationError
from agentkit.evaluate import outcomes
from agentkit.evaluate.item import Header, Record
from agentkit.evaluate.selective import EqualCoverage, equal_coverage
from agentkit.evaluate.spending import EqualTokens, at_equal_tokens
from agentkit.evaluate.statistics import Estimate, McNemar, difference, mcnemar, mean, ratio, sign_flip

Run = tuple[Header, Sequence[Record]]
"""What a run folder holds."""


class Side(BaseModel, frozen=True):
    """One of the two runs, over the common items."""

    model: str
    strategy: str
    seed: int
    score: Estimate
    """By the task's metric."""
    accuracy: Estimate
    value: Estimate
    tokens: float | None
    """Computed per item: prompt tokens that weren't cached, and generated ones. Of the items that neither run crashed
    on, as are seconds."""
    seconds: float | None
    """Mean per item."""


class Comparison(BaseModel, frozen=True):
    """B against A. Differences are B - A, ratios B / A."""

    task: str
    metric: str
    n: int
    """Items that both have; nothing else is looked at."""
    clusters: int
    a: Side
    b: Side
    difference: Estimate
    """Of the headline metric, items paired."""
    value_difference: Estimate
    mcnemar: McNemar
    p_permuted: float | None
    """The permutation test of the headline difference, which swaps whole clusters; None where every item stands on its
    own and counts alike, as McNemar's test then says it all. Where it is there, trust it rather than McNemar's."""
    hallucination: EqualCoverage | None
    """At equal coverage; None if a run answered nothing."""
    tokens_ratio: Estimate | None
    seconds_ratio: Estimate | None
    flips: Estimate
    """Share of items that one has right and the other wrong."""
    changed: int
    """Items whose replies differ: another text, or other calls."""
    equal_tokens: EqualTokens | None
    """Where both spent the same, if that was asked."""
    notes: tuple[str, ...]
    """What else differs between the runs, or should be kept in mind."""

    @property
    def p(self) -> float:
        """The p value to go by."""
        return self.mcnemar.p if self.p_permuted is None else self.p_permuted


def compare(a: Run, b: Run, *, equal_tokens: bool = False, seed: int = 0) -> Comparison:
    """Compare two runs on the items that both have.

    Args:
        a: The run that is compared with, the baseline.
        b: The run of interest.
        equal_tokens: Whether to compare as well where both spent the same: see `at_equal_tokens`.
        seed: Of the bootstraps; the same gives the same figures.

    Raises:
        ConfigurationError: The runs aren't of the same task and data, or have no item in common.
        MissingExtra: numpy or scipy isn't installed.
    """
    header, records = together(a, b)
    left, right = records
    clusters = [r.cluster for r in left]
    strata = outcomes.strata(header, left)
    rights = [[outcomes.right(r) for r in side] for side in records]
    marks = [[float(r) for r in side] for side in rights]
    values = [[outcomes.value(r) for r in side] for side in records]
    spent = [[float(outcomes.computed(r)) for r in side] for side in records]
    both = [i for i, pair in enumerate(zip(*records, strict=True)) if all(r.reply is not None for r in pair)]
    tokens = [[side[i] for i in both] for side in spent]
    took = [[outcomes.seconds(side[i]) for i in both] for side in records]
    contexts = [clusters[i] for i in both]

    def side(which: int, of: Header) -> Side:
        return Side(
            model=of.model,
            strategy=of.strategy,
            seed=of.seed,
            score=there(mean(marks[which], clusters=clusters, strata=strata, seed=seed)),
            accuracy=there(mean(marks[which], clusters=clusters, seed=seed)),
            value=there(mean(values[which], clusters=clusters, seed=seed)),
            tokens=sum(tokens[which]) / len(both) if both else None,
            seconds=sum(took[which]) / len(both) if both else None,
        )

    def ranked(of: Header, records: Sequence[Record]) -> tuple[list[float], list[bool], list[bool]]:
        return (
            [outcomes.confidence(r) for r in records],
            [outcomes.hallucinated(of, r) for r in records],
            [outcomes.answered(of, r) for r in records],
        )

    differs = there(difference(*marks, clusters=clusters, strata=strata, seed=seed))
    return Comparison(
        task=header.task,
        metric="accuracy" if strata is None else header.metric,
        n=len(left),
        clusters=differs.clusters,
        a=side(0, a[0]),
        b=side(1, b[0]),
        difference=differs,
        value_difference=there(difference(*values, clusters=clusters, seed=seed)),
        mcnemar=mcnemar(*rights),
        p_permuted=sign_flip(*marks, clusters=clusters, strata=strata, seed=seed)
        if strata or differs.clusters < len(left)
        else None,
        hallucination=equal_coverage(ranked(a[0], left), ranked(b[0], right), clusters=clusters, seed=seed),
        tokens_ratio=ratio(*tokens, clusters=contexts, seed=seed),
        seconds_ratio=ratio(*took, clusters=contexts, seed=seed),
        flips=there(mean([abs(x - y) for x, y in zip(*marks, strict=True)], clusters=clusters, seed=seed)),
        changed=sum(replied(x) != replied(y) for x, y in zip(left, right, strict=True)),
        equal_tokens=at_equal_tokens(spent, rights, clusters=clusters, strata=strata, seed=seed)
        if equal_tokens
        else None,
        notes=tuple(notes(a, b, common=len(left), clustered=differs.clusters < len(left))),
    )


def together(a: Run, b: Run) -> tuple[Header, tuple[list[Record], list[Record]]]:
    """A's header and the records of the items that both have, in the same order.

    Raises:
        ConfigurationError: The runs can't be compared.
    """
    for name, one, other in (
        ("task", a[0].task, b[0].task),
        ("data", a[0].data, b[0].data),
        ("metric", a[0].metric, b[0].metric),
        ("form", a[0].form, b[0].form),
    ):
        if one != other:
            raise ConfigurationError(
                f"these runs can't be compared: the {name} of A is {one!r}, that of B {other!r}; "
                "compare runs of the same task over the same data"
            )
    sides: list[Mapping[str, Record]] = []
    for header, records in (a, b):
        outcomes.once(header, records)
        sides.append({record.id: record for record in records})
    common = sorted(sides[0].keys() & sides[1].keys())
    if not common:
        raise ConfigurationError(
            f"these runs can't be compared: none of A's {len(sides[0])} items of {a[0].task} is among B's "
            f"{len(sides[1])}; run both with the same --limit and --seed"
        )
    return a[0], ([sides[0][i] for i in common], [sides[1][i] for i in common])


def notes(a: Run, b: Run, *, common: int, clustered: bool) -> list[str]:
    """What a reader of the comparison should know besides its figures."""
    found = [
        f"{name} has {len(records) - common} items that {other} hasn't: left out"
        for name, other, (_, records) in (("A", "B", a), ("B", "A", b))
        if len(records) > common
    ]
    found += [
        f"{name} isn't finished: {len(records)} of {len(header.ids)} items"
        for name, (header, records) in (("A", a), ("B", b))
        if len(records) < len(header.ids)
    ]
    fields = ("model", "seed", "agentkit", "protocol", "machine", "parallel")
    left, right = ({**{name: getattr(header, name) for name in fields}, **header.settings} for header, _ in (a, b))
    found += [
        f"{name} differs: {one} and {other}"
        for name in {**left, **right}
        if (one := left.get(name)) != (other := right.get(name))
    ]
    if clustered:
        found.append("items share contexts: go by the clustered test, McNemar's takes every item as independent")
    return found


def replied(record: Record) -> object:
    """What two replies that are the same have in common."""
    reply = record.reply
    return None if reply is None else (reply.text, [(call.name, dict(call.arguments)) for call in reply.calls])


def there(estimate: Estimate | None) -> Estimate:
    """The estimate, of what is known not to be empty."""
    if estimate is None:
        raise ValueError("nothing to estimate from: a comparison has at least one item")
    return estimate
