"""Whether the checks let right numbers pass: python tests/benchmarks/right_numbers.py [DATA]

On training data (never on the evaluation data), without any model:

  steps     the computations of GSM8K's solutions, each as a call of the calculator after those before it: how many are
            refused as they stand on numbers that nobody said
  answers   HotpotQA's questions whose answer is a number, on their two gold passages: how often the right answer is
            objected to, and how often another number of the passages that is written like it

DATA holds the files; `../shared/data/train` beside the repository if left out. Takes half a minute on one core.
"""

import random
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from calibrate_checks import DATA, rows
from names_in_roles import evidence
from planted_faults import MARK

from agentkit.answer import Evidence
from agentkit.checks import Draft
from agentkit.checks.numbers import invented, numbers
from agentkit.checks.quantities import numbers_in
from agentkit.events import Called

PROBLEMS = 1500
SEED = 5
LONGEST = 25
"""Characters of an answer that is a number, a date or an amount and little else."""
SINGLE = re.compile(r"\s*-?[\d.,]+\s*")
"""No computation: GSM8K marks some numbers that are only told."""


def refused(task: str, solution: str) -> list[bool]:
    """Of each step of a solution, whether the calculator would be refused."""
    found: list[Evidence] = []
    calls: list[Called] = []
    told: list[bool] = []
    for expression, value in MARK.findall(solution):
        draft = Draft(text="", cited=(), task=task, evidence=tuple(found), calls=tuple(calls))
        if not SINGLE.fullmatch(expression):
            told.append(bool(invented(draft, {"expression": expression})))
        calls.append(Called(call=len(calls) + 1, tool="calculator", arguments={"expression": expression}))
        found.append(Evidence(id=len(calls), tool="calculator", call=len(calls), text=value))
    return told


def objected(question: str, answer: str, passages: Sequence[Evidence]) -> bool:
    """Whether the check of numbers objects to an answer."""
    draft = Draft(text=answer, cited=(1,), task=question, evidence=tuple(passages))
    return any(finding.verdict == "failed" for finding in numbers(draft))


def shape(text: str) -> str:
    return re.sub(r"\d", "9", text)


def main(data: Path) -> None:
    problems = rows(data, "gsm8k_train")[:PROBLEMS]
    steps = [refused(row["question"], row["solution"]) for row in problems]
    wrongly = sum(map(sum, steps))
    print(f"steps: {wrongly} of {sum(map(len, steps))} refused, in {sum(map(any, steps))} of {len(steps)} problems")
    chance = random.Random(SEED)
    right, wrong = list[bool](), list[bool]()
    for row in rows(data, "hotpotqa_passages"):
        answer = row["answer"]
        if len(answer) > LONGEST or not re.search(r"\d", answer):
            continue
        gold = {fact[0] for fact in row["supporting_facts"]}
        passages = evidence(*((title, "".join(text).strip()) for title, text in row["context"] if title in gold))
        right.append(objected(row["question"], answer, passages))
        written = {number.written for passage in passages for number in numbers_in(passage.text)} - {answer}
        if others := sorted(other for other in written if shape(other) == shape(answer)):
            wrong.append(objected(row["question"], chance.choice(others), passages))
    print(f"answers: {sum(right)} of {len(right)} right ones objected to, {sum(wrong)} of {len(wrong)} wrong ones")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else DATA)
