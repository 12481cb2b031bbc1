"""Every built-in task reads its real data; what whoever answers sees never depends on the gold answers."""

import json
import os
from collections.abc import Callable
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from agentkit.errors import ConfigurationError, UnknownName
from agentkit.evaluate.item import Item
from agentkit.evaluate.task import Task
from agentkit.evaluate.tasks import BUILT_IN, load_task

DATA = Path(os.environ.get("AGENTKIT_SHARED") or Path(__file__).parents[4] / "shared") / "data"
needs_data = pytest.mark.skipif(
    not (DATA / "eval").is_dir(), reason=f"no {DATA / 'eval'}; AGENTKIT_SHARED may name the folder above `data`"
)

COUNTS = {
    "gsm8k": 1319, "svamp": 1000, "math500": 500, "hotpotqa": 250, "strategyqa": 229, "xquad": 1190, "policyqa": 1000,
    "pubmedqa": 500, "selfaware": 3369, "truthfulqa": 790, "wice": 349, "summedits": 1561, "begin": 2411,
    "halueval": 1000, "mistakes": 2186, "mistakes-dyck-languages": 986, "mistakes-logical-deduction": 300,
    "mistakes-multistep-arithmetic": 300, "mistakes-tracking-shuffled-objects": 300, "mistakes-word-sorting": 300,
    "bbh-date-understanding": 250, "bbh-logical-deduction-three-objects": 250, "bbh-multistep-arithmetic-two": 250,
    "bbh-object-counting": 250, "bbh-penguins-in-a-table": 146, "bbh-tracking-shuffled-objects-three-objects": 250,
    "bbh-web-of-lies": 250, "bbh-word-sorting": 250,
}  # fmt: skip
"""Rows, as the data's README states them."""


def moved(targets: dict[str, int]) -> dict[str, int]:
    """Another answer marked as true."""
    return dict(zip(targets, [*list(targets.values())[1:], 0, 1][-len(targets) :], strict=True))


OTHER_GOLD: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "gsm8k_test": lambda row: {"answer": "77777", "solution": "#### 77777"},
    "svamp": lambda row: {"answer": "77777", "equation": "77777"},
    "math500": lambda row: {"answer": "77777", "solution": "77777"},
    "hotpotqa": lambda row: {"answer": "77777", "supporting_facts": [["77777", 0]]},
    "strategyqa": lambda row: {"answer": not row["answer"], "decomposition": ["77777"]},
    "xquad": lambda row: {"answers": ["77777"]},
    "policyqa": lambda row: {"answers": ["77777"]},
    "pubmedqa": lambda row: {"answer": "no" if row["answer"] == "yes" else "yes", "long_answer": "77777"},
    "selfaware": lambda row: {"answer": ["77777"], "answerable": not row["answerable"]},
    "truthfulqa": lambda row: {k: moved(row[k]) for k in row if k != "question"},
    "grounding_wice": lambda row: {
        "label": "supported" if row["label"] != "supported" else "not_supported",
        "supporting_sentences": [],
    },
    "grounding_summedits": lambda row: {"supported": 1 - row["supported"]},
    "grounding_halueval": lambda row: {"supported": 1 - row["supported"]},
    "grounding_begin": lambda row: {
        "begin_label": "Generic" if row["begin_label"] == "Fully attributable" else "Fully attributable"
    },
    "mistakes": lambda row: {"mistake_index": 1 if row["mistake_index"] is None else None, "target": "77777"},
    "bbh_web": lambda row: {"target": "Yes" if row["target"] == "No" else "No"},
    "bbh_multi": lambda row: {"target": "77777"},
    "bbh_object": lambda row: {"target": "77777"},
    "bbh_word": lambda row: {"target": "77777"},
    "bbh": lambda row: {"target": "(A)" if row["target"] == "(B)" else "(B)"},
}
"""What would change in a row if its answer were another one, by how its file's name starts."""


@pytest.fixture(scope="module")
def tasks() -> dict[str, Task]:
    if not (DATA / "eval").is_dir():
        pytest.skip(f"no {DATA / 'eval'}")
    return {name: load_task(name, data=DATA) for name in COUNTS}


@needs_data
def test_every_row_becomes_an_item(tasks: dict[str, Task]):
    assert {name: len(task.items) for name, task in tasks.items()} == COUNTS
    assert {name: task.problems for name, task in tasks.items() if task.problems} == {}
    assert [name for name, task in tasks.items() if task.name != name or len(task.digest) != 64] == []


@needs_data
def test_ids_are_unique_and_the_same_whenever_read(tasks: dict[str, Task]):
    for name, task in tasks.items():
        assert len({item.id for item in task.items}) == len(task.items)
        if name in ("gsm8k", "truthfulqa", "mistakes"):
            assert list(load_task(name, data=DATA / "eval").items) == list(task.items)


@needs_data
def test_choices_hold_the_gold_answer_once_and_only_choice_tasks_have_any(tasks: dict[str, Task]):
    for task in tasks.values():
        for item in task.items:
            assert item.choices.count(str(item.gold)) == (task.form == "choice"), item.id
            assert (len(item.choices) >= 2) == (task.form == "choice"), item.id


def seen(item: Item) -> dict[str, Any]:
    return item.model_dump(exclude={"gold", "answerable"})


@needs_data
@pytest.mark.parametrize("name", COUNTS)
def test_what_is_shown_is_the_same_whatever_the_gold_answer(name: str, tasks: dict[str, Task], tmp_path: Path):
    for file in BUILT_IN[name].files:
        change = next(change for start, change in OTHER_GOLD.items() if file.startswith(start))
        text = (DATA / "eval" / file).read_text("utf-8")
        rows = json.loads(text) if file.endswith(".json") else [json.loads(line) for line in text.splitlines() if line]
        rows = [{**row, **change(row)} for row in rows]
        lines = json.dumps(rows) if file.endswith(".json") else "\n".join(json.dumps(row) for row in rows)
        (tmp_path / file).write_text(lines, "utf-8")
    original, altered = tasks[name], load_task(name, data=tmp_path)
    assert [seen(item) for item in altered.items] == [seen(item) for item in original.items]
    assert altered.corpus == original.corpus
    assert all(a.gold != b.gold for a, b in zip(altered.items, original.items, strict=True))


@needs_data
def test_hotpotqa_pools_passages_and_says_which_gold_ones_are_among_them(tasks: dict[str, Task]):
    task = tasks["hotpotqa"]
    assert task.corpus is not None
    assert len(task.corpus) == 2461
    golds: list[Any] = [item.gold for item in task.items]
    assert all(source in task.corpus for gold in golds for source in gold["sources"])
    assert [sum(len(gold["sources"]) == n for gold in golds) for n in (0, 1, 2)] == [41, 127, 82]
    assert all(len(gold["sources"]) + gold["missing"] == 2 for gold in golds)


@needs_data
def test_items_on_one_document_are_a_cluster(tasks: dict[str, Task]):
    clusters = {name: len({item.cluster for item in task.items}) for name, task in tasks.items()}
    assert clusters["xquad"] == 240
    assert clusters["policyqa"] == 422
    assert clusters["summedits"] == 55
    assert clusters["halueval"] == 500
    assert clusters["begin"] == 1261
    for name in ("xquad", "begin", "wice"):
        assert all(item.cluster for item in tasks[name].items)


@needs_data
def test_the_true_answer_of_truthfulqa_can_stand_anywhere(tasks: dict[str, Task]):
    places = [item.choices.index(str(item.gold)) / (len(item.choices) - 1) for item in tasks["truthfulqa"].items]
    assert 0.45 < sum(places) / len(places) < 0.55
    assert 0.15 < places.count(0) / len(places) < 0.3


@needs_data
def test_evidence_of_wice_fits_and_keeps_nearly_all_gold_sentences(tasks: dict[str, Task]):
    rows = [json.loads(line) for line in (DATA / "eval/grounding_wice_dev.jsonl").read_text("utf-8").splitlines()]
    kept: list[bool] = []
    for row, item in zip(rows, tasks["wice"].items, strict=True):
        shown = "\n".join(passage.text for passage in item.passages)
        assert sum(len(passage.text) for passage in item.passages) <= 6000
        kept += [row["evidence"][n] in shown for n in chain.from_iterable(row["supporting_sentences"][:1])]
    assert sum(kept) / len(kept) > 0.95


@needs_data
def test_a_first_mistake_is_named_by_its_number_from_1(tasks: dict[str, Task]):
    item = next(item for item in tasks["mistakes"].items if item.id == "multistep_arithmetic-1")
    assert item.gold == "4"
    assert "Step 4: Let's calculate C = ((3 * 4 * 5) * (7 - -7 * 4)) = ((3 * 4 * 5) * (7 - 28))" in item.question


@needs_data
def test_a_damaged_line_is_named_and_the_rest_goes_on(tmp_path: Path):
    lines = (DATA / "eval/svamp.jsonl").read_text("utf-8").splitlines()[:5]
    broken = ['{"question": "cut', '{"question": "How many?"}', '{"question": "", "answer": "1"}', "[1]"]
    (tmp_path / "svamp.jsonl").write_text("\n".join([*lines, *broken, '{"question": "q", "answer": "many"}']), "utf-8")
    task = load_task("svamp", data=tmp_path)
    assert [item.id for item in task.items] == [f"svamp-{n}" for n in range(1, 6)]
    assert [problem.partition(" ")[0] for problem in task.problems] == [f"svamp.jsonl:{n}" for n in (6, 9, 7, 8, 10)]
    assert task.problems[2] == "svamp.jsonl:7 has no field 'answer'"


def test_without_its_data_a_task_says_what_is_missing_and_where_it_comes_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("AGENTKIT_DATA", raising=False)
    with pytest.raises(ConfigurationError, match=r"no folder .* svamp\.jsonl .* AGENTKIT_DATA .* --data .*SVAMP.*MIT"):
        load_task("svamp")
    monkeypatch.setenv("AGENTKIT_DATA", str(tmp_path))
    for name, task in BUILT_IN.items():
        with pytest.raises(ConfigurationError) as error:
            load_task(name)
        message = str(error.value)
        assert f"{task.files[0]} isn't in {tmp_path}" in message
        assert "AGENTKIT_DATA" in message
        assert "the data is from" in message
        assert "\n" not in message


@needs_data
def test_the_data_folder_is_found_through_the_environment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AGENTKIT_DATA", str(DATA))
    assert len(load_task("strategyqa").items) == COUNTS["strategyqa"]


def test_an_unknown_name_is_told_the_nearest_and_all_there_are():
    with pytest.raises(UnknownName, match=r"no task named 'gsm9k'; there are: gsm8k, svamp, .* did you mean gsm8k\?"):
        load_task("gsm9k")


def test_underscores_do_for_hyphens(tmp_path: Path):
    with pytest.raises(ConfigurationError, match=r"bfcl_v4_simple_python\.jsonl isn't in"):
        load_task("bfcl_simple", data=tmp_path)


def test_the_home_of_nobody_is_no_folder_of_data():
    with pytest.raises(ConfigurationError, match=r"svamp\.jsonl isn't in /.*/~nosuchuser/data: set AGENTKIT_DATA"):
        load_task("svamp", data=Path("~nosuchuser/data"))


@pytest.mark.skipif(find_spec("reasoning_gym") is None, reason="reasoning-gym isn't installed")
def test_a_task_of_reasoning_gym_has_the_items_asked_for():
    first, again, other = (load_task("gym:basic_arithmetic", size=3, seed=seed) for seed in (1, 1, 2))
    assert (first.name, len(first.items)) == ("gym:basic_arithmetic", 3)
    assert first.items == again.items
    assert first.items != other.items


def test_columns_are_for_files_of_ones_own():
    with pytest.raises(ConfigurationError, match="not for 'gsm8k'"):
        load_task("gsm8k", question="text")
