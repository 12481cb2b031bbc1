"""`agentkit distil`: collect, curate, show, each alone and again."""

import json
from pathlib import Path

import pytest

from agentkit.cli.distilling import licences
from agentkit.errors import ConfigurationError

from .conftest import Cli

ROW = {
    "question": "Lea picks 14 apples and Tom picks 9 more than her. How many apples do they pick together?",
    "solution": "14+9=<<14+9=23>>23\n14+23=<<14+23=37>>37\n#### 37",
    "answer": "37",
}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    (folder / "train").mkdir(parents=True)
    (folder / "eval").mkdir()
    lines = [json.dumps(ROW), "{", json.dumps({**ROW, "answer": "38"})]
    (folder / "train/gsm8k_train.jsonl").write_text("\n".join(lines), encoding="utf-8")
    (folder / "eval/test.jsonl").write_text('{"question": "Who planted the trees?"}\n', encoding="utf-8")
    return folder


def test_lessons_are_collected_curated_and_shown(cli: Cli, data: Path) -> None:
    collected = cli("distil", "collect", "gsm8k_train", "--data", str(data), "--run", "runs/a")
    assert collected.code == 0, collected.err
    assert "gsm8k_train: 1 of 3 problems kept (33%)" in collected.out
    assert "1 the line can't be read (gsm8k_train.jsonl:2: gsm8k_train.jsonl:2 isn't JSON" in collected.out
    again = cli("distil", "collect", "gsm8k_train", "--data", str(data), "--run", "runs/a")
    assert (again.code, again.out) == (0, collected.out)
    curated = cli("distil", "curate", "--data", str(data), "--run", "runs/a", "--share", "maths=0.4")
    assert curated.code == 0, curated.err
    assert "compared with test.jsonl: 0 left out" in curated.out
    assert "kept: 1 maths (100%)" in curated.out
    assert licences(Path("runs/a/lessons.jsonl")) == {"gsm8k_train": "MIT"}  # what the card will say
    shown = cli("distil", "show", "runs/a/lessons.jsonl")
    assert shown.code == 0
    assert f"       user  Task: {ROW['question']}" in shown.out
    assert '▌ assistant  {"tool":"calculator","arguments":{"expression":"14+9"}}' in shown.out
    Path("runs/a/lessons.jsonl").write_text("", encoding="utf-8")
    assert licences(Path("runs/a/lessons.jsonl")) == {}  # these are others


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("collect", "gsm9k", "--data", "."), "no source named 'gsm9k'; there are: gsm8k_train"),
        (("collect", "gsm8k_train"), "no folder of data is set: name it by --data, or set AGENTKIT_DATA"),
        (("collect", "gsm8k_train", "--data", "."), "gsm8k_train.jsonl can't be read"),
        (("collect", "--data", "nowhere"), "there is no folder"),
        (("collect", "--limit", "few", "--data", "."), "--limit is 'few'; give a whole number"),
        (("collect", "--limit", "-5", "--data", "."), "--limit is '-5'; give a whole number"),
        (("train", "--rate", "0"), "--rate 0.0: Input should be greater than 0"),
        (("train", "--at-once", "0"), "--at-once 0: Input should be greater than or equal to 1"),
        (("train", "--epochs", "inf"), "--epochs inf: Input should be a finite number"),
        (("train", "--seed", "20260101120000"), "--seed 20260101120000: Input should be less than 4294967296"),
        (("train", "--device", "cuda:9"), "there is no device 'cuda:9' here"),
        (("curate", "--eval", "."), "nothing is collected in runs/distil"),
        (("curate", "--eval", ".", "--share", "maths"), "--share is 'maths'; write it as maths=0.4"),
        (("curate",), "no folder of data is set: name it by --eval or --data"),
        (("curate", "--data", "."), "eval of evaluation data to keep clear of; name a file or a folder by --eval"),
        (("show", "none.jsonl"), "can't read none.jsonl: No such file or directory"),
    ],
)
def test_what_is_wrong_is_told_in_a_line(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], told: str
) -> None:
    monkeypatch.delenv("AGENTKIT_DATA", raising=False)
    ran = cli("distil", *arguments)
    assert ran.code == 2
    assert told in ran.err
    assert len(ran.err.splitlines()) == 1


def test_a_lesson_that_is_not_there_is_told(cli: Cli, tmp_path: Path) -> None:
    Path("empty.jsonl").write_text("", encoding="utf-8")
    assert "empty.jsonl has no lesson 3" in cli("distil", "show", "empty.jsonl", "3").err


def test_a_summary_counts_only_for_its_own_lessons(tmp_path: Path) -> None:
    lessons, summary = tmp_path / "lessons.jsonl", tmp_path / "lessons.json"
    lessons.write_text("", encoding="utf-8")
    assert licences(lessons) == {}
    summary.write_text("{}", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"lessons\.json is damaged; curate the lessons again, or delete it"):
        licences(lessons)
