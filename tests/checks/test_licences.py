"""What a computation may know though nobody said it, because of the words of the task."""

import pytest

from agentkit.checks import Draft, made_up
from agentkit.checks.licences import counts_in
from agentkit.tools import Tool, load_tools

[CALCULATOR] = load_tools(["calculator"])


def refused(tool: Tool, task: str, expression: str) -> str:
    return made_up(Draft(text="", cited=(), task=task, evidence=()), tool, {"expression": expression})


@pytest.mark.parametrize(
    ("task", "right", "wrong"),
    [
        ("He buys 3 dozen eggs at $2 each. What does he pay?", "3*12*2", "3*15*2"),
        ("She has 4 dimes and 7 nickels. How many cents is that?", "4*10 + 7*5", "4*15 + 7*5"),
        ("She has 4 dimes and 7 nickels. How many dollars is that?", "4*0.10 + 7*0.05", "4*0.20 + 7*0.05"),
        ("A camel is 336 inches tall. How many feet is that?", "336/12", "336/14"),
        ("A jug holds 7 gallons. How many pints is that?", "7*8", "7*9"),
        ("He ran 8 miles per hour for 15 minutes. How many miles is that?", "8*0.25", "8*0.35"),
        ("The ratio of coins is 10:45, and there are 440.", "440*10/(10+45)", "440*15/(10+45)"),
        ("Leah spent a seventh of her $28.", "28/7", "28/9"),
        ("Two-fifths of the 20 play volleyball.", "20*2/5", "20*2/7"),
        ("A bridge carries 900 cars a day. How many in March?", "900*31", "900*29"),
        ("He drives 60 miles each weekday. How many a week?", "60*5", "60*6"),
        ("What is the average of 30, 25 and 35?", "(30+25+35)/3", "(30+25+35)/4"),
        ("Sarah, Mary, and Tuan share a bill of $63 evenly.", "63/3", "63/4"),
        ("They share a bill of $63 evenly: Sarah, Mary, Tuan and Li.", "63/4", "63/3"),
        ("A car covers 120 km in 1.5 hours, then 90 km in 45 minutes.", "45/60", "45/50"),
    ],
)
def test_what_a_word_allows_to_know_is_no_number_from_nowhere(task: str, right: str, wrong: str) -> None:
    assert refused(CALCULATOR, task, right) == ""
    assert "stands neither in the task nor in the evidence" in refused(CALCULATOR, task, wrong)


def test_the_words_of_another_task_allow_nothing() -> None:
    assert refused(CALCULATOR, "He buys 3 eggs. What does he pay?", "3*12").startswith("12 stands neither")
    assert refused(CALCULATOR, "3 million people drink 5 litres each.", "3*5").startswith("3 stands neither")


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("On Monday, Wednesday, and Friday, Harry walks 7 dogs.", {3}),
        ("oranges, apples and watermelons", {3}),
        ("a, b, c, and d; e, f or g", {4, 3}),
        ("bread and butter", set[int]()),
        ("He came, and she left.", set[int]()),
    ],
)
def test_the_things_of_a_list_are_counted(text: str, counts: set[int]) -> None:
    assert counts_in(text) == counts


def test_a_long_text_is_counted_in_no_time() -> None:
    counts_in("a, " * 100_000 + "and b")
    assert refused(CALCULATOR, "What is 5 of it?", "x" * 100_000 + "/5") == ""
