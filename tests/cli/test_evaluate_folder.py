"""A run's folder: what is recorded in it, and going on in it, also after a kill."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from agentkit.cli.evaluate import computing
from agentkit.evaluate.folder import RECORDS, read_run
from agentkit.evaluate.item import Record
from agentkit.settings import Settings

from .conftest import GIVES_UP, Script, figures, ordered

ENDLESS = {"program": "while True:\n    pass"}


def untimed(path: Path) -> list[dict[str, Any]]:
    """A run's records, but for how long things took."""
    told = [record.model_dump(mode="json") for record in read_run(path)[1]]
    for record in told:
        del record["overhead"], record["reply"]["seconds"], record["reply"]["tool_seconds"]
        del record["reply"]["usage"]["seconds"]
    return told


def test_a_folder_that_has_something_is_not_written_over(evaluated: Callable[..., Any]) -> None:
    assert evaluated("-s", "direct").code == 0
    ran = evaluated("-s", "direct")
    assert (ran.code, ran.out) == (2, "")
    assert "runs isn't empty: --resume runs goes on with its runs" in ran.err
    assert evaluated("-s", "direct", "--resume", "runs", replies=[]).code == 0


def test_a_run_is_resumed_by_the_folder_it_lies_in(evaluated: Callable[..., Any], alone: Path) -> None:
    assert evaluated("-s", "direct").code == 0
    run = next((alone / "runs").glob("*-direct"))
    ran = evaluated("-s", "direct", "--resume", str(run))
    assert (ran.code, ran.out) == (2, "")
    assert f"{run} is the folder of one run: name the one it lies in, {run.parent}" in " ".join(ran.err.split())
    assert not list(run.glob("*/run.json"))


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


def test_programs_run_as_the_settings_of_the_tool_for_them_say(evaluated: Callable[..., Any], alone: Path) -> None:
    (alone / "agentkit.toml").write_text("[tools.python]\noutput_chars = 5\n")
    ran = evaluated("-s", "program", "--limit", "1", replies=['{"program":"print(1234567)"}'])
    assert ran.code == 0
    _, (record,) = read_run(next(alone.glob("runs/*-program")))
    assert record.reply is not None
    assert record.reply.reason == "OutputLimit: it printed more than 5 characters"


def test_checks_that_the_settings_name_run_and_are_recorded(evaluated: Callable[..., Any], alone: Path) -> None:
    (alone / "agentkit.toml").write_text('checks = ["agreement"]\n')
    ran = evaluated("-s", "agent", "--limit", "1", replies=['{"plan":[]}', GIVES_UP])
    assert ran.code == 0
    header, _ = read_run(next(alone.glob("runs/*-agent")))
    assert header.settings["checks"] == ["agreement"]
    (alone / "agentkit.toml").write_text('checks = ["astrology"]\n')
    ran = evaluated("-s", "agent", "--out", "others")
    assert ran.code == 2
    assert "astrology" in ran.err.splitlines()[-1]


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
