"""Questions that take two articles (HotpotQA's): found by retrieval in a corpus of all of them, or given."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Any, cast

from agentkit.answer import Evidence, Passage
from agentkit.checks.words import STOPWORDS
from agentkit.compress.problem import Line, Problem
from agentkit.compress.sources.reading import IN_WORDS, READING, REFUSAL
from agentkit.compress.sources.rows import Problems, embedder, problems
from agentkit.decision import Call, Decision, GiveUp, Plan, Proposal
from agentkit.evaluate.corpora import TaskCorpus
from agentkit.evaluate.tasks.data import Row, RowError, read
from agentkit.evaluate.tasks.reading import gold_titles, paragraphs
from agentkit.events import Step
from agentkit.grammars import GIVE_UP, PURPOSE_CHARS
from agentkit.knowledge.corpus import Corpus
from agentkit.protocol import one_line

FILE = "hotpotqa_passages.jsonl"
INSTRUCTION = "Answer in a few words, or with yes or no."
"""What an evaluation asks for where the articles must be found."""
FOUND = 2
"""Passages of one call; as the retrieval tool's settings have it."""
CALLS = 3
"""Most calls that a question may take."""
UNSAID = re.compile(r'[(){}=*+<>"\\]')
"""What a plan may not contain."""
ASKING = frozenset(
    "what which who whom whose when where how why is are was were did do does has have had the a an".split()
)


@lru_cache(maxsize=2)
def pooled(path: Path) -> Corpus:
    """The paragraphs of all questions as one corpus. It is closed with the last problem that holds it."""
    texts: dict[str, str] = {}
    for row in read(path).rows:
        try:
            texts = paragraphs(row) | texts
        except RowError:
            continue  # whoever makes problems of the rows says so
    return TaskCorpus.open(texts, embedder()).corpus


def searched(folder: Path, chance: Random) -> Problems:
    """Questions answered by searching: for what the question names, then for what the first article led to."""
    corpus = pooled(folder / FILE)

    def make(row: Row) -> Iterator[Problem]:
        row = paired(row)
        titles = [one_line(title) for title in gold_titles(row)]
        question, answer = row.text("question"), row.text("answer")
        queries = plan_queries(question, titles, corpus)
        if queries is None:
            return
        found = [p for query in queries for p in corpus.search(query, FOUND)]
        gold = [p for p in found if p.heading in titles]
        said = worded(answer, row, gold)
        if not said:
            return
        script: list[Decision | Callable[[Sequence[Evidence]], Decision]] = [planned(question, queries)]
        script += [Call(tool="retrieval", arguments={"query": query}) for query in queries]
        yield Problem(
            id=f"hotpotqa-searched-{row.text('_id')}",
            source=FILE,
            task=f"{question}\n{INSTRUCTION}",
            tools=("retrieval",),
            resources=(corpus,),
            script=[*map(Line, script), Line(citing(said, titles))],
            answer=said,
            kind=READING,
        )

    yield from problems(folder / FILE, chance, make)


def given(folder: Path, chance: Random) -> Problems:
    """Questions on a few of their articles, with those that answer them or, every third, without."""

    def make(row: Row) -> Iterator[Problem]:
        row = paired(row)
        titles, texts = gold_titles(row), paragraphs(row)
        question, answer = row.text("question"), row.text("answer")
        gold = [passage(title, texts[title]) for title in titles if title in texts]
        others = [passage(title, text) for title, text in texts.items() if title not in titles]
        name = f"hotpotqa-given-{row.text('_id')}"
        refused = chance.random() < 1 / 3
        if refused:
            silent = [p for p in others if answer.lower() not in p.text.lower()]
            # One of two articles is the nearest to an answer that isn't one.
            near = [p for p in gold[:1] if answer.lower() not in p.text.lower() and answer not in ("yes", "no")]
            shown = chance.sample(silent, min(len(silent), 3)) + near * (chance.random() < 0.5)
            yield asked(name, question, chance.sample(shown, len(shown)), GiveUp(reason=GIVE_UP[0]), None)
            return
        said = worded(answer, row, gold)
        if not said or len(gold) < len(titles):
            return
        shown = [*gold, *chance.sample(others, min(len(others), chance.randrange(3)))]
        yield asked(name, question, chance.sample(shown, len(shown)), citing(said, titles), said)

    yield from problems(folder / FILE, chance, make)


def asked(
    name: str,
    question: str,
    shown: Sequence[Passage],
    end: Decision | Callable[[Sequence[Evidence]], Decision],
    answer: str | None,
) -> Problem:
    """A question on given articles."""
    return Problem(
        id=name,
        source=FILE,
        task=f"{question}\n{INSTRUCTION if answer and answer.startswith(('Yes', 'No,')) else IN_WORDS}",
        passages=tuple(shown),
        resources=(embedder(),),
        script=[Line(end)],
        answer=answer,
        kind=READING if answer else REFUSAL,
    )


def passage(title: str, text: str) -> Passage:
    return Passage(text=text, source=one_line(title))


def plan_queries(question: str, titles: Sequence[str], corpus: Corpus) -> list[str] | None:
    """What to search for, one after the other, so that all articles are found; None if it can't be known.

    A query is made of the question, or is a name in the question or in what was found before.
    """
    known, queries, missing = question, list[str](), set(titles)
    for _ in range(CALLS):
        named = [bare(t) for t in titles if t in missing and bare(t).lower() in known.lower()]
        for query in [*named, *([] if queries else [keywords(question)])]:
            found = corpus.search(query, FOUND)
            if query not in queries and missing & {p.heading for p in found}:
                queries.append(query)
                missing -= {p.heading for p in found}
                known += " ".join(p.text for p in found)
                break
        else:
            return None
        if not missing:
            return queries
    return None


def bare(title: str) -> str:
    """A title as a text names it."""
    return re.sub(r" \([^)]*\)$", "", title)


def keywords(question: str) -> str:
    """A question without the words that make it one."""
    words = question.rstrip("?! .").split()
    return " ".join(w for w in words if w.lower() not in ASKING and (w.lower() not in STOPWORDS or w[0].isupper()))


def planned(question: str, queries: Sequence[str]) -> Plan:
    """A step for each search; the name that only the first article tells is not known yet."""
    said = [q if q.lower() in question.lower() or not n else "what it says of that" for n, q in enumerate(queries)]
    return Plan(steps=tuple(Step(tool="retrieval", purpose=purpose(text)) for text in said))


def purpose(text: str) -> str:
    """A text as a plan may have it."""
    plain = one_line(UNSAID.sub(" ", text))
    short = plain if len(plain) <= PURPOSE_CHARS else plain[:PURPOSE_CHARS].rpartition(" ")[0]
    return short if len(short) >= 3 else f"about {short}"


def worded(answer: str, row: Row, gold: Sequence[Passage]) -> str:
    """The answer as the passages support it; empty if they don't have it.

    A bare yes has no word that a passage could have: it's told with the fact that it stands on.
    """
    text = " ".join(p.text for p in gold)
    if answer not in ("yes", "no"):
        return answer if answer.lower() in text.lower() else ""
    facts = [fact for fact in supporting(row) if fact in text and 4 <= len(fact.split()) <= 25]
    return f"{answer.title()}, {min(facts, key=len)}" if facts else ""


def paired(row: Row) -> Row:
    """The row with its supporting facts as pairs of a title and a number; some have a list of numbers, and more."""
    facts: list[tuple[str, int]] = []
    for title, numbers, *_ in cast(list[Any], row.value("supporting_facts")):
        facts += [(title, number) for number in (cast(list[int], numbers) if isinstance(numbers, list) else [numbers])]
    return Row(row.line, {**row.values, "supporting_facts": facts})


def supporting(row: Row) -> list[str]:
    """The sentences that the answer stands on."""
    parts: Mapping[str, list[str]] = dict(row.value("context"))
    places: list[tuple[str, int]] = [
        (title, number) for title, number in row.value("supporting_facts") if title in parts
    ]
    return [parts[title][n].strip() for title, n in places if 0 <= n < len(parts[title])]


def citing(text: str, titles: Sequence[str]) -> Callable[[Sequence[Evidence]], Decision]:
    """An answer that cites what was found of these articles."""
    wanted = {one_line(title) for title in titles}

    def decide(evidence: Sequence[Evidence]) -> Decision:
        cited = tuple(e.id for e in evidence if e.source.rpartition(" > ")[2] in wanted)
        return Proposal(text=text, cited=cited[:6])

    return decide
