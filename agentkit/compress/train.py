"""Training a student on lessons: `train` goes on where it was stopped, and ends with the weights of an unbroken run."""

import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from agentkit import protocol
from agentkit.compress import results
from agentkit.compress.base import Base
from agentkit.compress.checkpoints import Checkpoints, Progress
from agentkit.compress.examples import Example, encode, split
from agentkit.compress.lesson import read_lessons
from agentkit.compress.network import library
from agentkit.compress.packing import Row, pack, packed, steps
from agentkit.compress.recipe import Recipe
from agentkit.compress.results import Result
from agentkit.compress.student import Student
from agentkit.compress.teacher import Teacher
from agentkit.errors import ConfigurationError
from agentkit.heap import Heap
from agentkit.knowledge.database import alone

SAVE_SECONDS = 300.0
"""Between checkpoints."""

Tell = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """What doesn't decide the weights: where a run is kept, for how long it may compute, on what."""

    out: Path
    command: str = ""
    """The command that runs, for the record."""
    licences: Mapping[str, str] = field(default_factory=dict[str, str])
    """Of the lessons' sources."""
    minutes: float | None = None
    """Stop in time to have scored and saved what there is by then; the same command goes on."""
    device: str = "auto"
    tell: Tell = print

    def __post_init__(self) -> None:
        if self.minutes is not None and not self.minutes >= 0:  # no number is none of them
            raise ConfigurationError(f"{self.minutes:g} minutes are no time to train for; name 0 or more")


def train(lessons: Path, base: Base, recipe: Recipe, conditions: Conditions) -> Result:
    """Train, keep the weights that are best on held-out lessons, and write them with their card.

    Raises:
        ConfigurationError: The base, the teacher or the checkpoint can't be used; another process trains there; the
            loss is no number any more; the disk or the device's memory is full.
        TraceError: A line of the lessons is none.
        MissingExtra: torch, transformers or peft isn't installed.
    """
    began = time.monotonic()
    tell = conditions.tell
    read = list(read_lessons(lessons))
    student = Student(base.folder, recipe, device=conditions.device)
    if base.taught:
        student.take_up(base.taught)
    examples = encode(read, base.speech.whole, context=student.context, protocol=protocol.fingerprint())
    own, held = split(examples.kept, recipe.held_out)
    if not own:
        raise ConfigurationError(f"all {len(held)} lessons are held out; collect more, or lower --held-out")
    plan = planned(own, recipe)
    teacher = Teacher(Path(recipe.teacher), student, base.folder) if recipe.teacher else None
    tell(
        f"{len(own)} lessons to learn from, {len(held)} held out, {examples.too_long} longer than {student.context} "
        f"tokens left out; {len(plan)} steps; {student.size:,} of the weights are trained on {student.device}"
    )
    identity = f"{recipe.model_dump_json()} {examples.fingerprint} {base.sha256}"
    if base.taught:
        identity += f" {base.taught.card.model_dump_json()}"
    out, held = conditions.out, held[: recipe.validated]
    with alone(out):
        course = Course(
            student, own, held, plan, recipe, Checkpoints(out, identity, student), teacher, base.speech.ends, tell
        )
        try:
            progress = course.run(deadline=None if conditions.minutes is None else began + 60 * conditions.minutes)
        except library("torch").OutOfMemoryError:
            raise ConfigurationError(
                f"the memory of {student.device} is full; lower --at-once ({recipe.at_once}), or add --checkpointing"
            ) from None
        sources = results.sources(read, examples, conditions.licences)
        card = results.card(student, progress, base, examples, sources, out=out, command=conditions.command)
        return results.keep(student, progress, card, base, out, finished=progress.step == len(plan))


def planned(own: Sequence[Example], recipe: Recipe) -> list[list[list[int]]]:
    """The rows of each step, by the indices of their examples."""
    endless = steps(own, size=recipe.row, learned=recipe.tokens, seed=recipe.seed)
    if recipe.steps is not None:
        return list(itertools.islice(endless, recipe.steps))
    wanted = recipe.epochs * sum(example.learned for example in own)
    found: list[list[list[int]]] = []
    for step in endless:
        found.append(step)
        wanted -= sum(own[index].learned for row in step for index in row)
        if wanted <= 0:
            break
    return found


@dataclass
class Course:
    """The steps of one run."""

    student: Student
    own: Sequence[Example]
    held: Sequence[Example]
    plan: Sequence[Sequence[Sequence[int]]]
    recipe: Recipe
    checkpoints: Checkpoints
    teacher: Teacher | None
    ends: Sequence[int]
    tell: Tell

    def run(self, *, deadline: float | None) -> Progress:
        """Take the steps that are left, or as many as there is time for."""
        progress = self.checkpoints.restored()
        steps = len(self.plan)
        if progress.step:
            self.tell(f"going on after step {progress.step} of {steps}")
        else:
            self.validate(progress)
        due = self.recipe.validated_after(steps)
        heap = Heap()
        saved = time.monotonic()
        longest = progress.seconds / max(progress.step, 1)  # of a step, with the scoring after it
        while progress.step < steps:
            began = time.monotonic()
            if deadline is not None and began + longest + progress.scoring > deadline:
                self.tell(f"stopped in time after step {progress.step} of {steps}; the same command goes on")
                break
            self.step(progress)
            if progress.step in due or progress.step == steps:
                self.validate(progress)
            heap.bound()
            if time.monotonic() - saved > SAVE_SECONDS:
                self.checkpoints.save(progress)
                saved = time.monotonic()
            longest = max(longest, time.monotonic() - began)
        self.checkpoints.save(progress)
        if progress.step not in due | {0, steps}:
            self.validate(progress)  # for what is kept now; the run that goes on never saw it
        return progress

    def step(self, progress: Progress) -> None:
        """Take one step and log it."""
        began = time.monotonic()
        at = progress.step
        examples = [[self.own[index] for index in row] for row in self.plan[at]]
        self.student.torch.manual_seed(self.recipe.seed * 1_000_003 + at)  # so that any step can be done again
        taken, loss = self.taken(examples, Random(f"{self.recipe.seed}-{at}"))
        rate = self.recipe.rate_at(at, len(self.plan))
        lost = self.student.learn(taken, rate=rate, loss=loss)
        tokens = sum(len(example.ids) for row in examples for example in row)
        seconds = time.monotonic() - began
        progress.step += 1
        progress.tokens += tokens
        progress.seconds += seconds
        computed = sum(len(row.ids) for row in taken)
        self.checkpoints.note(
            step=progress.step,
            loss=lost,
            rate=rate,
            tokens=tokens,
            computed=computed,
            tokens_per_second=tokens / seconds,
            seconds=seconds,
        )
        left = progress.seconds / progress.step * (len(self.plan) - progress.step) / 60
        self.tell(
            f"step {progress.step} of {len(self.plan)}: loss {lost:.4f}, {tokens / seconds:.0f} tokens/s "
            f"({computed / tokens:.0%} of them computed), {left:.0f} min to go"
        )

    def taken(self, examples: Sequence[Sequence[Example]], chance: Random) -> tuple[list[Row], Any]:
        """A step's rows, and the loss that is taken of them; None for that of the lessons' own tokens."""
        if self.teacher is None:
            return [pack(row) for row in examples], None
        if chance.random() >= self.recipe.on_policy:
            return [pack(row) for row in examples], self.teacher.mixed
        written = [self.teacher.rewritten(row, chance=chance, ends=self.ends) for row in examples]
        return [pack(row) for row in written], self.teacher.divergence

    def validate(self, progress: Progress) -> None:
        """Score the held-out lessons; without any, the last weights are the best."""
        if not self.held:
            return
        began = time.monotonic()
        loss, taken = self.student.score(packed(self.held, size=self.recipe.row))
        right, of = (sum(column) for column in zip(*taken.values(), strict=True))
        self.checkpoints.note(
            step=progress.step,
            held_out_loss=loss,
            decisions=right / of,
            kinds={kind or "any": round(share[0] / share[1], 4) for kind, share in sorted(taken.items())},
        )
        self.tell(f"after step {progress.step}: held-out loss {loss:.4f}, {right} of {of} decisions as in the lessons")
        if progress.best is None or loss < progress.best:
            progress.best, progress.best_step, progress.tensors = loss, progress.step, self.student.tensors()
        progress.scoring = time.monotonic() - began
