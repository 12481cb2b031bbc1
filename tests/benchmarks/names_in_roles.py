"""What the comparison of sentences and rows alone objects to: python tests/benchmarks/names_in_roles.py [DATA]

`checks/namesakes.py` on training data (never on the evaluation data): true claims and answers, which it should leave
alone, and such with a name in another one's place. DATA holds the files; `../shared/data/train` beside the repository
if left out. Takes ten seconds on one core.
"""

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

from calibrate_checks import DATA, rows

from agentkit.answer import Evidence
from agentkit.checks.namesakes import misplaced
from agentkit.knowledge.grounding import data
from agentkit.knowledge.grounding.faults import NAME
from agentkit.knowledge.sentences import sentences

CLAIMS = 6000
"""Planted faults that are looked at."""
SOURCES = ("begin", "fever", "summedits")


def evidence(*passages: tuple[str, str]) -> list[Evidence]:
    """Passages as (source, text)."""
    return [Evidence(id=n, tool="retrieval", call=1, text=t, source=s) for n, (s, t) in enumerate(passages, 1)]


def objects(claim: str, task: str, passages: Sequence[Evidence]) -> bool:
    return any(misplaced(sentence, task, passages) for sentence in sentences(claim))


def judged(folder: Path) -> Iterator[tuple[str, bool]]:
    """What each claim or answer is, and whether it is objected to."""
    for row in rows(folder, "hotpotqa_passages"):
        gold = {fact[0] for fact in row["supporting_facts"]}
        given = evidence(*((title, "".join(text).strip()) for title, text in row["context"] if title in gold))
        right, question = row["answer"], row["question"]
        yield "hotpotqa, right answers", objects(right, question, given)
        named = {name for e in given for name in NAME.findall(e.text)}
        if wrong := sorted(n for n in named if n not in question and n not in right and right not in n):
            yield "hotpotqa, another name", objects(Random(row["_id"]).choice(wrong), question, given)
    pairs = [pair for part in data.load(folder) for pair in part]
    for pair in [p for p in pairs if p.source == "planted"][:CLAIMS]:
        kind = "true" if pair.kind == "none" else pair.kind
        yield f"planted, {kind}", objects(pair.claim, "Tell me.", evidence(("", pair.passage)))
    for pair in pairs:
        if pair.source in SOURCES:
            kind = "supported" if pair.supported else "not supported"
            yield f"{pair.source}, {kind}", objects(pair.claim, "Tell me.", evidence(("", pair.passage)))


def main(folder: Path) -> None:
    of, found = Counter[str](), Counter[str]()
    for kind, objected in judged(folder):
        of[kind] += 1
        found[kind] += objected
    for kind in sorted(of):
        print(f"{kind}: {found[kind]} of {of[kind]:,} ({100 * found[kind] / of[kind]:.1f} %)")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else DATA)
