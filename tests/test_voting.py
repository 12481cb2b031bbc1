"""Several runs of one task, and the answer that stands."""

from collections.abc import Sequence

import pytest

from agentkit.agent import Agent
from agentkit.answer import Answer, Status, Usage
from agentkit.decision import compact
from agentkit.errors import ConfigurationError
from agentkit.models.scripted import ScriptedModel
from agentkit.tools import tool
from agentkit.voting import Ballot, ballot, decided, elected, standing
from tests.run.making import answer, call, double, plan

TASK = "Anna has 3 bags of 7 apples and eats 4. How many are left?"


def ballots(*given: tuple[Status, str | None]) -> list[Ballot]:
    return [Ballot(status, says) for status, says in given]


@pytest.mark.parametrize(
    ("drawn", "index", "votes"),
    [
        ([("supported", "a"), ("supported", "b"), ("supported", "b")], 1, 2),
        ([("supported", "a"), ("supported", "b")], 0, 1),
        ([("unchecked", "a"), ("unchecked", "a"), ("supported", "b")], 2, 1),
        ([("abstained", None), ("unchecked", "a"), ("exhausted", None)], 1, 1),
        ([("exhausted", None), ("abstained", None)], 0, 0),
    ],
)
def test_what_is_supported_and_then_what_is_common_stands(
    drawn: Sequence[tuple[Status, str | None]], index: int, votes: int
) -> None:
    assert standing(ballots(*drawn)) == (index, votes)


@pytest.mark.parametrize(
    ("drawn", "draws", "over"),
    [
        ([("supported", "a")], 1, True),
        ([("supported", "a")], 2, False),
        ([("supported", "a")] * 2, 3, True),
        ([("supported", "a")] * 2, 4, False),
        ([("unchecked", "a")] * 3, 3, False),
        ([("supported", "a"), ("supported", "b"), ("supported", "a")], 3, True),
    ],
)
def test_it_is_decided_once_most_of_all_draws_say_so_and_are_supported(
    drawn: Sequence[tuple[Status, str | None]], draws: int, over: bool
) -> None:
    assert decided(ballots(*drawn), draws) is over


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("17", "There are 17 apples left.", True),
        ("Of 3 bags of 7 she has 17.", "17.0", True),
        ("17", "18", False),
        ("seventeen apples", "17", True),
        ("4", "Four are left.", True),
        ("Paris.", " paris", True),
        ("Paris", "Rome", False),
    ],
)
def test_answers_that_say_the_same_in_other_words_are_one(one: str, other: str, same: bool) -> None:
    said = [ballot(TASK, Answer[str](status="supported", text=text)).says for text in (one, other)]
    assert (said[0] == said[1]) is same


@pytest.mark.parametrize(
    ("task", "one", "other"),
    [
        ("Who has more, Anna or Ben?", "Anna has 17.", "Ben has 17."),
        ("Are 17 apples left of 20?", "Yes, 17 are left.", "No, 17 are left."),
    ],
)
def test_the_same_number_of_something_else_is_another_answer(task: str, one: str, other: str) -> None:
    said = [ballot(task, Answer[str](status="supported", text=text)).says for text in (one, other)]
    assert said[0] != said[1]


def test_a_single_answer_is_kept_as_it_is() -> None:
    only = Answer[str](status="abstained", reason="no")
    assert elected(TASK, [only]) is only


def test_what_all_runs_cost_is_counted() -> None:
    cost = Usage(prompt=10, generated=5, seconds=1.0)
    drawn = [Answer[str](status="supported", text=text, usage=cost) for text in ("16", "17", "17 apples")]
    kept = elected(TASK, drawn)
    assert (kept.text, kept.votes, kept.draws, kept.usage.generated) == ("17", 2, 3, 15)


def scripted(*numbers: int) -> ScriptedModel:
    """Runs that double a number each and tell the result."""
    runs = [(plan("double"), call("double", number=n), answer(f"It is {2 * n}.", 1)) for n in numbers]
    return ScriptedModel([compact(reply) for run in runs for reply in run])


def test_an_agent_draws_until_it_is_decided() -> None:
    model = scripted(20, 21, 21, 21)
    kept = Agent(model, tools=[double], seed=5).run("Double 20 or 21.", draws=5)
    assert (kept.text, kept.status, kept.votes, kept.draws) == ("It is 42.", "supported", 3, 4)
    told = [(c.sampling.seed, c.sampling.temperature) for c in model.calls[::3]]
    assert told == [(5, 0.0), (6, 0.7), (7, 0.7), (8, 0.7)], "the first run is what a single one would be"


def test_two_that_agree_are_enough_of_three() -> None:
    model = scripted(21, 21)
    assert Agent(model, tools=[double]).run("What is twice 21?", draws=3).draws == 2


def test_without_draws_it_is_a_single_run() -> None:
    kept = Agent(scripted(21), tools=[double]).run("What is twice 21?")
    assert (kept.text, kept.votes, kept.draws) == ("It is 42.", 1, 1)


@pytest.mark.parametrize("draws", [0, -1, 65])
def test_draws_have_bounds(draws: int) -> None:
    with pytest.raises(ConfigurationError, match=f"draws is {draws} but must be 1 to 64"):
        Agent(scripted(), tools=[double]).run("What is twice 21?", draws=draws)


def test_what_acts_on_the_world_is_done_once() -> None:
    @tool(approval=True)
    def send(text: str) -> str:
        """Send a message.

        Args:
            text: What it says.
        """
        return text

    with pytest.raises(ConfigurationError, match="send acts on the world and would in each of 3 draws"):
        Agent(scripted(), tools=[send], approve=lambda _name, _arguments: True).run("Send hello.", draws=3)
