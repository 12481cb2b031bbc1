"""Where the thresholds of the checks on passages lie: python tests/benchmarks/calibrate_checks.py [DATA]

Measures the real checks on labelled pairs of the training data (never of the evaluation data), for a grid of
thresholds. Each is chosen on one half of the texts and reported on the other half:

  citations       a claim with the passage that supports it (to pass) or with the passage most like it by
                  embedding, of another text (to fail); and with a passage that contradicts or lacks it in part,
                  which words and cosines were never meant to catch
  answerability   a question with the passage that answers it (to pass) or with similar ones that don't (to fail)

The best threshold has the largest catch rate minus false-alarm rate. DATA holds the files; `../shared/data/train`
beside the repository if left out. Takes about two minutes on one core.
"""

import json
import random
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from agentkit.answer import Evidence
from agentkit.checks import Answerability, Citations, Draft, answerability, citations
from agentkit.knowledge.embedder import Embedder
from agentkit.models import catalog

DATA = Path(__file__).parents[2] / "../shared/data/train"
LEXICAL = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
COSINE = (0.2, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6)
FOCUS = (0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.7)
CLAIMS, QUESTIONS = 120, 300
"""Pairs of a kind and a source: a rate in one half has a standard error of 3 to 6 points."""
POOL = 400
"""Passages among which the most similar one is looked for."""
SAME = 0.95
"""Cosine from which two passages are taken to be one."""
LONGEST = 1500
"""Characters of a passage; a longer one is no chunk."""
SEED = 7

Setting = tuple[float, ...]


@dataclass(frozen=True)
class Pair:
    """A text held against a passage."""

    source: str
    text: str
    passage: str
    kind: str
    """`right`, `wrong` (a similar passage of another text) or `subtle` (the right passage, but it says otherwise)."""

    @property
    def half(self) -> int:
        """By the text, so that a text and its other passages stay together."""
        return random.Random(self.text).randrange(2)


Objects = Callable[[Pair], bool]
"""Whether a check objects to a pair."""


class Cosines:
    """An embedder that embeds each text once."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._vectors: dict[str, npt.NDArray[np.float32]] = {}

    def of(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        if new := [text for text in dict.fromkeys(texts) if text not in self._vectors]:
            self._vectors |= dict(zip(new, self._embedder.embed(new), strict=True))
        return np.stack([self._vectors[text] for text in texts])

    def __call__(self, a: Sequence[str], b: Sequence[str]) -> npt.NDArray[np.float32]:
        return self.of(a) @ self.of(b).T


def rows(data: Path, name: str) -> list[dict[str, Any]]:
    with (data / f"{name}.jsonl").open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def sampled(found: Iterable[Pair], cosines: Cosines, most: int, *, confusing: bool = True) -> list[Pair]:
    """Some pairs of one source, each right one also with the most similar passage of another."""
    pairs = list(found)
    random.Random(SEED).shuffle(pairs)
    right = list({p.passage: p for p in pairs if p.kind == "right"}.values())[:most]
    subtle = [p for p in pairs if p.kind == "subtle"][:most]
    if not confusing:
        return [*right, *subtle, *[p for p in pairs if p.kind == "wrong"][:most]]
    others = list(dict.fromkeys(p.passage for p in pairs))[:POOL]
    alike = cosines.of([p.text for p in right]) @ cosines.of(others).T
    # The passage itself is left out, and so is one that says the same in other words.
    same = cosines.of([p.passage for p in right]) @ cosines.of(others).T > SAME
    nearest = [int(n) for n in np.where(same, -1, alike).argmax(axis=1)]
    wrong = [Pair(p.source, p.text, others[n], "wrong") for p, n in zip(right, nearest, strict=True)]
    return [*right, *subtle, *wrong]


def claims(data: Path, cosines: Cosines) -> list[Pair]:
    """Claims with passages."""

    def pair(source: str, text: str, passage: str, supported: bool) -> Pair:
        return Pair(source, text, passage[:LONGEST], "right" if supported else "subtle")

    nli = [pair(r["source"], r["claim"], r["premise"], bool(r["supported"])) for r in rows(data, "grounding_nli")]
    # Only these say something of a passage, as an answer does; MNLI and SNLI are about pairs of single sentences.
    fever = [p for p in nli if p.source == "fever"]
    edits = [
        pair("summedits", r["claim"], r["premise"], bool(r["supported"]))
        for r in rows(data, "grounding_summedits")
        if len(r["premise"]) <= LONGEST
    ]
    labels = {"Fully attributable": True, "Not fully attributable": False}
    begin = [
        pair("begin", r["response"], r["knowledge"], labels[r["begin_label"]])
        for r in rows(data, "grounding_begin_dev")
        if r["begin_label"] in labels and len(r["knowledge"]) <= LONGEST
    ]
    return [p for source in (fever, edits, begin) for p in sampled(source, cosines, CLAIMS)]


def questions(data: Path, cosines: Cosines) -> list[Pair]:
    """Questions with passages."""
    squad = [Pair("squad", r["question"], r["sentence"], "right") for r in rows(data, "squad_question_sentence")]
    hotpot: list[Pair] = []
    for r in rows(data, "hotpotqa_passages"):
        facts = {fact[0] for fact in r["supporting_facts"]}
        texts = {title: f"{title}. {''.join(sentences)}" for title, sentences in r["context"]}
        for kind, titles in (("right", facts), ("wrong", texts.keys() - facts)):
            passage = "\n".join(texts[title] for title in sorted(titles & texts.keys())[:2])
            hotpot.append(Pair("hotpot", r["question"], passage, kind))
    named = [p for p in (*squad, *hotpot) if answerability.focus(p.text)]
    return [
        *sampled([p for p in named if p.source == "squad"], cosines, QUESTIONS),
        *sampled([p for p in named if p.source == "hotpot"], cosines, QUESTIONS, confusing=False),
    ]


def cites(pair: Pair, cosines: Cosines) -> bool:
    """Whether the check of citations objects to the claim."""
    evidence = Evidence(id=1, tool="retrieval", call=1, text=pair.passage, source="document.md")
    draft = Draft(text=pair.text, cited=(1,), task="", evidence=(evidence,))
    return Citations(cosines).held_against(pair.text, draft, [evidence]).verdict == "failed"


def answers(pair: Pair, cosines: Cosines) -> bool:
    """Whether the check of answerability objects to the passage."""
    evidence = Evidence(id=1, tool="retrieval", call=1, text=pair.passage, source="document.md")
    draft = Draft(text="", cited=(1,), task=pair.text, evidence=(evidence,))
    return bool(Answerability(cosines).silent(answerability.focus(pair.text), draft))


def rate(pairs: Sequence[Pair], objects: Objects, kind: str, source: str = "") -> tuple[float, int]:
    """Share of the pairs of a kind that are objected to, and how many there are."""
    of_kind = [p for p in pairs if p.kind == kind and source in ("", p.source)]
    return (sum(map(objects, of_kind)) / len(of_kind) if of_kind else 0.0), len(of_kind)


def gain(pairs: Sequence[Pair], objects: Objects) -> float:
    """Catch rate minus false-alarm rate, each source counting alike."""
    sources = sorted({p.source for p in pairs})
    return sum(rate(pairs, objects, "wrong", s)[0] - rate(pairs, objects, "right", s)[0] for s in sources) / len(
        sources
    )


def shown(value: tuple[float, int]) -> str:
    return f"{value[0]:.0%} of {value[1]}" if value[1] else "-"


def report(
    title: str,
    pairs: Sequence[Pair],
    settings: Sequence[Setting],
    in_force: Setting,
    judged: Callable[[Setting], Objects],
) -> None:
    """Print what every setting does, the best on the first half, and what that one does on the second."""
    halves = [[p for p in pairs if p.half == half] for half in (0, 1)]
    gains = {setting: gain(halves[0], judged(setting)) for setting in settings}
    best = max(gains, key=lambda setting: gains[setting])
    table = Table("threshold", "chosen on: gain", "held out: gain", "caught", "false alarms", "subtle", title=title)
    for setting in settings:
        objects = judged(setting)
        figures = (rate(halves[1], objects, kind) for kind in ("wrong", "right", "subtle"))
        held = f"{gain(halves[1], objects):.3f}"
        mark = " best" if setting == best else ""
        table.add_row(f"{', '.join(map(str, setting))}{mark}", f"{gains[setting]:.3f}", held, *map(shown, figures))
    console = Console(width=120)
    console.print(table)
    for source in sorted({p.source for p in pairs}):
        for name, setting in (("best", best), ("in force", in_force)):
            told = [f"{k} {shown(rate(halves[1], judged(setting), k, source))}" for k in ("wrong", "right", "subtle")]
            console.print(f"{source}, {name} {setting}: {'; '.join(told)}")


CITATIONS: Setting = (citations.LEXICAL, citations.COSINE)
ANSWERABILITY: Setting = (answerability.COSINE,)


def main(data: Path) -> None:
    start = time.monotonic()
    folder = catalog.locate(catalog.EMBEDDER)
    if folder is None:
        sys.exit(f"no embedder on this machine: run `agentkit models pull {catalog.EMBEDDER}`")
    cosines = Cosines(Embedder.load(folder))

    @cache
    def cites_badly(pair: Pair, lexical: float, cosine: float) -> bool:
        with mock.patch.multiple(citations, LEXICAL=lexical, COSINE=cosine):
            return cites(pair, cosines)

    @cache
    def answers_not(pair: Pair, cosine: float) -> bool:
        with mock.patch.object(answerability, "COSINE", cosine):
            return answers(pair, cosines)

    def citing(setting: Setting) -> Objects:
        # The check objects by words or else by meaning: each is found out once, with the other one switched off.
        lexical, cosine = setting
        return lambda pair: cites_badly(pair, lexical, -1) or cites_badly(pair, 0, cosine)

    def answering(setting: Setting) -> Objects:
        return lambda pair: answers_not(pair, *setting)

    report("citations: LEXICAL, COSINE", claims(data, cosines), list(product(LEXICAL, COSINE)), CITATIONS, citing)
    report("answerability: COSINE", questions(data, cosines), [(c,) for c in FOCUS], ANSWERABILITY, answering)
    print(f"{time.monotonic() - start:.0f} s")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else DATA)
