"""The example that teaches an assistant's model, from a user's questions to an adapter, on a model made for tests."""

import json
import sys
from pathlib import Path

import distil_assistant
import pytest

from agentkit import protocol
from agentkit.assistant import Assistant
from agentkit.compress.lesson import read_lessons
from agentkit.compress.weights import hf_to_gguf
from agentkit.evaluate import find_runs, read_run
from agentkit.models import catalog
from agentkit.models.adapter import read_card
from agentkit.models.gguf_header import taught_protocol

from .tiny import write_like

DENSITIES = {"zinc": "7.134", "radon": "0.009074", "lead": "11.34", "boron": "2.37"}
SENTENCE = "The density of {} is {} g/cm³."
PROFILE = """
name = "Element desk"
purpose = "You tell what the sheets say."
corpora = ["documents"]
tools = ["retrieval"]
model = "../run/taught.gguf"

[limits]
steps = 3
decision_tokens = 24
"""


def rows(path: Path, *names: str, untold: str, worded: str) -> None:
    """A file of questions: densities, and one thing that no sheet tells."""
    asked = [
        {"question": f"What is the density of {name}?", "answer": worded.format(name, DENSITIES[name])}
        for name in names
    ]
    gap = {"question": f"What does a kilogram of {untold} cost?", "answerable": False}
    path.write_text("".join(json.dumps(row) + "\n" for row in [*asked, gap]), encoding="utf-8")


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An assistant with four sheets; three questions to teach, two held out."""
    if catalog.locate(catalog.EMBEDDER) is None:
        pytest.skip(f"no embedder on this machine: run `agentkit models pull {catalog.EMBEDDER}`")
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / "models").symlink_to(catalog.cache() / "models")
    monkeypatch.setenv("AGENTKIT_CACHE", str(cache))
    monkeypatch.chdir(tmp_path)
    (folder := tmp_path / "desk" / "documents").mkdir(parents=True)
    for name, density in DENSITIES.items():
        text = f"# {name.title()}\n\n{SENTENCE.format(name, density)}\n"
        (folder / f"{name}.md").write_text(text, encoding="utf-8")
    (tmp_path / "desk/assistant.toml").write_text(PROFILE, encoding="utf-8")
    rows(tmp_path / "desk/taught.jsonl", "zinc", "radon", untold="lead", worded=SENTENCE)
    rows(tmp_path / "desk/held_out.jsonl", "boron", untold="boron", worded="{1}")
    return tmp_path / "desk"


@pytest.mark.model
def test_questions_become_an_adapter_that_the_assistant_can_name(
    desk: Path, tmp_path: Path, tiny_llama: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("peft")
    base = hf_to_gguf(tiny_llama, tmp_path / "base.gguf", format="Q8_0", like=write_like(tmp_path / "l", tiny_llama))
    run = tmp_path / "run"
    words = ["distil_assistant.py", str(desk), "--run", str(run), "--base", str(base), "--steps", "2"]
    monkeypatch.setattr(sys, "argv", words)
    distil_assistant.main()
    assert "2 held-out questions: " in capsys.readouterr().out
    assert sorted(lesson.kind for lesson in read_lessons(run / "lessons.jsonl")) == ["reading", "reading", "refusal"]
    card = read_card(run / "adapter.safetensors")
    assert (card.name, card.steps, card.data) == ("run", 2, {"taught.jsonl": "your own"})
    assert taught_protocol(run / "taught.gguf") == protocol.fingerprint()
    before, after = (read_run(folder) for folder in find_runs([run / "before", run / "after-2"]))
    assert before[0].settings == after[0].settings
    assert "Element desk" in str(before[0].settings["instructions"])
    assert not any(record.error for _, records in (before, after) for record in records)
    assistant = Assistant.load(desk / "assistant.toml")
    assert assistant.profile.model
    assert assistant.corpus is not None
    assistant.corpus.close()


def test_it_reads_like_a_recipe() -> None:
    text = Path(distil_assistant.__file__).read_text(encoding="utf-8")
    body = text.partition("async def distil")[2].partition("\n\n\n")[0]
    assert len(body.splitlines()) <= 20
