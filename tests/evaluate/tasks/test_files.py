"""A user's own file becomes a task; what can't be used in it is named, counted and left out."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from agentkit.errors import ConfigurationError, UnknownName
from agentkit.evaluate.scorers.choice import ChoiceScorer
from agentkit.evaluate.scorers.numbers import NumberScorer
from agentkit.evaluate.scorers.text import TextScorer
from agentkit.evaluate.task import Task
from agentkit.evaluate.tasks import load_task


def written(path: Path, content: str | bytes) -> str:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(path)


def jsonl(path: Path, *rows: Any) -> str:
    return written(path, "".join(f"{json.dumps(row)}\n" for row in rows))


def pairs(task: Task) -> list[tuple[str, Any]]:
    return [(item.question, item.gold) for item in task.items]


def test_columns_are_found_by_their_usual_names(tmp_path: Path):
    task = load_task(jsonl(tmp_path / "mine.jsonl", {"question": "2+2?", "answer": 4}, {"question": "?", "answer": ""}))
    assert pairs(task) == [("2+2?", "4")]
    assert (task.name, task.form, task.items[0].id) == ("mine", "number", "mine-1")
    assert task.problems == (f"{tmp_path}/mine.jsonl:2 has no answer in column 'answer'",)


def test_columns_can_be_named(tmp_path: Path):
    file = written(tmp_path / "mine.csv", "frage,antwort\r\nHauptstadt?,Paris\r\n")
    assert pairs(load_task(file, question="frage", answer="antwort")) == [("Hauptstadt?", {"answers": ["Paris"]})]


@pytest.mark.parametrize(("given", "missing"), [({}, "question"), ({"question": "Question"}, "answer")])
def test_a_missing_column_is_named_with_those_there_are(tmp_path: Path, given: dict[str, str], missing: str):
    file = jsonl(tmp_path / "mine.jsonl", {"Question": "2+2?", "reply": 4})
    with pytest.raises(ConfigurationError, match=rf"no column '{missing}'; there are: 'Question', 'reply'; pass --"):
        load_task(file, **given)  # pyright: ignore[reportArgumentType]  # only texts


def test_bad_lines_are_named_and_the_rest_goes_on(tmp_path: Path):
    good = b'{"question": "2+2?", "answer": "4"}\r\n'
    bad = [
        b'{"question": "cut\r\n',
        b"[1, 2]\n",
        b'{"question": "caf\xe9", "answer": "1"}\n',
        b'{"question": "  ", "answer": "1"}\n',
        b'{"question": "a\\u0000b", "answer": "1"}\n',
        b'{"question": "a\\ud800b", "answer": "1"}\n',
        b'{"question": "q", "answer": {"a": 1}}\n',
        b'{"question": "q", "answer": NaN}\n',
        b'{"question": "q", "answer": ' + b"9" * 5000 + b"}\n",
        b"[" * 100_000 + b"\n",
        b'{"question": "q", "answer": "1", "passages": [3]}\n',
    ]
    file = written(tmp_path / "mine.jsonl", b"\xef\xbb\xbf" + good + b"".join(bad) + b"\n" + good)
    task = load_task(file)
    assert [item.id for item in task.items] == ["mine-1", "mine-14"]
    assert sorted(int(p.removeprefix(f"{file}:").split()[0]) for p in task.problems) == list(range(2, 13))
    assert all("\n" not in problem and len(problem) < 300 for problem in task.problems)


def test_no_usable_row_at_all_is_an_error_that_names_the_first_problem(tmp_path: Path):
    with pytest.raises(ConfigurationError, match=r"no row that can be used; the first problem: .*:1 isn't JSON"):
        load_task(written(tmp_path / "mine.jsonl", "{"))
    for name, content in {"empty.jsonl": "", "empty.csv": "", "header.csv": "question,answer\n"}.items():
        with pytest.raises(ConfigurationError, match="no row that can be used"):
            load_task(written(tmp_path / name, content))


def test_a_file_that_is_not_there_is_told_so(tmp_path: Path):
    with pytest.raises(ConfigurationError, match="can't be read: No such file"):
        load_task(str(tmp_path / "mine.jsonl"))
    with pytest.raises(UnknownName, match=r"\.jsonl or \.csv file"):
        load_task(str(tmp_path / "mine.txt"))


def test_csv_may_quote_break_lines_and_come_from_a_spreadsheet(tmp_path: Path):
    content = '\ufeffquestion;answer;id\r\n"a; ""b""\r\nc";4;x\r\n;;\r\nd;5;y\r\n'
    task = load_task(written(tmp_path / "mine.csv", content))
    assert pairs(task) == [('a; "b"\r\nc', "4"), ("d", "5")]
    assert [item.id for item in task.items] == ["x", "y"]
    assert task.problems == ()


def test_bad_rows_of_csv_are_named_by_line(tmp_path: Path):
    rows = b'question,answer\nq,1\nq,1,2\n"a"b,2\n\xe9,3\na\0b,4\nq\nr,5\n"never closed,6\n'
    task = load_task(written(tmp_path / "mine.csv", rows))
    assert pairs(task) == [("q", "1"), ("r", "5")]
    assert sorted(int(p.split(":")[1].split()[0]) for p in task.problems) == [3, 4, 5, 6, 7, 9]


def test_fields_of_a_megabyte_are_read_and_the_process_keeps_its_limit(tmp_path: Path):
    before = csv.field_size_limit()
    long = "word " * 200_000
    task = load_task(written(tmp_path / "mine.csv", f"question,answer\n{long},4\n"))
    assert task.items[0].question == long.strip()
    assert csv.field_size_limit() == before
    assert load_task(jsonl(tmp_path / "m.jsonl", {"question": long, "answer": 4})).items[0].question == long.strip()


def test_utf16_is_told_to_be_saved_otherwise(tmp_path: Path):
    with pytest.raises(ConfigurationError, match="UTF-16; save it as UTF-8"):
        load_task(written(tmp_path / "mine.csv", "question,answer\nq,1\n".encode("utf-16")))


def test_an_id_that_comes_twice_is_a_problem(tmp_path: Path):
    rows = [{"id": 7, "question": "a", "answer": "x"}, {"id": "7", "question": "b", "answer": "y"}]
    task = load_task(jsonl(tmp_path / "mine.jsonl", *rows))
    assert [item.id for item in task.items] == ["7"]
    assert task.problems == (f"{tmp_path}/mine.jsonl:2 the id '7' is that of line 1",)


def test_the_form_of_answers_is_what_all_of_them_look_like(tmp_path: Path):
    def form(*answers: Any) -> tuple[str, type]:
        task = load_task(jsonl(tmp_path / "f.jsonl", *({"question": "q", "answer": a} for a in answers)))
        return task.form, type(task.scorer)

    assert form("$1,234.50", 3, 2.5, "-7", "15%") == ("number", NumberScorer)
    assert form("4", "Paris") == ("text", TextScorer)
    assert form("4 apples") == ("text", TextScorer)
    row = {"question": "q", "answer": "b", "choices": ["a", "b"]}
    task = load_task(jsonl(tmp_path / "c.jsonl", row))
    assert (task.form, type(task.scorer)) == ("choice", ChoiceScorer)
    assert task.items[0].question == "q\nOptions:\n(A) a\n(B) b"


def test_a_form_can_be_asked_for_and_rows_that_do_not_fit_are_named(tmp_path: Path):
    rows = [{"question": "q", "answer": "yes"}, {"question": "r", "answer": "no"}, {"question": "s", "answer": "3"}]
    file = jsonl(tmp_path / "mine.jsonl", *rows)
    assert load_task(file, form="choice").items[0].choices == ("yes", "no", "3")
    task = load_task(file, form="number")
    assert pairs(task) == [("s", "3")]
    assert task.problems[0] == f"{file}:1 the answer 'yes' is no number; pass form='text'"
    with pytest.raises(ConfigurationError, match="number, text, choice, not 'code'"):
        load_task(file, form="code")


def test_optional_columns(tmp_path: Path):
    file = jsonl(
        tmp_path / "mine.jsonl",
        {"id": "a", "question": "q", "answer": ["x", "y"], "context": "The x.", "cluster": 3},
        {"id": "b", "question": "q", "answer": "x", "passages": [{"text": "t", "source": "s"}, "u"]},
        {"id": "c", "question": "q", "answerable": False},
    )
    a, b, c = load_task(file).items
    assert (a.gold, a.passages[0].text, a.cluster) == ({"answers": ["x", "y"]}, "The x.", "3")
    assert [(p.text, p.source) for p in b.passages] == [("t", "s"), ("u", "passage 2")]
    assert not c.answerable
    assert load_task(file).metric == "balanced accuracy"
    assert load_task(file).abstain


def test_lists_in_csv(tmp_path: Path):
    content = 'question,answer,choices,context\nq,b,a|b,"[""t"", ""u""]"\nr,"[1,2]","[""[1,2]"", ""(1,2)""]",[1] see\n'
    one, two = load_task(written(tmp_path / "mine.csv", content)).items
    assert (one.choices, [p.text for p in one.passages]) == (("a", "b"), ["t", "u"])
    assert (two.gold, two.choices, two.passages[0].text) == ("[1,2]", ("[1,2]", "(1,2)"), "[1] see")


def test_a_digest_tells_other_data_and_other_columns(tmp_path: Path):
    row = {"question": "q", "answer": "1", "other": "2"}
    file = jsonl(tmp_path / "mine.jsonl", row)
    digests = {load_task(file).digest, load_task(file, answer="other").digest, load_task(file, form="text").digest}
    jsonl(tmp_path / "mine.jsonl", row, row)
    digests.add(load_task(file).digest)
    assert len(digests) == 4
    assert load_task(file).digest in digests
