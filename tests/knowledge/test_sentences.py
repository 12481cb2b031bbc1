"""Where sentences end."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentkit.knowledge.sentences import sentences


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        ("It holds 8.5 litres. It is full.", ["It holds 8.5 litres.", "It is full."]),
        ("See e.g. Tank B. It is new.", ["See e.g. Tank B.", "It is new."]),
        ("Dr. Ilse Maranth leads it.", ["Dr. Ilse Maranth leads it."]),
        ("J. K. Rowling wrote it. She did.", ["J. K. Rowling wrote it.", "She did."]),
        ("Take vitamin C. Water helps.", ["Take vitamin C.", "Water helps."]),
        ("It uses approx. 40 kWh. Fig. 3 shows it.", ["It uses approx. 40 kWh.", "Fig. 3 shows it."]),
        ("He said no. The end.", ["He said no.", "The end."]),
        ("Room No. 5 is free.", ["Room No. 5 is free."]),
        ("It opens at 9 a.m. The café opens later.", ["It opens at 9 a.m.", "The café opens later."]),
        ("The U.S. Army came.", ["The U.S. Army came."]),
        ('"Stop!" she said. "Why?"', ['"Stop!" she said.', '"Why?"']),
        ("\u201cYes.\u201d He left.", ["\u201cYes.\u201d", "He left."]),
        ("Wait... What now?", ["Wait...", "What now?"]),
        ("1. Mix the flour.\n2. Bake it.", ["1. Mix the flour.", "2. Bake it."]),
        ("- first item\n- second item", ["- first item", "- second item"]),
        ("| a | 1 |\n| b | 2 |", ["| a | 1 |", "| b | 2 |"]),
        ("A title\n\nSome text", ["A title", "Some text"]),
        ("The line goes\non here. Next.", ["The line goes\non here.", "Next."]),
        ("It was 5. 12 people came.", ["It was 5.", "12 people came."]),
        ("\u6c34\u304c\u3042\u308b\u3002\u706b\u3082\u3002", ["\u6c34\u304c\u3042\u308b\u3002", "\u706b\u3082\u3002"]),
        ("It was closed [3]. It opened.", ["It was closed [3].", "It opened."]),
        ("", []),
        (" \n ", []),
        ("...", ["..."]),
    ],
)
def test_sentences_end_where_a_reader_would_end_them(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


@given(st.text(alphabet=st.sampled_from("aB1. !?\n\"')(|-e.g\u3002"), max_size=80))
def test_nothing_but_white_space_is_lost(text: str) -> None:
    found = sentences(text)
    assert "".join("".join(found).split()) == "".join(text.split())
    assert all(sentence == sentence.strip() and sentence in text for sentence in found)


@pytest.mark.parametrize("unit", ["e.g. X ", "a. ", "J. K. ", "." * 50, "x", "\n- ", "' \" ", '."', '."('])
def test_long_repetitive_text_takes_linear_time(unit: str) -> None:
    text = unit * (100_000 // len(unit))
    start = time.process_time()
    sentences(text)
    assert time.process_time() - start < 3
