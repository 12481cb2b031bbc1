"""From collected lessons to those to learn from: no doubles, nothing of the evaluation, kinds in balance."""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from random import Random

from pydantic import BaseModel

from agentkit import protocol
from agentkit.compress.collect import Collected, collections
from agentkit.compress.lesson import Lesson, read_lessons, write_lessons
from agentkit.compress.overlap import LENGTH, Evaluation
from agentkit.errors import ConfigurationError, TraceError, UnknownName
from agentkit.evaluate.folder import replace_file
from agentkit.knowledge.database import alone

LESSONS = "lessons.jsonl"
SUMMARY = "lessons.json"
SHARES: Mapping[str, float] = {"maths": 0.5, "choice of tool": 0.4, "reading": 0.4, "refusal": 0.2, "correction": 0.1}
"""The most that a kind may make of the lessons. Refusals in plenty teach giving up, corrections wrong drafts."""
LONGEST = 12_000
"""Characters of a lesson: some 3,000 tokens, most of which would be read and not learned."""
SAME_TASK = 2
"""Lessons of one task: a script's and a teacher's way."""


class Curated(BaseModel, frozen=True, extra="forbid"):
    """What the lessons of a run are; the card of what is trained on them quotes it."""

    lessons: int
    sha256: str
    """Of the file of lessons."""
    protocol: str
    seed: int
    kinds: Mapping[str, int]
    sources: Mapping[str, int]
    """Lessons by how they were collected."""
    licences: Mapping[str, str]
    """Of what each `Lesson.source` was made from."""
    learned: int
    """Characters that carry loss."""
    characters: int
    """Of all messages."""
    collected: tuple[Collected, ...]
    dropped: Mapping[str, int]
    """Lessons that were left out, by reason."""
    compared: Mapping[str, int]
    """For each file of evaluation data, the lessons that were left out for it."""


def curate(
    run: Path,
    *,
    evaluation: Path,
    shares: Mapping[str, float] | None = None,
    without: Sequence[str] = (),
    longest: int = LONGEST,
    same_task: int = SAME_TASK,
    seed: int = 0,
    told: Callable[[str], None] | None = None,
) -> Curated:
    """Choose among the collected lessons of a run, and write them with what they are.

    Args:
        run: Folder of the run.
        evaluation: File or folder of evaluation data; no lesson has a sequence of 13 words with any of it in common.
        shares: For each kind, the most that it may make of the whole, instead of the usual.
        without: Collections that are left out whole, by name.
        longest: Characters of a lesson.
        same_task: Lessons that may have the same task.
        told: Is told what is being done.

    Raises:
        UnknownName: One to be left out, or a kind that a share is given for, isn't there.
        ConfigurationError: Nothing is collected, a source isn't through, the lessons are of another protocol, a share
            isn't one, another process curates or trains there, or the evaluation data can't be read.
        TraceError: A line is no lesson, or the disk is full.
    """
    tell = told or str  # which does nothing
    wanted = {**SHARES, **(shares or {})}
    if wrong := next((f"{kind}={share:g}" for kind, share in wanted.items() if not 0 <= share <= 1), ""):
        raise ConfigurationError(f"the share {wrong} isn't one: give a number from 0 to 1")
    found = chosen(run, without)
    with alone(run):
        dropped: Counter[str] = Counter()
        tell("reading lessons")
        lessons = [(c, lesson) for c, path in found for lesson in read_lessons(path)]
        kinds = {*SHARES, *(lesson.kind for _, lesson in lessons)}
        if strange := next((kind for kind in wanted if kind not in kinds), ""):
            raise UnknownName("kind of lessons", strange, kinds)
        lessons = within(lessons, longest, dropped)
        lessons = distinct(lessons, same_task, dropped)
        tell(f"reading the evaluation data in {evaluation}")
        lessons, compared = clean(lessons, Evaluation(evaluation), dropped, tell)
        lessons = balanced(lessons, wanted, Random(seed), dropped)
        if not lessons:
            rejected = sum((Counter(c.rejected) for c, _ in found), Counter[str]())
            raise ConfigurationError(f"no lesson of {run} is left: {reasons({**rejected, **dropped})}")
        file = run / LESSONS
        write_lessons(file, (lesson for _, lesson in lessons))
        curated = Curated(
            lessons=len(lessons),
            sha256=hashlib.sha256(file.read_bytes()).hexdigest(),
            protocol=protocol.fingerprint(),
            seed=seed,
            kinds=counted(lesson.kind for _, lesson in lessons),
            sources=counted(c.made.name for c, _ in lessons),
            licences=licences(lessons),
            learned=sum(len(lesson.messages[n].content) for _, lesson in lessons for n in lesson.learned),
            characters=sum(len(message.content) for _, lesson in lessons for message in lesson.messages),
            collected=tuple(c for c, _ in found),
            dropped={reason: count for reason, count in dropped.items() if count},
            compared=compared,
        )
        try:
            replace_file(run / SUMMARY, curated.model_dump_json(indent=1) + "\n")
        except OSError as error:
            raise TraceError(f"can't write {run / SUMMARY}: {error.strerror}; make room and curate again") from None
        return curated


def chosen(run: Path, without: Sequence[str]) -> list[tuple[Collected, Path]]:
    """The collections of a run but those that are left out, all of this protocol."""
    found = collections(run)
    names = [collected.made.name for collected, _ in found]
    if strange := next((name for name in without if name not in names), ""):
        raise UnknownName("collection", strange, names)
    found = [each for each, name in zip(found, names, strict=True) if name not in without]
    now = protocol.fingerprint()
    if other := next((c for c, _ in found if c.made.protocol != now), None):
        raise ConfigurationError(
            f"{other.made.source} was collected under protocol {other.made.protocol}, this is {now}: collect it anew"
        )
    return found


Sourced = tuple[Collected, Lesson]
"""A lesson with the collection that it is of."""


def within(lessons: Sequence[Sourced], longest: int, dropped: Counter[str]) -> list[Sourced]:
    """The lessons that aren't too long."""
    kept = [(c, lesson) for c, lesson in lessons if sum(len(m.content) for m in lesson.messages) <= longest]
    dropped[f"longer than {longest:,} characters"] = len(lessons) - len(kept)
    return kept


def distinct(lessons: Sequence[Sourced], same_task: int, dropped: Counter[str]) -> list[Sourced]:
    """The lessons without those that teach what an earlier one does: the same decisions, or too many of one task."""
    decisions: set[tuple[str, ...]] = set()
    tasks: Counter[str] = Counter()
    kept: list[Sourced] = []
    for collection, lesson in lessons:
        task = opening(lesson)
        taught = (task, *(normalised(lesson.messages[n].content) for n in lesson.learned))
        if taught in decisions:
            dropped["the same lesson twice"] += 1
        elif tasks[task] >= same_task:
            dropped[f"the same task more than {same_task} times"] += 1
        else:
            decisions.add(taught)
            tasks[task] += 1
            kept.append((collection, lesson))
    return kept


def clean(
    lessons: Sequence[Sourced], compared: Evaluation, dropped: Counter[str], tell: Callable[[str], object]
) -> tuple[list[Sourced], dict[str, int]]:
    """The lessons that share no words with evaluation data, and how many each of its files cost."""
    tell(f"comparing {len(lessons):,} lessons with {len(compared.files)} files")
    hits = compared.overlaps([lesson for _, lesson in lessons])
    overlapping = Counter(file for files in hits for file in files)
    dropped[f"{LENGTH} words in a row with evaluation data"] = sum(map(bool, hits))
    kept = [lesson for lesson, files in zip(lessons, hits, strict=True) if not files]
    return kept, {name: overlapping[name] for name in compared.files}


def opening(lesson: Lesson) -> str:
    """What is told before the first decision, normalised: rules with the tools, earlier turns, evidence, the task."""
    first = lesson.learned[0] if lesson.learned else len(lesson.messages)
    before = next((n for n, m in enumerate(lesson.messages) if m.role == "assistant"), first)
    texts = (normalised(message.content) for message in lesson.messages[: min(before, first)])
    return " ".join(text for text in texts if text)


@lru_cache(maxsize=1024)  # many lessons in a row have the same rules and tools
def normalised(text: str) -> str:
    """Lower case, words and figures only."""
    return " ".join(re.findall(r"\w+", text.lower()))


def balanced(
    lessons: Sequence[Sourced], shares: Mapping[str, float], chance: Random, dropped: Counter[str]
) -> list[Sourced]:
    """The lessons in a drawn order, no kind more than its share of the whole."""
    most = sizes(Counter(lesson.kind for _, lesson in lessons), shares)
    taken: Counter[str] = Counter()
    kept: list[Sourced] = []
    for collection, lesson in chance.sample(lessons, len(lessons)):
        if taken[lesson.kind] < most[lesson.kind]:
            taken[lesson.kind] += 1
            kept.append((collection, lesson))
        else:
            dropped[f"too many that teach {lesson.kind or 'nothing in particular'}"] += 1
    return kept


def sizes(there: Mapping[str, int], shares: Mapping[str, float]) -> dict[str, int]:
    """How many of each kind to keep: as many as can be without one having more than its share of the whole.

    Where the shares of all kinds that are there come to less than the whole, they are raised in proportion.
    """
    limits = {kind: shares.get(kind, 1.0) for kind in there}
    together = sum(limits.values())
    limits = {kind: limit / min(together, 1.0) if together else 0.0 for kind, limit in limits.items()}

    def kept(total: float) -> dict[str, float]:
        return {kind: min(count, limits[kind] * total) for kind, count in there.items()}

    # The whole shrinks with what is taken off it, until it is what its parts come to.
    total = float(sum(there.values()))
    while (smaller := sum(kept(total).values())) < total - 1e-6:
        total = smaller
    return {kind: int(count + 1e-3) for kind, count in kept(total).items()}


def licences(lessons: Sequence[Sourced]) -> dict[str, str]:
    """The licences of what each `Lesson.source` was made from, by all the collections that use it."""
    found: dict[str, set[str]] = {}
    for collection, lesson in lessons:
        found.setdefault(lesson.source, set()).update(collection.made.licence.split("; "))
    return {source: "; ".join(sorted(found[source])) for source in sorted(found)}


def counted(names: Iterable[str]) -> dict[str, int]:
    """How often each name stands there, sorted."""
    return dict(sorted(Counter(names).items()))


def reasons(dropped: Mapping[str, int]) -> str:
    """Why lessons were left out, in a line."""
    return ", ".join(f"{count:,} {reason}" for reason, count in dropped.items() if count) or "none was collected"
