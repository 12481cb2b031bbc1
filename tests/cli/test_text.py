"""What models, documents and tools wrote can't steer the terminal."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentkit.cli.text import as_json, counted, one_line, printable, size


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]52;c;aGFjaw==\x1b\\text", "text"),
        ("\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1bPq#0;2\x1b\\text", "text"),
        ("\x9b2Jtext", "text"),
        ("\x1bc\x1b(Btext", "text"),
        ("safe\rEVIL", "safeEVIL"),
        ("a\r\nb\tc", "a\nb\tc"),
        ("back\x08space\x7f\x00", "backspace"),
        ("admin\u202egnp.exe", "admingnp.exe"),
        ("half \ud83d an emoji", "half  an emoji"),
        ("line\u2028break", "line\nbreak"),
        ("é ∞ 漢字 👩‍🔬 \u200d", "é ∞ 漢字 👩‍🔬 \u200d"),
        ("\x1b[", ""),
        ("\x1b", ""),
    ],
)
def test_escape_sequences_and_control_characters_are_taken_out(text: str, left: str) -> None:
    assert printable(text) == left


@given(st.text(alphabet=st.characters(codec=None)))
def test_nothing_that_a_terminal_obeys_is_left_of_any_text(text: str) -> None:
    left = printable(text)
    assert not [c for c in left if (ord(c) < 32 and c not in "\n\t") or 0x7F <= ord(c) < 0xA0]
    left.encode()


def test_one_line_folds_white_space_and_cuts() -> None:
    assert one_line(" a\n  b\tc ") == "a b c"
    assert one_line("abcdef", 4) == "abc…"
    assert one_line("abcd", 4) == "abcd"


@given(st.text(alphabet=st.characters(codec=None)))
def test_json_means_the_same_and_holds_no_control_character(text: str) -> None:
    dumped = as_json({"text": text})
    assert json.loads(dumped) == {"text": text}
    assert dumped == printable(dumped)


def test_json_over_several_lines_keeps_them() -> None:
    assert as_json({"a": 1}, indent=1) == '{\n "a": 1\n}'


def test_numbers_are_told_with_their_nouns_and_units() -> None:
    assert [counted(n, "step") for n in (1, 2, 1000)] == ["1 step", "2 steps", "1,000 steps"]
    assert [size(n) for n in (999, 98_362_432, 1_117_320_768, 12_000)] == ["999 B", "98 MB", "1.1 GB", "12 kB"]
