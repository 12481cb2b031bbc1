"""Marks and programs become what a calculator takes, in as few steps as lead to the answer."""

from pathlib import Path
from random import Random

import pytest

from agentkit.compress.problem import Unusable
from agentkit.compress.sources import gsm8k
from agentkit.compress.sources.gsm8k import steps_of
from agentkit.compress.sources.programs import word_problem as program_of
from agentkit.compress.sources.word_problem import WordProblem, purpose, sentence_from
from agentkit.decision import Plan
from agentkit.evaluate.tasks.data import Row, RowError


@pytest.mark.parametrize(
    ("solution", "steps"),
    [
        ("48/2 = <<48/2=24>>24.\n48+24 = <<48+24=72>>72.", ("48/2", "48+24")),
        ("It is $<<$1,000*.5=500>>500, then <<500+0.25=500.25>>500.25.", ("1000/2", "500+0.25")),
        ("<<20*.01*120=24>>24 of <<120-24=96>>96", ("20/100*120", "120-24")),
        ("<<5=5>>5 and <<5+3=8>>8", ("5+3",)),
        # A step without a mark is read from the text, one that nothing needs is left away.
        ("14*60 = 840 and 7*2=<<7*2=14>>14; 11*75=<<11*75=825>>825, so 840-825=<<840-825=15>>15", None),
        # A third was rounded: the expression stands for it.
        ("<<100/3=33.33>>33.33 each, <<33.33*6=200>>200", ("(100/3)*6",)),
    ],
)
def test_the_marks_of_a_solution_are_steps(solution: str, steps: tuple[str, ...] | None) -> None:
    assert tuple(steps_of(solution)) == (steps or ("14*60", "11*75", "840-825"))


@pytest.mark.parametrize(
    ("solution", "labels"),
    [
        ("Natalia sold 48/2 = <<48/2=24>>24 clips in May.", ["Natalia sold clips in May"]),
        ("So it is 5 x 2 = $<<5*2=10>>10.", [""]),
        ("The first 3 shirts cost 15*3=<<15*3=45>>45 dollars in total.", ["The first shirts cost dollars in total"]),
        ("Zoo tickets and bus fare will cost $10 + $6 = $<<10+6=16>>16.", ["Zoo tickets and bus fare will cost"]),
        # Of two equations in a sentence each has what stands before it.
        (
            "Tom has 2*3=<<2*3=6>>6 cats, so the dogs of Ann are 6+1=<<6+1=7>>7.",
            ["Tom has cats", "the dogs of Ann"],
        ),
        ("If he is paid $5000, he pays 5000/10 = $<<5000/10=500>>500 in taxes", ["he pays in taxes"]),
        ("They need 15 pounds a day because 150/10=<<150/10=15>>15", ["They need pounds a day"]),
        ("9*3=<<9*3=27>>27", [""]),
    ],
)
def test_a_step_is_for_what_its_sentence_says(solution: str, labels: list[str]) -> None:
    assert list(steps_of(solution).values()) == labels


def test_a_plan_says_what_each_of_several_steps_is_for() -> None:
    told = word_problem("Natalia sold 48/2 = <<48/2=24>>24 clips.\nThey sold 48+24 = <<48+24=72>>72 clips in all.")
    assert told.purposes() == ("Natalia sold clips", "They sold clips in all")
    # One step, or one of which nothing is said, is planned by what the question asks for.
    assert word_problem("48+24 = <<48+24=72>>72").purposes() == ("count the clips",)
    assert word_problem("In May 48/2 = <<48/2=24>>24.\n48+24 = <<48+24=72>>72").purposes() == ("count the clips",)
    long = "\n".join(f"Her friends sold {n}+1=<<{n}+1={n + 1}>>{n + 1} clips." for n in range(67, 72))
    assert word_problem(long).purposes() == ("Her friends sold clips",) * 4
    [plan, *calls, _] = told.problem(Random(0)).script
    assert isinstance(plan.cue, Plan)
    assert [step.purpose for step in plan.cue.steps] == list(told.purposes())
    assert len(calls) == 2


def word_problem(solution: str) -> WordProblem:
    row = Row(1, {"question": "How many clips did she sell?", "solution": solution, "answer": "72"})
    return gsm8k.word_problem(row)


@pytest.mark.parametrize("solution", ["<<2+2=5>>5", "<<two+2=4>>4", "<<2+2=four>>"])
def test_a_mark_that_is_wrong_makes_no_problem(solution: str) -> None:
    with pytest.raises(RowError, match="a mark"):
        steps_of(solution)


def test_a_row_that_makes_no_problem_is_told_and_the_others_go_on(tmp_path: Path) -> None:
    good = '{"question": "Add 4 to 5. How many?", "solution": "<<4+5=9>>9\\n#### 9", "answer": "9"}'
    lines = [good, "{", good.replace('"9"', '"8"'), good.replace('"9"', '"nine"'), good.replace("question", "q"), good]
    (tmp_path / "gsm8k_train.jsonl").write_text("\n".join(lines), encoding="utf-8")
    found = list(gsm8k.read(tmp_path))
    assert [f.reason if isinstance(f, Unusable) else f.id for f in found] == [
        "the line can't be read",
        "gsm8k_train-1",
        "the marks don't lead to the answer",
        "the answer is no number",
        "has no field …",
        "gsm8k_train-6",
    ]


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("So, Natalia sold 48+24 = 72 clips altogether.", "Natalia sold 72 clips altogether."),
        ("Therefore they pay $60 + $12 = $72", "They pay $72."),
        ("72 clips and 5 others", ""),
        ("There are 71 clips", ""),
        ("x = 72", ""),
    ],
)
def test_a_solutions_last_line_answers_where_it_says_only_that(line: str, sentence: str) -> None:
    assert sentence_from(line, "72") == sentence


@pytest.mark.parametrize(
    ("body", "steps", "program"),
    [
        ("a = 29\n b = 7\n c = a * b\n result = c\n return result", ("29*7",), "a = 29\nb = 7\nc = a * b\nprint(c)"),
        ("a = 9.0 - 2\n return a * (3 + 26)", ("(9-2)*(3+26)",), "a = 9.0 - 2\nprint(a * (3 + 26))"),
        ("a = 270 - (50 + 17)\n a -= 0\n return a", ("270-(50+17)-0",), None),
        ("a = 406 // 2\n return a", ("406/2",), "a = 406 // 2\nprint(a)"),
        ("a = 407 // 2\n return a", (), "a = 407 // 2\nprint(a)"),
        ("a = max(203, 8)\n return a", (), "a = max(203, 8)\nprint(a)"),
    ],
)
def test_a_program_is_one_expression_where_it_only_computes(
    body: str, steps: tuple[str, ...], program: str | None
) -> None:
    row = {"question": "?", "program": f"def solution():\n '''?'''\n {body}", "answer": "203.0"}
    found = program_of(Row(1, row))
    assert found.steps == steps
    if program is not None:
        assert found.program == program


@pytest.mark.parametrize("text", ["def f(:", "3", "def f():\n x = 3"])
def test_what_is_no_program_is_told(text: str) -> None:
    with pytest.raises(RowError, match="the program"):
        program_of(Row(1, {"question": "?", "program": text, "answer": "3"}))


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("How many more clips did she sell?", "count the clips"),
        ("How much did she pay?", "work out the amount"),
        ("What is the sum?", "work out the answer"),
    ],
)
def test_a_plan_says_what_is_asked_for(question: str, said: str) -> None:
    assert purpose(question) == said
