"""The example that teaches an assistant's model, from questions to adapter, on a model that is made for tests."""

from pathlib import Path

import pytest

from agentkit.compress.recipe import Recipe
from agentkit.models import catalog

SHEETS = {"zinc": "7.134", "radon": "0.009074", "tin": "7.287", "neon": "0.0008271", "lead": "11.34", "boron": "2.37"}
"""Densities by element."""
RECIPE = Recipe(rank=4, alpha=4, rate=1e-2, steps=3, tokens=50, row=4096, at_once=4096, held_out=0.0)


def question(name: str, answer: str) -> dict[str, object]:
    return {"question": f"What is the density of {name}?", "answer": answer}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A profile with six sheets and questions on them: four to teach, one of them refused by the profile, two held out."""
    if catalog.locate(catalog.EMBEDDER) is None:
        pytest.skip(f"no embedder on this machine: run `agentkit models pull {catalog.EMBEDDER}`")
    (sheets := tmp_path / "desk" / "documents").mkdir(parents=True)
    for name, density in SHEETS.items():
        text = f"# {name.title()}\n\nThe density of {name} is {density} g/cm³.\n"
        (sheets / f"{name}.md").write_text(text, encoding="utf-8")
    return sheets.parent


def test_nothing() -> None: ...
