"""A run's folder: what survives a kill, and what it refuses."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agentkit.errors import ConfigurationError
from agentkit.evaluate.folder import HEADER, RECORDS, RunFolder, find_runs, read_run
from agentkit.evaluate.item import Header, Record, Score
from agentkit.models.scripted import ScriptedModel

from .making import Watched, adds, run, sums, untimed

HOLDS = """
import sys
from pathlib import Path
from agentkit.evaluate.folder import RunFolder
from agentkit.evaluate.item import Header
with RunFolder.open(Path(sys.argv[1]), Header.model_validate_json(sys.argv[2])):
    print("open", flush=True)
    sys.stdin.read()
"""


def header(n: int = 3, **changes: Any) -> Header:
    ids = tuple(f"i{number}" for number in range(n))
    run: dict[str, Any] = {"task": "sums", "metric": "accuracy", "form": "number", "data": "d", "model": "m"}
    run |= {"strategy": "agent", "seed": 0, "limit": n, "ids": ids, "parallel": 1, "agentkit": "0", "protocol": "p"}
    run |= {"settings": {"context": 8192, "limits.steps": 10}}
    return Header(**(run | changes))


def record(number: int, right: bool = True) -> Record:
    return Record(id=f"i{number}", score=Score(right=right, value=float(right)))


def begin(path: Path, *records: Record, **changes: Any) -> None:
    with RunFolder.open(path, header(**changes)) as folder:
        for one in records:
            folder.add(one)


def test_each_record_is_on_disk_before_the_next_item_begins(tmp_path: Path) -> None:
    with RunFolder.open(tmp_path, header()) as folder:
        folder.add(record(0))
        assert read_run(tmp_path)[1] == [record(0)]
        folder.add(record(1))
        assert read_run(tmp_path)[1] == [record(0), record(1)]


def test_records_are_read_in_the_order_of_the_items(tmp_path: Path) -> None:
    begin(tmp_path, record(2), record(0))
    assert [r.id for r in read_run(tmp_path)[1]] == ["i0", "i2"]


@pytest.mark.parametrize("lost", [1, 7, 40])
def test_an_item_whose_line_a_kill_left_half_written_is_run_again(tmp_path: Path, lost: int) -> None:
    task = sums(5)
    _, whole = run(task, ScriptedModel(adds), tmp_path, strategy="direct")
    data = (tmp_path / RECORDS).read_bytes()
    (tmp_path / RECORDS).write_bytes(data[:-lost])
    assert len(read_run(tmp_path)[1]) == 4

    watched = Watched(ScriptedModel(adds))
    _, records = run(task, watched, tmp_path, strategy="direct", resume=True)
    assert len(watched.asked) == 1
    assert untimed(records) == untimed(whole)
    assert len((tmp_path / RECORDS).read_text().splitlines()) == 5


def test_a_file_that_is_one_half_written_line_is_emptied(tmp_path: Path) -> None:
    begin(tmp_path)
    (tmp_path / RECORDS).write_text('{"id":"i0"')
    with RunFolder.open(tmp_path, header(), resume=True) as folder:
        assert folder.records == {}
        folder.add(record(0))
    assert read_run(tmp_path)[1] == [record(0)]


def test_an_item_that_stands_there_twice_is_counted_once_and_the_first_time(tmp_path: Path) -> None:
    begin(tmp_path, record(0, right=True), record(1))
    with (tmp_path / RECORDS).open("a") as file:
        file.write(record(0, right=False).model_dump_json() + "\n")
    assert read_run(tmp_path)[1] == [record(0, right=True), record(1)]


def test_a_run_is_not_begun_over_another(tmp_path: Path) -> None:
    begin(tmp_path)
    with pytest.raises(ConfigurationError, match="has a run already: go on with it by --resume"):
        RunFolder.open(tmp_path, header())


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"model": "n"}, "model was 'm', is now 'n'"),
        ({"strategy": "direct"}, "strategy was 'agent', is now 'direct'"),
        ({"seed": 1, "ids": ("i2", "i1", "i0")}, "seed was 0, is now 1"),
        ({"task": "other", "ids": ("o1",)}, "task was 'sums', is now 'other'"),
        ({"data": "e" * 200}, "its data are others"),
        ({"agentkit": "9"}, "agentkit was '0', is now '9'"),
        ({"protocol": "q"}, "protocol was 'p', is now 'q'"),
        ({"settings": {"context": 512, "limits.steps": 10}}, "context was 8192, is now 512"),
        ({"settings": {"context": 8192, "limits.steps": 12}}, "limits.steps was 10, is now 12"),
        ({"settings": {"context": 8192, "limits.steps": 10, "tools.python.tier": "monty"}}, "is now 'monty'"),
        ({"settings": {}}, "context was 8192, is now None"),
    ],
)
def test_another_run_is_refused_and_what_differs_is_named(tmp_path: Path, changes: dict[str, Any], named: str) -> None:
    begin(tmp_path, record(0))
    before = (tmp_path / HEADER).read_bytes(), (tmp_path / RECORDS).read_bytes()
    with pytest.raises(ConfigurationError, match="has another run") as raised:
        RunFolder.open(tmp_path, header(**changes), resume=True)
    assert named in str(raised.value)
    assert ((tmp_path / HEADER).read_bytes(), (tmp_path / RECORDS).read_bytes()) == before


def test_other_weights_of_the_same_name_are_another_run(tmp_path: Path) -> None:
    begin(tmp_path, record(0), weights="1" * 64)
    with pytest.raises(ConfigurationError) as raised:
        RunFolder.open(tmp_path, header(weights="2" * 64), resume=True)
    assert str(raised.value) == (
        f"{tmp_path} has a run of other weights called m (SHA-256 111111111111…, now 222222222222…): "
        "name another folder, or delete this one"
    )
    with RunFolder.open(tmp_path, header(weights="1" * 64), resume=True) as folder:
        assert list(folder.records) == ["i0"]


def test_a_run_that_began_before_weights_were_recorded_goes_on_with_those_it_meets_first(tmp_path: Path) -> None:
    begin(tmp_path, record(0))
    old = json.loads((tmp_path / HEADER).read_text())
    del old["weights"]
    (tmp_path / HEADER).write_text(json.dumps(old))
    with RunFolder.open(tmp_path, header(weights="1" * 64), resume=True) as folder:
        assert list(folder.records) == ["i0"]
    with pytest.raises(ConfigurationError, match="has a run of other weights"):
        RunFolder.open(tmp_path, header(weights="2" * 64), resume=True)


def test_what_is_incidental_may_differ(tmp_path: Path) -> None:
    begin(tmp_path, record(0), command="begin", parallel=2)
    other = header(4, machine="x", command="go on", parallel=1, problems=("../sums.csv:3 is empty",))
    with RunFolder.open(tmp_path, other, resume=True) as folder:
        assert list(folder.records) == ["i0"]
    now = read_run(tmp_path)[0]
    assert (now.command, now.limit, now.ids, now.parallel) == ("begin", 4, other.ids, 2)


def test_a_sample_can_be_enlarged_but_not_made_smaller(tmp_path: Path) -> None:
    task = sums(100)
    _, few = run(task, ScriptedModel(adds), tmp_path, strategy="direct", limit=40)
    watched = Watched(ScriptedModel(adds))
    _, more = run(task, watched, tmp_path, strategy="direct", limit=100, resume=True)
    assert (len(few), len(more), len(watched.asked)) == (40, 100, 60)
    assert more[:40] == few
    assert len({r.id for r in more}) == 100
    with pytest.raises(ConfigurationError, match="100 items, which aren't the first of these 40: repeat its --limit"):
        run(task, ScriptedModel(adds), tmp_path, strategy="direct", limit=40, resume=True)


def test_a_second_process_is_refused_until_the_first_has_ended_however_it_ended(tmp_path: Path) -> None:
    first = subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(tmp_path), header().model_dump_json()],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert first.stdout is not None
        assert first.stdout.readline() == b"open\n"
        with pytest.raises(ConfigurationError, match="another process is at work in"):
            RunFolder.open(tmp_path, header(), resume=True)
    finally:
        first.kill()
        first.communicate(timeout=30)
    RunFolder.open(tmp_path, header(), resume=True).close()


def test_a_run_that_was_refused_does_not_hold_the_folder(tmp_path: Path) -> None:
    begin(tmp_path)
    with pytest.raises(ConfigurationError):
        RunFolder.open(tmp_path, header(model="n"), resume=True)
    RunFolder.open(tmp_path, header(), resume=True).close()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"task": "sums"}', b"\xff\xfe"])
def test_a_damaged_header_is_named(tmp_path: Path, content: bytes) -> None:
    begin(tmp_path, record(0))
    (tmp_path / HEADER).write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"run\.json can't be read: .*; run it anew in another folder"):
        RunFolder.open(tmp_path, header(), resume=True)
    with pytest.raises(ConfigurationError, match=r"run\.json can't be read"):
        read_run(tmp_path)


def test_records_that_no_header_describes_are_not_taken_for_those_of_a_new_run(tmp_path: Path) -> None:
    begin(tmp_path, record(0, right=False))
    (tmp_path / HEADER).unlink()
    for resume in (False, True):
        with pytest.raises(ConfigurationError, match=r"has items\.jsonl but no run\.json"):
            RunFolder.open(tmp_path, header(), resume=resume)


@pytest.mark.parametrize(
    ("line", "named"),
    [("nonsense", "is no record: 'nonsense'"), ('{"id":"z"}', "is of 'z', which isn't in this run")],
)
def test_a_damaged_record_is_named_with_its_line(tmp_path: Path, line: str, named: str) -> None:
    begin(tmp_path, record(0))
    with (tmp_path / RECORDS).open("a") as file:
        file.write(line + "\n")
    with pytest.raises(ConfigurationError) as raised:
        read_run(tmp_path)
    assert f"items.jsonl:2 {named}" in str(raised.value)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(ConfigurationError, match=r"can't write to .*file.*name another folder"):
            RunFolder.open(path, header())


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_one_may_not_write_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(ConfigurationError, match="can't write to"):
        RunFolder.open(tmp_path / "new", header())


def test_runs_are_found_in_the_order_they_are_named_and_below_a_folder_by_path(tmp_path: Path) -> None:
    for name in ("c", "a", "b/x"):
        begin(tmp_path / name)
    c, a, x = (tmp_path / name for name in ("c", "a", "b/x"))
    assert find_runs([c, a]) == [c, a]
    assert find_runs([tmp_path]) == [a, x, c]
    assert find_runs([c, tmp_path]) == [c, a, x]
    with pytest.raises(ConfigurationError, match=r"no run in .*nothing"):
        find_runs([tmp_path / "nothing"])
