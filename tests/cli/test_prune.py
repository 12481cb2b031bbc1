"""`agentkit prune`: a smaller model by one command, and what is wrong in one line."""

from pathlib import Path

import pytest

from agentkit.compress.weights import hf_to_gguf
from agentkit.models.gguf_header import properties

from ..compress.letters import lessons_file
from ..tiny import write_like
from .conftest import Cli


@pytest.fixture(autouse=True)
def model(alone: Path, tiny_llama: Path) -> Path:
    """A tiny Llama of two layers, and lessons."""
    lessons_file(alone)
    like = write_like(alone / "like.gguf", tiny_llama)
    return hf_to_gguf(tiny_llama, alone / "tiny.gguf", format="Q8_0", like=like)


ASKED = ("prune", "tiny.gguf", "small.gguf", "--lessons", "lessons.jsonl", "--held-out", "0.2")


def test_a_model_is_pruned_by_one_command(cli: Cli, alone: Path) -> None:
    ran = cli(*ASKED, "--layers", "1", "--ffn", "64", "--heal-steps", "1", "--format", "f16")
    assert ran.code == 0, ran.err
    lines = ran.out.splitlines()
    assert lines[0].startswith("looking at what each layer does")
    assert [line.partition(":")[0] for line in lines[1:3]] == ["layer 0", "layer 1"]
    assert sum(line.endswith(", goes") for line in lines) == 1
    assert "1 of 2 layers stay, 64 of 96 neurons in each" in lines
    assert lines[-1] == "small.gguf  small.md"
    assert lines[-2].endswith("after healing")
    assert properties(alone / "small.gguf")["llama.block_count"] == 1
    assert "agentkit" in (alone / "small.md").read_text(encoding="utf-8")
    assert not (alone / "small.gguf.work").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "say how many --layers or --ffn neurons are to stay"),
        (("--layers", "2"), "--layers 2 of 2 can't stay; give a number from 1 to 1"),
        (("--ffn", "63"), "--ffn 63 of 96 neurons can't stay; give a multiple of 32 below that, the nearest: 32 or 64"),
        (("--layers", "1", "--format", "Q4_K_M"), "no format named 'Q4_K_M'"),
        (("--layers", "1", "--held-out", "0"), "0 of 20 lessons are held out"),
        (("--layers", "1", "--held-out", "2"), "--held-out 2.0: Input should be less than 1"),
        (("--layers", "1", "--heal-steps", "-1"), "Invalid value for '--heal-steps'"),
        (("--layers", "1", "--lessons", "none.jsonl"), "can't read none.jsonl: No such file or directory"),
        (("--layers", "1", "--device", "tpu"), "there is no device 'tpu' here"),
    ],
)
def test_what_is_wrong_is_told_in_a_line(cli: Cli, alone: Path, arguments: tuple[str, ...], told: str) -> None:
    ran = cli(*ASKED, *arguments)
    assert ran.code == 2
    assert told in ran.err
    assert len(ran.err.splitlines()) == 1
    assert not list(alone.glob("small*"))


def test_a_model_that_is_not_there_and_its_own_place_are_told(cli: Cli) -> None:
    lessons = ("--lessons", "lessons.jsonl", "--layers", "1")
    assert "no model named 'gpt-9'" in cli("prune", "gpt-9", "small.gguf", *lessons).err
    assert "over its own model would lose it" in cli("prune", "tiny.gguf", "tiny.gguf", *lessons).err
