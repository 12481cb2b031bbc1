"""How formats are measured: with what is needed of memory, and exactly enough."""

import weakref
from pathlib import Path
from typing import Any

import pytest

from agentkit.compress import formats
from agentkit.compress.weights import hf_to_gguf
from agentkit.models.requantize import requantize

from ..tiny import write_like


def test_the_predictions_of_one_window_at_a_time_are_kept_in_memory(
    tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = hf_to_gguf(tiny_llama, tmp_path / "f16.gguf", format="F16", like=write_like(tmp_path / "like", tiny_llama))
    files = {"F16": source, "again": requantize(source, tmp_path / "again.gguf", "F16")}
    seen: list[Any] = []
    alive: list[int] = []
    compared = formats.compared

    def watched(torch: Any, own: Any, *rest: Any) -> tuple[float, float, float]:
        seen.append(weakref.ref(own))
        alive.append(sum(ref() is not None for ref in seen))
        return compared(torch, own, *rest)

    monkeypatch.setattr(formats, "compared", watched)
    windows = [[(7 * at + n) % 400 for at in range(40)] for n in range(4)]
    found = formats.predictions(files, windows)
    assert len(seen) == 8
    assert max(alive) == 1
    assert (found["F16"].divergence, found["F16"].same) == (0, 1)
    assert found["again"].perplexity == found["F16"].perplexity
    assert found["again"].divergence == pytest.approx(0, abs=1e-4)  # what half precision loses
    assert found["again"].same == 1
