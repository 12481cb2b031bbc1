"""Questions without a corpus: strategyqa, pubmedqa, truthfulqa (choices) and selfaware (words, or none)."""

from pathlib import Path
from typing import Any, cast

from agentkit.answer import Passage
from agentkit.evaluate.item import Item
from agentkit.evaluate.scorers.text import TextScorer
from agentkit.evaluate.task import Task
from agentkit.evaluate.tasks.choices import YES_NO, choice_task, one_of, options, shuffled
from agentkit.evaluate.tasks.data import Row, RowError, fingerprint, json_list, numbered, read


def strategyqa(folder: Path) -> Task:
    """Yes-or-no questions whose steps aren't in the question (Geva et al. 2021); the development set, 229 items.

    The annotators' facts are given as passages, so it measures combining facts, not knowing or finding them.
    """

    def item(row: Row) -> Item:
        facts = tuple(Passage(text=fact, source=f"fact {n}") for n, fact in enumerate(row.texts("facts"), start=1))
        return Item(
            id=numbered("strategyqa", row),
            question=row.text("question"),
            gold="yes" if row.flag("answer") else "no",
            passages=facts,
            choices=YES_NO,
        )

    return choice_task("strategyqa", read(folder / "strategyqa_dev.jsonl"), item, "Answer yes or no.")


def pubmedqa(folder: Path) -> Task:
    """Questions on the abstract of a study, without its conclusion (Jin et al. 2019); the test set, 500 items.

    55 % of the answers are yes, 34 % no, 11 % maybe.
    """

    def item(row: Row) -> Item:
        choices = ("yes", "no", "maybe")
        parts = enumerate(row.texts("contexts"), start=1)
        return Item(
            id=row.text("id"),
            question=row.text("question"),
            gold=one_of(row.text("answer"), choices),
            passages=tuple(Passage(text=part, source=f"abstract, part {n}") for n, part in parts),
            choices=choices,
        )

    return choice_task("pubmedqa", read(folder / "pubmedqa_test.jsonl"), item, "Answer yes, no or maybe.")


def truthfulqa(folder: Path) -> Task:
    """Questions that many answer falsely (Lin et al. 2022), with one true answer to choose (MC1): 790 items.

    In the data the true answer always comes first; here the order is shuffled, alike whenever the data is read.
    """

    def item(row: Row) -> Item:
        question = row.text("question")
        targets: Any = row.value("mc1_targets")
        if not isinstance(targets, dict):
            raise RowError("field 'mc1_targets' should hold an object of answers")
        answers = cast(dict[str, Any], targets)
        true = [answer for answer, value in answers.items() if value == 1]
        if len(true) != 1:
            raise RowError(f"field 'mc1_targets' should mark one answer as true, not {len(true)}")
        choices = shuffled(list(answers), question)
        return Item(
            id=f"truthfulqa-{fingerprint(question)}",
            question=options(question, choices),
            gold=true[0],
            choices=choices,
        )

    rows = json_list(folder / "truthfulqa_mc.json")
    return choice_task("truthfulqa", rows, item, "Answer with the option that is true.")


def selfaware(folder: Path) -> Task:
    """2,337 questions with an answer and 1,032 without one (Yin et al. 2023): nobody knows, or it's opinion.

    A question with an answer is right if a gold answer stands in the reply. Always abstaining scores one half, as does
    always answering rightly where there is an answer.
    """

    def item(row: Row) -> Item:
        answerable = row.flag("answerable")
        return Item(
            id=f"selfaware-{row.value('question_id')}",
            question=row.text("question"),
            gold={"answers": list(row.texts("answer")) if answerable else []},
            answerable=answerable,
        )

    rows = read(folder / "selfaware.jsonl")
    items, problems = rows.items(item)
    return Task(
        name="selfaware",
        items=items,
        scorer=TextScorer(),
        form="text",
        instruction="Answer in a few words.",
        abstain=True,
        metric="balanced accuracy",
        digest=rows.digest,
        problems=problems,
    )
