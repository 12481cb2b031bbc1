"""Questions on the handbooks of invented places: looked up in tables and prose, reckoned with, or not told there.

`handbooks.txt` has a few Markdown documents a handbook (`=== NAME`, `# TITLE`) with their questions:

    ? QUESTION | KEY | ANSWER | SEARCH; SEARCH 2 | PURPOSE

The key is what answers: a slot, a "literal" of the document, an expression over slots, or `-` where nothing is said;
`{=}` in the answer is what the expression comes to. Searches are as the retrieval tool is given them, the purpose is
the sum's in the plan.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from itertools import count
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import NamedTuple

from agentkit.answer import Evidence
from agentkit.compress.problem import Line, Problem, Unusable
from agentkit.compress.sources.multihop import keywords, purpose
from agentkit.compress.sources.reading import REFUSAL
from agentkit.compress.sources.rows import Problems, embedder
from agentkit.compress.sources.short_problems import drawn_problems
from agentkit.compress.sources.slots import RESULT, Values, drawn, filled, names, separated
from agentkit.compress.sources.small_programs import small_programs
from agentkit.compress.sources.word_problem import CALCULATOR, value_of
from agentkit.decision import Call, Decision, GiveUp, Plan, Proposal
from agentkit.evaluate.corpora import write
from agentkit.events import Step
from agentkit.grammars import GIVE_UP
from agentkit.knowledge.corpus import Corpus

NAME = "handbooks"
DOCUMENTS = "documents"
"""What these lessons teach, as a kind of them."""
ASKED = 10
"""Questions of one draw of a handbook's numbers."""
RETRIEVAL = "retrieval"
TOOLS = (RETRIEVAL, CALCULATOR, "python")
"""As `agentkit ask --docs` has them."""
FOUND = 2
"""Passages of one search, as the tool's settings have it."""
OPERATOR = re.compile(r"[-+*/]")
LITERAL = re.compile('^"(.*)"$')


@dataclass(frozen=True)
class Question:
    """A question on a handbook, with slots."""

    text: str
    key: str
    answer: str = ""
    searches: tuple[str, ...] = ()
    purpose: str = ""

    @property
    def is_sum(self) -> bool:
        """Whether its key is to be worked out."""
        return self.key != "-" and not LITERAL.match(self.key) and OPERATOR.search(self.key) is not None


@dataclass(frozen=True)
class Handbook:
    """Documents by title, and what is asked about them, with slots."""

    documents: tuple[tuple[str, str], ...]
    questions: tuple[Question, ...]

    def drawn(self, chance: Random) -> dict[str, int | str]:
        """A value for each number that the documents tell."""
        return drawn("\n".join(text for _, text in self.documents), chance)


@dataclass(frozen=True)
class Copy:
    """A handbook with its numbers."""

    handbook: Handbook
    values: Values
    corpus: Corpus


def handbooks(folder: Path, chance: Random) -> Problems:
    """Problems without end; a few of each draw are sums and programs, which nothing is to be looked up for."""
    sums, programs = drawn_problems(chance), small_programs(folder, chance)
    number = count(1)
    with TemporaryDirectory(prefix="agentkit-handbooks-") as scratch:
        for draw in count(1):
            handbook = chance.choice(read())
            copy = written(handbook, handbook.drawn(chance), Path(scratch) / str(draw))
            asked = chance.sample(handbook.questions, min(len(handbook.questions), ASKED))
            for question in asked:
                yield problem(f"{NAME}-{next(number)}", question, copy, chance)
            for other in (next(sums).problem(chance), next(programs)):
                if isinstance(other, Problem):
                    changes = {"source": NAME, "tools": shuffled(TOOLS, chance), "resources": (copy.corpus,)}
                    yield replace(other, id=f"{NAME}-{next(number)}", **changes)


@cache
def read() -> tuple[Handbook, ...]:
    """Those of `handbooks.txt`."""
    text = files("agentkit.compress.sources").joinpath("handbooks.txt").read_text(encoding="utf-8")
    return tuple(parsed(part.partition("\n")[2]) for part in re.split(r"^=== ", text, flags=re.MULTILINE)[1:])


def parsed(text: str) -> Handbook:
    """A handbook of its part of the file."""
    documents: list[tuple[str, str]] = []
    questions: list[Question] = []
    for part in re.split(r"^# ", text, flags=re.MULTILINE)[1:]:
        title, _, rest = part.partition("\n")
        lines = rest.splitlines()
        documents.append((title.strip(), "\n".join(line for line in lines if not line.startswith("? ")).strip()))
        for line in lines:
            if line.startswith("? "):
                said, key, answer, searches, aim = (*(f.strip() for f in line[2:].split(" | ")), "", "", "")[:5]
                questions.append(
                    Question(said, key, answer, tuple(s.strip() for s in searches.split(";") if s.strip()), aim)
                )
    return Handbook(tuple(documents), tuple(questions))


def written(handbook: Handbook, values: Values, place: Path) -> Copy:
    """The handbook with these numbers, its files and its corpus in a folder."""
    folder = place / "documents"
    texts = {title: filled(text, values, separated) for title, text in handbook.documents}
    write(folder, {file_of(title): f"# {title}\n\n{text}\n" for title, text in texts.items()})
    return Copy(handbook, values, Corpus.open(folder, embedder=embedder(), store=place / "store"))


def problem(name: str, question: Question, copy: Copy, chance: Random) -> Problem | Unusable:
    """A question with the searches that find what it takes, and the sum."""
    values = {**copy.values, **drawn(question.text, chance)}
    task = filled(question.text, values, separated)
    wanted = told(question.key, copy.handbook, copy.values)
    said = [filled(search, values, separated) for search in question.searches]
    queries = searches([said, [keywords(task)], [task.rstrip("?! .")]], wanted, copy.corpus)
    if queries is None:
        return Unusable(name, "no search finds what it takes", task)
    plan = [Step(tool=RETRIEVAL, purpose=purpose(query)) for query in queries]
    calls = [Call(tool=RETRIEVAL, arguments={"query": query}) for query in queries]
    answer = filled(question.answer, values, separated)
    if summed := question.is_sum:
        expression = filled(question.key, values)
        result = value_of(expression)
        if result is None or result.denominator != 1 or result <= 0:
            return Unusable(name, "its sum doesn't come to a whole number above 0", expression)
        plan.append(Step(tool=CALCULATOR, purpose=purpose(filled(question.purpose, values, separated))))
        calls.append(Call(tool=CALCULATOR, arguments={"expression": expression}))
        answer = answer.replace(RESULT, separated(result.numerator))
    end = citing(answer, wanted, summed=summed) if answer else GiveUp(reason=GIVE_UP[0])
    return Problem(
        id=name,
        source=NAME,
        task=task,
        tools=shuffled(TOOLS, chance),
        resources=(copy.corpus,),
        script=[Line(Plan(steps=tuple(plan))), *map(Line, calls), Line(end)],
        answer=answer or None,
        kind=DOCUMENTS if answer else REFUSAL,
    )


def file_of(title: str) -> str:
    """The name of the file that a document is written to."""
    return f"{re.sub(r'[^a-z0-9]+', '-', title.lower()).strip('-')}.md"


class Wanted(NamedTuple):
    """What a question's answer takes, and the files that tell it: elsewhere the same number is another's."""

    text: str
    files: tuple[str, ...]

    def stands(self, text: str, source: str) -> bool:
        """Whether a passage from such a source tells it."""
        return source.startswith(self.files) and stands(self.text, text)


def told(key: str, handbook: Handbook, known: Values) -> list[Wanted]:
    """The values and literals of a key, as the documents have them."""
    marked = [(literal, re.escape(literal)) for literal in LITERAL.findall(key)]
    for name in names(key):
        if name in known:
            value = known[name]
            marked.append((separated(value) if isinstance(value, int) else value, rf"\{{{name}\b"))
    return [
        Wanted(text, tuple(file_of(title) for title, body in handbook.documents if re.search(mark, body)))
        for text, mark in marked
    ]


def searches(candidates: Sequence[Sequence[str]], wanted: Sequence[Wanted], corpus: Corpus) -> Sequence[str] | None:
    """The first of these lists of queries that find all that is wanted; None if none does."""
    for queries in candidates:
        found = [passage for query in queries for passage in corpus.search(query, FOUND)]
        if queries and all(any(each.stands(p.text, p.source) for p in found) for each in wanted):
            return queries
    return None


def stands(wanted: str, text: str) -> bool:
    """Whether a number or a name stands in a text by itself."""
    return re.search(rf"(?<![\w.,]){re.escape(wanted)}(?![\w]|[.,]\d)", text) is not None


def citing(text: str, wanted: Sequence[Wanted], *, summed: bool) -> Callable[[Sequence[Evidence]], Decision]:
    """An answer that cites the passages with what is wanted, and what was worked out."""

    def decide(evidence: Sequence[Evidence]) -> Decision:
        cited = [e.id for e in evidence if e.tool == RETRIEVAL and any(w.stands(e.text, e.source) for w in wanted)]
        return Proposal(text=text, cited=(*cited[:5], *([evidence[-1].id] if summed else [])))

    return decide


def shuffled(tools: Sequence[str], chance: Random) -> tuple[str, ...]:
    """Tools in any order."""
    return tuple(chance.sample(tools, len(tools)))
