"""The grounding model, measured: python tests/benchmarks/bench_grounding.py [--weights FILE] [--limit N] [--data DIR]

On two idle cores about half an hour; `--limit 100` draws that many pairs of each set.

Balanced accuracy with its 95 % interval on wice, summedits, begin and halueval (agentkit's own evaluation tasks: the
same items, clusters and statistics), next to two baselines on the same pairs:

  lexical   the share of the claim's content words that the passage has
  cosine    the best cosine of all-MiniLM-L6-v2 between the claim and the passage or one of its sentences

All three thresholds are the best ones on held-out pairs of the training data; nothing is tuned on these sets. Also the
paired difference to the better baseline, what planted faults are caught (held-out, by kind), and milliseconds a pair.
"""

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Annotated

import typer
from calibrate_checks import Cosines
from rich.console import Console
from rich.table import Table

from agentkit.checks.words import content_words
from agentkit.evaluate.item import Item
from agentkit.evaluate.statistics import Estimate, difference, mean
from agentkit.evaluate.tasks import load_task
from agentkit.knowledge.embedder import Embedder
from agentkit.knowledge.grounding import Grounding, data
from agentkit.knowledge.grounding.calibration import calibrate
from agentkit.knowledge.grounding.weights import SHIPPED
from agentkit.knowledge.sentences import sentences
from agentkit.models import catalog

SHARED = Path(__file__).parents[2] / "../shared/data"
TASKS = {
    "wice": "out of domain",
    "summedits": "in domain (other domains of the benchmark)",
    "begin": "in domain (other source of dialogues)",
    "halueval": "out of domain (length gives its answers away)",
}
WORDS = 200
TIMED = 20
SEED = 7

Score = Callable[[Sequence[tuple[str, str]]], Sequence[float]]


def lexical(pairs: Sequence[tuple[str, str]]) -> list[float]:
    said = [(content_words(claim), content_words(passage)) for claim, passage in pairs]
    return [len(claim & passage) / len(claim) if claim else 0.0 for claim, passage in said]


def cosine(embedder: Embedder) -> Score:
    cosines = Cosines(embedder)

    def score(pairs: Sequence[tuple[str, str]]) -> list[float]:
        return [float(cosines([claim], [passage, *sentences(passage)]).max()) for claim, passage in pairs]

    return score


def asked(items: Sequence[Item]) -> list[tuple[str, str]]:
    """Claims with their evidence."""
    return [(i.question.partition("\nClaim: ")[2], "\n".join(p.text for p in i.passages)) for i in items]


def sources_of(pairs: Sequence[data.Pair]) -> list[str]:
    return sorted({p.source for p in pairs})


def shown(estimate: Estimate | None) -> str:
    return f"{estimate.value:.1%} [{estimate.low:.1%}, {estimate.high:.1%}]" if estimate else "-"


def sample(items: Sequence[Item], limit: int | None) -> list[Item]:
    return Random(SEED).sample(list(items), min(limit, len(items))) if limit else list(items)


def compare(scorers: dict[str, Score], thresholds: dict[str, float], folder: Path, limit: int | None) -> Table:
    """Every scorer on every task."""
    table = Table("set", "domain", "pairs", *scorers, "grounding - better baseline", title="Balanced accuracy")
    for task, domain in TASKS.items():
        items = sample(load_task(task, data=folder).items, limit)
        gold, clusters = [str(i.gold) for i in items], [i.cluster for i in items]
        right: dict[str, list[float]] = {}
        found: dict[str, Estimate | None] = {}
        for name, score in scorers.items():
            scores = score(asked(items))
            right[name] = [float((s >= thresholds[name]) == (g == "yes")) for s, g in zip(scores, gold, strict=True)]
            found[name] = mean(right[name], clusters=clusters, strata=gold)
        baseline = max((n for n in scorers if n != "grounding"), key=lambda n: found[n].value if found[n] else 0.0)  # pyright: ignore[reportOptionalMemberAccess]
        gain = difference(right[baseline], right["grounding"], clusters=clusters, strata=gold)
        table.add_row(task, domain, str(len(items)), *map(shown, found.values()), shown(gain))
    return table


def planted(scorers: dict[str, Score], thresholds: dict[str, float], pairs: Sequence[data.Pair]) -> Table:
    """The share of held-out planted faults that each scorer catches, and of true sentences that it objects to."""
    table = Table("planted", "pairs", *scorers, title="Objected to, held-out pairs made from HotpotQA's paragraphs")
    for kind in sorted({p.kind for p in pairs if p.source == "planted"}):
        of = [(p.claim, p.passage) for p in pairs if p.kind == kind]
        shares = [sum(s < thresholds[name] for s in score(of)) / len(of) for name, score in scorers.items()]
        table.add_row("no fault" if kind == "none" else kind, str(len(of)), *(f"{share:.0%}" for share in shares))
    return table


def timed(grounding: Grounding, pairs: Sequence[tuple[str, str]]) -> str:
    """Milliseconds a pair at 200 words, alone and together."""
    cut = [(claim, " ".join(text.split()[:WORDS])) for claim, text in pairs if len(text.split()) >= WORDS][:TIMED]
    grounding(cut[:2])
    start, used = time.perf_counter(), time.process_time()
    for pair in cut:
        grounding([pair])
    alone, used = (time.perf_counter() - start) / len(cut), (time.process_time() - used) / len(cut)
    start = time.perf_counter()
    grounding(cut)
    together = (time.perf_counter() - start) / len(cut)
    return (
        f"ms a pair at {WORDS} words ({len(cut)} pairs, {os.cpu_count()} cores): {1000 * alone:.0f} one by one "
        f"({1000 * used:.0f} of processor time), {1000 * together:.0f} together"
    )


def main(
    *,
    weights: Annotated[Path, typer.Option(help="File of weights; by default the package's.")] = SHIPPED,
    folder: Annotated[Path, typer.Option("--data", help="Folder with train/ and eval/.")] = SHARED,
    limit: Annotated[int | None, typer.Option(help="Pairs of a set, drawn at random.")] = None,
    only_time: Annotated[bool, typer.Option(help="Measure nothing but milliseconds.")] = False,
) -> None:
    """Measure the grounding model."""
    place = catalog.locate(catalog.EMBEDDER)
    if place is None:
        raise SystemExit(f"no base on this machine: agentkit models pull {catalog.EMBEDDER}")
    console = Console(width=160)
    grounding = Grounding.load(place, weights=weights)
    long = asked(sample(load_task("summedits", data=folder).items, 200))
    console.print(timed(grounding, long))
    if only_time:
        return
    scorers: dict[str, Score] = {"lexical": lexical, "cosine": cosine(Embedder.load(place)), "grounding": grounding}
    held_out = data.load(folder / "train")[1]
    if limit:
        held_out = Random(SEED).sample(held_out, min(limit * 2, len(held_out)))
    table = Table("scorer", "threshold", *sources_of(held_out), title="Balanced accuracy on held-out training pairs")
    thresholds: dict[str, float] = {}
    for name, score in scorers.items():
        thresholds[name], reached = calibrate(held_out, score([(p.claim, p.passage) for p in held_out]))
        table.add_row(name, f"{thresholds[name]:.3f}", *(f"{share:.1%}" for share in reached.values()))
    thresholds["grounding"] = grounding.card.balanced
    console.print(table, f"The model's own threshold, {grounding.card.balanced}, is the one that counts below.")
    console.print(planted(scorers, thresholds, held_out))
    console.print(compare(scorers, thresholds, folder, limit))


if __name__ == "__main__":
    typer.run(main)
