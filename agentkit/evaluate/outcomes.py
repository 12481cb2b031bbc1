"""What a run's records say, as columns of numbers: the one place that decides what counts as what."""

from collections.abc import Sequence

from agentkit.errors import ConfigurationError
from agentkit.evaluate.item import Header, Record

METRICS = ("accuracy", "balanced accuracy")


def right(record: Record) -> bool:
    """Whether it was judged right; a crashed item is wrong."""
    return record.score is not None and record.score.right


def value(record: Record) -> float:
    """Its partial credit; a crashed item has none."""
    return 0.0 if record.score is None else record.score.value


def answered(header: Header, record: Record) -> bool:
    """Whether an answer was given. Of a task that asks for calls, any call is one, and making none is abstaining."""
    if record.reply is None:
        return False
    return bool(record.reply.calls) if header.form == "calls" else record.reply.text is not None


def hallucinated(header: Header, record: Record) -> bool:
    """Whether an answer was given that is wrong, or to what can't be answered."""
    return answered(header, record) and not (right(record) and record.answerable)


def confidence(record: Record) -> float:
    """By which answers are ranked."""
    return 0.0 if record.reply is None else record.reply.confidence


def computed(record: Record) -> int:
    """Tokens that the model worked through."""
    return 0 if record.reply is None else record.reply.usage.computed


def seconds(record: Record) -> float:
    """From question to reply."""
    return 0.0 if record.reply is None else record.reply.seconds


def stratum(record: Record) -> str:
    """What it counts under in balanced accuracy."""
    return record.stratum or ("answerable" if record.answerable else "unanswerable")


def strata(header: Header, records: Sequence[Record]) -> list[str] | None:
    """Each record's stratum if the task's metric is the balanced one, else None; None too if there is only one stratum,
    of which the balanced accuracy is the plain one.

    Raises:
        ConfigurationError: The header names a metric that there isn't.
    """
    if header.metric not in METRICS:
        raise ConfigurationError(
            f"the task {header.task} is measured by {header.metric!r}, which isn't known; "
            f"its metric must be one of: {', '.join(METRICS)}"
        )
    if header.metric == "accuracy":
        return None
    found = [stratum(record) for record in records]
    return found if len(set(found)) > 1 else None


def once(header: Header, records: Sequence[Record]) -> None:
    """Refuse a run that holds an item twice.

    Raises:
        ConfigurationError: It does: every figure would count it twice.
    """
    seen: set[str] = set()
    for record in records:
        if record.id in seen:
            raise ConfigurationError(
                f"the item {record.id!r} stands twice in the run of {header.strategy} on {header.task}; "
                "remove one of the two lines from its items.jsonl"
            )
        seen.add(record.id)
