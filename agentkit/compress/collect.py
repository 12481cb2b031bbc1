"""From a source to lessons on disk: every problem is run, and what ends as it should is kept.

A run folder has `collected/<source>.jsonl` with the lessons, `<source>.rejected.jsonl` with what wasn't kept and why,
and `<source>.json`, which counts both. Until all is done they are one file, a line a problem, in the source's order:
who is killed goes on behind the last whole line.
"""

import asyncio
import hashlib
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from random import Random

from pydantic import BaseModel, ValidationError

from agentkit import protocol
from agentkit.compress.demonstration import Demonstrator
from agentkit.compress.lesson import write_lessons
from agentkit.compress.problem import Problem, Unusable
from agentkit.compress.recording import Recorded, record, unusable
from agentkit.compress.sources import Source, find
from agentkit.compress.writer import Writer
from agentkit.errors import ConfigurationError, TraceError
from agentkit.evaluate.folder import replace_file
from agentkit.knowledge.database import alone

FOLDER = "collected"
PARTIAL = ".partial.jsonl"
PARALLEL = 4
"""Runs at a time; scripts take no waiting, programs and teachers do."""
Teacher = Demonstrator | Writer
"""A model that solves problems, or words their tasks."""


class Collection(BaseModel, frozen=True, extra="forbid"):
    """What decides the lessons of a source."""

    source: str
    licence: str
    data: Mapping[str, str] = {}
    """SHA-256 of each file that was read."""
    seed: int
    limit: int | None = None
    """How many of its problems; None for all."""
    teacher: str = ""
    """The model that solved them or worded their tasks; empty where scripts and templates did."""
    protocol: str
    """Fingerprint of the protocol that the lessons are written in."""
    agentkit: str

    @property
    def name(self) -> str:
        """Of the source and, where there was one, the teacher."""
        return f"{self.source}@{safe(self.teacher)}" if self.teacher else self.source


class Collected(BaseModel, frozen=True, extra="forbid"):
    """What came of a source."""

    made: Collection
    problems: int
    kept: int
    kinds: Mapping[str, int]
    """Lessons by what they teach."""
    rejected: Mapping[str, int]
    """Problems that weren't kept, by reason, the most frequent first."""
    examples: Mapping[str, str] = {}
    """For each reason, one problem and what was special to it."""

    @property
    def share(self) -> float:
        """The share of problems that became lessons."""
        return self.kept / self.problems if self.problems else 0.0


async def collect(
    name: str,
    *,
    run: Path,
    data: Path = Path(),
    source: Source | None = None,
    seed: int = 0,
    limit: int | None = None,
    parallel: int = PARALLEL,
    teacher: Teacher | None = None,
    told: Callable[[int, int], None] | None = None,
) -> Collected:
    """Collect the lessons of a source, or go on with it; what is done already isn't done again.

    Args:
        run: Folder of the run.
        data: Folder of training data.
        source: What makes the problems, where it is none of those that are known by name: `own`, of your questions.
        parallel: Runs at the same time, where a `Writer` doesn't want to be `alone`. The lessons and their order don't
            depend on it, unless by the rounding errors of a teacher that computes several runs in one batch.
        teacher: Solves the problems; of a source whose tasks are worded by a model, words them.
        told: Is told after each problem how many are done and how many are kept.

    Raises:
        ConfigurationError: There is no such source, it needs a teacher, its files can't be read, or the folder holds
            lessons that were collected otherwise or are being collected.
        TraceError: The lessons can't be written.
    """
    source = source or find(name)
    limit = source.most if limit is None else limit
    if source.worded and not isinstance(teacher, Writer):
        raise ConfigurationError(f"the tasks of {name} are worded by a model: name one by --teacher")
    made = Collection(
        source=name,
        licence=f"{source.licence}; {teacher.licence}" if isinstance(teacher, Writer) else source.licence,
        data={file: digest(data / file) for file in source.files},
        seed=seed,
        limit=limit,
        teacher=teacher.name if teacher else "",
        protocol=protocol.fingerprint(),
        agentkit=version("agentkit"),
    )
    files = Files(run / FOLDER, made.name)
    with alone(files.folder, f".{made.name}.lock"):  # other sources may be collected at the same time
        if done := files.finished(made):
            return done
        count = kept = 0
        for recorded in files.begin(made):
            count, kept = count + 1, kept + (recorded.lesson is not None)
        if told:
            told(count, kept)
        waiting = islice(problems(source, data, Random(f"{seed} {name}"), limit), count, None)
        at_once = 1 if isinstance(teacher, Writer) and teacher.alone else parallel
        async for recorded in in_order(waiting, at_once, teacher):
            files.add(recorded)
            count, kept = count + 1, kept + (recorded.lesson is not None)
            if told:
                told(count, kept)
        return files.finish(made)


def problems(source: Source, data: Path, chance: Random, limit: int | None) -> Iterator[Problem | Unusable]:
    """The first problems of a source."""
    return islice(source.load()(data, chance), limit)


async def in_order(
    waiting: Iterable[Problem | Unusable], parallel: int, teacher: Teacher | None
) -> AsyncIterator[Recorded]:
    """What comes of problems, in their order, so many run at a time."""
    running: deque[asyncio.Task[Recorded]] = deque()
    try:
        for problem in waiting:
            running.append(asyncio.create_task(recorded(problem, teacher)))
            if len(running) >= parallel:
                yield await running.popleft()
        while running:
            yield await running.popleft()
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def recorded(problem: Problem | Unusable, teacher: Teacher | None) -> Recorded:
    """What comes of one problem, solved by its script or by a teacher, worded by the source or by a teacher."""
    if isinstance(problem, Problem) and teacher is not None:
        problem = await teacher.solve(problem)
    return unusable(problem) if isinstance(problem, Unusable) else await record(problem)


class Files:
    """The files of one source's lessons."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder
        self.name = name
        self.partial = folder / f"{name}{PARTIAL}"
        self.summary = folder / f"{name}.json"

    def finished(self, made: Collection) -> Collected | None:
        """What was collected, if all of it was.

        Raises:
            ConfigurationError: It was collected otherwise.
        """
        if not self.summary.is_file():
            return None
        done = read_summary(self.summary)
        self.same(done.made, made)
        self.partial.unlink(missing_ok=True)  # of one that was killed between the two
        return done

    def begin(self, made: Collection) -> Iterator[Recorded]:
        """What was recorded before the last time ended; a line that was being written then is left away.

        Raises:
            ConfigurationError: It was collected otherwise.
        """
        whole = 0
        try:
            with self.partial.open("rb") as file:
                for line in file:
                    if not line.endswith(b"\n"):
                        break
                    if whole:
                        yield Recorded.model_validate_json(line)
                    else:
                        self.same(Collection.model_validate_json(line), made)
                    whole += len(line)
        except FileNotFoundError:
            pass
        except ValidationError:
            raise ConfigurationError(f"{self.partial} is damaged; remove it and collect {self.name} anew") from None
        if whole:
            with self.partial.open("r+b") as file:
                file.truncate(whole)
        else:
            self.write(f"{made.model_dump_json()}\n", mode="w")

    def same(self, there: Collection, made: Collection) -> None:
        """Refuse to mix lessons that were collected in two ways.

        Raises:
            ConfigurationError: These were.
        """
        for field in Collection.model_fields:
            if (was := getattr(there, field)) != (now := getattr(made, field)):
                raise ConfigurationError(
                    f"{self.name} was collected in {self.folder} with another {field} ({was}, now {now}): "
                    f"name another run, or remove {self.folder / self.name}.*"
                )

    def add(self, recorded: Recorded) -> None:
        """Keep what came of a problem."""
        self.write(f"{recorded.model_dump_json(exclude_defaults=True)}\n", mode="a")

    def write(self, line: str, *, mode: str) -> None:
        try:
            with self.partial.open(mode, encoding="utf-8", newline="\n") as file:
                file.write(line)
        except OSError as error:
            raise TraceError(
                f"can't write {self.partial}: {error.strerror}; make room and collect again, it goes on from there"
            ) from None

    def finish(self, made: Collection) -> Collected:
        """Make the final files of the partial one."""
        rejected = [r for r in self.recorded() if r.lesson is None]
        kinds: Counter[str] = Counter(r.lesson.kind for r in self.recorded() if r.lesson)
        reasons = Counter(r.reason for r in rejected)
        examples = {r.reason: f"{r.id}: {r.detail}" for r in reversed(rejected) if r.detail}
        lessons = self.folder / f"{self.name}.jsonl"
        kept = write_lessons(lessons, (r.lesson for r in self.recorded() if r.lesson))
        lines = "".join(f"{r.model_dump_json(exclude_defaults=True)}\n" for r in rejected)
        done = Collected(
            made=made,
            problems=kept + len(rejected),
            kept=kept,
            kinds=dict(sorted(kinds.items())),
            rejected=dict(reasons.most_common()),
            examples={reason: examples[reason] for reason, _ in reasons.most_common() if reason in examples},
        )
        try:
            replace_file(self.folder / f"{self.name}.rejected.jsonl", lines)
            replace_file(self.summary, done.model_dump_json(indent=1) + "\n")
        except OSError as error:
            raise TraceError(f"can't write {self.summary}: {error.strerror}; make room and collect again") from None
        self.partial.unlink(missing_ok=True)
        return done

    def recorded(self) -> Iterator[Recorded]:
        """The lines of the partial file."""
        with self.partial.open(encoding="utf-8") as file:
            for line in islice(file, 1, None):
                yield Recorded.model_validate_json(line)


def read_summary(path: Path) -> Collected:
    """What was counted of a source.

    Raises:
        TraceError: It can't be read.
    """
    try:
        return Collected.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is damaged"
        raise TraceError(f"can't read {path}: {reason}; remove it and collect anew") from None


def collections(run: Path) -> list[tuple[Collected, Path]]:
    """What was collected in a run, with the file of its lessons, by name.

    Raises:
        ConfigurationError: Nothing was, or a source isn't through.
    """
    folder = run / FOLDER
    begun = [path.name.removesuffix(PARTIAL) for path in sorted(folder.glob(f"*{PARTIAL}"))]
    if name := next((name for name in begun if not (folder / f"{name}.json").is_file()), ""):
        raise ConfigurationError(f"{name} isn't collected to its end in {run}: collect it again, it goes on")
    found = [(read_summary(path), path.with_suffix(".jsonl")) for path in sorted(folder.glob("*.json"))]
    if not found:
        raise ConfigurationError(f"nothing is collected in {run}: agentkit distil collect --run {run}")
    return found


def digest(path: Path) -> str:
    """SHA-256 of a file.

    Raises:
        ConfigurationError: It can't be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ConfigurationError(
            f"{path} can't be read: {error.strerror}; name the folder of training data by --data"
        ) from None


def safe(text: str) -> str:
    """A model's name as part of a file's."""
    return "".join(c if c.isalnum() or c in "._" else "_" for c in Path(text).name)[:60]
