"""Yes-or-no questions whose steps aren't in them (StrategyQA's): facts given, or looked up step by step."""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from random import Random

from agentkit.answer import Evidence, Passage
from agentkit.compress.problem import Line, Problem
from agentkit.compress.sources.multihop import FOUND, keywords, purpose
from agentkit.compress.sources.reading import READING
from agentkit.compress.sources.rows import Problems, embedder, one_of, problems
from agentkit.decision import Call, Decision, Plan, Proposal, compact
from agentkit.evaluate.corpora import TaskCorpus
from agentkit.evaluate.tasks.choices import YES_NO
from agentkit.evaluate.tasks.data import Row, RowError, read
from agentkit.events import Step
from agentkit.grammars import PLAN_STEPS
from agentkit.knowledge.corpus import Corpus

FILE = "strategyqa.jsonl"
INSTRUCTION = "Answer yes or no."
PLANNING = "plan"
EARLIER = re.compile(r"#\d")
"""Stands for the answer of an earlier step."""


@lru_cache(maxsize=2)
def pooled(path: Path) -> Corpus:
    """The facts of all questions as one corpus."""
    facts: dict[str, None] = {}
    for row in read(path).rows:
        try:
            facts |= dict.fromkeys(fact.strip() for fact in row.texts("facts"))
        except RowError:
            continue  # whoever makes problems of the rows says so
    documents = {f"note {number}": fact for number, fact in enumerate(facts, start=1) if fact}
    return TaskCorpus.open(documents, embedder()).corpus


def given(folder: Path, chance: Random) -> Problems:
    """Questions with the facts that decide them, in any order."""

    def make(row: Row) -> Iterator[Problem]:
        facts = row.texts("facts")
        shown = chance.sample(facts, len(facts))
        yield Problem(
            id=f"strategyqa-given-{row.line}",
            source=FILE,
            task=f"{row.text('question')}\n{INSTRUCTION}",
            passages=tuple(Passage(text=fact, source=f"fact {n}") for n, fact in enumerate(shown, start=1)),
            resources=(embedder(),),
            output=one_of(YES_NO),
            unchecked=True,
            script=[Line(ended(row, tuple(range(1, min(len(facts), 6) + 1))))],
            answer=answer(row),
            kind=READING,
        )

    yield from problems(folder / FILE, chance, make)


def searched(folder: Path, chance: Random) -> Problems:
    """Questions whose facts are found by looking up, step by step, what their decomposition asks."""
    corpus = pooled(folder / FILE)

    def make(row: Row) -> Iterator[Problem]:
        facts = {fact.strip() for fact in row.texts("facts")}
        # A step on an earlier one's answer is worked out, not looked up.
        steps = [step for step in row.texts("decomposition") if not EARLIER.search(step)][:PLAN_STEPS]
        queries = useful([keywords(step) for step in steps], facts, corpus)
        if not queries:
            return
        planned = Plan(steps=tuple(Step(tool="retrieval", purpose=purpose(query)) for query in queries))

        def decide(evidence: Sequence[Evidence]) -> Decision:
            return ended(row, tuple(e.id for e in evidence if e.text.strip() in facts)[:6])

        yield Problem(
            id=f"strategyqa-searched-{row.line}",
            source=FILE,
            task=f"{row.text('question')}\n{INSTRUCTION}",
            tools=("retrieval",),
            resources=(corpus,),
            output=one_of(YES_NO),
            unchecked=True,
            script=[
                Line(planned),
                *(Line(Call(tool="retrieval", arguments={"query": q})) for q in queries),
                Line(decide),
            ],
            answer=answer(row),
            kind=PLANNING,
        )

    yield from problems(folder / FILE, chance, make)


def useful(queries: Sequence[str], facts: set[str], corpus: Corpus) -> list[str]:
    """Those of the queries that find a fact which those before didn't; none if not all facts are found, but one."""
    kept: list[str] = []
    missing = set(facts)
    for query in queries:
        found = missing & {p.text.strip() for p in corpus.search(query, FOUND)}
        if found:
            kept.append(query)
            missing -= found
    # Many have a fact that only says what follows from the others.
    return kept if len(missing) <= (len(facts) > 2) else []


def ended(row: Row, cited: tuple[int, ...]) -> Proposal:
    return Proposal(text=compact(answer(row)), cited=cited)


def answer(row: Row) -> str:
    return "yes" if row.flag("answer") else "no"
