"""Word problems: a question, and the expressions whose last value is the answer."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from random import Random

from agentkit.answer import Evidence
from agentkit.arithmetic import evaluate
from agentkit.checks import Answerability, Draft, numbers
from agentkit.checks.quantities import numbers_in
from agentkit.compress.problem import Line, Problem, Unusable, general
from agentkit.compress.sources import naming
from agentkit.decision import Call, Plan, Proposal
from agentkit.errors import ExpressionError
from agentkit.evaluate.tasks import data
from agentkit.evaluate.tasks.data import Row
from agentkit.events import Step
from agentkit.grammars import PLAN_STEPS, PURPOSE_CHARS
from agentkit.knowledge.sentences import sentences

CALCULATOR = "calculator"
TOOLS = (CALCULATOR, "python")
"""As the evaluation's tasks of word problems have."""
TYPED = 0.6
"""Share of problems whose answer is asked for as a number; the others' is a text."""
ASKED = re.compile(
    r"\bhow many (?:more |fewer |less |total |other |additional |different |of the )?([a-z][a-z-]+)", re.IGNORECASE
)
OPENERS = re.compile(
    r"^(?:so|thus|therefore|then|hence|this means|that means|in total|finally|this is|that is)\b,?(?: that)?\s*",
    re.IGNORECASE,
)
WORKED_OUT = re.compile(r"[$€£]?\d[\d.,+\-*/x×÷()$€£% ]*=\s*(?=[$€£]?\d)")
SEVERAL = 3
"""Steps from which on a program is written, whose names say what each is for."""
LONGEST = 120
"""Characters of a sentence that answers."""


@dataclass(frozen=True)
class WordProblem:
    """A question with the way to its answer."""

    id: str
    source: str
    question: str
    steps: tuple[str, ...]
    """Expressions that a calculator takes, first to last; the value of the last one is the answer."""
    answer: str
    """A number, without separators."""
    sentence: str = ""
    """Says the answer; empty if none does."""
    program: str = ""
    """Prints the answer; empty if there is none."""
    labels: tuple[str, ...] = ()
    """What each step is for, where the source says it; empty strings where it doesn't."""

    def problem(self, chance: Random) -> Problem:
        """The task with its script; whether the answer is typed, and how it is worded, is left to chance."""
        typed = chance.random() < TYPED
        text = self.answer if typed else self.said(chance)
        if program := self.program or self.named():
            tool, purposes = "python", (purpose(self.question),)
            calls = [Line(Call(tool=tool, arguments={"code": program}))]
        else:
            tool, purposes = CALCULATOR, self.purposes()
            calls = [Line(Call(tool=tool, arguments={"expression": step})) for step in self.steps]
        plan = Plan(steps=tuple(Step(tool=tool, purpose=purpose) for purpose in purposes))
        return Problem(
            id=self.id,
            source=self.source,
            task=self.question,
            script=(Line(plan), *calls, Line(concluding(text))),
            tools=TOOLS,
            output=float if typed else None,
            answer=self.answer,
            kind="maths",
        )

    def named(self) -> str:
        """Its steps as a program with names, if there are several and it is known what they are for."""
        if len(self.steps) < SEVERAL or len(self.labels) < len(self.steps):
            return ""
        return naming.program(self.question, self.steps, self.labels)

    def purposes(self) -> tuple[str, ...]:
        """What a plan says: what each step is for, if it takes several; as many of them as a plan has room for."""
        if len(self.steps) < 2 or not all(self.labels) or len(self.labels) < len(self.steps):
            return (purpose(self.question),)
        return self.labels[:PLAN_STEPS]

    def said(self, chance: Random) -> str:
        """The answer as a text: a sentence where there is one that stands, sometimes the number alone."""
        if self.sentence and chance.random() < 0.8 and stands(self.sentence, self.question, self.answer):
            return self.sentence
        return self.answer


def read(path: Path, make: Callable[[Row], WordProblem]) -> Iterator[WordProblem | Unusable]:
    """The word problem of each row of a JSON-lines file; a `RowError` tells why one has none.

    Raises:
        ConfigurationError: The file can't be read.
    """
    rows = data.read(path)
    for problem in rows.problems:
        yield Unusable(problem.partition(" ")[0], "the line can't be read", problem)
    for row in rows.rows:
        try:
            yield make(row)
        except data.RowError as error:
            yield Unusable(f"{rows.file}:{row.line}", general(str(error)), str(error))


def concluding(text: str) -> Callable[[Sequence[Evidence]], Proposal]:
    """The answer, standing on what was worked out last."""
    return lambda evidence: Proposal(text=text, cited=(evidence[-1].id,))


def purpose(question: str) -> str:
    """What a plan says of the one step that it has: what is asked for, in few tokens."""
    counted = ASKED.search(question)
    if counted and len(counted[1]) > 2:
        return f"count the {counted[1].lower()}"[:PURPOSE_CHARS]
    return "work out the amount" if re.search(r"\bhow much\b", question, re.IGNORECASE) else "work out the answer"


def sentence_from(line: str, answer: str) -> str:
    """A solution's line as a sentence that answers: what was worked out in it is left away; empty if it won't do."""
    said = OPENERS.sub("", " ".join(WORKED_OUT.sub("", line).split()))
    found = numbers_in(said, words=False)
    wanted = [n for n in found if n.quantity is not None and n.quantity.value == Fraction(answer)]
    if len(found) != 1 or not wanted or len(sentences(said)) != 1 or len(said) > LONGEST or "=" in said:
        return ""
    if not said[-1].isalnum() and said[-1] != ".":
        return ""
    return f"{said[0].upper()}{said[1:].rstrip('.')}."


def stands(sentence: str, question: str, answer: str) -> bool:
    """Whether the checks would pass a sentence, the answer being worked out."""
    worked_out = Evidence(id=1, tool=CALCULATOR, call=1, text=answer)
    draft = Draft(text=sentence, cited=(1,), task=question, evidence=(worked_out,))
    findings = [*numbers(draft), *Answerability()(draft)]
    return bool(findings) and all(finding.verdict == "supported" for finding in findings)


def value_of(expression: str) -> Fraction | None:
    """What an expression comes to, exactly; None if that is no plain number."""
    try:
        found = evaluate(expression)
    except ExpressionError:
        return None
    return None if found.unit or not found.exact else found.value
