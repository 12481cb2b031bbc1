"""Does the evidence support this claim? Yes or no, as often as not, in the words of an evaluation."""

from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

from agentkit.compress.problem import Line, Problem
from agentkit.compress.sources.multihop import paired
from agentkit.compress.sources.plain import detokenized
from agentkit.compress.sources.rows import Problems, embedder, made, one_of, shuffled
from agentkit.decision import Proposal, compact
from agentkit.evaluate.item import Item
from agentkit.evaluate.tasks.choices import YES_NO
from agentkit.evaluate.tasks.data import Row, Rows, read
from agentkit.evaluate.tasks.grounding import EVIDENCE_CHARS, INSTRUCTION, grounded
from agentkit.knowledge.grounding import data

CLAIM = "claim"


def nli(folder: Path, chance: Random) -> Problems:
    """Claims of FEVER, SNLI and MNLI with their premises."""
    return balanced(
        read(folder / "grounding_nli.jsonl"),
        chance,
        lambda row: (detokenized(row.text("claim")), detokenized(row.text("premise")), row.flag("supported")),
    )


def summedits(folder: Path, chance: Random) -> Problems:
    """Summaries, some with an edit that makes them false."""
    return balanced(
        read(folder / "grounding_summedits.jsonl"),
        chance,
        lambda row: (row.text("claim"), row.text("premise"), row.flag("supported")),
    )


def begin(folder: Path, chance: Random) -> Problems:
    """Replies of dialogue models; without those on Wizard of Wikipedia, whose knowledge the test set has too."""
    rows = read(folder / "grounding_begin_dev.jsonl")
    kept = [row for row in rows.rows if row.values.get("data_source") != "wow"]
    return balanced(
        Rows(rows.file, kept, rows.problems, rows.digest),
        chance,
        lambda row: (
            row.text("response"),
            row.text("knowledge"),
            row.text("begin_label") == "Fully attributable",
        ),
    )


def answers(folder: Path, chance: Random) -> Problems:
    """Answers to HotpotQA's questions, right ones and others of the same passages."""
    rows = read(folder / "hotpotqa_passages.jsonl")

    def make(row: Row) -> Iterator[Problem]:
        for pair in data.answers([paired(row).values]):
            question = row.text("question").strip()
            claim = f'The answer to "{question}" is: {pair.claim.removeprefix(question).strip()}'
            name = f"answers-{row.line}-{'true' if pair.supported else 'false'}"
            yield problem(rows.file, grounded(name, claim, [pair.passage], pair.supported))

    return made(rows, shuffled(rows, chance), make)


def balanced(rows: Rows, chance: Random, read_row: Callable[[Row], tuple[str, str, bool]]) -> Problems:
    """As many claims that are supported as such that aren't, in turn, as long as there are both."""
    waiting: dict[bool, list[Problem]] = {True: [], False: []}

    def make(row: Row) -> Iterator[Problem]:
        claim, premise, supported = read_row(row)
        if len(premise) <= EVIDENCE_CHARS:
            name = f"{rows.file.removesuffix('.jsonl')}-{row.line}"
            waiting[supported].append(problem(rows.file, grounded(name, claim, [premise], supported)))
        while waiting[True] and waiting[False]:
            yield from chance.sample([waiting[True].pop(0), waiting[False].pop(0)], 2)

    return made(rows, shuffled(rows, chance), make)


def problem(file: str, item: Item) -> Problem:
    """An item as an agent is asked it, with its gold answer."""
    return Problem(
        id=item.id,
        source=file,
        task=f"{item.question}\n{INSTRUCTION}",
        passages=item.passages,
        resources=(embedder(),),
        output=one_of(YES_NO),
        unchecked=True,
        script=[Line(Proposal(text=compact(item.gold), cited=(1,)))],
        answer=str(item.gold),
        kind=CLAIM,
    )
