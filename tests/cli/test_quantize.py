"""`agentkit quantize`: the files, the table, and what is said when it can't be done."""

import json
from pathlib import Path

import pytest

from agentkit import protocol
from agentkit.compress import formats
from agentkit.compress.weights import hf_to_gguf
from agentkit.models import adapters
from agentkit.models.adapter import Card, write
from agentkit.models.gguf_header import properties, taught_protocol

from ..tiny import write_like
from .conftest import Cli

BASE = "smollm2-135m"


@pytest.fixture
def model(alone: Path, tiny_llama: Path) -> Path:
    pytest.importorskip("gguf")
    return hf_to_gguf(
        tiny_llama, alone / "tiny-bf16.gguf", format="BF16", like=write_like(alone / "like.gguf", tiny_llama)
    )


@pytest.fixture
def text(alone: Path) -> str:
    (alone / "text.txt").write_text("The harbour master writes down what Tank B holds: 8,500 litres. " * 80)
    return "text.txt"


def test_each_format_is_written_and_measured_next_to_the_model_as_it_is(cli: Cli, model: Path, text: str) -> None:
    ran = cli(
        "quantize", str(model), "-f", "q4_0", "-f", "Q8_0", "-f", "bf16", "--text", text, "--rounds", "1",
        "--out", "formats", "--json",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    same, four, eight = json.loads(ran.out)
    assert [row["format"] for row in (same, four, eight)] == ["BF16", "Q4_0", "Q8_0"]
    assert (same["file"], four["file"]) == (str(model), "formats/tiny-Q4_0.gguf")
    assert same["MB"] > eight["MB"] > four["MB"] > 0
    assert (same["KL"], same["same token %"]) == (0, 100)
    assert 0 < eight["KL"] < four["KL"]
    assert eight["same token %"] > four["same token %"]
    assert abs(eight["perplexity"] - same["perplexity"]) < abs(four["perplexity"] - same["perplexity"])
    assert all(row["decode tok/s"] > 0 and row["prefill tok/s"] > 0 for row in (same, four, eight))
    assert not list(Path("formats").glob("*.part"))


def test_tasks_are_solved_in_each_format_and_kept(cli: Cli, model: Path) -> None:
    items = [{"question": f"What is {n} + 1?", "answer": str(n + 1)} for n in range(2)]
    Path("sums.jsonl").write_text("".join(f"{json.dumps(item)}\n" for item in items))
    ran = cli("quantize", str(model), "-f", "Q4_0", "--rounds", "0", "--task", "sums.jsonl", "--out", "formats")
    assert ran.code == 0, ran.err
    assert "sums % (n=2)" in ran.out
    assert "malformed, failed or repeated" in " ".join(ran.out.split())
    assert "tok/s" not in ran.out
    assert ran.out.splitlines()[-1] == "formats/tiny-Q4_0.gguf"
    assert {path.name for path in Path("formats/evaluation").iterdir()} == {"BF16", "Q4_0"}


def never(*_: object, **_options: object) -> None:
    raise AssertionError


def test_scores_of_a_file_that_was_replaced_under_its_name_are_not_taken_for_its_own(
    cli: Cli, model: Path, alone: Path, tiny_llama: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("sums.jsonl").write_text(json.dumps({"question": "What is 1 + 1?", "answer": "2"}) + "\n")
    command = ("quantize", str(model), "-f", "bf16", "--rounds", "0", "--task", "sums.jsonl", "--out", "formats")
    assert cli(*command).code == 0
    assert cli(*command).code == 0
    hf_to_gguf(tiny_llama, model, format="BF16", like=alone / "like.gguf", properties={"general.name": "another"})
    monkeypatch.setattr(formats, "speeds", never)
    again = cli(*command, "--rounds", "1")
    assert again.code == 2, again.err
    told = again.err.splitlines()[-1]
    assert "formats/evaluation/BF16/sums-tiny_bf16-agent has a run of other weights called" in told
    assert told.endswith("name another folder, or delete this one")


def test_an_adapter_is_merged_and_its_protocol_stays(cli: Cli, model: Path, tiny_llama: Path) -> None:
    numpy = pytest.importorskip("numpy")
    base = Path("../cache/models") / f"{BASE}-q8_0.gguf"
    base.parent.mkdir(parents=True)
    base.write_bytes(model.read_bytes())
    module = "model.layers.0.self_attn.q_proj"
    card = Card(
        name="mine", base=BASE, base_sha256=adapters.sha256(base), protocol=protocol.fingerprint(), rank=2, alpha=2,
        targets=("q_proj",), seed=0, steps=1, lessons=1, fingerprint="0" * 16, data={"made": "MIT"}, command="none",
        hardware="none",
    )  # fmt: skip
    sides = {"lora_A": numpy.ones((2, 64), "float32"), "lora_B": numpy.ones((64, 2), "float32")}
    write(Path("mine.safetensors"), card, {f"{module}.{side}.weight": array for side, array in sides.items()})
    assert cli("models", "add", "mine.safetensors").code == 0
    ran = cli("quantize", f"{BASE}+mine", "-f", "Q8_0", "--rounds", "0", "--out", "formats", "--json")
    assert ran.code == 0, ran.err
    files = [Path(row["file"]) for row in json.loads(ran.out)]
    assert [file.name for file in files] == [f"{BASE}+mine-BF16.gguf", f"{BASE}+mine-Q8_0.gguf"]
    assert [taught_protocol(file) for file in files] == [protocol.fingerprint()] * 2
    assert len({properties(file)["general.file_type"] for file in files}) == 2


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--format", "Q9_0"], "no format named 'Q9_0'"),
        (["--text", "missing.txt"], "can't read missing.txt: No such file or directory; name a file of plain text"),
        (["--text", "empty.txt"], "empty.txt is empty"),
        (["--text", "short.txt"], "the text has 6 tokens; give one with 512 or more"),
        (["--task", "svanp"], "no task named 'svanp'"),
        (["--task", "missing.jsonl"], "missing.jsonl"),
        (["--task", "short.csv", "--limit", "0"], "the limit is 0 items but must be at least 1"),
    ],
)
def test_what_cannot_be_is_told_in_one_line_before_anything_is_written(
    cli: Cli, model: Path, arguments: list[str], told: str
) -> None:
    Path("empty.txt").write_text(" \n")
    Path("short.txt").write_text("12 + 3")
    Path("short.csv").write_text("question,answer\n1+1?,2\n")
    ran = cli("quantize", str(model), "-f", "Q8_0", *arguments)
    assert (ran.code, ran.err.count("\n")) == (2, 1), ran.err
    assert told in ran.err
    assert not Path("formats").exists()


def test_only_files_of_this_machine_can_be_rewritten(cli: Cli, tiny_llama: Path) -> None:
    for spec in ("http://localhost:1#m", str(tiny_llama)):
        ran = cli("quantize", spec)
        assert ran.code == 2
        assert "isn't a GGUF file; name one, or a model or adapter of `agentkit models`" in ran.err
