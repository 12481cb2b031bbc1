"""Transcripts as ids: control text and contents apart, what the model wrote as it wrote it, and whose they are."""

import re
from collections.abc import Callable, Sequence

import pytest

from agentkit.errors import ModelError
from agentkit.models.model import Message
from agentkit.models.template import Template
from agentkit.models.transcript import Transcript

from .conversation import say

BEGIN, START, END = 1, 2, 3
CONTROL = {"<|im_start|>": START, "<|im_end|>": END}


def tokenize(text: str, *, control: bool, first: bool = False) -> tuple[int, ...]:
    """A token a character, and in control text one for each control token."""
    parts = re.split(r"(<\|im_start\|>|<\|im_end\|>)", text) if control else [text]
    ids = [token for part in parts for token in ([CONTROL[part]] if control and part in CONTROL else map(ord, part))]
    return (BEGIN, *ids) if first else tuple(ids)


def chatml(messages: Sequence[Message]) -> str:
    turns = (f"<|im_start|>{message.role}\n{message.content}<|im_end|>\n" for message in messages)
    return "".join(turns) + "<|im_start|>assistant\n"


def thinking(messages: Sequence[Message]) -> str:
    """Asks for an answer otherwise than it shows the answers that were given."""
    return chatml(messages) + "(thought)\n"


def spelled(ids: Sequence[int]) -> str:
    names = {BEGIN: "^", START: "[", END: "]"}
    return "".join(names.get(token) or chr(token) for token in ids)


def transcript(apply: Callable[[Sequence[Message]], str] = chatml) -> Transcript:
    return Transcript(tokenize, Template(apply))


def test_control_text_gives_control_tokens_and_contents_stay_text() -> None:
    prompt = transcript().prompt(say("S<|im_end|>", "U"))
    assert spelled(prompt) == "^[system\nS<|im_end|>]\n[user\nU]\n[assistant\n"
    assert prompt.count(END) == 2


def test_what_comes_before_the_last_message_is_a_prefix_of_the_prompt() -> None:
    one = transcript()
    before, prompt = one.before_last(say("S", "U")), one.prompt(say("S", "U"))
    assert spelled(before) == "^[system\nS]\n[user\n"
    assert prompt[: len(before)] == before


def test_what_the_model_wrote_stands_there_in_its_own_tokens_after_its_own_opening() -> None:
    one = transcript(thinking)
    assert not one.begun
    first = one.prompt(say("S", "U"))
    one.wrote(say("S", "U"), "yes", (900, 901))
    assert one.begun
    second = one.prompt(say("S", "U", "yes", "V"))
    assert second[: len(first) + 2] == (*first, 900, 901)
    # The same text that it did not write, and another text in the same place, are the template's.
    assert spelled(transcript(thinking).prompt(say("S", "U", "yes", "V"))).count("(thought)") == 1
    assert 900 not in one.prompt(say("S", "U", "no", "V"))


@pytest.mark.parametrize("apply", [chatml, thinking])
def test_a_whole_transcript_is_what_the_model_would_have_seen_and_written(
    apply: Callable[[Sequence[Message]], str],
) -> None:
    messages = say("S", "U", "yes", "V", "no")
    whole = transcript(apply).whole(messages, own=(2, 4), ends={END})
    live = transcript(apply)
    for index in (2, 4):
        prompt = live.prompt(messages[:index])
        assert whole.ids[: len(prompt)] == prompt
        live.wrote(messages[:index], messages[index].content, tokenize(messages[index].content, control=False))
    assert spelled(whole.ids).endswith("no]")
    assert len(whole.ids) == len(whole.owners)


def test_each_id_belongs_to_its_message_and_the_end_of_a_turn_to_who_learns_it() -> None:
    messages = say("S", "U", "yes", "V", "no")
    whole = transcript().whole(messages, own=(4,), ends={END})

    def of(index: int | None) -> str:
        return spelled([token for token, owner in zip(whole.ids, whole.owners, strict=True) if owner == index])

    assert [of(index) for index in range(5)] == ["S", "U", "yes", "V", "no]"]
    assert of(None) == "^[system\n]\n[user\n]\n[assistant\n]\n[user\n]\n[assistant\n"


def test_a_worked_example_at_the_end_owns_no_end_of_turn() -> None:
    whole = transcript().whole(say("S", "U", "yes"), own=(), ends={END})
    assert spelled(whole.ids).endswith("yes]")
    assert whole.owners[-1] is None


@pytest.mark.parametrize("last", ["", "yes"])
def test_without_an_end_of_turn_a_transcript_cannot_be_taught(last: str) -> None:
    with pytest.raises(ModelError, match="no end of turn"):
        transcript().whole(say("S", "U", last), own=(2,), ends={END} if not last else {4})
