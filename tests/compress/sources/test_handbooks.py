"""Handbooks: every question can be answered from its documents, by the searches and the sum that stand beside it."""

import asyncio
import itertools
import re
from pathlib import Path
from random import Random

import pytest

from agentkit.compress.problem import Problem
from agentkit.compress.recording import record
from agentkit.compress.sources.handbooks import (
    LITERAL,
    handbooks,
    parsed,
    problem,
    read,
    stands,
    told,
    written,
)
from agentkit.compress.sources.slots import RESULT, drawn, filled, names, separated

pytestmark = pytest.mark.model  # searching takes the embedder


def test_every_number_of_a_question_is_told() -> None:
    for handbook in read():
        told = "\n".join(text for _, text in handbook.documents)
        known = handbook.drawn(Random(1))
        for question in handbook.questions:
            values = {**known, **drawn(question.text, Random(2))}
            fields = (question.text, question.key, question.answer, *question.searches, question.purpose)
            assert set(names(" ".join(fields))) <= values.keys(), question
            assert not re.search(r"[{}]", filled(" ".join(fields).replace(RESULT, ""), values)), question
            for literal in LITERAL.findall(question.key):
                assert stands(literal, told), question


def test_an_answer_tells_what_the_key_does() -> None:
    for handbook in read():
        for question in handbook.questions:
            if question.key != "-" and not question.is_sum:
                literal = LITERAL.findall(question.key)
                assert set(names(question.key)) <= set(names(question.answer)), question
                assert all(text.lower() in question.answer.lower() for text in literal), question


def test_a_sum_says_what_to_search_for_and_what_it_is_for() -> None:
    for handbook in read():
        for question in handbook.questions:
            if question.key == "-":
                assert not question.answer
            elif question.is_sum:
                assert question.searches, question
                assert question.purpose, question
                assert RESULT in question.answer, question
            else:
                assert RESULT not in question.answer, question


def test_nearly_every_question_is_answered_by_the_loop(tmp_path: Path) -> None:
    chance = Random(4)
    handbook = chance.choice(read())
    copy = written(handbook, handbook.drawn(chance), tmp_path)
    made = [problem(f"q{n}", q, copy, chance) for n, q in enumerate(handbook.questions)]
    usable = [p for p in made if isinstance(p, Problem)]
    assert len(usable) > 0.8 * len(made), [p for p in made if not isinstance(p, Problem)]
    found = [asyncio.run(record(p)) for p in usable]
    lost = [(r.id, r.reason, r.detail) for r in found if r.lesson is None]
    assert len(lost) < 0.2 * len(found), lost


def test_beside_questions_on_documents_stand_some_that_need_none() -> None:
    some = [p for p in itertools.islice(handbooks(Path(), Random(3)), 40) if isinstance(p, Problem)]
    assert {p.kind for p in some} >= {"documents", "maths", "program", "refusal"}
    assert all(set(p.tools) == {"retrieval", "calculator", "python"} for p in some)


def test_numbers_are_drawn_once_and_told_alike() -> None:
    handbook = parsed(
        "# Halls\n\nThe hall holds {a:1200..1800/100} people.\n"
        "? How many people does the hall hold? | {a} | It holds {a} people.\n? Who built it? | -\n"
    )
    [(title, text)] = handbook.documents
    lookup, silent = handbook.questions
    values = handbook.drawn(Random(0))
    assert title == "Halls"
    assert values["a"] in range(1200, 1801, 100)
    assert filled(text, values, separated) == f"The hall holds {values['a']:,} people."
    assert (lookup.key, silent.key, silent.answer) == ("{a}", "-", "")


@pytest.mark.parametrize(
    ("wanted", "text", "there"),
    [("12", "It has 12 rooms.", True), ("12", "It has 112 rooms.", False), ("12", "12,000 litres", False)],
)
def test_a_number_stands_by_itself(wanted: str, text: str, there: bool) -> None:
    assert stands(wanted, text) is there


def test_a_number_is_told_by_the_document_that_says_what_it_is_of() -> None:
    handbook = parsed(
        "# The hall\n\nThe hall has {a:12..13} windows.\n? How many windows has the hall? | {a} | It has {a} windows.\n"
        '# The barn\n\nIn the barn of Ada Lund stand {b:12..13} carts.\n? Whose is it? | "Ada Lund" | Ada Lund\'s.\n'
    )
    [windows] = told("{a}", handbook, {"a": 12, "b": 12})
    assert windows.stands("The hall has 12 windows.", "the-hall.md > Windows")
    assert not windows.stands("In the barn of Ada Lund stand 12 carts.", "the-barn.md")
    [owner] = told('"Ada Lund"', handbook, {})
    assert owner.files == ("the-barn.md",)
