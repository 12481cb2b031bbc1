"""A worked solution becomes a program that says by its names what each step is for."""

from random import Random

import pytest

from agentkit import sandbox
from agentkit.compress.sources import gsm8k
from agentkit.compress.sources.naming import identifier, program
from agentkit.compress.sources.word_problem import WordProblem
from agentkit.decision import Call, Plan
from agentkit.evaluate.tasks.data import Row

SOLUTION = """\
In May she sold 48/2 = <<48/2=24>>24 clips.
Each clip of May cost 3*2 = $<<3*2=6>>6.
So in May she was paid 24*6 = $<<24*6=144>>144.
#### 144"""


def solved(solution: str, answer: str, question: str = "How much was she paid?") -> WordProblem:
    return gsm8k.word_problem(Row(7, {"question": question, "solution": solution, "answer": answer}))


def test_several_steps_are_one_program_that_prints_the_answer() -> None:
    problem = solved(SOLUTION, "144", "She sold 48 clips in April for $3. How much was she paid?").problem(Random(0))
    [plan, call, _] = (line.cue for line in problem.script)
    assert isinstance(plan, Plan)
    assert [step.tool for step in plan.steps] == ["python"]
    assert isinstance(call, Call)
    code = call.arguments["code"]
    assert code.splitlines() == [
        "may_sold_clips = 48 / 2",
        "clip_may_cost = 3 * 2",
        "may_paid = may_sold_clips * clip_may_cost",
        "print(may_paid)",
    ]
    assert sandbox.run(code).text.strip() == "144.0"


def test_few_steps_are_calls_of_the_calculator() -> None:
    two = "She sold 48/2 = <<48/2=24>>24 clips.\nThey sold 48+24 = <<48+24=72>>72 clips in all."
    assert [line.cue.tool for line in solved(two, "72").problem(Random(0)).script if isinstance(line.cue, Call)] == [
        "calculator",
        "calculator",
    ]


def test_a_number_of_the_question_is_a_name_only_where_it_was_worked_out_for_that() -> None:
    # 4 is told; the first 4 of the last line is what "dogs" came to, the second the one that is told.
    steps, labels = ("6-2", "4*3", "12+4*4"), ("Tom has dogs", "they have bones", "it weighs pounds")
    assert program("Each of 4 has 3, of 6 but 2.", steps, labels).splitlines() == [
        "tom_dogs = 6 - 2",
        "bones = tom_dogs * 3",
        "weighs_pounds = bones + 4 * 4",
        "print(weighs_pounds)",
    ]


def test_a_power_and_a_hundredth_are_python() -> None:
    assert program("2 3 5", ("2^3", "8/100*5", "0.4+2"), ("a cube", "a part", "")).splitlines() == [
        "cube = 2**3",
        "part = cube / 100 * 5",
        "answer = part + 2",
        "print(answer)",
    ]


def test_a_percent_sign_is_no_python() -> None:
    assert program("2 3", ("2+3", "8%*5", "0.4+2"), ("a sum", "a part", "")) == ""


def test_without_a_label_before_the_last_there_is_no_program() -> None:
    assert program("", ("1+2", "3*3", "9-1"), ("some birds", "", "birds left")) == ""
    unsaid = solved("48/2 = <<48/2=24>>24.\n24*3 = <<24*3=72>>72.\n72+1 = <<72+1=73>>73 is left.", "73")
    assert unsaid.named() == ""


@pytest.mark.parametrize(
    ("label", "taken", "name"),
    [
        ("Troy walks to school and back home", (), "walks_school_back_home"),
        ("Troy walks to school and back home", ("walks_school_back_home",), "troy_walks_school_back_home"),
        ("clips", ("clips", "clips_2"), "clips_3"),
        ("the class", (), "class_2"),
        ("the sum", (), "sum_2"),
        ("it is to be", (), ""),
        ("Ann's dogs", (), "ann_dogs"),
    ],
)
def test_a_name_is_what_a_label_says_last(label: str, taken: tuple[str, ...], name: str) -> None:
    assert identifier(label, taken=taken) == name
