"""Training: the loss falls, it can be killed, and what it ships computes the same without torch."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agentkit.errors import ConfigurationError
from agentkit.knowledge.grounding import Grounding, data, train
from agentkit.knowledge.grounding.network import Network
from agentkit.knowledge.grounding.train import Recipe
from agentkit.knowledge.grounding.weights import Card, fingerprint_of, read, write

pytest.importorskip("torch")

RECIPE = Recipe(rank=4, epochs=1, tokens=512, rate=1e-2, bf16=False, validations=2)
PAIRS = [
    ("The mill of Brenn was built in 1800.", "The mill of Brenn was built in 1800. It has 3 rooms."),
    ("", "Hallen"),
]


class Killed(Exception):
    """Stands for the signal that ends a process."""


def trained(
    data_folder: Path, tiny: Path, place: Path, tell: Callable[[str], None] = print, **changes: Any
) -> tuple[Card, Path]:
    out = place / "grounding.safetensors"
    recipe = dataclasses.replace(RECIPE, **changes)
    return train.train(data_folder, tiny, out, recipe, place / "work", command="train", tell=tell), out


def test_killed_and_resumed_it_gives_the_weights_of_an_unbroken_run(
    data_folder: Path, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train, "SAVE_SECONDS", -1.0)
    card, unbroken = trained(data_folder, tiny, tmp_path / "unbroken")
    learn = Network.learn
    taken: list[int] = []

    def killed(network: Network, *args: Any, **named: Any) -> float:
        if len(taken) == 3:
            raise Killed
        taken.append(1)
        return learn(network, *args, **named)

    monkeypatch.setattr(Network, "learn", killed)
    with pytest.raises(Killed):
        trained(data_folder, tiny, tmp_path / "broken")
    assert not list((tmp_path / "broken").glob("grounding*"))
    monkeypatch.setattr(Network, "learn", learn)
    told: list[str] = []
    again, broken = trained(data_folder, tiny, tmp_path / "broken", told.append)
    assert any(line.startswith("going on after step 3") for line in told)
    assert again == card
    assert broken.read_bytes() == unbroken.read_bytes()
    assert sorted(path.name for path in broken.parent.iterdir()) == ["MODEL_CARD.md", "grounding.safetensors", "work"]
    text = (broken.parent / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert card.base in text
    assert all(source.licence in text for source in data.SOURCES)
    with pytest.raises(ConfigurationError, match="another recipe"):
        trained(data_folder, tiny, tmp_path / "broken", seed=1)


def test_a_pass_goes_on_from_the_weights_of_another(data_folder: Path, tiny: Path, tmp_path: Path) -> None:
    _, first = trained(data_folder, tiny, tmp_path / "first")
    again = Network(tiny, rank=4, seed=3, bf16=False)
    card = train.begun(again, first, fingerprint_of(tiny))
    assert card.before == ()
    asked = [*PAIRS, ("The mill of Brenn was built in 1800.", "Hallen has 3 rooms.")]
    scores = again.scores([again.encode(claim, passage) for claim, passage in asked])
    np.testing.assert_allclose(scores, Grounding.load(tiny, weights=first)(asked), atol=3e-3)

    recipe = dataclasses.replace(RECIPE, seed=2)
    out, work = tmp_path / "second" / "grounding.safetensors", tmp_path / "second" / "work"
    second = train.train(data_folder, tiny, out, recipe, work, start=first, command="go on", tell=print)
    assert (second.before, second.command) == (("train",), "go on")
    assert "    train\n    go on\n" in (out.parent / "MODEL_CARD.md").read_text(encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"another rank .*--rank"):
        train.begun(Network(tiny, rank=2, seed=0), first, fingerprint_of(tiny))
    with pytest.raises(ConfigurationError, match="of another base"):
        train.begun(again, first, "0" * 64)


def test_the_loss_falls_and_numpy_computes_what_torch_trained(tiny: Path, tmp_path: Path) -> None:
    network = Network(tiny, rank=4, seed=0, bf16=False)
    pairs = [(f"It is {n}.", f"It is {n if n % 2 else n + 1}.", bool(n % 2)) for n in range(10, 26)]
    encoded = [network.encode(claim, passage) for claim, passage, _ in pairs]
    labels = [supported for _, _, supported in pairs]
    losses = [network.learn(encoded, labels, rate=1e-2, seed=step) for step in range(30)]
    assert sum(losses[-5:]) < 0.6 * sum(losses[:5])

    card = Card(
        base=fingerprint_of(tiny),
        rank=4,
        threshold=0.5,
        balanced=0.5,
        seed=0,
        steps=30,
        command="",
        data={},
        pairs=16,
        fingerprint="",
        scores={},
    )
    write(tmp_path / "g.safetensors", card, network.tensors())
    grounding = Grounding.load(tiny, weights=tmp_path / "g.safetensors")
    asked = [*((claim, passage) for claim, passage, _ in pairs), *PAIRS]
    expected = network.scores([network.encode(claim, passage) for claim, passage in asked])
    np.testing.assert_allclose(grounding(asked), expected, atol=3e-3)  # half precision of the weights
    assert len(read(tmp_path / "g.safetensors").tensors) == 2 * 12 + 2


def test_a_base_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"can't read the base model in .*models pull") as caught:
        Network(tmp_path, rank=4, seed=0)
    assert "\n" not in str(caught.value)


def test_batches_have_every_pair_once_an_epoch_and_depend_on_the_seed_alone() -> None:
    lengths = [(n * 37) % 90 + 10 for n in range(200)]
    recipe = Recipe(epochs=2, tokens=600)
    batches = recipe.batches(lengths)
    assert sorted(i for batch in batches for i in batch) == sorted([*range(200)] * 2)
    assert all(len(batch) * max(lengths[i] for i in batch) <= 600 for batch in batches)
    assert batches == recipe.batches(lengths)
    assert batches != Recipe(epochs=2, tokens=600, seed=1).batches(lengths)
    assert recipe.rate_at(0, 100) < recipe.rate_at(5, 100) == recipe.rate > recipe.rate_at(99, 100) > 0
