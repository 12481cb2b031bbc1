"""A draft that failed goes back once."""

import pytest

from agentkit.answer import Passage
from agentkit.events import Asked, Corrected
from agentkit.limits import Limits
from agentkit.tools import Tool, tool

from .making import GIVE_UP, answer, call, of, plan, run


def test_a_wrong_number_is_redrafted_under_a_grammar_without_it() -> None:
    replies = [plan("lookup"), call("lookup", topic="tanks"), answer("Tank B holds 880 litres.", 1)]
    result, events = run([*replies, answer("Tank B holds 800 litres.", 1)], "What does Tank B hold?")
    [corrected] = of(Corrected, events)
    assert "880" in corrected.reason
    assert corrected.numbers == ("500", "800")
    assert of(Asked, events)[-1].kind == "redraft"
    assert (result.status, result.text) == ("supported", "Tank B holds 800 litres.")


def test_a_redraft_cannot_repeat_the_wrong_number() -> None:
    wrong = answer("Tank B holds 880 litres.", 1)
    with pytest.raises(Exception, match="not admitted"):
        run([plan("lookup"), call("lookup", topic="tanks"), wrong, wrong], "What does Tank B hold?")


def test_a_number_in_another_role_fails_and_then_the_answer_is_withheld() -> None:
    swapped = answer("Tank B holds 500 litres.", 1)
    result, _ = run([plan("lookup"), call("lookup", topic="tanks"), swapped, swapped], "What does Tank B hold?")
    assert (result.status, result.text) == ("abstained", None)
    assert "500" in result.reason
    assert [e.text for e in result.evidence] == ["Tank A holds 500 litres. Tank B holds 800 litres."]


def test_a_redraft_that_nothing_supports_abstains() -> None:
    replies = [plan("lookup"), call("lookup", topic="tanks"), answer("Tank B holds 880 litres.", 1)]
    result, _ = run([*replies, answer("Tank B holds much.", 1)], "What does Tank B hold?")
    assert (result.status, result.text) == ("abstained", None)
    assert "880" in result.reason


def search(*found: Passage) -> Tool:
    """A search that finds one passage more each time it is asked something else."""
    asked: list[str] = []

    @tool(pure=True)
    def search(query: str) -> list[Passage]:
        """Search."""
        asked.append(query)
        return list(found[: len(asked)])

    return search


A = Passage(text="Tank A holds 500 litres.", source="a.md")
B = Passage(text="Tank B holds 800 litres.", source="b.md")


def test_what_speaks_against_a_draft_is_shown_again() -> None:
    replies = [plan("lookup"), call("lookup", topic="tanks"), answer("Tank B holds 500 litres.", 1)]
    _, events = run([*replies, answer("Tank B holds 800 litres.", 1)], "What does Tank B hold?")
    [told] = of(Asked, events)[-1].suffix
    assert told.content.startswith("[1] water.md: Tank A holds 500 litres. Tank B holds 800 litres.\n")
    assert "500 litres stands for something else" in told.content


def test_a_failed_draft_may_search_once_more() -> None:
    first = [plan("search"), call("search", query="tanks"), answer("Tank B holds 880 litres.", 1)]
    again = [call("search", query="Tank B"), answer("Tank B holds 800 litres.", 2)]
    result, events = run([*first, *again], "What does Tank B hold?", tools=[search(A, B)])
    assert (result.status, result.cited) == ("supported", (2,))
    assert [e.kind for e in of(Asked, events)] == ["plan", "act", "act", "redraft", "redraft"]
    assert "search again with search, or give up" in of(Asked, events)[3].suffix[-1].content
    assert len(of(Corrected, events)) == 1


def test_but_not_twice() -> None:
    first = [plan("search"), call("search", query="tanks"), answer("Tank B holds 880 litres.", 1)]
    twice = [call("search", query="Tank B"), call("search", query="Tank C")]
    with pytest.raises(Exception, match="not admitted"):
        run([*first, *twice], "What does Tank B hold?", tools=[search(A, B)])


def test_numbers_found_by_the_second_search_may_be_answered() -> None:
    """And still no others."""
    first = [plan("search"), call("search", query="tanks"), answer("Tank B holds 880 litres.", 1)]
    again = [call("search", query="Tank B"), answer("Tank B holds 880 litres.", 2)]
    with pytest.raises(Exception, match="not admitted"):
        run([*first, *again], "What does Tank B hold?", tools=[search(A, B)])


def test_what_computes_is_not_searched_again() -> None:
    replies = [plan("double"), call("double", number=21), answer("Twice 21 is 44.", 1), call("double", number=21)]
    with pytest.raises(Exception, match="not admitted"):
        run(replies)


def test_when_the_calls_are_used_up_nothing_is_searched_again() -> None:
    replies = [plan("search"), call("search", query="tanks"), answer("Tank B holds 880 litres.", 1)]
    task, tools, limits = "What does Tank B hold?", [search(A, B)], Limits(tool_calls=1)
    _, events = run([*replies, GIVE_UP], task, tools=tools, limits=limits)
    assert "search again" not in of(Asked, events)[-1].suffix[-1].content
