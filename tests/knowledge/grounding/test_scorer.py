"""Long passages are read in windows; a file that doesn't fit is refused in one line."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agentkit.answer import Evidence
from agentkit.checks import Draft
from agentkit.checks.citations import Citations
from agentkit.errors import ConfigurationError
from agentkit.knowledge.grounding import Grounding
from agentkit.knowledge.grounding.shipped import ShippedGrounding
from agentkit.knowledge.grounding.weights import BIAS, DOWN, HEAD, UP, Card, fingerprint_of, write
from agentkit.knowledge.grounding.windows import WINDOWS, windows

FILLER = [f"Sentence {n} tells of bread, and of the price of flour in autumn." for n in range(60)]


def saved(path: Path, base: str) -> Path:
    """Weights that make the tiny model's head look at everything."""
    chance = np.random.default_rng(5)
    tensors: dict[str, Any] = {HEAD: chance.normal(0, 1, (1, 128)), BIAS: np.zeros(1)}
    query = "encoder.layer.0.attention.self.query"
    tensors |= {query + UP: chance.normal(0, 0.3, (32, 2)), query + DOWN: chance.normal(0, 0.3, (2, 32))}
    card = Card(
        base=base,
        rank=2,
        threshold=0.5,
        balanced=0.5,
        seed=0,
        steps=0,
        command="",
        data={},
        pairs=0,
        fingerprint="",
        scores={},
    )
    write(path, card, tensors)
    return path


@pytest.fixture
def grounding(tiny: Path, tmp_path: Path) -> Grounding:
    return Grounding.load(tiny, weights=saved(tmp_path / "g.safetensors", fingerprint_of(tiny)))


def test_the_best_window_of_a_passage_counts(grounding: Grounding) -> None:
    claim = "The mill has 7 rooms."
    passage = " ".join([*FILLER[:30], "The mill has 7 rooms, and a pond.", *FILLER[30:]])
    parts = windows(passage, claim)
    assert len(parts) > 1
    [whole] = grounding([(claim, passage)])
    assert whole == pytest.approx(max(grounding([(claim, part) for part in parts])), abs=1e-6)


def test_scores_do_not_depend_on_the_company(grounding: Grounding) -> None:
    pairs = [("x", "The mill."), ("The mill of Brenn", "It has 4 rooms. " * 9), ("\ud800 \u6c34", ""), ("", "")]
    together = grounding(pairs * 4)
    np.testing.assert_allclose(together, [grounding([pair])[0] for pair in pairs] * 4, atol=1e-5)
    assert all(0 <= score <= 1 for score in together)
    assert len({round(score, 4) for score in together}) > 2
    assert grounding([]) == []


def test_the_check_of_citations_finds_it_among_the_resources(grounding: Grounding) -> None:
    assert Citations.of([object(), grounding]).grounding is grounding
    assert Citations.of([object()]).grounding is None


def test_weights_for_another_base_are_refused(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"is for a base with SHA-256 0000.*models pull") as caught:
        Grounding.load(tiny, weights=saved(tmp_path / "g.safetensors", "0" * 64))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("keep", [None, 0, 5, 200, -100])
def test_a_missing_or_damaged_file_is_named(tiny: Path, tmp_path: Path, keep: int | None) -> None:
    path = saved(tmp_path / "g.safetensors", fingerprint_of(tiny))
    whole = path.read_bytes()
    path.unlink() if keep is None else path.write_bytes(whole[:keep])
    with pytest.raises(ConfigurationError, match=r"g\.safetensors") as caught:
        Grounding.load(tiny, weights=path)
    assert "\n" not in str(caught.value)


def test_a_file_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").touch()
    with pytest.raises(ConfigurationError, match="can't write"):
        saved(tmp_path / "taken", "0" * 64)
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_a_short_passage_is_read_whole_and_a_long_one_in_windows() -> None:
    short = "  It has 7 rooms.\n\nThe pond is deep. "
    assert windows(short, "rooms") == [short]
    passage = " ".join(["The abbot owned the mill.", *FILLER, "The mill had 7 rooms."])
    excerpt, *rest = windows(passage, "The abbot's mill had 7 rooms", words=60)
    assert "The abbot owned the mill." in excerpt
    assert excerpt.endswith("The mill had 7 rooms.")
    assert 1 <= len(rest) <= WINDOWS
    assert all(len(window.split()) <= 60 and window in passage for window in rest)
    assert any("abbot" in window for window in rest)
    assert any("7 rooms" in window for window in rest)


@pytest.mark.parametrize("passage", ["word " * 2000, "x" * 5000, "", "One. " * 900])
def test_any_passage_ends_in_windows(passage: str) -> None:
    found = windows(passage, "word One", words=50)
    assert found
    assert all(len(window.split()) <= 50 for window in found)


def test_what_ships_is_read_when_it_is_first_asked(tiny: Path, tmp_path: Path, grounding: Grounding) -> None:
    weights = tmp_path / "g.safetensors"
    shipped = ShippedGrounding(tiny, weights=weights)
    assert Citations.of([shipped]).grounding is shipped
    assert shipped.threshold == 0.5
    kept = weights.read_bytes()
    weights.write_bytes(kept[:-100])  # what its header says is there still
    with pytest.raises(ConfigurationError, match="is damaged"):
        shipped([("x", "The mill.")])
    weights.write_bytes(kept)
    assert shipped([("x", "The mill.")]) == grounding([("x", "The mill.")])


def test_a_short_answer_is_judged_by_its_cosine_where_there_is_one(tiny: Path, tmp_path: Path) -> None:
    class Same:
        def similarity(self, a: Sequence[str], b: Sequence[str]) -> Any:
            return np.ones((len(a), len(b)))

    evidence = Evidence(id=1, tool="retrieval", call=1, text="The mill has 7 rooms.", source="mill.md")
    draft = Draft(text="A mill.", cited=(1,), task="What is it?", evidence=(evidence,))
    weights = saved(tmp_path / "g.safetensors", "0" * 64)
    never = ShippedGrounding(tiny, weights=weights)
    [finding] = Citations.of([Same(), never])(draft)
    assert finding.verdict == "supported"
    with pytest.raises(ConfigurationError, match="is for a base with"):
        list(Citations.of([Same(), never])(draft.model_copy(update={"text": "The mill has seven dusty rooms."})))
