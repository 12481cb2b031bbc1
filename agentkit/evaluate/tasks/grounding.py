"""Does the evidence support the claim: wice, summedits, begin and halueval, as yes or no.

All four are reported as balanced accuracy over the gold answer, since most claims of three of them aren't supported.
HaluEval's false answers are longer than its true ones, so its result alone shows little.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from agentkit.answer import Passage
from agentkit.evaluate.item import Item
from agentkit.evaluate.task import Task
from agentkit.evaluate.tasks.choices import BALANCED, YES_NO, choice_task, one_of
from agentkit.evaluate.tasks.data import Row, fingerprint, numbered, read
from agentkit.evaluate.tasks.excerpts import excerpt

QUESTION = "Does the evidence support this claim?"
INSTRUCTION = "Answer yes if the evidence supports all of it, else no."
EVIDENCE_CHARS = 6000
"""Of a web page, what a small model's context and patience allow."""


def wice(folder: Path) -> Task:
    """Claims of Wikipedia and the web pages they cite (Kamoi et al. 2023), the development set: 349 items.

    `supported` is yes, `partially_supported` and `not_supported` are no. 187 pages are longer than 6,000 characters;
    of those, the parts that share most words with the claim are given, which keeps 96 % of the gold sentences.
    """

    def item(row: Row) -> Item:
        claim, evidence = row.text("claim"), row.texts("evidence")
        label = one_of(row.text("label"), ("supported", "partially_supported", "not_supported"))
        parts = excerpt(evidence, claim, limit=EVIDENCE_CHARS)
        return grounded(numbered("wice", row), claim, parts, label == "supported", document="\n".join(evidence))

    return grounding("wice", folder / "grounding_wice_dev.jsonl", item)


def summedits(folder: Path) -> Task:
    """Summaries with an edit that may have made them false (Laban et al. 2023): 1,561 items on 55 documents."""

    def item(row: Row) -> Item:
        return grounded(numbered("summedits", row), row.text("claim"), [row.text("premise")], row.flag("supported"))

    return grounding("summedits", folder / "grounding_summedits.jsonl", item)


def begin(folder: Path) -> Task:
    """Replies of dialogue models and the knowledge they were given (Dziri et al. 2022): 2,411 items, 1,261 documents.

    Only what is fully attributable is yes; the four replies labelled generic are no.
    """

    def item(row: Row) -> Item:
        labels = ("Fully attributable", "Not fully attributable", "Generic")
        supported = one_of(row.text("begin_label"), labels) == labels[0]
        return grounded(numbered("begin", row), row.text("response"), [row.text("knowledge")], supported)

    return grounding("begin", folder / "grounding_begin_test.jsonl", item)


def halueval(folder: Path) -> Task:
    """Answers to questions on a passage, one true, one false (Li et al. 2023): 1,000 items on 500 passages.

    The claim is made of question and answer. Wordiness gives the false ones away: never report this one alone.
    """

    def item(row: Row) -> Item:
        claim = f'The answer to "{row.text("question").strip()}" is: {row.text("claim").strip()}'
        return grounded(numbered("halueval", row), claim, [row.text("premise")], row.flag("supported"))

    return grounding("halueval", folder / "grounding_halueval_qa.jsonl", item)


def grounded(name: str, claim: str, evidence: Sequence[str], supported: bool, *, document: str = "") -> Item:
    """An item on a claim; items on the same document, or else the same evidence, are a cluster."""
    return Item(
        id=name,
        question=f"{QUESTION}\nClaim: {claim.strip()}",
        gold="yes" if supported else "no",
        passages=tuple(Passage(text=text, source=f"evidence {n}") for n, text in enumerate(evidence, start=1)),
        choices=YES_NO,
        cluster=fingerprint(document or "\n".join(evidence)),
    )


def grounding(name: str, path: Path, item: Callable[[Row], Item]) -> Task:
    return choice_task(name, read(path), item, INSTRUCTION, metric=BALANCED)
