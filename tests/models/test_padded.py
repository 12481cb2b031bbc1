"""Transcripts computed in one left-padded batch: the same numbers as each by itself."""

import json
import shutil
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from random import Random
from typing import Any

import pytest

from agentkit.models import padded as padded_batches
from agentkit.models.network import Kept, Network, Wanted
from agentkit.models.padded import ROOM, SHORT, Padded

torch: Any = import_module("torch")
CLOSE = 1e-4
"""Of logits around 10: a batch is added up in another order."""


def opened(folder: Path) -> Network:
    return Network(folder, device="cpu", dtype=None, threads=1)


def changed(folder: Path, config: dict[str, Any]) -> Path:
    """The same weights in another kind of network."""
    there = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps(there | config), encoding="utf-8")
    return folder


@pytest.fixture(params=["llama", "qwen2", "qwen2 that looks back 24 tokens"])
def network(request: pytest.FixtureRequest, tiny_llama: Path, tiny_qwen: Path, tmp_path: Path) -> Network:
    if request.param == "llama":
        return opened(tiny_llama)
    if request.param == "qwen2":
        return opened(tiny_qwen)
    window = {"use_sliding_window": True, "sliding_window": 24, "layer_types": ["sliding_attention", "full_attention"]}
    return opened(changed(Path(shutil.copytree(tiny_qwen, tmp_path / "sliding")), window))


def begun(network: Network, tokens: Sequence[int]) -> Kept:
    """A transcript that was read alone."""
    wanted = Wanted(network.fresh(), tuple(tokens))
    while wanted.left:
        network.read(wanted)
    return wanted.kept


def expected(network: Network, tokens: Sequence[int], rows: int) -> Any:
    """The last logits of a whole transcript, read at once, by transformers as it is."""
    with torch.inference_mode():
        return network._model(torch.tensor([tokens])).logits[0, -rows:].float()  # pyright: ignore[reportPrivateUsage]


def further(kept: Kept, chance: Random, count: int, rows: int = 1) -> Wanted:
    return Wanted(kept, (*kept.tokens, *chance.choices(range(3, 400), k=count)), rows)


def read(padded: Padded, together: Sequence[Wanted]) -> None:
    """Compute all that is wanted, as the scheduler does: it may take several turns, and whoever is through leaves."""
    while wanting := [wanted for wanted in together if wanted.left]:
        assert all(padded.takes(wanted) for wanted in wanting)
        padded.read(wanting)


def agree(network: Network, together: Sequence[Wanted]) -> None:
    for wanted in together:
        assert len(wanted.logits) == wanted.rows
        assert wanted.kept.tokens == wanted.tokens
        whole = expected(network, wanted.tokens, wanted.rows)
        torch.testing.assert_close(torch.stack(wanted.logits), whole, atol=CLOSE, rtol=CLOSE)


@pytest.mark.parametrize("dear", [1, 1000], ids=["padding is dear", "padding is free"])
def test_the_logits_of_a_batch_are_those_of_each_alone_whoever_comes_and_goes(
    network: Network, dear: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(padded_batches, "PASS_CPU", dear)
    chance = Random(0)
    padded = Padded(network)
    kept = [begun(network, chance.choices(range(3, 400), k=length)) for length in (1, 7, 40, 90, 300)]
    for members, counts in (
        ((0, 1), (1, 1)),
        ((0, 1), (1, 1)),
        ((0, 1, 2), (1, SHORT, 3)),
        ((3, 0, 1), (1, 1, 1)),  # in another order, without one, with another
        ((3, 0, 1), (2, 2, 2)),
        ((3, 0, 1), (5, 1, 2)),
        ((4, 2), (1, 2)),
        ((0, 1, 2, 3, 4), (1, 1, 1, 1, 1)),
    ):
        together = [
            further(kept[member], chance, count, min(count, 4)) for member, count in zip(members, counts, strict=True)
        ]
        read(padded, together)
        agree(network, together)


def test_a_batch_grows_as_long_as_its_transcripts_do(network: Network) -> None:
    chance = Random(1)
    padded = Padded(network)
    kept = [begun(network, chance.choices(range(3, 400), k=length)) for length in (5, 30)]
    together: list[Wanted] = []
    for _ in range(ROOM + 3):
        together = [further(each, chance, 1) for each in kept]
        padded.read(together)
    agree(network, together)


def test_what_is_given_back_is_what_would_have_been_computed_alone(network: Network) -> None:
    chance = Random(2)
    padded = Padded(network)
    kept = [begun(network, chance.choices(range(3, 400), k=length)) for length in (20, 33)]
    for counts in ((1, 1), (3, 1), (1, 1)):
        read(padded, [further(each, chance, count) for each, count in zip(kept, counts, strict=True)])
    padded.give_back(kept[:1])
    alone = begun(network, kept[0].tokens)
    for layer, other in zip(kept[0].cache.layers, alone.cache.layers, strict=True):
        torch.testing.assert_close(layer.keys, other.keys, atol=CLOSE, rtol=CLOSE)
        torch.testing.assert_close(layer.values, other.values, atol=CLOSE, rtol=CLOSE)
    assert kept[1].cache is None
    network.read(after := further(kept[0], chance, 5, 3))
    agree(network, [after])
    padded.read(again := [further(each, chance, 1) for each in kept])
    agree(network, again)


def test_what_torch_cannot_compute_leaves_all_as_it_was(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = Random(3)
    padded = Padded(network)
    kept = [begun(network, chance.choices(range(3, 400), k=length)) for length in (20, 33)]
    padded.read([further(each, chance, 1) for each in kept])
    last: Any = network._model.model.layers[1]  # pyright: ignore[reportPrivateUsage]

    def full(*_: Any, **__: Any) -> Any:
        raise RuntimeError("out of memory")

    for counts in ((1, 1), (4, 1)):
        together = [further(each, chance, count) for each, count in zip(kept, counts, strict=True)]
        with monkeypatch.context() as patched:
            patched.setattr(last, "forward", full)
            with pytest.raises(RuntimeError):
                padded.read(together)
        read(padded, together)
        agree(network, together)


def test_padding_is_weighed_against_another_pass_over_the_weights(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    for fixed, computed in ((1, [1, 1, 1, 1]), (1000, [1, 1, 1, 9])):
        monkeypatch.setattr(padded_batches, "PASS_CPU", fixed)
        together = [further(begun(network, [5, 6, 7]), Random(0), count) for count in (1, 1, 1, 9)]
        Padded(network).read(together)
        assert [len(wanted.kept.tokens) - 3 for wanted in together] == computed


def test_what_is_long_or_not_begun_is_not_for_a_batch(network: Network) -> None:
    padded = Padded(network)
    kept = begun(network, [5, 6, 7])
    assert padded.takes(further(kept, Random(0), SHORT))
    assert not padded.takes(further(kept, Random(0), SHORT + 1))
    assert not padded.takes(further(network.fresh(), Random(0), 1))


def test_places_that_stretch_with_the_longest_transcript_are_not_for_a_batch(tiny_llama: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_llama, tmp_path / "folder"))
    network = opened(
        changed(folder, {"rope_parameters": {"rope_type": "dynamic", "rope_theta": 10000.0, "factor": 2.0}})
    )
    assert not network.batches
    assert not Padded(network).takes(further(begun(network, [5, 6, 7]), Random(0), 1))
