"""`agentkit evaluate` and `agentkit compare`: a user's own questions, from the file to the report."""

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from agentkit.cli.evaluate import computing
from agentkit.evaluate.folder import RECORDS, read_run
from agentkit.evaluate.item import Record
from agentkit.settings import Settings

from .conftest import GIVES_UP, Cli

Script = Callable[..., str]

QUESTIONS = [f"What is {n} + {n}?" for n in range(1, 5)]
ENDLESS = {"program": "while True:\n    pass"}


@pytest.fixture
def questions(alone: Path) -> str:
    """A file with four sums, in columns of the user's naming."""
    lines = [f"{question},{2 * n}" for n, question in enumerate(QUESTIONS, start=1)]
    (alone / "sums.csv").write_text("\n".join(["Frage,Antwort", *lines]) + "\n", encoding="utf-8")
    return "sums.csv"


@pytest.fixture
def evaluated(cli: Cli, script: Script, questions: str) -> Callable[..., Any]:
    """Runs `agentkit evaluate` on the questions with replies in the order that the items are drawn in."""

    def run(*arguments: str, replies: Sequence[Any] | None = None) -> Any:
        model = script(*(ordered() if replies is None else replies))
        return cli("evaluate", questions, "--question", "Frage", "--answer", "Antwort", "-m", model, *arguments)

    return run


def ordered(wrong: int = 0) -> list[Any]:
    """Direct answers in the order of the default seed, some of them wrong."""
    from agentkit.evaluate.item import Item
    from agentkit.evaluate.runner import drawn

    items = [Item(id=f"sums-{n + 1}", question=QUESTIONS[n - 1], gold=n) for n in range(1, 5)]
    golds = [int(str(item.gold)) for item in drawn(items, limit=None, seed=0)]
    return [{"answer": 2 * n + (place < wrong)} for place, n in enumerate(golds)]


def figures(ran: Any) -> dict[str, Any]:
    return json.loads(ran.out)["summaries"][0]


def untimed(path: Path) -> list[dict[str, Any]]:
    """A run's records, but for how long things took."""
    told = [record.model_dump(mode="json") for record in read_run(path)[1]]
    for record in told:
        del record["overhead"], record["reply"]["seconds"], record["reply"]["tool_seconds"]
        del record["reply"]["usage"]["seconds"]
    return told


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


def test_a_folder_that_has_something_is_not_written_over(evaluated: Callable[..., Any]) -> None:
    assert evaluated("-s", "direct").code == 0
    ran = evaluated("-s", "direct")
    assert (ran.code, ran.out) == (2, "")
    assert "runs isn't empty: --resume runs goes on with its runs" in ran.err
    assert evaluated("-s", "direct", "--resume", "runs", replies=[]).code == 0


def test_a_resumed_run_with_another_seed_is_refused_by_name(evaluated: Callable[..., Any]) -> None:
    assert evaluated("-s", "direct").code == 0
    ran = evaluated("-s", "direct", "--resume", "runs", "--seed", "5")
    assert ran.code == 2
    assert "seed was 0, is now 5" in ran.err


def test_a_sample_can_be_enlarged(evaluated: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["agentkit", "evaluate", "--limit", "2"])
    assert evaluated("-s", "direct", "--limit", "2", replies=ordered()[:2]).code == 0
    monkeypatch.setattr(sys, "argv", ["agentkit", "evaluate", "--resume", "runs"])
    ran = evaluated("-s", "direct", "--limit", "4", "--resume", "runs", "--json", replies=ordered()[2:])
    assert (figures(ran)["n"], figures(ran)["accuracy"]["value"]) == (4, 1.0)
    assert figures(ran)["command"] == "agentkit evaluate --limit 2", "what began it"
    assert "4/4" in ran.err


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("temperature = 0.5", "temperature was 0.0, is now 0.5"),
        ("[limits]\nsteps = 3", "limits.steps was 10, is now 3"),
        ("[limits]\ntokens = 99", "limits.tokens was 4000, is now 99"),
        ('[tools.python]\ntier = "monty"', "tools.python.tier was None, is now 'monty'"),
    ],
)
def test_a_run_is_not_resumed_with_other_settings(
    evaluated: Callable[..., Any], alone: Path, setting: str, told: str
) -> None:
    assert evaluated("-s", "direct", "--limit", "2").code == 0
    (alone / "agentkit.toml").write_text(setting, encoding="utf-8")
    ran = evaluated("-s", "direct", "--resume", "runs", "--limit", "2")
    assert ran.code == 2
    assert told in ran.err.splitlines()[-1]


def test_threads_are_recorded_where_the_model_runs_on_them(alone: Path) -> None:
    (alone / "small.gguf").write_bytes(b"GGUF")
    assert computing(Settings(model="small.gguf", threads=3)) == {"threads": 3}
    assert computing(Settings(model="small.gguf"))["threads"] >= 1
    assert computing(Settings(model="http://localhost:8000/v1#m", threads=3)) == {}


def test_settings_count_but_for_the_clock(
    evaluated: Callable[..., Any], alone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (alone / "agentkit.toml").write_text('[limits]\nsteps = 1\nseconds = 0.001\n[tools.python]\ntier = "monty"\n')
    monkeypatch.setenv("AGENTKIT_TEMPERATURE", "0.3")
    ran = evaluated("-s", "agent", "--limit", "1", replies=['{"plan":[]}'])
    assert ran.code == 0
    header, (record,) = read_run(next(alone.glob("runs/*-agent")))
    assert record.reply is not None
    assert record.reply.reason == "the limit of 1 steps"
    expected = {"temperature": 0.3, "limits.steps": 1, "limits.seconds": None, "tools.python.tier": "monty"}
    assert expected.items() <= header.settings.items()


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


# Interrupted and killed


def start(*arguments: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "agentkit", "evaluate", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "AGENTKIT_THREADS": "1"},
        # A job in the background of a script ignores SIGINT, and so would all that it starts.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )


def wait_until(reached: Callable[[], bool], process: "subprocess.Popen[bytes]", seconds: float) -> None:
    """Wait for something that a process does; that it ended before is a failure with what it said."""
    end = time.monotonic() + seconds
    while not reached():
        if process.poll() is not None or time.monotonic() > end:
            process.kill()
            raise AssertionError(f"it came to {process.wait()} first: {process.communicate()[1].decode()}")
        time.sleep(0.005)


def lines(path: Path | None) -> list[Record]:
    """The whole lines of a run that goes on."""
    data = path.read_bytes() if path and path.is_file() else b""
    return [Record.model_validate_json(line) for line in data[: data.rfind(b"\n") + 1].splitlines()]


def test_an_interrupt_leaves_a_folder_to_go_on_in(
    evaluated: Callable[..., Any], script: Script, questions: str, alone: Path
) -> None:
    """The second program never ends, so that there is something to interrupt."""
    programs = [{"program": f"print({reply['answer']})"} for reply in ordered()]
    model = script(programs[0], ENDLESS)
    running = start(questions, "--question", "Frage", "--answer", "Antwort", "-s", "program", "-m", model)
    run = alone / "runs" / "sums-scripted_script.txt-program"
    wait_until(lambda: len(lines(run / RECORDS)) == 1, running, 60)
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=60)
    assert running.returncode == 130, err.decode()
    assert b"Traceback" not in err
    assert len(read_run(run)[1]) == 1
    database = sqlite3.connect(alone / "runs" / "completions.sqlite")
    with database:
        database.execute("DELETE FROM completions WHERE completion LIKE '%while True%'")
    database.close()
    ran = evaluated("-s", "program", "--resume", "runs", "--json", replies=programs[1:])
    assert (ran.code, figures(ran)["n"], figures(ran)["accuracy"]["value"]) == (0, 4, 1.0)


@pytest.mark.model
@pytest.mark.slow
def test_a_run_that_was_killed_and_resumed_is_as_one_that_was_not(weights: Path, alone: Path) -> None:
    """Killed between two decisions of an item, and gone on with the completions that were kept, and without them."""
    rows = [  # ones that the 135M doesn't ramble on
        ("A box holds 12 pens. How many pens do 7 boxes hold?", 84),
        ("What is 15% of 80?", 12),
        ("A train runs 60 km in an hour. How far does it run in 3.5 hours?", 210),
        ("What is 19 + 23?", 42),
        ("Ann reads 8 pages a day. How many days does she need for 96 pages?", 12),
        ("What is 20% of 50?", 10),
        ("What is 31 + 17?", 48),
        ("What is 25 + 14?", 39),
    ]
    with open("sums.jsonl", "w") as file:
        file.writelines(json.dumps({"question": q, "answer": a}) + "\n" for q, a in rows)
    given = ("sums.jsonl", "-m", str(weights), "-s", "agent", "--parallel", "1")

    def finish(*arguments: str) -> Path:
        process = start(*given, *arguments)
        _, err = process.communicate(timeout=300)
        assert process.returncode == 0, err.decode()
        return next(Path(arguments[1]).glob("*-agent"))

    def between_two_decisions() -> bool:
        """Some items are done, and of the next one a decision is kept."""
        run = next(Path("killed").glob("*-agent"), None)
        done = [r.reply.completions for r in lines(run and run / RECORDS) if r.reply]
        if not 2 <= len(done) <= 6:
            return False
        database = sqlite3.connect("file:killed/completions.sqlite?mode=ro", uri=True, timeout=10)
        try:
            return database.execute("SELECT count(*) FROM completions").fetchone()[0] > sum(done)
        finally:
            database.close()

    whole = untimed(finish("--out", "whole"))
    killed = start(*given, "--out", "killed")
    wait_until(between_two_decisions, killed, 200)
    killed.kill()
    killed.communicate(timeout=30)
    assert 2 <= len(read_run(next(Path("killed").glob("*-agent")))[1]) < 8
    shutil.copytree("killed", "forgotten")
    Path("forgotten", "completions.sqlite").unlink()
    for folder in ("killed", "forgotten"):
        run = finish("--resume", folder)
        assert untimed(run) == whole
        assert len((run / RECORDS).read_text().splitlines()) == 8
    assert len(whole) == 8
    assert any(record["reply"]["calls"] for record in whole), "the run should have used a tool"


def test_giving_up_is_reported_as_abstaining(evaluated: Callable[..., Any]) -> None:
    ran = evaluated("--json", replies=['{"plan":[]}', GIVES_UP] * 4)
    found = figures(ran)
    assert (ran.code, found["strategy"], found["abstained"], found["accuracy"]["value"]) == (0, "agent", 4, 0.0)
