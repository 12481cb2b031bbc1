"""`agentkit evaluate` and `agentkit compare`: a user's own questions, from the file to the report."""

import json
import re
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from agentkit.evaluate.folder import read_run

from .conftest import GIVES_UP, Cli, Script, figures, ordered

# What comes out


def test_a_users_own_file_is_run_and_reported(evaluated: Callable[..., Any], alone: Path) -> None:
    ran = evaluated("-s", "direct", replies=ordered(wrong=1))
    assert ran.code == 0
    assert "75.0 [30.1, 95.4]" in ran.out
    assert "sums direct 75% right" in ran.err
    (run,) = (path.parent for path in alone.rglob("run.json"))
    assert run.parent == alone / "runs"
    header, records = read_run(run)
    assert (header.limit, header.strategy, len(records)) == (None, "direct", 4)


def test_json_is_one_object_with_the_figures(evaluated: Callable[..., Any]) -> None:
    found = figures(evaluated("-s", "direct", "--limit", "3", "--json", replies=ordered(wrong=1)))
    assert (found["task"], found["strategy"], found["n"], found["asked"]) == ("sums", "direct", 3, 3)
    accuracy = found["accuracy"]
    assert accuracy["value"] == pytest.approx(2 / 3)
    assert 0 < accuracy["low"] < 2 / 3 < accuracy["high"] < 1


def test_several_strategies_each_have_a_folder_and_can_be_compared(
    evaluated: Callable[..., Any], cli: Cli, alone: Path
) -> None:
    thoughts = [{"reasoning": "So.", **reply} for reply in ordered(wrong=3)]
    assert evaluated("-s", "direct", "-s", "cot", replies=[*ordered(), *thoughts]).code == 0
    direct, cot = (next(alone.glob(f"runs/*-{name}")) for name in ("direct", "cot"))
    assert direct != cot
    for first, second, difference in ((direct, cot, -0.75), (cot, direct, 0.75)):
        ran = cli("compare", str(first), str(second), "--json")
        assert ran.code == 0
        (comparison,) = json.loads(ran.out)["comparisons"]
        assert (comparison["a"]["strategy"], comparison["b"]["strategy"]) == tuple(
            path.name.rpartition("-")[2] for path in (first, second)
        ), "the first that was named is what the others are compared with"
        shown = json.dumps(comparison)
        assert f"{difference}" in shown
        assert "mcnemar" in shown
    ran = cli("compare", "runs")
    assert ran.code == 0
    assert "cot" in ran.out
    assert "direct" in ran.out


def test_the_page_is_one_file_that_refers_to_nothing_outside(evaluated: Callable[..., Any], alone: Path) -> None:
    assert evaluated("-s", "direct", "--html", "page.html").code == 0
    page = (alone / "page.html").read_text(encoding="utf-8")
    assert "<svg" in page
    assert "sums" in page
    assert not re.search(r"""(?:src|href)\s*=\s*(?!["']?(?:#|data:))""", page)
    assert "@import" not in page
    assert not re.search(r"""url\((?!["']?(?:#|data:))""", page)


def test_a_parallel_run_tells_how_many_flip(evaluated: Callable[..., Any]) -> None:
    same = [{"answer": 2}] * 8
    ran = evaluated("-s", "direct", "--parallel", "2", replies=same)
    assert ran.code == 0
    assert "0 of 4 flip when run one by one" in ran.err


# Lines that can't be used, items that crash


def test_a_line_that_cannot_be_read_is_named_and_counted_and_the_rest_runs(
    cli: Cli, script: Script, alone: Path
) -> None:
    (alone / "sums.jsonl").write_text(
        '{"question": "What is 1 + 1?", "answer": 2}\n{"question": "What is\n{"question": "And 3?"}\n'
        '{"question": "What is 2 + 2?", "answer": 4}\n'
    )
    ran = cli("evaluate", "sums.jsonl", "-s", "direct", "-m", script(*[{"answer": 2}] * 2), "--json")
    assert ran.code == 0
    assert "sums.jsonl:2" in ran.err
    assert "sums.jsonl:3" in ran.err
    assert (figures(ran)["n"], len(figures(ran)["problems"])) == (2, 2)


def test_an_item_that_crashes_is_named_and_counted(evaluated: Callable[..., Any], cli: Cli) -> None:
    ran = evaluated("-s", "direct", "--json", replies=[ordered()[0], "nonsense", *ordered()[2:]])
    assert ran.code == 0
    assert re.search(r"sums-\d: ModelError: scripted reply 2 is not admitted", ran.err)
    found = figures(ran)
    assert (found["n"], found["crashed"], found["accuracy"]["value"], len(found["errors"])) == (4, 1, 0.75, 1)


def test_of_several_runs_what_went_wrong_is_named_below_the_table(evaluated: Callable[..., Any]) -> None:
    thoughts = [{"reasoning": "So.", **reply} for reply in ordered()]
    ran = evaluated(
        *("-s", "direct", "-s", "cot", "--html", "page.html"),
        replies=[*ordered()[:3], "nonsense", thoughts[0], "nonsense", *thoughts[2:]],
    )
    assert ran.code == 0
    assert len(re.findall(r"error +sums-\d: ModelError: scripted reply", ran.out)) == 2
    page = Path("page.html").read_text(encoding="utf-8")
    shown = page[page.index("<h2>What went wrong</h2>") : page.index("<h2>Accuracy</h2>")]
    assert len(re.findall(r"<td>error</td><td>sums-\d: ModelError: scripted reply", shown)) == 2


def test_a_model_that_is_gone_keeps_what_is_done(evaluated: Callable[..., Any], alone: Path) -> None:
    ran = evaluated("-s", "direct", replies=ordered()[:1])
    assert ran.code == 2
    assert "agentkit: the model failed on 3 items in a row" in ran.err
    assert "--resume" in ran.err
    assert len(read_run(next(alone.glob("runs/*-direct")))[1]) == 1
    ran = evaluated("-s", "direct", "--resume", "runs", "--json", replies=ordered()[1:])
    assert (ran.code, figures(ran)["n"], figures(ran)["accuracy"]["value"]) == (0, 4, 1.0)


# What is refused, in one line


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("sums.csv",), "has no column 'question'; there are: 'Frage', 'Antwort'"),
        (("sums.csv", "--question", "Frage", "--answer", "Lösung"), "has no column 'Lösung'"),
        (("nothing.csv",), "nothing.csv"),
        (("gsm8k",), "set AGENTKIT_DATA or pass --data"),
        (("gsm8k", "--data", "nowhere"), "nowhere"),
        (("gsm9k",), "no task named 'gsm9k'"),
        (("gsm8k", "--question", "Frage"), "'gsm8k'"),
    ],
)
def test_data_that_cannot_be_used_is_refused(
    cli: Cli, script: Script, questions: str, arguments: Sequence[str], told: str
) -> None:
    ran = cli("evaluate", *arguments, "-m", script("{}"))
    assert (ran.code, ran.out) == (2, "")
    assert told in ran.err.splitlines()[-1]
    assert len(ran.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("-s", "agents"), "no strategy named 'agents'; there are: direct, cot"),
        (("-s", "direct", "-s", "majority@99"), "majority@99 draws 99 replies; draw 1 to 64"),
        (("--limit", "0"), "the limit is 0 items but must be at least 1"),
        (("--limit", "all"), "--limit is 'all'; give a whole number"),
        (("--seed", "x"), "--seed"),
        (("--parallel", "0"), "parallel is 0 but must be at least 1"),
        (("--out", "sums.csv"), "sums.csv is a file; name a folder"),
        (("--resume", "sums.csv"), "sums.csv is a file; name a folder"),
        (("--resume", "nowhere"), "there is no folder nowhere to go on in; --out nowhere begins one"),
    ],
)
def test_what_cannot_be_run_is_refused_and_leaves_nothing_behind(
    evaluated: Callable[..., Any], alone: Path, arguments: Sequence[str], told: str
) -> None:
    ran = evaluated(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert told in ran.err.splitlines()[-1]
    assert sorted(path.name for path in alone.iterdir()) == ["script.txt", "sums.csv"]


def test_runs_of_different_tasks_are_not_compared(
    evaluated: Callable[..., Any], cli: Cli, alone: Path, script: Script
) -> None:
    assert evaluated("-s", "direct").code == 0
    shutil.copy("sums.csv", "others.csv")
    model = script(*ordered(), name="script.txt")
    ran = cli(
        *("evaluate", "others.csv", "--question", "Frage", "--answer", "Antwort"),
        *("-m", model, "-s", "direct", "--out", "others"),
    )
    assert ran.code == 0
    ran = cli("compare", "runs", "others")
    assert (ran.code, ran.out) == (2, "")
    assert "no two runs of the same task" in ran.err
    for paths in (["runs"], ["nothing"], ["sums.csv"]):
        assert cli("compare", *paths).code == 2


def test_giving_up_is_reported_as_abstaining(evaluated: Callable[..., Any]) -> None:
    ran = evaluated("--json", replies=['{"plan":[]}', GIVES_UP] * 4)
    found = figures(ran)
    assert (ran.code, found["strategy"], found["abstained"], found["accuracy"]["value"]) == (0, "agent", 4, 0.0)
