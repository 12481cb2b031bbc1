"""Packing: several examples computed in one row, what they begin alike only once.

A row is a prefix tree of its examples. A token attends to those before it in its own example alone, and has the
position that it has there, so that each example is computed as if it stood by itself (Krell et al. 2021, section 3.2,
for rows without a common prefix). The rules that a thousand lessons begin with are so computed once a row.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

from agentkit.compress.examples import Example
from agentkit.models.template import shared_prefix

OPEN_ROWS = 16
"""Rows that are being filled at a time."""


class Target(NamedTuple):
    """One token that is to be learned."""

    place: int
    """In the row: where it is predicted."""
    token: int
    decision: int
    """Which of the row's decisions it belongs to."""


class Branch(NamedTuple):
    """Where in a row one example's own tokens stand."""

    start: int
    end: int
    before: list[int]
    """Places of the tokens that it goes on from."""


@dataclass
class Row:
    """Examples in one sequence."""

    ids: list[int] = field(default_factory=list[int])
    positions: list[int] = field(default_factory=list[int])
    branches: list[Branch] = field(default_factory=list[Branch])
    targets: list[Target] = field(default_factory=list[Target])
    kinds: list[str] = field(default_factory=list[str])
    """What each decision teaches."""


def pack(examples: Iterable[Example]) -> Row:
    """The examples as one row."""
    row = Row()
    before: Sequence[int] = ()
    path: list[int] = []
    for example in sorted(examples, key=lambda e: (e.ids, e.id)):
        shared = shared_prefix(before, example.ids)
        start, end = len(row.ids), len(row.ids) + len(example.ids) - shared
        path = [*path[:shared], *range(start, end)]
        row.ids += example.ids[shared:]
        row.positions += range(shared, len(example.ids))
        row.branches.append(Branch(start, end, path[:shared]))
        for first, last in example.decisions:
            decision = len(row.kinds)
            row.kinds.append(example.kind)
            row.targets += [Target(path[at - 1], example.ids[at], decision) for at in range(first, last)]
        before = example.ids
    return row


def rows(examples: Sequence[Example], *, size: int, chance: Random) -> list[list[int]]:
    """Which examples share a row, by index, in an order that only `chance` decides.

    Rows are filled with examples that begin alike; those that stay short are put together.

    Args:
        size: Tokens of a row; a longer example has a row of its own.
    """
    order = list(range(len(examples)))
    chance.shuffle(order)
    alike: dict[tuple[int, ...], list[int]] = {}
    for index in order:
        alike.setdefault(examples[index].ids[: examples[index].opening], []).append(index)
    found: list[tuple[int, list[int]]] = []
    for opening, members in alike.items():
        own = ((len(examples[i].ids) - len(opening), [i]) for i in members)
        found += ((len(opening) + used, row) for used, row in filled(own, size - len(opening)))
    chance.shuffle(found)
    together = [row for _, row in filled(found, size)]
    chance.shuffle(together)
    return together


def packed(examples: Sequence[Example], *, size: int) -> list[Row]:
    """All examples in rows of so many tokens, always in the same."""
    return [pack(examples[index] for index in row) for row in rows(examples, size=size, chance=Random(0))]


def filled(parts: Iterable[tuple[int, list[int]]], size: int) -> Iterator[tuple[int, list[int]]]:
    """Put each part into the first row with room for it, of those that are being filled."""
    being: list[tuple[int, list[int]]] = []
    for length, members in parts:
        for at, (used, row) in enumerate(being):
            if used + length <= size:
                being[at] = (used + length, [*row, *members])
                break
        else:
            being.append((length, members))
            if len(being) > OPEN_ROWS:
                yield being.pop(max(range(len(being)), key=lambda at: being[at][0]))
    yield from being


def steps(examples: Sequence[Example], *, size: int, learned: int, seed: int) -> Iterator[list[list[int]]]:
    """The rows of each step, epoch after epoch without end: as many as it takes for so many learned tokens."""
    step: list[list[int]] = []
    count = 0
    for epoch in itertools.count():
        for row in rows(examples, size=size, chance=Random(f"{seed}-{epoch}")):
            step.append(row)
            count += sum(examples[index].learned for index in row)
            if count >= learned:
                yield step
                step, count = [], 0


def passes(found: Sequence[Row], tokens: int) -> Iterator[list[Row]]:
    """Rows that are computed at once, of at most so many tokens together unless one alone has more."""
    batch: list[Row] = []
    for row in found:
        if batch and sum(len(each.ids) for each in (*batch, row)) > tokens:
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def joined(found: Sequence[Row]) -> tuple[list[int], list[int], list[int], list[list[Branch]]]:
    """Rows one behind the other: their ids, positions, places of targets, and each row's branches that aren't empty."""
    ids: list[int] = []
    positions: list[int] = []
    places: list[int] = []
    branches: list[list[Branch]] = []
    for row in found:
        at = len(ids)
        ids += row.ids
        positions += row.positions
        places += [at + target.place for target in row.targets]
        branches.append([Branch(at + s, at + e, [at + b for b in before]) for s, e, before in row.branches if e > s])
    return ids, positions, places, branches
