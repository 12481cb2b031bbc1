"""A name that the evidence has, but for something else."""

import pytest

from agentkit.answer import Evidence
from agentkit.checks import Citations, Draft
from agentkit.checks.namesakes import misplaced

OFFICES = """\
| Office | Manager | Floor | Opens |
|---|---|---|---|
| Berlin | Anna Weber | ground floor | 8:00 |
| Hamburg | Paul Lang | second floor | 9:00 |
| Munich | Eva Stern | third floor | 7:30 |"""
LED = (
    "The Hamburg office is led by Paul Lang and lies on the second floor. "
    "The Berlin office is led by Anna Weber and lies on the ground floor."
)
DOCTORS = "Dr. Klein is responsible for radiology. Dr. Braun is responsible for surgery. Complaints go to Ms. Roth."
ACTRESS = (
    "Shirley Temple was an American actress. Later she was ambassador to Ghana. The actress starred in films with Bill "
    "Robinson. Her memoirs appeared in New York."
)
BRIDGE = (
    "The Iron Bridge was built by Mary Holt in 1781. The Stone Bridge, older by far, was built by Adam Reed in 1402."
)


def found(claim: str, task: str, *passages: str, source: str = "x.md") -> tuple[str, str, int] | None:
    evidence = [
        Evidence(id=n, tool="retrieval", call=1, text=text, source=source) for n, text in enumerate(passages, 1)
    ]
    return misplaced(claim, task, evidence)


@pytest.mark.parametrize(
    ("passage", "task", "right", "wrong", "there"),
    [
        (OFFICES, "Who manages Hamburg?", "Paul Lang manages Hamburg.", "Anna Weber manages Hamburg.", "Paul Lang"),
        (OFFICES, "Who manages Hamburg?", "Paul Lang.", "Anna Weber.", "Paul Lang"),
        (OFFICES, "On which floor is Munich?", "It is on the third floor.", "On the second floor.", "third floor"),
        (OFFICES, "Which office is Eva Stern's?", "Eva Stern manages Munich.", "Eva Stern manages Berlin.", "Munich"),
        (LED, "Who leads Hamburg?", "Paul Lang leads the Hamburg office.", "Anna Weber leads Hamburg.", "Paul Lang"),
        (LED, "Who leads Hamburg?", "Paul Lang.", "Anna Weber.", "Paul Lang"),
        (DOCTORS, "Who does surgery?", "Dr. Braun is responsible for surgery.", "Dr. Klein is.", "Dr. Braun"),
        (BRIDGE, "Who built the Iron Bridge?", "Mary Holt built it.", "Adam Reed built it.", "Mary Holt"),
    ],
)
def test_a_name_in_another_ones_place_is_told(passage: str, task: str, right: str, wrong: str, there: str) -> None:
    assert found(right, task, passage) is None
    assert (told := found(wrong, task, passage)) is not None
    assert told[1:] == (there, 1)


@pytest.mark.parametrize(
    ("passage", "task", "claim"),
    [
        (OFFICES, "Who manages the offices?", "Anna Weber, Paul Lang and Eva Stern."),
        (OFFICES, "Which office opens first?", "Munich opens first, at 7:30."),
        (OFFICES, "Which office opens later than Munich?", "Berlin opens later, and so does Hamburg."),
        (OFFICES, "Who manages what?", "Anna Weber manages Berlin and Paul Lang manages Hamburg."),
        (LED, "Who leads the offices?", "Paul Lang leads Hamburg, and Anna Weber leads Berlin."),
        (OFFICES, "Does Anna Weber manage Hamburg?", "Hamburg is not managed by Anna Weber."),
        (OFFICES, "When does Hamburg open?", "Hamburg opens at 9:00, later than Berlin."),
        (ACTRESS, "Who was in films with Bill Robinson?", "Shirley Temple starred in films with Bill Robinson."),
        (ACTRESS, "Who was ambassador to Ghana?", "Shirley Temple was ambassador to Ghana."),
        (ACTRESS, "What did she write?", "Shirley Temple wrote memoirs, which appeared in New York."),
        (DOCTORS, "To whom do I complain about surgery?", "Ms. Roth takes complaints."),
        (DOCTORS, "What does Dr. Klein do?", "Dr. Klein is responsible for radiology."),
        (BRIDGE, "Which bridge is older?", "The Stone Bridge is older than the Iron Bridge."),
        ("", "Who?", "Anna Weber."),
        ("Anna.", "Who is it?", "It's (Anna [Weber]."),
    ],
)
def test_names_that_stand_where_they_may_pass(passage: str, task: str, claim: str) -> None:
    assert found(claim, task, passage) is None


def test_what_a_document_is_about_needs_no_name_in_each_sentence() -> None:
    assert found("Paul Lang leads Berlin.", "Who leads Berlin?", LED, source="Paul Lang.md") is None


def test_the_other_passage_counts_as_well() -> None:
    first, second = LED.split(". ", 1)
    assert found("Anna Weber.", "Who leads the Hamburg office?", second, f"{first}.") == ("Anna Weber", "Paul Lang", 2)


def test_the_check_says_what_stands_there() -> None:
    evidence = (Evidence(id=1, tool="retrieval", call=1, text=OFFICES, source="offices.md"),)
    draft = Draft(text="Anna Weber manages Hamburg.", cited=(1,), task="Who manages Hamburg?", evidence=evidence)
    [finding] = Citations()(draft)
    assert (finding.verdict, finding.reason) == ("failed", "[1] has Paul Lang there, not Anna Weber")
