"""The pairs that the grounding model is trained on: a claim, a passage, and whether the passage supports it.

Only files of training data are read. Of BEGIN's development set the part on Wizard of Wikipedia is left out, since
199 of its rows stand on knowledge that its test set has too.
"""

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

from agentkit.errors import ConfigurationError
from agentkit.knowledge.grounding.faults import FAULTS, NAME, swapped_number
from agentkit.knowledge.grounding.windows import windows
from agentkit.knowledge.sentences import sentences

QUESTIONS = 3000
"""Questions, with two sentences each."""
NEAR = 10
"""Rows before and after a question's, among which a sentence is sought that is like its own."""
ASKED = "questions"
"""The source whose pairs are no claims."""
ANSWERED = "answers"
"""The source of questions with a short answer, which the check of citations judges otherwise."""
HELD_OUT = 0.08
"""Share of the passages, with all their claims, that is never trained on."""
SWAPS = ("swapped number", "swapped name", "swapped roles")
"""What is planted in claims that people wrote: nothing that a claim's own words would give away."""
SHORTEST = 6
"""Words of a sentence that is made a claim."""

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Pair:
    """A claim and a passage."""

    claim: str
    passage: str
    supported: bool
    source: str
    kind: str = ""
    """Of a planted fault, which."""
    origin: str = ""
    """The passage as it was, where the fault was planted in it."""

    @property
    def held_out(self) -> bool:
        """Whether it is for validation: by its passage, so that no passage is on both sides."""
        return Random(self.origin or self.passage).random() < HELD_OUT

    def shortened(self) -> "Pair":
        """The pair as the model reads it: of a long passage, its best excerpt."""
        return replace(self, passage=windows(self.passage, self.claim)[0], origin=self.origin or self.passage)


@dataclass(frozen=True)
class Source:
    """A file of training data."""

    file: str
    licence: str
    pairs: Callable[[Iterable[Row]], Iterator[Pair]]


def nli(rows: Iterable[Row]) -> Iterator[Pair]:
    pairs = (Pair(_plain(r["claim"]), _plain(r["premise"]), bool(r["supported"]), r["source"]) for r in rows)
    yield from contrasted(pairs, "nli")


def summedits(rows: Iterable[Row]) -> Iterator[Pair]:
    pairs = (Pair(r["claim"].strip(), r["premise"].strip(), bool(r["supported"]), "summedits") for r in rows)
    yield from contrasted(pairs, "summedits")


def begin(rows: Iterable[Row]) -> Iterator[Pair]:
    for row in rows:
        if row["data_source"] != "wow":
            supported = row["begin_label"] == "Fully attributable"
            yield Pair(_plain(row["response"]), _plain(row["knowledge"]), supported, "begin")


def hotpot(rows: Iterable[Row]) -> Iterator[Pair]:
    rows = list(rows)
    yield from planted(rows)
    yield from answers(rows)


def planted(rows: Sequence[Row]) -> Iterator[Pair]:
    """Of each paragraph, a sentence that it has, and one that it hasn't: altered, or another paragraph's."""
    together = {title: [t for t, _ in row["context"] if t != title] for row in rows for title, _ in row["context"]}
    texts = {title: [s.strip() for s in parts] for row in rows for title, parts in row["context"]}
    chance = Random("planted")
    for title in sorted(texts):
        origin = passage = " ".join(texts[title])
        own = [s for s in sentences(passage) if len(s.split()) >= SHORTEST]
        other = [s for s in texts[chance.choice(together[title])] if len(s.split()) >= SHORTEST and s not in passage]
        if not own or not other:
            continue
        claim, elsewhere = chance.choice(own), chance.choice(other)
        kind, false = fault_in(claim, [*texts[title], elsewhere], FAULTS, chance) or ("wrong passage", elsewhere)
        if chance.random() < 0.15:
            kind, false = "wrong passage", elsewhere
        if kind not in ("joined", "wrong passage") and chance.random() < 0.5:
            # The fault is in the passage then: else a `not` in a claim would give it away.
            passage, claim, false = passage.replace(claim, false), false, claim
        more = [s for s in own if s in passage and s not in claim]
        both = chance.sample((claim, chance.choice(more)), 2) if more and chance.random() < 0.3 else [claim]
        yield Pair(" ".join(both), passage, True, "planted", "none", origin)
        yield Pair(false, passage, False, "planted", kind, origin)


def contrasted(pairs: Iterable[Pair], seed: str) -> Iterator[Pair]:
    """Every pair; a claim that is supported in words of its own also with another name or number of the passage."""
    chance = Random(seed)
    for pair in pairs:
        yield pair
        if pair.supported and (found := fault_in(pair.claim, [pair.passage], SWAPS, chance)):
            kind, false = found
            yield replace(pair, claim=false, supported=False, kind=kind)


def fault_in(claim: str, around: Sequence[str], kinds: Collection[str], chance: Random) -> tuple[str, str] | None:
    """The kind and the outcome of a fault that the claim has a place for, of those given; None if it has none."""
    made = ((kind, FAULTS[kind](claim, around, chance)) for kind in chance.sample(list(kinds), len(kinds)))
    return next(((kind, false) for kind, false in made if false), None)


def questions(rows: Iterable[Row]) -> Iterator[Pair]:
    """Of a sample of questions, the sentence that answers each, and one near it in the text, which doesn't.

    Not claims: they make the model a judge of what is worth reading for a question, as a reranker is.
    """
    rows = list(rows)
    chance = Random("questions")
    for n in sorted(chance.sample(range(len(rows)), min(QUESTIONS, len(rows)))):
        question, answering = _plain(rows[n]["question"]), _plain(rows[n]["sentence"])
        near = (_plain(row["sentence"]) for row in rows[max(0, n - NEAR) : n + NEAR])
        others = [sentence for sentence in dict.fromkeys(near) if sentence != answering]
        yield Pair(question, answering, True, ASKED)
        if others:
            yield Pair(question, chance.choice(others), False, ASKED)


def answers(rows: Sequence[Row]) -> Iterator[Pair]:
    """Questions with their answer, and with another one of the same passages: short answers are claims only so."""
    chance = Random("answers")
    for row in rows:
        gold = {fact[0] for fact in row["supporting_facts"]}
        passage = "\n".join("".join(parts).strip() for title, parts in row["context"] if title in gold)
        question, answer = row["question"].strip(), row["answer"].strip()
        names = sorted({name for name in NAME.findall(passage) if name not in answer and name not in question})
        false = {"yes": "no", "no": "yes"}.get(answer) or swapped_number(answer, [passage], chance)
        yield Pair(f"{question} {answer}", passage, True, ANSWERED)
        if false or names:
            yield Pair(f"{question} {false or chance.choice(names)}", passage, False, ANSWERED)


SOURCES: Sequence[Source] = (
    Source("grounding_nli.jsonl", "FEVER and SNLI CC BY-SA; MNLI mixed, mostly OANC", nli),
    Source("grounding_summedits.jsonl", "SummEdits, Apache-2.0", summedits),
    Source("grounding_begin_dev.jsonl", "BEGIN, Apache-2.0 (without its rows on Wizard of Wikipedia)", begin),
    Source("hotpotqa_passages.jsonl", "HotpotQA, CC BY-SA 4.0", hotpot),
    Source("squad_question_sentence.jsonl", "SQuAD, CC BY-SA 4.0", questions),
)


def load(folder: Path) -> tuple[list[Pair], list[Pair]]:
    """The pairs to train on and those held out, in a fixed order.

    Raises:
        ConfigurationError: A file is missing or has a row that can't be used.
    """
    training, held_out = list[Pair](), list[Pair]()
    for source in SOURCES:
        path = folder / source.file
        try:
            rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
            for pair in source.pairs(rows):
                (held_out if pair.held_out else training).append(pair.shortened())
        except OSError as error:
            raise ConfigurationError(f"can't read {path}: {error.strerror}; name its folder with --data") from None
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            why = f"{type(error).__name__}: {error}"
            raise ConfigurationError(f"{path} has a row that can't be used ({why}); fetch the file anew") from None
    return training, held_out


def fingerprint(pairs: Iterable[Pair]) -> str:
    """Tells one selection of pairs from another."""
    digest = hashlib.sha256()
    for pair in pairs:
        digest.update(f"{pair.claim}\0{pair.passage}\0{pair.supported}\0".encode("utf-8", "replace"))
    return digest.hexdigest()[:16]


def _plain(text: str) -> str:
    """A text without the spaces that a tokenizer of treebanks put around its punctuation."""
    for spaced, plain in (
        (" ,", ","),
        (" .", "."),
        (" 's", "'s"),
        ("`` ", '"'),
        (" ''", '"'),
        ("( ", "("),
        (" )", ")"),
    ):
        text = text.replace(spaced, plain)
    return text.replace("-LRB- ", "(").replace(" -RRB-", ")").strip()
