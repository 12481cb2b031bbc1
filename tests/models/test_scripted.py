"""A scripted model says what the script says, and nothing that its grammar forbids."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from pydantic import BaseModel

from agentkit.answer import Usage
from agentkit.errors import GrammarError, ModelError
from agentkit.models.model import Completion, Grammar, Message, Sampling
from agentkit.models.scripted import Reply, ScriptedModel

TOOL = Grammar(
    json_schema={
        "type": "object",
        "properties": {"tool": {"enum": ["look", "größe"]}},
        "required": ["tool"],
        "additionalProperties": False,
    }
)


class Choice(BaseModel):
    tool: str


def user(text: str) -> Message:
    return Message(role="user", content=text)


def ask(model: ScriptedModel, *, times: int = 1, grammar: Grammar | None = None) -> list[Completion]:
    """The same question, each time to a session of its own."""

    async def asked() -> list[Completion]:
        return [await model.session().generate([user("go on")], grammar=grammar) for _ in range(times)]

    return asyncio.run(asked())


def test_replies_come_in_order_however_they_are_written() -> None:
    replies: list[Reply] = ["plain", {"tool": "größe"}, Choice(tool="look"), Completion(text="{", finish="length")]
    completions = ask(ScriptedModel(replies), times=4)
    assert [c.text for c in completions] == ["plain", '{"tool":"größe"}', '{"tool":"look"}', "{"]
    assert [c.finish for c in completions] == ["stop", "stop", "stop", "length"]


def test_a_function_sees_the_messages_and_the_grammar() -> None:
    def answer(messages: Sequence[Message], grammar: Grammar | None) -> Any:
        assert grammar is TOOL
        return {"tool": "look"} if messages[-1].content == "go on" else {}

    assert ask(ScriptedModel(answer), grammar=TOOL)[0].text == '{"tool":"look"}'


def test_a_reply_that_the_grammar_does_not_admit_is_an_error_that_says_which() -> None:
    model = ScriptedModel([{"tool": "look"}, {"tool": "listen"}])
    with pytest.raises(ModelError, match=r"scripted reply 2 is not admitted by the grammar: '\{\"tool\":\"listen\"\}'"):
        ask(model, times=2, grammar=TOOL)


def test_malformed_output_can_be_scripted_on_purpose() -> None:
    assert ask(ScriptedModel(["{nonsense"], lenient=True), grammar=TOOL)[0].text == "{nonsense"


def test_output_that_was_cut_off_needs_no_leniency() -> None:
    cut = Completion(text='{"tool":"lo', finish="length")
    assert ask(ScriptedModel([cut]), grammar=TOOL)[0].text == cut.text


def test_a_grammar_that_does_not_compile_is_refused_here_too() -> None:
    with pytest.raises(GrammarError):
        ask(ScriptedModel(["1"], lenient=True), grammar=Grammar(json_schema={"type": "nope"}))


def test_a_script_that_is_over_says_how_long_it_was() -> None:
    with pytest.raises(ModelError, match="the script has 1 replies but reply 2 was asked for"):
        ask(ScriptedModel(["only"]), times=2)


def test_what_was_asked_is_kept_for_the_test_to_look_at() -> None:
    model = ScriptedModel(["a", "b"])
    sampling = Sampling(max_tokens=3)

    async def twice() -> None:
        session = model.session()
        await session.generate([user("one")], sampling=sampling)
        await session.generate([user("one"), Message(role="assistant", content="a"), user("two")])

    asyncio.run(twice())
    assert [[m.content for m in call.messages] for call in model.calls] == [["one"], ["one", "a", "two"]]
    assert model.calls[0].sampling is sampling


def test_usage_counts_words_and_what_a_session_has_seen_is_cached() -> None:
    model = ScriptedModel(["fine thanks", "bye", "bye"])

    async def asked() -> list[Usage]:
        session = model.session()
        first = [user("how are you")]
        longer = [*first, Message(role="assistant", content="fine thanks"), user("good bye then")]
        usages = [(await session.generate(first)).usage, (await session.generate(longer)).usage]
        return [*usages, (await model.session().generate(longer)).usage]

    assert asyncio.run(asked()) == [
        Usage(prompt=3, cached=0, generated=2),
        Usage(prompt=8, cached=5, generated=1),
        Usage(prompt=8, cached=0, generated=1),
    ]
