"""A model's request is kept if it tells all arguments and no more, and if it is read as the call that it is for."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import pytest

from agentkit.compress.problem import Problem, Unusable
from agentkit.compress.recording import record
from agentkit.compress.sources.calls import called, failed
from agentkit.compress.sources.functions import catalogue, offer, request, telling
from agentkit.compress.sources.functions.values import Value
from agentkit.compress.sources.worded import STYLES, CallBrief, unfitting, worded
from agentkit.compress.writer import Writer
from agentkit.models.scripted import Reply

from ..wording import VALUES, answering, brief, call, problem_of, teacher, told

ALL = brief()
ARGUMENTS = {name: value.argument for name, value in VALUES.items()}


# What a request must tell


def test_a_request_that_tells_all_is_let_by() -> None:
    assert ALL.objection(told()) is None


@pytest.mark.parametrize(
    "instead",
    [
        {"place": "at luigi's"},
        {"people": "for 4 people"},
        {"date": "on 5 March 2024"},
        {"date": "on 2024-03-05"},
        {"date": "on Mar 5, 2024"},
        {"time": "at 19:30"},
        {"time": "at 7:30 p.m."},
        {"tip": "with fifteen percent as a tip"},
        {"tip": "with a tip of 0.15"},
        {"part": "on a terrace"},
        {"outdoor": "in the open, outdoors"},
        {"dishes": "and keep us the apple pie and a paella"},
        {"limits": "with limits of 45 and twenty dollars"},
        {"place": "at Luigi's, which is 30 km away,"},  # as the function's description says
        {"place": "at Luigi's, one of the best,"},
    ],
)
def test_an_argument_may_be_told_in_other_forms(instead: dict[str, str]) -> None:
    assert ALL.objection(told(**instead)) is None


@pytest.mark.parametrize(
    "instead",
    [
        {"place": "at Luigi"},
        {"people": "for all of us"},
        {"date": "on March 5"},
        {"date": "on 03/05/2024"},  # or on the third of May
        {"time": "at 7:30"},
        {"time": "at 7:30 AM"},
        {"tip": "with a tip of 15"},
        {"tip": "with a tip of 0.15%"},
        {"part": "on the balcony"},
        {"outdoor": "in the sun"},
        {"dishes": "and keep us the paella"},
        {"limits": "with a limit of 20 dollars"},
    ],
)
def test_an_argument_that_is_not_told_is_missed(instead: dict[str, str]) -> None:
    [name] = instead
    assert ALL.objection(told(**instead)) == ("an argument isn't told", f"{name}={ARGUMENTS[name]}")


def test_a_number_inside_of_a_date_tells_no_other_argument() -> None:
    five = brief(people=Value(5, "5"))
    assert five.objection(told(people="for 5 people")) is None
    assert five.objection(told(people="for us")) == ("an argument isn't told", "people=5")


@pytest.mark.parametrize(("time", "words"), [("12:00", "noon"), ("00:00", "midnight"), ("00:30", "12:30 AM")])
def test_a_time_of_day_may_have_a_name(time: str, words: str) -> None:
    given = brief(time=Value(time, words))
    assert given.objection(told(time=f"at {words}")) is None
    assert given.objection(told(time="at 1 PM")) == ("an argument isn't told", f"time={time}")


def test_nor_does_a_part_of_another_name() -> None:
    york = brief(part=Value("main_room", "York"), place=Value("New York", "New York"))
    assert york.objection(told(place="at New York", part="in York")) is None
    assert york.objection(told(place="at New York", part="")) == ("an argument isn't told", "part=main_room")


def test_a_flag_that_is_off_is_told_by_a_negation() -> None:
    inside = brief(outdoor=Value(False, ""))
    assert inside.objection(told(outdoor="but not outside")) is None
    assert inside.objection(told()) == ("an argument isn't told", "outdoor=False")


@pytest.mark.parametrize(
    ("added", "number"),
    [
        ("We have 200 dollars.", "200"),
        ("It's for two couples.", "two"),
        ("On March 6, 2025?", "6"),
        ("Call 911!", "911"),
    ],
)
def test_no_other_number_is_told(added: str, number: str) -> None:
    assert ALL.objection(f"{told()} {added}") == ("another number is told", number)


@pytest.mark.parametrize(
    ("added", "name"),
    [
        ("Use restaurants.book_table for it.", "restaurants.book_table"),
        ("Run Book_Table.", "restaurants.book_table"),
        ("So people = four.", "people"),
        ('I mean the "tip".', "tip"),
        ("date(s) are fixed.", "date"),
    ],
)
def test_nobody_says_names_as_code_has_them(added: str, name: str) -> None:
    assert ALL.objection(f"{told()} {added}") == ("it names the function or a parameter like code", name)
    assert ALL.objection(f"{told()} Which date and which people? Book that table.") is None


def test_what_templates_say_is_let_by_but_for_requests_that_nobody_would_make() -> None:
    """A filter that is too strict for requests written by hand would be so for a model's too."""
    chance = Random(1)
    offered = [offer(spec, chance) for spec in catalogue()]
    asked = [(each, said) for each in offered if (said := request(each, chance))]
    found = Counter(telling.objection(said.text, telling.facts(each, said), each) for each, said in asked)
    assert found[None] > 0.98 * len(asked), found


# What a reader must make of it


def solved(given: CallBrief, text: str, decisions: Sequence[Reply], **options: Any) -> Problem | Unusable:
    return asyncio.run(Writer(teacher(text, answering(decisions)), **options).solve(problem_of(given)))


SHORT = brief("place", "people")
TEXT = "Could you get four of us a table at Luigi's?"
RIGHT = call(place="Luigi's", people=4)


@pytest.mark.parametrize(
    "decisions",
    [
        [RIGHT],
        [call(place="Luigi's", people=4, part="main_room")],  # its default
        [RIGHT, RIGHT],  # the second is answered from the first
        [call(place="Luigi's", people=9), RIGHT],  # nine was made up, and refused
    ],
)
def test_a_request_that_is_read_as_its_call_becomes_a_lesson(decisions: Sequence[Reply]) -> None:
    found = solved(SHORT, TEXT, decisions)
    assert isinstance(found, Problem)
    assert (found.id, found.source, found.task) == ("functions_worded-1@big", "functions_worded@big", TEXT)
    lesson = asyncio.run(record(found)).lesson
    assert lesson is not None
    assert lesson.messages[1].content == f"Task: {TEXT}"
    assert lesson.messages[4].content == '{"tool":"restaurants.book_table","arguments":{"place":"Luigi\'s","people":4}}'


@pytest.mark.parametrize(
    ("decisions", "reason"),
    [
        ([], "it doesn't parse back: no call"),
        ([call(place="Luigi", people=4)], "it doesn't parse back: wrong arguments"),
        ([call(place="Luigi's", people=4, outdoor=True)], "it doesn't parse back: wrong arguments"),
        ([RIGHT, call(place="Odeon", people=4)], "it doesn't parse back: too many calls"),
    ],
)
def test_one_that_is_read_otherwise_is_not_kept(decisions: Sequence[Reply], reason: str) -> None:
    found = solved(SHORT, TEXT, decisions)
    assert isinstance(found, Unusable)
    assert found.reason == reason
    assert found.detail.endswith(TEXT), "who looks into the rejected ones sees what was written"


def test_a_request_that_no_function_fits_is_read_with_the_one_that_it_is_for() -> None:
    given = brief("place", "people", make=unfitting)
    found = solved(given, TEXT, [RIGHT])
    assert isinstance(found, Problem)
    names = [tool.name for tool in given.tools(found)]
    assert "restaurants.book_table" in names
    assert len(names) == len(found.tools) + 1
    lesson = asyncio.run(record(found)).lesson
    assert lesson is not None
    assert (lesson.kind, lesson.messages[-1].content) == ("refusal", '{"give_up":{"reason":"no tool fits the task"}}')
    other = next(iter(found.tools))
    assert not isinstance(other, str)
    wrong = solved(given, TEXT, [{"tool": other.name, "arguments": {}}] if not other.parameters["required"] else [])
    assert isinstance(wrong, Unusable)


def test_a_function_that_fails_in_the_lesson_works_for_the_reader() -> None:
    found = solved(brief("place", "people", make=failed), TEXT, [RIGHT])
    assert isinstance(found, Problem)
    lesson = asyncio.run(record(found)).lesson
    assert lesson is not None
    assert lesson.messages[-1].content == '{"give_up":{"reason":"the tools failed"}}'


# What is drawn, and what the model is told


def test_the_model_is_told_the_facts_and_none_of_the_code() -> None:
    model = teacher(TEXT, answering([RIGHT]))
    asyncio.run(Writer(model).solve(problem_of(brief("place", "people", "outdoor"))))
    shown = "\n".join(message.content for message in model.calls[0].messages)
    assert "- Name of the restaurant: Luigi's\n- Number of guests: four\n- Whether to sit outside: yes\n" in shown
    assert "book_table" not in shown
    assert model.calls[0].sampling.max_tokens == 200


def test_a_seed_draws_the_same_calls_of_many_kinds() -> None:
    first, again = (list(islice(worded(Path(), Random(seed)), 60)) for seed in (5, 5))
    briefs = [p.brief for p in first if isinstance(p, Problem) and isinstance(p.brief, CallBrief)]
    assert [p.task for p in first if isinstance(p, Problem)] == [p.task for p in again if isinstance(p, Problem)]
    assert len(briefs) == len({p.id for p in first}) == 60
    assert {given.make for given in briefs} == {called, failed, unfitting}
    assert {given.style for given in briefs} == set(STYLES)
