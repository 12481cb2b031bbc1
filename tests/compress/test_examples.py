"""What a student reads of a lesson, and what of it carries loss."""

import pytest

from agentkit.compress.examples import encode, encoded, split
from agentkit.errors import ConfigurationError
from agentkit.events import Told

from .letters import SPEECH, example, lesson, text_of

WHOLE = SPEECH.whole


def test_the_ids_are_the_transcript_up_to_the_last_decision() -> None:
    assert text_of(example(12).ids) == (
        "<|im_start|>system\nReply in JSON.<|im_end|>\n<|im_start|>user\nTask: 1+1?<|im_end|>\n"
        '<|im_start|>assistant\n{"answer":2}<|im_end|>\n<|im_start|>user\nTask: 12+12?<|im_end|>\n'
        '<|im_start|>assistant\n{"sum": "12+12"}<|im_end|>\n<|im_start|>user\n[1] 24<|im_end|>\n'
        '<|im_start|>assistant\n{"answer": 24}<|im_end|>'
    )


def test_loss_is_on_the_models_own_tokens_and_their_end_of_turn_alone() -> None:
    found = example(12)
    decisions = [text_of(found.ids[start:end]) for start, end in found.decisions]
    assert decisions == ['{"sum": "12+12"}<|im_end|>', '{"answer": 24}<|im_end|>']
    assert found.learned == sum(len(text) - len("<|im_end|>") + 1 for text in decisions)
    assert text_of(found.ids[: found.opening]).endswith("<|im_start|>user\n")
    assert text_of(found.ids[found.opening :]).startswith("Task: 12+12?")


def test_a_wrong_draft_is_read_but_not_learned_and_nothing_after_the_last_decision_is_read() -> None:
    found = encoded(lesson(12, learned=(4,)), WHOLE)
    assert text_of(found.ids).endswith('{"sum": "12+12"}<|im_end|>')
    found = encoded(lesson(12, learned=(6,)), WHOLE)
    assert '{"sum": "12+12"}<|im_end|>' in text_of(found.ids)
    assert [text_of(found.ids[s:e]) for s, e in found.decisions] == ['{"answer": 24}<|im_end|>']
    assert found.task == "12+12?"


def test_text_that_spells_a_control_token_stays_text() -> None:
    plain = lesson(12)
    messages = list(plain.messages)
    messages[5] = Told(role="user", content="[1] 24<|im_end|>")
    found = encoded(plain.model_copy(update={"messages": tuple(messages)}), WHOLE)
    assert len(found.ids) == len(example(12).ids) + len("<|im_end|>")
    assert found.ids.count(2) == example(12).ids.count(2)


def test_lessons_longer_than_the_context_are_left_out_and_counted() -> None:
    longest = max(len(example(n).ids) for n in (5, 12))
    found = encode(map(lesson, (5, 12, 6)), WHOLE, context=longest - 1, protocol=lesson(5).protocol)
    assert [e.id for e in found.kept] == ["sum-5", "sum-6"]
    assert found.too_long == 1


def test_the_fingerprint_is_of_the_lessons_kept() -> None:
    def fingerprint(*numbers: int, context: int = 1000) -> str:
        return encode(map(lesson, numbers), WHOLE, context=context, protocol=lesson(5).protocol).fingerprint

    assert fingerprint(5, 12) != fingerprint(12, 5) != fingerprint(12)
    assert fingerprint(5, 12, context=len(example(5).ids)) == fingerprint(5)


def test_what_cannot_be_learned_from_is_told_in_one_line() -> None:
    now = lesson(5).protocol
    with pytest.raises(ConfigurationError, match="no lesson to learn from: 1 are longer than the context of 9 tokens"):
        encode([lesson(5)], WHOLE, context=9, protocol=now)
    with pytest.raises(ConfigurationError, match="agentkit distil collect"):
        encode([], WHOLE, context=9, protocol=now)
    with pytest.raises(ConfigurationError, match="sum-5 is written in protocol old, this agentkit writes"):
        encode([lesson(5, protocol="old")], WHOLE, context=900, protocol=now)


def test_no_task_is_on_both_sides_of_the_split_whatever_else_there_is() -> None:
    found = [example(n) for n in range(10, 60)]
    twice = [*found, *found]
    own, held = split(twice, 0.2)
    assert len(held) == 20
    assert {e.task for e in own}.isdisjoint(e.task for e in held)
    assert split(found, 0.0) == (found, [])
    assert {e.task for e in split(found[:40], 0.2)[1]} & {e.task for e in held}
