"""The evidence and the draft speak of what the question asks for."""

from collections.abc import Sequence

import pytest

from agentkit.answer import Evidence
from agentkit.checks import Answerability, Draft
from agentkit.checks.answerability import focus

PEOPLE = "In summer 14 staff live at the station. The station leader is Ilse Maranth."


def objections(task: str, text: str, passage: str = PEOPLE, *, cosine: float = 0.3) -> list[str]:
    class Alike:
        def similarity(self, a: Sequence[str], b: Sequence[str], /) -> list[list[float]]:
            return [[cosine] * len(b) for _ in a]

    evidence = (Evidence(id=1, tool="retrieval", call=1, text=passage, source="station.md"),)
    draft = Draft(text=text, cited=(1,), task=task, evidence=evidence)
    return [f.reason for f in Answerability.of([Alike()])(draft)]


@pytest.mark.parametrize(
    ("task", "asked"),
    [
        ("How many dogs live at the station?", "dogs"),
        ("What is the e-mail address of the leader?", "e-mail address"),
        ("Which tank is larger?", "tank"),
        ("At what height does it lie?", "height"),
        ("Who leads it?", ""),
        ("What happens to a licence that is violated?", ""),
        ("What causes the noise?", ""),
        ("What comes with the soup?", ""),
        ("What kind of noise is it?", "kind"),
        ("What is 15% of 80?", ""),
        ("How much does it cost?", ""),
        ("Which usually has thicker fur, dogs or wolves?", ""),
        ("What is paid for a hotel?", ""),
        ("What is allowed?", ""),
        ("What is the required speed?", "required speed"),
        ("What is it called when Congress ends an appointment?", ""),
        ("What is the most common type of tank?", "type"),
        ("What is Ilse's e-mail address?", "e-mail address"),
    ],
)
def test_a_question_names_what_it_asks_for(task: str, asked: str) -> None:
    assert focus(task) == asked


def test_evidence_that_never_speaks_of_it_cannot_answer() -> None:
    assert objections("How many dogs live at the station?", "14 staff live there.") == [
        "the evidence does not speak of dogs, which the task asks for"
    ]
    assert objections("How many staff live at the station?", "14 staff live there.") == []
    assert objections("What is the fare to the station?", "Ilse Maranth is the leader.") == [
        "the evidence does not speak of fare, which the task asks for"
    ]


@pytest.mark.parametrize(
    ("task", "text"),
    [
        ("What is the name of the dog?", "The dog Argos sleeps all day."),
        ("What type of dog is Argos?", "Argos is a beagle."),
        ("How much money did the tour make?", "The tour made 119.5 million euros."),
        ("What time does the pool open?", "The pool opens at 7 in the morning."),
        ("What dose should adults take?", "Adults take two tablets twice daily."),
        ("At what temperature is it kept?", "It is kept between 2 and 8 °C."),
        ("Which two cities does it join?", "It joins Lyon and Turin."),
        ("At how many degrees does water boil?", "Water boils at 100 °C."),
        ("What is the charge for a locker?", "A locker is 2 euros a day."),
    ],
)
def test_what_an_answer_is_need_not_be_named(task: str, text: str) -> None:
    assert objections(task, text, text) == []


@pytest.mark.parametrize(
    "text", ["It has one wheel.", "It has a single wheel.", "It has a wheel.", "It has no wheels.", "None.", "Once."]
)
def test_one_or_none_is_an_answer_to_how_many(text: str) -> None:
    assert objections("How many wheels does it have?", text, "wheels") == []


@pytest.mark.parametrize("text", ["It has wheels.", "No, it has a seat.", "Wheels come in a box."])
def test_what_counts_nothing_is_none(text: str) -> None:
    assert objections("How many wheels does it have?", text, "wheels") == [
        "the task asks how many, and the answer has no number"
    ]


def test_how_many_at_the_end_of_a_question_wants_a_number_too() -> None:
    task = "Do they keep staff at the station, and how many?"
    assert objections(task, "They keep staff.") == ["the task asks how many, and the answer has no number"]
    assert objections(task, "14 staff.") == []


def test_a_word_of_like_meaning_will_do() -> None:
    assert objections("What is the boss called?", "Ilse Maranth.", cosine=0.7) == []


def test_how_many_wants_a_number_in_the_unit_asked_for() -> None:
    litres = "How many litres does Tank B hold?"
    assert objections(litres, "Tank B is cleaned often.", "Tank B: litres") == [
        "the task asks how many, and the answer has no number"
    ]
    assert objections(litres, "It costs 3 euros.", "Tank B: litres") == [
        "the task asks for litres, and the answer has none"
    ]
    assert objections(litres, "It holds 8,500 l.", "Tank B: litres") == []
    speed = "How many metres per second are 90 kilometres per hour?"
    assert objections(speed, "90 kilometres per hour is 25 metres per second.", "metres") == []


SCULPTOR = (
    "Frey is a Swiss sculptor. He made the fountain on the market square of Oberdorf, which shows a bear, in 1931."
)


def test_passages_with_the_other_words_of_a_long_question_answer_it_whatever_they_call_that() -> None:
    nationality = "What nationality had the sculptor who made the fountain on the market square?"
    assert objections(nationality, "Swiss", SCULPTOR) == []
    assert objections(nationality, "Swiss", PEOPLE) == [
        "the evidence does not speak of nationality, which the task asks for"
    ]
    assert objections("What is the price of the fountain?", "a bear", SCULPTOR), "the few other words prove nothing"
    how_many = "How many pigeons sit on the fountain on the market square of Oberdorf?"
    assert objections(how_many, "1931", SCULPTOR) == ["the evidence does not speak of pigeons, which the task asks for"]


def test_how_an_answer_should_be_written_is_no_part_of_the_question() -> None:
    asked = "What nationality had the sculptor of the fountain on the market square?"
    assert (
        objections(f"{asked}\nAnswer with few words. Begin every sentence of yours with a verb.", "Swiss", SCULPTOR)
        == []
    )


@pytest.mark.parametrize(
    ("task", "text"),
    [
        ("How many toads live in a box of 4 by 6 feet?", "There are 24 toads."),
        ("How many toads does each child get on average?", "4.5"),
        ("How many pizzas do 3 children eat who eat 1.5 each?", "4.5"),
        ("How many hours does it take?", "4.5"),
        ("How many times as large is it?", "4.5"),
        ("How many square feet does it have?", "4.5"),
        ("How many kilowatt-hours does it use?", "4.5"),
        ("How many toads are there, about?", "There are 4.5 toads a box, so 9 in both."),
    ],
)
def test_what_may_be_in_parts_or_is_whole_is_a_count(task: str, text: str) -> None:
    assert not [found for found in objections(task, text, "") if "whole" in found]


def test_things_are_counted_whole() -> None:
    toads = "Kevin has 57 worms and some toads. How many toads does Kevin have?"
    told = "the task asks how many toads, which are counted whole, and the answer has 57.6"
    assert objections(toads, "57.6", "") == [told]
    assert objections(toads, "He has 57.6 toads.", "") == [told]
