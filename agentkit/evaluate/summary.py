"""One run in figures: everything a report shows of it."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import get_args

from pydantic import BaseModel

from agentkit.answer import Status
from agentkit.evaluate import outcomes
from agentkit.evaluate.item import AnswerForm, Header, Record, Reply
from agentkit.evaluate.selective import RiskCoverage, risk_coverage
from agentkit.evaluate.statistics import Estimate, libraries, mean

MISTAKES = ("malformed", "no call", "wrong tool", "wrong arguments", "too many calls", "called the irrelevant")
"""How the reason of a score that is about calls begins."""


class Spread(BaseModel, frozen=True):
    """An amount per item; crashed items have none."""

    mean: float
    median: float
    p95: float
    total: float


class Tokens(BaseModel, frozen=True):
    """Tokens per item."""

    prompt: Spread
    """Sent, cached ones included."""
    cached: Spread
    """Of these, reused."""
    generated: Spread
    computed: Spread


class ToolErrors(BaseModel, frozen=True):
    """What went wrong with calls, by kind."""

    completions: int
    malformed: int
    """Completions that couldn't be read."""
    calls: int
    failed: int
    """Calls that the tool answered with an error."""
    repeated: int
    """Calls that had been made before with the same arguments."""
    mistakes: Mapping[str, int]
    """Items judged wrong for their calls, by what was wrong: see `MISTAKES`."""


class Drafts(BaseModel, frozen=True):
    """What became of first drafts, in items; only those with judged drafts count."""

    items: int
    fixed: int
    """First draft wrong, outcome right."""
    broke: int
    """First draft right, outcome wrong or withheld."""
    withheld: int
    """First draft wrong, and nothing answered instead."""


class CheckEffect(Drafts, frozen=True):
    """The same for one check, of the items where it fired. An item where several fired counts under each."""

    fired: int
    """Items where it found a claim to fail."""


class Summary(BaseModel, frozen=True):
    """A run's figures. Shares have 95 % intervals and are None where nothing was there to count."""

    task: str
    model: str
    strategy: str
    metric: str
    """What `score` is: the task's metric, but plain accuracy where only one stratum of a balanced one is there."""
    form: AnswerForm
    seed: int
    parallel: int
    data: str
    agentkit: str
    machine: str
    command: str
    problems: tuple[str, ...]

    asked: int
    """Items the run is to have."""
    n: int
    """Items it has; fewer if it hasn't ended."""
    clusters: int
    score: Estimate | None
    """The headline, by the task's metric."""
    accuracy: Estimate | None
    strata: Mapping[str, Estimate]
    """What a balanced accuracy is the mean of."""
    value: Estimate | None
    """Mean partial credit."""

    answered: int
    abstained: int
    """Replied without an answer, out of caution or because a limit was hit."""
    crashed: int
    unjudged: int
    """Replied, but the scorer crashed."""
    errors: Mapping[str, str]
    """By item, why it crashed or wasn't judged; either counts as wrong."""
    coverage: Estimate | None
    hallucination: Estimate | None
    """Share of the answers that are wrong, or given to what can't be answered. None if there are no answers."""
    by_status: Mapping[Status, Estimate]
    """P(right | status)."""
    risk_coverage: RiskCoverage

    tool_errors: ToolErrors
    drafts: Drafts
    checks: Mapping[str, CheckEffect]
    details: Mapping[str, Estimate]
    """Means of what else the scorer reported, of the items where it did."""

    tokens: Tokens | None
    seconds: Spread | None
    """From question to reply."""
    model_seconds: Spread | None
    tool_seconds: Spread | None
    completions: Spread | None
    overhead: Spread | None
    """Seconds of the harness itself."""

    @property
    def label(self) -> str:
        """The strategy on the model."""
        return f"{self.strategy} · {self.model}"


def summarize(header: Header, records: Sequence[Record], *, seed: int = 0) -> Summary:
    """Count and estimate everything that a report shows of a run.

    Args:
        header: The run's.
        records: In any order; each item once.
        seed: Of the bootstraps; the same gives the same figures.

    Raises:
        ConfigurationError: An item is there twice, or the metric isn't known.
        MissingExtra: numpy or scipy isn't installed.
    """
    outcomes.once(header, records)
    records = sorted(records, key=lambda record: record.id)
    replies = [record.reply for record in records if record.reply is not None]
    strata = outcomes.strata(header, records)

    def share(of: Sequence[Record], judge: Callable[[Record], float]) -> Estimate | None:
        return mean([float(judge(r)) for r in of], clusters=[r.cluster for r in of], seed=seed)

    def answered(record: Record) -> bool:
        return outcomes.answered(header, record)

    def hallucinated(record: Record) -> bool:
        return outcomes.hallucinated(header, record)

    def present(names: Iterable[str], of: Callable[[str], Estimate | None]) -> dict[str, Estimate]:
        return {name: estimate for name in names if (estimate := of(name)) is not None}

    def of_detail(name: str) -> Estimate | None:
        having = [r for r in records if r.score is not None and name in r.score.details]
        return share(having, lambda r: r.score.details[name] if r.score else 0.0)

    accuracy = share(records, outcomes.right)
    score = accuracy
    if strata is not None:
        rights = [float(outcomes.right(r)) for r in records]
        score = mean(rights, clusters=[r.cluster for r in records], strata=strata, seed=seed)
    given = [r for r in records if answered(r)]
    by_status = {
        status: estimate
        for status in get_args(Status)
        if (estimate := share([r for r in records if r.reply and r.reply.status == status], outcomes.right))
    }
    return Summary(
        task=header.task,
        model=header.model,
        strategy=header.strategy,
        metric="accuracy" if strata is None else header.metric,
        form=header.form,
        seed=header.seed,
        parallel=header.parallel,
        data=header.data,
        agentkit=header.agentkit,
        machine=header.machine,
        command=header.command,
        problems=header.problems,
        asked=len(header.ids),
        n=len(records),
        clusters=accuracy.clusters if accuracy else 0,
        score=score,
        accuracy=accuracy,
        strata=present(
            sorted(set(strata or ())),
            lambda name: share([r for r in records if outcomes.stratum(r) == name], outcomes.right),
        ),
        value=share(records, outcomes.value),
        answered=len(given),
        abstained=len(replies) - len(given),
        crashed=len(records) - len(replies),
        unjudged=sum(r.score is None for r in records if r.reply is not None),
        errors={r.id: r.error for r in records if r.error or r.score is None},
        coverage=share(records, answered),
        hallucination=share(given, hallucinated),
        by_status=by_status,
        risk_coverage=risk_coverage(
            [outcomes.confidence(r) for r in records],
            [hallucinated(r) for r in records],
            [answered(r) for r in records],
        ),
        tool_errors=tool_errors(records, replies),
        drafts=drafts(header, records),
        checks=checks(header, records),
        details=present(sorted({name for r in records if r.score for name in r.score.details}), of_detail),
        tokens=tokens(replies),
        seconds=spread(r.seconds for r in replies),
        model_seconds=spread(r.usage.seconds for r in replies),
        tool_seconds=spread(r.tool_seconds for r in replies),
        completions=spread(r.completions for r in replies),
        overhead=spread(r.overhead for r in records),
    )


def tool_errors(records: Iterable[Record], replies: Sequence[Reply]) -> ToolErrors:
    """Errors of completions and calls, and mistakes that the scorer named."""
    calls = [call for reply in replies for call in reply.calls]
    reasons = [r.score.reason.casefold() for r in records if r.score is not None and not r.score.right]
    named = Counter(kind for reason in reasons for kind in MISTAKES if reason.startswith(kind))
    return ToolErrors(
        completions=sum(reply.completions for reply in replies),
        malformed=sum(reply.malformed for reply in replies),
        calls=len(calls),
        failed=sum(bool(call.error) for call in calls),
        repeated=sum(call.repeated for call in calls),
        mistakes={kind: named[kind] for kind in MISTAKES if named[kind]},
    )


def drafts(header: Header, records: Iterable[Record]) -> Drafts:
    """What became of first drafts."""
    judged = [r for r in records if r.draft_scores]
    changed = [(r.draft_scores[0].right, outcomes.right(r), outcomes.answered(header, r)) for r in judged]
    return Drafts(
        items=len(judged),
        fixed=sum(not before and after for before, after, _ in changed),
        broke=sum(before and not after for before, after, _ in changed),
        withheld=sum(not before and not after and not answered for before, after, answered in changed),
    )


def checks(header: Header, records: Sequence[Record]) -> dict[str, CheckEffect]:
    """For every check that found something, how often it fired and what became of those items."""
    fired: dict[str, list[Record]] = {}
    for record in records:
        findings = record.reply.findings if record.reply else ()
        for name in dict.fromkeys(f.check for f in findings):
            fired.setdefault(name, [])
        for name in dict.fromkeys(f.check for f in findings if f.verdict == "failed"):
            fired[name].append(record)
    return {name: CheckEffect(fired=len(of), **drafts(header, of).model_dump()) for name, of in sorted(fired.items())}


def tokens(replies: Sequence[Reply]) -> Tokens | None:
    """Tokens per item by kind; None without replies."""
    prompt = spread(r.usage.prompt for r in replies)
    cached = spread(r.usage.cached for r in replies)
    generated = spread(r.usage.generated for r in replies)
    computed = spread(r.usage.computed for r in replies)
    if prompt is None or cached is None or generated is None or computed is None:
        return None
    return Tokens(prompt=prompt, cached=cached, generated=generated, computed=computed)


def spread(amounts: Iterable[float]) -> Spread | None:
    """Mean, median, 95th percentile and total; None of nothing."""
    values = list(amounts)
    if not values:
        return None
    np, _ = libraries()
    return Spread(
        mean=float(np.mean(values)),
        median=float(np.median(values)),
        p95=float(np.percentile(values, 95)),
        total=float(sum(values)),
    )
