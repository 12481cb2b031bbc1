"""CSV and JSON lines: a passage a row, `column: value`."""

import json
import sys

import pytest

from agentkit.knowledge.formats import csv, jsonl
from agentkit.knowledge.formats.content import Unreadable


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_rows_are_read_whatever_separates_them(separator: str) -> None:
    lines = [["country", "capital", "people"], ["Kenya", "Nairobi", "52"], ["Peru", "", "34"]]
    content = csv.read("\r\n".join(separator.join(line) for line in lines).encode())
    assert [s.text for s in content.sections] == [
        "country: Kenya\ncapital: Nairobi\npeople: 52",
        "country: Peru\npeople: 34",
    ]
    assert content.sections[0].columns == {"country": "Kenya", "capital": "Nairobi", "people": "52"}


def test_quoted_fields_short_and_long_rows_are_read() -> None:
    content = csv.read(b'name,note\nA,"one, two\nthree"\nB\nC,x,extra\n')
    assert [s.text for s in content.sections] == [
        "name: A\nnote: one, two\nthree",
        "name: B",
        "name: C\nnote: x\ncolumn 3: extra",
    ]


def test_the_separator_is_what_makes_most_columns_not_what_is_most_frequent() -> None:
    content = csv.read(b'name;note\nA;"one, two, three, ""four"""\nB;five, six, seven\n')
    assert [s.columns["note"] for s in content.sections] == ['one, two, three, "four"', "five, six, seven"]
    assert csv.read(b'a, b\n1, "x, y"\n').sections[0].columns == {"a": "1", "b": "x, y"}


@pytest.mark.parametrize("stated", ["sep=;", "sep=;\r", '"sep=;"', "\ufeffSEP=; "])
def test_a_first_line_that_states_the_separator_is_no_row(stated: str) -> None:
    content = csv.read(f"{stated}\nname;price, net, EUR\nbolt;1,50\n".encode())
    assert [s.text for s in content.sections] == ["name: bolt\nprice, net, EUR: 1,50"]
    assert csv.read(b"sep=^\na^b\n1^2\n").sections[0].columns == {"a": "1", "b": "2"}
    with pytest.raises(Unreadable, match=r"is not CSV \(line 3: "):
        csv.read(b'sep=;\na;b\n1;"' + b"never closed " * 20_000)


def test_the_name_of_a_column_is_one_line() -> None:
    [section] = csv.read(b'name,"price\r\n(EUR,  net)","price\n(EUR, net)"\nbolt,5,6\n').sections
    assert section.text == "name: bolt\nprice (EUR, net): 5\nprice (EUR, net) (2): 6"


def test_a_row_of_many_columns_is_several_passages_under_one_heading() -> None:
    names = ",".join(f"column{number}" for number in range(100))
    sections = csv.read(f"name,{names}\nStation,{','.join('7' * 100)}\n".encode()).sections
    assert len(sections) == 3
    assert sections[0].text.startswith("name: Station\ncolumn0: 7\n")
    assert {s.heading for s in sections[1:]} == {"Station"}


def test_a_long_row_stands_under_its_short_values() -> None:
    answer = "It is a long story. " * 40
    row = {"id": "0000097", "focus": "Tremor", "question": "What is tremor?", "url": "http://x/y", "answer": answer}
    short, long = jsonl.read(json.dumps(row).encode()).sections
    assert short.text == "id: 0000097\nfocus: Tremor\nquestion: What is tremor?\nurl: http://x/y"
    assert (long.heading, long.text.startswith("answer: It is")) == ("Tremor; What is tremor?", True)
    assert (long.columns["focus"], "answer" in long.columns) == ("Tremor", False)


def test_columns_of_the_same_name_are_told_apart() -> None:
    [section] = csv.read(b"item,price,price,price (2)\nbolt,10 EUR,12 EUR,14 EUR\n").sections
    assert section.text == "item: bolt\nprice: 10 EUR\nprice (2): 12 EUR\nprice (2) (2): 14 EUR"


def test_objects_in_objects_become_columns() -> None:
    line = b'{"name": "A", "at": {"city": "Oslo", "geo": [1, 2]}, "none": null, "flag": true, "list": [{"x": 1}]}'
    assert jsonl.read(line).sections[0].text == 'name: A\nat.city: Oslo\nat.geo: 1, 2\nflag: true\nlist: [{"x": 1}]'


def test_lines_that_are_no_objects_are_left_out_and_counted() -> None:
    content = jsonl.read(b'{"a": "x"}\n\nnonsense\n[1]\n{"a": ' + b"[" * 100_000 + b'\n{"a": "y"}')
    assert [s.text for s in content.sections] == ["a: x", "a: y"]
    assert content.notice == "has 3 lines that are no JSON objects, left out; the first is line 3"


@pytest.mark.parametrize(
    ("read", "data", "reason"),
    [
        (jsonl.read, b"just text\nand more", "is not JSON lines"),
        (jsonl.read, b'{"n": ' + b"9" * 10_000 + b"}", "is not JSON lines"),
        (csv.read, b"name,note\n", "has no rows"),
        (csv.read, b'name,note\nA,"' + b"never closed " * 20_000, r"is not CSV \(line .*field larger than field limit"),
        (csv.read, b",".join(b"c" for _ in range(600)) + b"\nx", "has 600 columns; up to 500 are read"),
        (csv.read, b"PK\x03\x04", "is not text"),
    ],
)
def test_what_cannot_be_read_says_why(read: object, data: bytes, reason: str) -> None:
    assert callable(read)
    with pytest.raises(Unreadable, match=reason):
        read(data)


def test_empty_lines_above_and_between_rows_do_not_count() -> None:
    read = csv.read(b"\r\r\nname;litres\r\r\nTank A;12\r\r\nTank B;8\r\r\n")
    assert [section.text for section in read.sections] == ["name: Tank A\nlitres: 12", "name: Tank B\nlitres: 8"]


def test_an_object_of_any_depth_is_read_or_left_out() -> None:
    for depth in range(sys.getrecursionlimit() - 150, sys.getrecursionlimit(), 2):
        line = b'{"a":' * depth + b"1" + b"}" * depth
        assert jsonl.read(b'{"b": 1}\n' + line).sections[0].columns == {"b": "1"}


def test_a_long_word_is_not_kept_with_each_of_its_passages() -> None:
    [row, blob] = jsonl.read(json.dumps({"id": "A7", "blob": "ab" * 5000}).encode()).sections
    assert (row.text, row.columns) == ("id: A7", {"id": "A7"})
    assert (len(blob.text), blob.columns) == (10_006, {"id": "A7"})
