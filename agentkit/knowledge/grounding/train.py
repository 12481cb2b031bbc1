"""Train the grounding model: python -m agentkit.knowledge.grounding.train --data FOLDER --base FOLDER

Needs the extra 'transformers' and the base, all-MiniLM-L6-v2. Writes the weights with their model card beside them.
Killed, the same command goes on from the last checkpoint and ends with the same weights.
"""

import os
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Annotated, Any

import typer

from agentkit.errors import AgentkitError, ConfigurationError
from agentkit.heap import Heap
from agentkit.knowledge.grounding import data
from agentkit.knowledge.grounding.calibration import calibrate, lenient
from agentkit.knowledge.grounding.card import written
from agentkit.knowledge.grounding.network import Network
from agentkit.knowledge.grounding.scorer import Grounding
from agentkit.knowledge.grounding.weights import SHIPPED, Card, fingerprint_of, read, write

CHECKPOINT = "checkpoint.pt"
SAVE_SECONDS = 60.0
WARM_UP = 0.06
"""Share of the steps in which the learning rate rises."""

Tell = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How the model is trained. Equal recipes on equal data give equal weights on equal machines."""

    rank: int = 32
    epochs: int = 3
    steps: int | None = None
    """Stop after so many, for a rehearsal; the learning rate falls to 0 until then."""
    tokens: int = 3072
    """Of a batch, padding included."""
    rate: float = 5e-4
    """As for LoRA on RoBERTa-base (Hu et al. 2021, table 9). At 1e-3 the loss didn't fall in 40 steps of rehearsal."""
    seed: int = 0
    bf16: bool = True
    """2.8 times as fast as single precision on processors with avx512_bf16, slow on others."""
    held_out: int | None = None
    """Use no more held-out pairs, for a rehearsal."""
    validations: int = 6
    """Times that the held-out pairs are scored; the best weights are kept."""
    validated: int = 3000
    """Held-out pairs scored each time, of few the best is chosen by chance; the threshold is calibrated on all."""

    def batches(self, lengths: Sequence[int]) -> list[list[int]]:
        """Which pairs each step learns from: of alike lengths, in an order that only the seed decides."""
        found: list[list[int]] = []
        for epoch in range(self.epochs):
            chance = Random(f"{self.seed}-{epoch}")
            order = sorted(range(len(lengths)), key=lambda i: (lengths[i] + chance.random() * 8, i))
            once = list(_filled(order, lengths, self.tokens))
            chance.shuffle(once)
            found += once
        return found[: self.steps]

    def rate_at(self, step: int, steps: int) -> float:
        """The learning rate: up in a line, then down in a line."""
        warm = max(1, round(steps * WARM_UP))
        return self.rate * min((step + 1) / warm, (steps - step) / max(1, steps - warm))


@dataclass
class Progress:
    """Where a run stands."""

    step: int = 0
    losses: float = 0.0
    """Their moving mean."""
    best: float = 0.0
    best_step: int = 0
    tensors: dict[str, Any] | None = None
    """Those that scored best so far."""


def train(
    folder: Path,
    base: Path,
    out: Path,
    recipe: Recipe,
    work: Path,
    *,
    start: Path | None = None,
    command: str,
    tell: Tell,
) -> Card:
    """Train, choose the best weights on held-out pairs, calibrate the threshold, and write weights and card.

    Args:
        folder: Of the training data.
        work: Where checkpoints are kept.
        start: Weights of a pass to go on from; without, the base as it is.

    Raises:
        ConfigurationError: Something named is missing, or the checkpoint is of another run.
        MissingExtra: torch or transformers isn't installed.
    """
    pairs, held_out = data.load(folder)
    held_out = Random(recipe.seed).sample(held_out, min(recipe.held_out or len(held_out), len(held_out)))
    network = Network(base, rank=recipe.rank, seed=recipe.seed, bf16=recipe.bf16)
    tell(f"{len(pairs)} pairs to train on, {len(held_out)} held out; {network.size} weights")
    fingerprint, identity = data.fingerprint(pairs), fingerprint_of(base)
    before = begun(network, start, identity) if start else None
    checkpoints = Checkpoints(work, f"{recipe} {fingerprint} {identity} {before or ''}", network.torch)
    progress = learn(network, pairs, held_out, recipe, checkpoints=checkpoints, tell=tell)
    card = Card(
        base=identity,
        rank=recipe.rank,
        threshold=0.5,
        balanced=0.5,
        seed=recipe.seed,
        steps=progress.best_step,
        command=command,
        before=(*before.before, before.command) if before else (),
        data={source.file: source.licence for source in data.SOURCES},
        pairs=len(pairs),
        fingerprint=fingerprint,
        scores={},
    )
    tensors = progress.tensors or network.tensors()
    trial = out.with_name(f"{out.name}.trial")
    try:
        write(trial, card, tensors)
        tell("calibrating on what ships: half precision, whole passages in windows")
        card = calibrated(card, Grounding.load(base, weights=trial), held_out)
    finally:
        trial.unlink(missing_ok=True)
    write(out, card, tensors)
    out.with_name("MODEL_CARD.md").write_text(written(card, recipe, size=out.stat().st_size), encoding="utf-8")
    return card


def begun(network: Network, start: Path, base: str) -> Card:
    """Give the network the weights of an earlier pass; returns what their file says of itself."""
    card, tensors = read(start)
    if card.base != base:
        raise ConfigurationError(f"{start} is of another base ({card.base[:12]}, not {base[:12]}); name its base")
    network.start(tensors)
    return card


def learn(
    network: Network,
    pairs: Sequence[data.Pair],
    held_out: Sequence[data.Pair],
    recipe: Recipe,
    *,
    checkpoints: "Checkpoints",
    tell: Tell,
) -> Progress:
    """Take all steps that are left."""
    encoded = [network.encode(p.claim, p.passage) for p in pairs]
    lengths = [len(e.ids) for e in encoded]
    batches = recipe.batches(lengths)
    steps = len(batches)
    sizes = [len(batch) * max(lengths[i] for i in batch) for batch in batches]
    every = max(1, steps // recipe.validations)
    sample = held_out[: recipe.validated]
    validation = [network.encode(p.claim, p.passage) for p in (p.shortened() for p in sample)]
    heap = Heap()
    progress = checkpoints.restored(network)
    if progress.step:
        tell(f"going on after step {progress.step} of {steps}")
    first, began, saved = progress.step, time.monotonic(), time.monotonic()
    for step in range(progress.step, steps):
        batch = batches[step]
        loss = network.learn(
            [encoded[i] for i in batch],
            [pairs[i].supported for i in batch],
            rate=recipe.rate_at(step, steps),
            seed=recipe.seed * 1_000_003 + step,
        )
        progress.losses = loss if step == 0 else 0.98 * progress.losses + 0.02 * loss
        progress.step = step + 1
        if progress.step % 20 == 0:
            speed = sum(sizes[first : step + 1]) / (time.monotonic() - began)
            left = sum(sizes[step + 1 :]) / speed / 60
            tell(f"step {step + 1} of {steps}, loss {progress.losses:.3f}, {speed:.0f} tokens/s, {left:.0f} min to go")
        if progress.step % every == 0 or progress.step == steps:
            reached = calibrate(sample, network.scores(validation))[1]
            score = sum(reached.values()) / len(reached)
            tell(
                f"step {progress.step}: balanced accuracy {score:.3f} on {len(sample)} held-out pairs; {shown(reached)}"
            )
            if score > progress.best:
                progress.best, progress.best_step, progress.tensors = score, progress.step, network.tensors()
        heap.bound()
        if time.monotonic() - saved > SAVE_SECONDS or progress.step == steps:
            checkpoints.save(network, progress)
            saved = time.monotonic()
    return progress


class Checkpoints:
    """One file from which a run goes on, replaced whole."""

    def __init__(self, folder: Path, identity: str, torch: Any) -> None:
        self.path = folder / CHECKPOINT
        self._identity = identity
        self._torch = torch

    def save(self, network: Network, progress: Progress) -> None:
        part = self.path.with_name(f"{CHECKPOINT}.part")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        state = {"identity": self._identity, "network": network.state(), "progress": dict(vars(progress))}
        try:
            self._torch.save(state, part)
            os.replace(part, self.path)
        except (OSError, RuntimeError) as error:  # torch's writer raises RuntimeError on a full disk
            part.unlink(missing_ok=True)
            raise ConfigurationError(
                f"can't write {self.path}: {error}; make room, or name a folder with --work"
            ) from None

    def restored(self, network: Network) -> Progress:
        """Bring the network to where the last checkpoint was; to the beginning if there is none."""
        if not self.path.is_file():
            return Progress()
        state = self._torch.load(self.path, weights_only=True)
        if state["identity"] != self._identity:
            raise ConfigurationError(
                f"{self.path} is of a run with another recipe, data or base; delete it, or name a folder with --work"
            )
        network.restore(state["network"])
        return Progress(**state["progress"])


def calibrated(card: Card, grounding: Grounding, held_out: Sequence[data.Pair]) -> Card:
    """The card with the thresholds that held-out pairs give, and what is reached with the balanced one."""
    found = grounding([(p.claim, p.passage) for p in held_out])
    balanced, reached = calibrate(held_out, found)
    scores = {name: round(share, 4) for name, share in reached.items()}
    threshold = round(lenient(held_out, found), 4)
    return card.model_copy(update={"threshold": threshold, "balanced": round(balanced, 4), "scores": scores})


def shown(scores: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {score:.3f}" for name, score in scores.items())


def _filled(order: Sequence[int], lengths: Sequence[int], tokens: int) -> Iterator[list[int]]:
    """Batches of at most so many tokens, in the order given, which goes roughly from short to long."""
    batch: list[int] = []
    longest = 0
    for i in order:
        longest = max(longest, lengths[i])
        if batch and (len(batch) + 1) * longest > tokens:
            yield batch
            batch, longest = [], lengths[i]
        batch.append(i)
    if batch:
        yield batch


def main(
    *,
    folder: Annotated[Path, typer.Option("--data", help="Folder of the training data.")],
    base: Annotated[
        Path, typer.Option(help="Folder of all-MiniLM-L6-v2, printed by `agentkit models pull all-minilm-l6-v2`.")
    ],
    out: Annotated[Path, typer.Option(help="File of the weights; by default the package's.")] = SHIPPED,
    work: Annotated[Path, typer.Option(help="Folder of checkpoints.")] = Path("runs/grounding"),
    start: Annotated[Path | None, typer.Option("--from", help="Weights of a pass to go on from.")] = None,
    rank: Annotated[int, typer.Option(min=1, help="Of the low-rank changes.")] = Recipe.rank,
    epochs: Annotated[int, typer.Option(min=1)] = Recipe.epochs,
    steps: Annotated[int | None, typer.Option(min=1, help="Stop early: a rehearsal.")] = None,
    held_out: Annotated[int | None, typer.Option(min=1, help="Use no more held-out pairs: a rehearsal.")] = None,
    rate: Annotated[float, typer.Option(help="Highest learning rate.")] = Recipe.rate,
    seed: Annotated[int, typer.Option()] = Recipe.seed,
    bf16: Annotated[bool, typer.Option(help="Multiply in bfloat16.")] = Recipe.bf16,
) -> None:
    """Train the grounding model."""
    try:
        recipe = Recipe(rank=rank, epochs=epochs, steps=steps, held_out=held_out, rate=rate, seed=seed, bf16=bf16)
        command = shlex.join(["python", "-m", "agentkit.knowledge.grounding.train", *sys.argv[1:]])
        tell = partial(print, flush=True)
        card = train(folder, base, out, recipe, work, start=start, command=command, tell=tell)
    except AgentkitError as error:
        print(error, file=sys.stderr)
        raise SystemExit(2) from None
    print(f"{out}: threshold {card.threshold}; {shown(card.scores)}")


if __name__ == "__main__":
    typer.run(main)
