"""The adapters that come with agentkit: they fit this protocol and their bases, and drive the loop."""

import asyncio
import json
import struct
from pathlib import Path

import pytest

from agentkit import Agent, protocol
from agentkit.models import adapters, catalog
from agentkit.models.adapter import Card, read_card

MOST = 45_000_000
"""Bytes of one."""
SUMS = {
    "Mia has 14 marbles and finds 9 more. How many marbles does she have now?": 23,
    "A box holds 12 pencils. How many pencils are in 7 boxes?": 84,
    "Tom had 50 euros and spent 18 euros. How many euros are left?": 32,
    "A baker makes 36 rolls and packs them in bags of 4. How many bags does he fill?": 9,
    "Each of 5 shelves holds 24 books, and 17 books are lent out. How many books are on the shelves?": 103,
}


def passes(card: Card) -> list[Card]:
    """Of its training, the last one first."""
    return [card, *(passes(card.began) if card.began else [])]


shipped = pytest.mark.parametrize("base", adapters.SHIPPED)


@shipped
def test_it_was_taught_the_protocol_that_this_agentkit_writes(base: str) -> None:
    file = adapters.installed()[adapters.SHIPPED[base]]
    assert file.parent == adapters.HERE
    card = read_card(file)
    assert (card.base, card.name) == (base, file.stem)
    assert card.protocol == protocol.fingerprint(), "the protocol has changed: train it anew, or don't ship it"
    for one in passes(card):
        assert one.protocol == card.protocol
        assert "not stated" not in one.data.values()
    assert card.tasks


@shipped
def test_it_is_small_in_16_bits_and_its_card_lies_beside_it(base: str) -> None:
    file = adapters.installed()[adapters.SHIPPED[base]]
    assert file.stat().st_size <= MOST
    with file.open("rb") as stream:
        (length,) = struct.unpack("<Q", stream.read(8))
        header: dict[str, dict[str, str]] = json.loads(stream.read(length))
    assert {tensor["dtype"] for name, tensor in header.items() if name != "__metadata__"} == {"BF16"}
    told = file.with_suffix(".md").read_text(encoding="utf-8")
    card = read_card(file)
    for part in (card.base_sha256, card.protocol, *card.scores, *card.tasks):
        assert part in told
    for one in passes(card):
        for part in (one.command, one.fingerprint, one.hardware, *one.data, *one.data.values()):
            assert part in told


@pytest.mark.model
@pytest.mark.slow
@shipped
def test_it_fits_its_base_and_drives_the_loop(base: str) -> None:
    if catalog.locate(base) is None:
        pytest.skip(f"no {base} on this machine: run `agentkit models pull {base}`")
    pytest.importorskip("gguf")

    async def solved() -> int:
        async with await catalog.load(base, context=4096, parallel=1) as model:
            assert model.name == f"{base}+{adapters.SHIPPED[base]}"
            assert model.taught
            agent = Agent(model, tools=["calculator", "python"])
            answers = [await agent.arun(task) for task in SUMS]
        return sum(str(wanted) in (answer.text or "") for answer, wanted in zip(answers, SUMS.values(), strict=True))

    assert asyncio.run(solved()) > len(SUMS) / 2  # the base alone solves none; how many it solves evaluations say


@shipped
def test_a_base_without_its_adapter_can_be_named(base: str) -> None:
    if catalog.locate(base) is None:
        pytest.skip(f"no {base} on this machine: run `agentkit models pull {base}`")
    assert catalog.resolve(f"{base}+none").adapter is None
    assert catalog.resolve(base).adapter == Path(adapters.HERE / f"{adapters.SHIPPED[base]}.safetensors")
