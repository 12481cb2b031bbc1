"""Documents become passages that stand on their own."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentkit.knowledge.chunks import LIMIT, MAX_CHARS, TARGET, Chunk, size, split


def test_a_passage_knows_the_headings_above_it() -> None:
    text = "# Water\n\nIntro.\n\n## Tanks ##\n\nTwo tanks.\n\nSub\n---\n\nMore.\n\n# *Other* `part`\n\nEnd.\n"
    assert split(text, markdown=True) == [
        Chunk(text="Intro.", heading="Water"),
        Chunk(text="Two tanks.", heading="Water > Tanks"),
        Chunk(text="More.", heading="Water > Sub"),
        Chunk(text="End.", heading="Other part"),
    ]


def test_a_heading_with_nothing_under_it_is_a_passage() -> None:
    chunks = split(
        "# Hours\n\n## Closed on Mondays\n\n## Open on Sundays\n\nFrom 9.\n\n# Closed in May\n", markdown=True
    )
    assert chunks == [
        Chunk(text="Closed on Mondays", heading="Hours"),
        Chunk(text="From 9.", heading="Hours > Open on Sundays"),
        Chunk(text="Closed in May"),
    ]


def test_short_neighbours_are_joined_and_long_paragraphs_split_between_sentences() -> None:
    assert split("One.\n\nTwo.", markdown=False) == [Chunk(text="One.\n\nTwo.")]
    long = " ".join(f"Sentence number {i} says something about machine {i}." for i in range(60))
    chunks = split(long, markdown=True)
    assert len(chunks) > 3
    assert " ".join(chunk.text for chunk in chunks) == long
    assert all(TARGET / 2 < size(chunk.text) <= TARGET and chunk.text.endswith(".") for chunk in chunks)


def test_a_table_stays_whole_with_the_line_that_announces_it() -> None:
    table = "| Weight | Price |\n|---|---|\n" + "\n".join(f"| {i} kg | {i}.50 |" for i in range(15))
    assert size(table) > TARGET
    chunks = split(f"# Rates\n\nRates in 2026:\n\n{table}\n\nMore text here.\n", markdown=True)
    assert chunks[0] == Chunk(text=f"Rates in 2026:\n\n{table}", heading="Rates")


def test_each_part_of_a_split_table_repeats_the_header() -> None:
    rows = [f"| machine {i} | {i} kWh | {i} litres |" for i in range(80)]
    header = "| Machine | Energy | Water |\n|---|---|---|"
    chunks = split(header + "\n" + "\n".join(rows), markdown=True)
    assert len(chunks) > 3
    assert all(chunk.text.startswith(header) for chunk in chunks)
    assert [line for chunk in chunks for line in chunk.text.split("\n")[2:]] == rows


def test_lists_are_split_between_items_and_code_keeps_its_fence() -> None:
    items = [f"- item {i} is about subject {i},\n  which goes on in a second line" for i in range(40)]
    chunks = split("\n".join(items), markdown=True)
    assert len(chunks) > 3
    assert all(chunk.text.startswith("- item") for chunk in chunks)
    assert "\n".join(chunk.text for chunk in chunks) == "\n".join(items)

    lines = [f"value_{i} = compute({i}, {i + 1})" for i in range(100)]
    chunks = split("```python\n" + "\n".join(lines) + "\n```\n", markdown=True)
    assert all(chunk.text.startswith("```python\n") and chunk.text.endswith("\n```") for chunk in chunks)
    assert [line for chunk in chunks for line in chunk.text.split("\n")[1:-1]] == lines


def test_short_lists_and_code_stay_whole() -> None:
    code = "```\na = 1\n\nb = 2\n```"
    items = "1. one\n2. two\n\n   with a paragraph"
    assert [c.text for c in split(f"{code}\n\n# List\n\n{items}", markdown=True)] == [code, items]


def test_front_matter_is_text_and_comments_are_not() -> None:
    chunks = split("---\ntitle: Ovens\nprice: 30\n---\nBody.\n<!-- old: 25\n-->\nEnd.\n", markdown=True)
    assert chunks == [Chunk(text="title: Ovens price: 30\n\nBody.\n\nEnd.")]


def test_comments_end_where_they_do_and_none_begins_in_code() -> None:
    items, code = "- a <!-- b\n  c -->\n- d", "```\n<!-- x -->\n```"
    text = f"Write `<!--` first.\n\n## Hours\n\nFrom nine<!-- ten --> to five.\n\n{items}\n\n{code}"
    assert split(text, markdown=True) == [
        Chunk(text="Write `<!--` first."),
        Chunk(text="From nine to five.\n\n- a\n\n- d\n\n```\n<!-- x -->\n```", heading="Hours"),
    ]


def test_plain_text_keeps_its_lines_and_reads_no_markup() -> None:
    assert split("# not a heading\nName   Price\nBread  3.20\n", markdown=False) == [
        Chunk(text="# not a heading\nName   Price\nBread  3.20")
    ]


def test_unbroken_text_is_cut() -> None:
    for markdown in (True, False):
        for text in ("x" * 50_000, "word " * 20_000, "| " + "cell " * 5000 + "|\n|---|\n| 1 |", "a,b;" * 10_000):
            chunks = split(text, markdown=markdown)
            assert all(len(chunk.text) <= MAX_CHARS for chunk in chunks)
            kept = "".join("".join(chunk.text.split()) for chunk in chunks)
            assert kept == "".join(text.split())


@pytest.mark.parametrize(
    "unit",
    [
        ">",
        "- ",
        "|",
        "[",
        "[a]: ",
        "# ",
        "*",
        "`",
        "<!--",
        "x <!--",
        "` `` ",
        "\n```",
        "\n|-|\n|-|",
        "\n#",
        "\n> ",
        "x\n---\n",
        "\n- ",
        ":\n\n",
    ],
)
def test_long_repetitive_markdown_takes_linear_time(unit: str) -> None:
    start = time.process_time()
    split(unit * (60_000 // len(unit)), markdown=True)
    assert time.process_time() - start < 5


def test_a_paragraph_that_is_underlined_loses_no_word() -> None:
    text = f"{'w ' * 120}\n    code\n=====\n\nBelow it.\n"
    assert "code" in " ".join(chunk.text for chunk in split(text, markdown=True))


@settings(max_examples=150)
@given(
    st.lists(
        st.sampled_from(
            [
                "# H",
                "## I",
                "text one. ",
                "| a | b |",
                "|---|---|",
                "| 1 | 2 |",
                "- x",
                "  - y",
                "1. z",
                "```",
                "> q",
                "",
                "---",
                "w " * 90,
                "\t",
                "    code",
                "=====",
                "<div>",
                "\\",
                "*a* `b`",
            ]
        ),
        max_size=30,
    ),
    st.booleans(),
)
def test_any_arrangement_gives_passages_within_bounds_and_loses_no_word(lines: list[str], markdown: bool) -> None:
    text = "\n".join(lines)
    chunks = split(text, markdown=markdown)
    assert all(chunk.text.strip() and len(chunk.text) <= MAX_CHARS for chunk in chunks)
    assert all(size(chunk.text) <= LIMIT + TARGET for chunk in chunks)
    together = " ".join(f"{chunk.heading} {chunk.text}" for chunk in chunks)
    for word in ("one", "q", "x", "y", "z", "code", "1", "2"):
        assert (word in text.split()) <= (word in together.replace(".", " ").replace("|", " ").split())


def test_headings_lose_their_mark_up_but_no_letter() -> None:
    text = "# The `missing_crate_docs` **lint** of _x_ and a*b*c\n\nIt is off.\n"
    assert [chunk.heading for chunk in split(text, markdown=True)] == ["The missing_crate_docs lint of x and a*b*c"]


def test_a_lone_carriage_return_shifts_no_line() -> None:
    found = split("```\na\rb\n```\n\none\n\n## Two\n\nlast\n", markdown=True)
    assert [(chunk.heading, chunk.text) for chunk in found] == [("", "```\na\nb\n```\n\none"), ("Two", "last")]
