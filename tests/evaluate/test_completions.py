"""Completions that are kept: what is the same question, and that nobody can tell from a result."""

import asyncio
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from agentkit.answer import Usage
from agentkit.errors import ConfigurationError
from agentkit.evaluate.completions import SAVED, Remembering
from agentkit.evaluate.item import Record
from agentkit.evaluate.strategies.bench import Repeatable
from agentkit.models.llamacpp import LlamaCpp
from agentkit.models.model import Completion, Grammar, Message, Sampling
from agentkit.models.scripted import ScriptedModel

from .making import Watched, adds, redrafts, run, sums, untimed

ASKED = (Message(role="system", content="Be brief."), Message(role="user", content="Name a colour."))
FREE = Grammar(json_schema={"type": "string", "maxLength": 9})


def ask(
    model: Remembering, messages: Sequence[Message] = ASKED, grammar: Grammar | None = FREE, **sampling: Any
) -> Completion:
    async def once() -> Completion:
        async with model.session(repeatable=True) as session:
            return await session.generate(messages, grammar=grammar, sampling=Sampling(**sampling))

    return asyncio.run(once())


def colours() -> Watched:
    """A model that never writes the same twice."""
    return Watched(ScriptedModel(f'"c{n}"' for n in range(99)))


def test_the_same_question_gets_the_same_completion_also_in_another_process(tmp_path: Path) -> None:
    inner = colours()
    first = ask(Remembering(inner, tmp_path / "c.sqlite"))
    assert ask(Remembering(inner, tmp_path / "c.sqlite")) == first
    assert first.usage.generated > 0
    assert len(inner.asked) == 1


def test_another_question_is_asked(tmp_path: Path) -> None:
    inner = colours()
    model = Remembering(inner, tmp_path / "c.sqlite")
    other = Grammar(json_schema={"type": "string", "maxLength": 8})
    shuffled = Grammar(json_schema={"maxLength": 9, "type": "string"})
    answers = {
        ask(model).text,
        ask(model, seed=1).text,
        ask(model, temperature=0.5).text,
        ask(model, max_tokens=9).text,
        ask(model, logprobs=1).text,
        ask(model, grammar=other).text,
        ask(model, grammar=None).text,
        ask(model, grammar=shuffled).text,  # the order of a schema's properties is that of the text
        ask(model, ASKED[1:]).text,
        ask(model, [ASKED[0].model_copy(update={"role": "user"}), ASKED[1]]).text,
        ask(Remembering(Watched(inner, name="another"), tmp_path / "c.sqlite")).text,
    }
    assert (len(answers), len(inner.asked)) == (11, 11)


def test_a_model_of_the_same_name_with_other_weights_is_asked_anew(tmp_path: Path) -> None:
    inner, file = colours(), tmp_path / "model.gguf"
    inner.place = file
    told: list[str] = []
    for content in ("one", "one", "another"):
        file.write_text(content)
        told.append(ask(Remembering(inner, tmp_path / "c.sqlite")).text)
    assert told[0] == told[1] != told[2]


def test_a_completion_that_was_kept_counts_with_the_seconds_that_it_took(tmp_path: Path) -> None:
    slow = Completion(text='{"answer":0}', finish="stop", usage=Usage(prompt=5, generated=3, seconds=700.0))

    def records(folder: str) -> list[Record]:
        model = Remembering(ScriptedModel([slow] * 2), tmp_path / "c.sqlite")
        return run(sums(2), model, tmp_path / folder, strategy="direct")[1]

    fresh, again = records("a"), records("b")
    assert untimed(again) == untimed(fresh)
    for record in again:
        assert record.reply is not None
        assert record.reply.usage == slow.usage
        assert 700 <= record.reply.seconds < 800
        assert record.overhead < 100
    assert SAVED.get() is None


def test_agent_unchecked_after_agent_asks_nothing(tmp_path: Path) -> None:
    inner = Watched(ScriptedModel(adds))
    model = Remembering(inner, tmp_path / "c.sqlite")
    run(sums(4), model, tmp_path / "agent", strategy="agent")
    asked = len(inner.asked)
    assert asked == 12
    _, records = run(sums(4), model, tmp_path / "unchecked", strategy="agent-unchecked")
    assert len(inner.asked) == asked
    _, alone = run(sums(4), ScriptedModel(adds), tmp_path / "alone", strategy="agent-unchecked")
    assert untimed(records) == untimed(alone)


def test_agent_after_agent_unchecked_is_as_if_it_had_been_run_alone(tmp_path: Path) -> None:
    """Its redrafts are asked for in a session that was answered from disk before."""
    inner = Watched(ScriptedModel(redrafts))
    model = Remembering(inner, tmp_path / "c.sqlite")
    run(sums(3), model, tmp_path / "unchecked", strategy="agent-unchecked")
    _, records = run(sums(3), model, tmp_path / "agent", strategy="agent")
    _, alone = run(sums(3), ScriptedModel(redrafts), tmp_path / "alone", strategy="agent")
    assert [len(r.reply.drafts) if r.reply else 0 for r in records] == [2, 2, 2]
    assert untimed(records) == untimed(alone)


def test_what_is_asked_again_only_to_go_on_is_not_counted_twice(tmp_path: Path) -> None:
    async def scenario() -> list[float]:
        async with Remembering(Watched(ScriptedModel(['"x"'] * 9)), tmp_path / "c.sqlite") as model:
            for turns in (1, 3):
                SAVED.set(saved := [])
                async with model.session(repeatable=True) as session:
                    messages = list(ASKED)
                    for _ in range(turns):
                        written = await session.generate(messages, grammar=FREE)
                        messages += [Message(role="assistant", content=written.text), ASKED[1]]
            return saved

    recalled, caught_up, *rest = asyncio.run(scenario())
    assert recalled == 0.0, "a script takes no time"
    assert caught_up <= -0.001
    assert all(abs(seconds) < abs(caught_up) for seconds in rest)


@pytest.mark.model
def test_a_real_session_that_was_half_answered_from_disk_goes_on_as_it_would_have(
    tmp_path: Path, model: LlamaCpp
) -> None:
    """As after a kill between two decisions: same tokens, same probabilities, same reuse."""
    path = tmp_path / "c.sqlite"

    async def converse() -> list[Completion]:
        async with Remembering(model, path) as remembering, remembering.session(repeatable=True) as session:
            messages, written = list(ASKED), list[Completion]()
            for _ in range(3):
                sampling = Sampling(max_tokens=12, logprobs=1)
                written.append(await session.generate(messages, grammar=FREE, sampling=sampling))
                messages += [
                    Message(role="assistant", content=written[-1].text),
                    Message(role="user", content="Another one, please."),
                ]
        return [c.model_copy(update={"usage": c.usage.model_copy(update={"seconds": 0.0})}) for c in written]

    whole = asyncio.run(converse())
    with sqlite3.connect(path) as database:
        database.execute("DELETE FROM completions WHERE rowid > 1")
    database.close()
    assert asyncio.run(converse()) == whole
    assert whole[2].usage.cached > whole[1].usage.cached > 0


def test_completions_that_cannot_be_kept_are_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("This is no database. " * 100)
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(ConfigurationError, match=r"can't keep completions in .*; name another folder"):
            Remembering(colours(), path)


def test_several_processes_may_keep_the_same(tmp_path: Path) -> None:
    one, other = (Remembering(ScriptedModel(['"a"']), tmp_path / "c.sqlite") for _ in range(2))
    assert ask(one).text == ask(other).text
    one.keep("key", Completion(text="first", finish="stop"))
    other.keep("key", Completion(text="second", finish="stop"))
    assert (kept := one.recall("key")) is not None
    assert kept.text == "first"


def test_whether_a_model_was_taught_shows_through_what_stands_before_it(tmp_path: Path) -> None:
    for taught in (True, False):
        model = Repeatable(Remembering(ScriptedModel([], taught=taught), tmp_path / "kept.sqlite"))
        assert model.taught is taught
