"""Questions on passages: hotpotqa (to be found first), xquad and policyqa (given)."""

from pathlib import Path
from typing import cast

from agentkit.answer import Passage
from agentkit.evaluate.item import Item
from agentkit.evaluate.scorers.text import TextScorer
from agentkit.evaluate.task import Task
from agentkit.evaluate.tasks.data import Row, RowError, fingerprint, numbered, read

SHORT = "Answer in a few words."


def hotpotqa(folder: Path) -> Task:
    """Questions that take two articles to answer (Yang et al. 2018), over the pooled passages of all 250 items.

    The passages are those that came with each question, found by a search engine, so not every gold article is among
    the 2,461: both are for 82 questions, one for 127, none for 41. `recall` in the details is of those that are there
    and `reachable` says how many that is; over all items it's 0.58, a bound on what retrieval can add.
    """
    rows = read(folder / "hotpotqa_passages.jsonl")
    corpus: dict[str, str] = {}

    def collect(row: Row) -> Item:
        context, facts = paragraphs(row), gold_titles(row)
        item = Item(id=row.text("_id"), question=row.text("question"), gold=[row.text("answer"), *facts])
        corpus.update((title, text) for title, text in context.items() if title not in corpus)
        return item

    found, problems = rows.items(collect)
    items: list[Item] = []
    for item in found:
        answer, *titles = cast(list[str], item.gold)
        sources = [title for title in titles if title in corpus]
        gold = {"answers": [answer], "sources": sources, "missing": len(titles) - len(sources)}
        items.append(item.model_copy(update={"gold": gold}))
    return Task(
        name="hotpotqa",
        items=items,
        scorer=TextScorer(),
        form="text",
        instruction="Answer in a few words, or with yes or no.",
        tools=("retrieval",),
        corpus=corpus,
        abstain=True,
        digest=rows.digest,
        problems=problems,
    )


def paragraphs(row: Row) -> dict[str, str]:
    """The passages of a question by title."""
    try:
        return {str(title): "".join(sentences).strip() for title, sentences in row.value("context")}
    except (TypeError, ValueError):
        raise RowError("field 'context' should hold pairs of a title and its sentences") from None


def gold_titles(row: Row) -> list[str]:
    """The articles that the answer stands on, each once."""
    try:
        return list(dict.fromkeys(str(title) for title, _ in row.value("supporting_facts")))
    except (TypeError, ValueError):
        raise RowError("field 'supporting_facts' should hold pairs of a title and a number") from None


def xquad(folder: Path) -> Task:
    """Questions on paragraphs of Wikipedia (Artetxe et al. 2020), the English ones: 1,190 items on 240 paragraphs."""
    return spans("xquad", folder / "xquad_en.jsonl")


def policyqa(folder: Path) -> Task:
    """Questions on privacy policies (Ahmad et al. 2020), 1,000 items on 422 segments; for research only.

    The gold answers are spans that annotators marked, from one word to 217, so token F1 says more than accuracy.
    """
    return spans("policyqa", folder / "policyqa_dev.jsonl")


def spans(name: str, path: Path) -> Task:
    """Questions whose answers stand word for word in the passage that is given."""

    def item(row: Row) -> Item:
        context = row.text("context")
        title = str(row.values.get("title", "passage"))
        return Item(
            id=numbered(name, row),
            question=row.text("question"),
            gold={"answers": list(dict.fromkeys(row.texts("answers")))},
            passages=(Passage(text=context, source=title),),
            cluster=fingerprint(context),
        )

    rows = read(path)
    items, problems = rows.items(item)
    return Task(
        name=name,
        items=items,
        scorer=TextScorer(),
        form="text",
        instruction=f"{SHORT} Use words of the passage.",
        abstain=True,
        digest=rows.digest,
        problems=problems,
    )
