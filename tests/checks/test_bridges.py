"""Questions of several steps: the words of the question are in one passage, the answer is in another."""

import pytest

from agentkit.answer import Evidence
from agentkit.checks import Draft
from agentkit.checks.bridges import bridges
from agentkit.checks.numbers import numbers

FILM = "See No Evil is a film of 1989 with Gene Wilder as a deaf man. It was shown again in 2010."
ACTOR = "Gene Wilder (June 11, 1933 – August 29, 2016) was an American actor. He won an award in 1984."
TASK = "In what year was the actor who is starred as a deaf man in See No Evil born?"


def evidence(*passages: tuple[str, str]) -> tuple[Evidence, ...]:
    return tuple(
        Evidence(id=n, tool="retrieval", call=1, text=text, source=source)
        for n, (source, text) in enumerate(passages, start=1)
    )


def verdicts(text: str, found: tuple[Evidence, ...]) -> list[str]:
    return [finding.verdict for finding in numbers(Draft(text=text, cited=(1,), task=TASK, evidence=found))]


def test_a_passage_that_leads_to_the_answer_has_no_better_one() -> None:
    found = evidence(("See No Evil (film)", FILM), ("Gene Wilder", ACTOR))
    assert bridges(found) == {(1, 2)}
    assert verdicts("1933", found) == ["supported"]
    assert verdicts("1989", found) == ["supported"], "a year of the first step: nothing here tells it from the answer"


def test_of_two_that_nothing_joins_the_one_with_the_words_of_the_question_is_meant() -> None:
    apart = evidence(("a.md", FILM), ("b.md", ACTOR))
    assert bridges(apart) == set()
    assert verdicts("1933", apart) == ["failed"]


@pytest.mark.parametrize("source", ["", "wilder.md", "Al", "Gene Wilder Fan Club"])
def test_what_is_no_name_of_another_passage_leads_nowhere(source: str) -> None:
    assert bridges(evidence(("See No Evil", FILM), (source, ACTOR))) == set()


def test_a_heading_is_what_a_passage_is_about() -> None:
    assert bridges(evidence(("films.md > See No Evil", FILM), ("actors.md > Gene Wilder", ACTOR))) == {(1, 2)}


def test_a_claim_that_says_what_it_is_of_is_held_against_the_passage_on_that() -> None:
    iron = ("Iron", "Iron is a metal of which Steel is made. Its density is 7.87 g/cm3.")
    found = evidence(iron, ("Steel", "Steel is an alloy. Its density is 8.05 g/cm3."))
    assert bridges(found) == {(1, 2)}
    draft = Draft(text="The density of iron is 8.05 g/cm3.", cited=(1,), task="How dense is iron?", evidence=found)
    [finding] = numbers(draft)
    assert finding.reason == "8.05 g/cm3 stands for something else in the evidence; [1] has 7.87 g/cm3"
