"""Rows of examples: what goes where, and that nothing is computed otherwise than by itself."""

from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest

from agentkit.compress.attention import Stretch, whole
from agentkit.compress.network import Network, open_model
from agentkit.compress.packing import Branch, pack, passes, rows, steps

from .letters import example, text_of

EXAMPLES = [example(n) for n in (5, 12, 12, 120, 7)]


def test_what_examples_begin_with_alike_stands_in_a_row_once() -> None:
    row = pack(EXAMPLES)
    assert text_of(row.ids).count("Reply in JSON.") == 1
    assert len(row.ids) < 0.6 * sum(len(e.ids) for e in EXAMPLES)
    assert len(row.targets) == sum(e.learned for e in EXAMPLES)
    assert len(row.kinds) == sum(len(e.decisions) for e in EXAMPLES)
    assert max(row.positions) == max(len(e.ids) for e in EXAMPLES) - 1


class AsOnAGpu(Network):
    """Each row attended from at once."""

    def stretches(self, row: Sequence[Branch]) -> list[Stretch]:
        return [whole(self.torch, row, device="cpu", dtype=self.torch.float32)]


@pytest.fixture(scope="module", params=[Network, AsOnAGpu])
def network(letters: Path, request: pytest.FixtureRequest) -> Any:
    return request.param(open_model(letters).eval(), device="cpu", bf16=False)


def test_packed_each_token_is_predicted_as_if_its_example_stood_alone(network: Any) -> None:
    torch = network.torch
    with torch.no_grad():
        together = network.logits([pack(EXAMPLES[:3]), pack(EXAMPLES[3:])])
        order = [e for part in (EXAMPLES[:3], EXAMPLES[3:]) for e in sorted(part, key=lambda e: e.ids)]
        for found in order:
            alone = network.model(torch.tensor([found.ids])).logits[0]
            expected = torch.cat([alone[start - 1 : end - 1] for start, end in found.decisions])
            torch.testing.assert_close(together[: len(expected)], expected, atol=1e-5, rtol=1e-4)
            together = together[len(expected) :]
    assert len(together) == 0


def test_packed_loss_and_gradient_are_those_of_the_examples_one_by_one(network: Any) -> None:
    torch = network.torch

    def summed(batch: list[Any]) -> Any:
        entropy = torch.nn.functional.cross_entropy
        return entropy(network.logits(batch), network.wanted(batch), reduction="sum")

    def gradient() -> Any:
        return torch.cat([p.grad.flatten() for p in network.model.parameters()])

    packed = summed([pack(EXAMPLES)])
    packed.backward()
    together = gradient().clone()
    network.model.zero_grad()
    single: Any = sum(summed([pack([e])]) for e in EXAMPLES)
    single.backward()
    torch.testing.assert_close(packed, single, rtol=1e-5, atol=1e-4)
    torch.testing.assert_close(together, gradient(), rtol=1e-3, atol=1e-4)
    network.model.zero_grad()


def test_rows_have_every_example_once_and_are_full() -> None:
    found = [example(n) for n in range(10, 99)]
    planned = rows(found, size=600, chance=Random(0))
    assert sorted(i for row in planned for i in row) == list(range(len(found)))
    lengths = [len(pack([found[i] for i in row]).ids) for row in planned]
    assert max(lengths) <= 600
    assert sum(lengths) > 0.9 * 600 * (len(lengths) - 1)
    assert planned == rows(found, size=600, chance=Random(0)) != rows(found, size=600, chance=Random(1))


def test_an_example_longer_than_a_row_has_one_of_its_own() -> None:
    assert sorted(rows(EXAMPLES, size=10, chance=Random(0))) == [[0], [1], [2], [3], [4]]


def test_steps_have_the_learned_tokens_asked_for_and_go_on_for_ever() -> None:
    found = [example(n) for n in range(10, 40)]
    endless = steps(found, size=300, learned=100, seed=0)
    first = [next(endless) for _ in range(20)]
    for step in first:
        assert sum(found[i].learned for row in step for i in row) >= 100
        assert sum(found[i].learned for row in step[:-1] for i in row) < 100
    epoch = [i for step in first for row in step for i in row][: len(found)]
    assert sorted(epoch) == list(range(len(found)))
    again = steps(found, size=300, learned=100, seed=0)
    assert first == [next(again) for _ in range(20)]


def test_rows_computed_at_once_keep_their_order_and_fit() -> None:
    packed = [pack(EXAMPLES[:n]) for n in (1, 5, 2, 5, 1)]
    batches = list(passes(packed, 700))
    assert [row for batch in batches for row in batch] == packed
    assert 1 < len(batches) < len(packed)
    assert all(sum(len(row.ids) for row in batch) <= 700 or len(batch) == 1 for batch in batches)
