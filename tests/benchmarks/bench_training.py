"""How fast a student learns on this machine, with attention computed branch by branch or over the whole row.

    .venv/bin/python tests/benchmarks/bench_training.py runs/mine/lessons.jsonl [--rows 1024 2048] [--rounds 3]

The ways take turns, each with the same lessons; medians of the rounds, each a step of LoRA. Learned tokens are those
that carry loss, computed ones those that go through the network.
"""

import argparse
import statistics
import time
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from random import Random

from agentkit import protocol
from agentkit.compress.attention import Stretch, whole
from agentkit.compress.base import open_base
from agentkit.compress.examples import encode
from agentkit.compress.lesson import read_lessons
from agentkit.compress.network import has_bf16, library
from agentkit.compress.packing import Branch, Row, pack, rows
from agentkit.compress.recipe import Recipe
from agentkit.compress.student import Student

LESSONS = 300
STEP = 4096
"""Computed tokens of a step, about."""


class Masked(Student):
    """A student whose rows are attended from at once, under a mask, as on a GPU."""

    def stretches(self, row: Sequence[Branch]) -> list[Stretch]:
        torch = self.torch
        return [whole(torch, row, device=self.device, dtype=torch.bfloat16 if self.bf16 else torch.float32)]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("lessons", type=Path)
    parser.add_argument("--base", default="smollm2-135m")
    parser.add_argument("--rows", type=int, nargs="+", default=[1024, 2048])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    library("torch").set_num_threads(given.threads)
    base = open_base(given.base)
    lessons = islice(read_lessons(given.lessons), LESSONS)
    examples = encode(lessons, base.speech.whole, context=8192, protocol=protocol.fingerprint()).kept
    ways: dict[tuple[str, int], tuple[Student, list[Row]]] = {}
    for size in given.rows:
        packed = [pack([examples[i] for i in row]) for row in rows(examples, size=size, chance=Random(0))]
        recipe = Recipe(row=size, at_once=size, bf16=has_bf16("cpu"))
        for name, kind in {"branches": Student, "whole row": Masked}.items():
            ways[name, size] = kind(base.folder, recipe, device="cpu"), packed[: max(1, STEP // size)]
    seconds: dict[tuple[str, int], list[float]] = {way: [] for way in ways}
    for turn in range(given.rounds + 1):
        for way, (student, step) in ways.items():
            began = time.perf_counter()
            student.learn(step, rate=1e-4)
            if turn:  # the first is slower
                seconds[way].append(time.perf_counter() - began)
    print("| attention | row | learned tokens/s | computed tokens/s |\n|---|---|---|---|")
    for way, (_, step) in ways.items():
        took = statistics.median(seconds[way])
        learned, computed = sum(len(row.targets) for row in step), sum(len(row.ids) for row in step)
        print(f"| {way[0]} | {way[1]} | {learned / took:.0f} | {computed / took:.0f} |", flush=True)


if __name__ == "__main__":
    main()
