"""Every cited passage exists and supports the sentence that cites it, by words and by meaning.

Meaning is judged by a grounding model where one is among the resources, else by an embedder. An embedder tells what a
text is about, not what it says: a swapped number or a negation hardly moves a cosine. An answer of a word or two is
judged by the embedder all the same: together with its question it is no claim such as the grounding model has learnt.
So is a claim with a number that no passage has: rounded, in another unit or worked out, it is for `numbers` to judge.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, Protocol, Self, runtime_checkable

from agentkit.answer import Evidence, Finding
from agentkit.checks.check import Draft
from agentkit.checks.denials import denied
from agentkit.checks.namesakes import misplaced
from agentkit.checks.quantities import numbers_in
from agentkit.checks.quotations import plain
from agentkit.checks.words import WORD, content_words, stem
from agentkit.knowledge.sentences import sentences

LEXICAL = 0.5
"""Share of a claim's content words that its passages must have. With COSINE, on held-out pairs of FEVER, SummEdits and
BEGIN (`tests/benchmarks/calibrate_checks.py`): 82 % of 141 claims that cite the most similar wrong passage are caught,
11 % of 141 supported ones fail. 0.4 and 0.35 give 77 % and 9 %, 0.6 gives 88 % and 21 %: no better in sum. Claims that
the right passage contradicts aren't what it is for: it catches 32 % of 190."""
COSINE = 0.35
"""Least cosine between a claim and the closest sentence of its passages. It hardly counts beside LEXICAL: from 0.2 to
0.5 it moves either rate by 3 points at most."""
SHORT = 3
"""A claim of fewer content words is read together with the task: `42 kWh.` says nothing alone."""

Similarity = Callable[[Sequence[str], Sequence[str]], Any]
"""Two lists of texts to the matrix of their cosines."""


@runtime_checkable
class Comparing(Protocol):
    """A resource that can tell how alike texts are: an embedder, or a corpus that has one."""

    def similarity(self, a: Sequence[str], b: Sequence[str], /) -> Any: ...


@runtime_checkable
class Grounding(Protocol):
    """A resource that can tell how well passages support claims: the grounding model, or anything that scores pairs."""

    threshold: float
    """Least score that counts as support."""

    def __call__(self, pairs: Sequence[tuple[str, str]], /) -> Sequence[float]:
        """One score a pair of claim and passage."""
        ...


def grounding_of(resources: Sequence[object]) -> Grounding | None:
    """The first grounding model among the resources."""
    return next((r for r in resources if isinstance(r, Grounding)), None)


def similarity_of(resources: Sequence[object]) -> Similarity | None:
    """How to compare texts, by the first embedder among the resources or their parts."""
    parts = [part for r in resources for part in (r, getattr(r, "embedder", None))]
    return next((p.similarity for p in parts if isinstance(p, Comparing)), None)


class Citations:
    """The check; without an embedder or a grounding model it says `unavailable` wherever it would apply."""

    name = "citations"

    def __init__(self, similarity: Similarity | None = None, grounding: Grounding | None = None) -> None:
        self.similarity = similarity
        self.grounding = grounding

    @classmethod
    def of(cls, resources: Sequence[object]) -> Self:
        """The check with the embedder and the grounding model that are among the resources, if they are."""
        return cls(similarity_of(resources), grounding_of(resources))

    def __call__(self, draft: Draft) -> Iterator[Finding]:
        """One finding a claim, where passages are cited."""
        known = {e.id for e in draft.evidence}
        if absent := [n for n in draft.cited if n not in known]:
            reason = f"there is no evidence [{absent[0]}]"
            yield Finding(check=self.name, claim=draft.text, verdict="failed", reason=reason)
            return
        cited = [e for e in draft.cited_evidence if e.source]
        if not cited:
            return
        others = [e for e in draft.evidence if e.source and e not in cited]
        for claim in draft.claims:
            finding = self.held_against(claim, draft, cited)
            # Small models often cite the first passage for what the second one says: that is mended here.
            if finding.verdict == "failed" and others:
                better = self.held_against(claim, draft, [*cited, *others])
                finding = better if better.verdict == "supported" else finding
            yield finding

    def held_against(self, claim: str, draft: Draft, passages: Sequence[Evidence]) -> Finding:
        """The finding on one claim; of the passages, the one that has most of its words is what it stands on."""
        said = content_words(claim)
        asked = content_words(draft.task)
        having = {e.id: content_words(f"{e.source} {e.text}") & said for e in passages}
        covered = frozenset[str]().union(*having.values())
        computed = frozenset[str]().union(*(content_words(e.text) for e in draft.evidence if not e.source))
        missing = said - covered - asked - computed
        worked_out = any(not e.source for e in draft.cited_evidence)
        if not said:  # "yes": every passage is about what the task asks, whichever it says
            return self.finding(claim, "inapplicable", "it has no words that a passage could have")
        if not missing and not covered and worked_out:
            return self.finding(claim, "inapplicable", "it reports what was worked out from the passages")
        nearest = (max(having, key=lambda n: len(having[n])),) if covered else ()
        if len(missing) > len(said) * (1 - LEXICAL) or not covered:
            words = ", ".join(w for w in WORD.findall(claim) if stem(w) in said - covered)
            return self.finding(claim, "failed", f"the cited passages don't speak of {words}", nearest)
        if wrong := misplaced(claim, draft.task, passages):
            return self.finding(claim, "failed", f"[{wrong[2]}] has {wrong[1]} there, not {wrong[0]}", (wrong[2],))
        if opposite := denied(claim, passages):
            return self.finding(claim, "failed", f"[{opposite[1]}] says the opposite: {opposite[0]}", opposite[1:])
        full = claim if len(said) >= SHORT else f"{draft.task} {claim}"
        if self.grounding is not None and has_own_number(claim, draft):
            if self.similarity is None:
                return self.finding(claim, "inapplicable", "it has a number that no passage has")
        elif self.grounding is not None and (len(said) >= SHORT or self.similarity is None):
            return self.grounded(claim, full, passages, self.grounding)
        if self.similarity is None:
            return self.finding(claim, "unavailable", "no embedder: pass a corpus or an embedder in `resources`")
        windows = [text for e in passages for text in (e.text, *sentences(e.text))]
        best = max(float(c) for c in self.similarity([full], windows)[0])
        if best < COSINE:
            reason = f"the cited passages are about something else (cosine {best:.2f})"
            return self.finding(claim, "failed", reason, nearest)
        return self.finding(claim, "supported", evidence=nearest)

    def grounded(self, claim: str, full: str, passages: Sequence[Evidence], grounding: Grounding) -> Finding:
        """The finding by a grounding model: on the passage that supports the claim best, or on all of them together.

        A claim that is word for word a sentence of a passage needs no judge.
        """
        if literal := [e.id for e in passages if plain(claim) in map(plain, sentences(e.text))]:
            return self.finding(claim, "supported", evidence=(literal[0],))
        headings = [e.source.partition(" > ")[2] for e in passages]
        texts = [f"{heading}\n{e.text}".strip() for heading, e in zip(headings, passages, strict=True)]
        together = ["\n".join(texts)] if len(texts) > 1 else []
        scores = list(grounding([(full, text) for text in (*texts, *together)]))
        if (best := max(scores)) < grounding.threshold:
            reason = f"the cited passages don't say so (support {best:.2f}, {grounding.threshold:.2f} needed)"
            return self.finding(
                claim, "failed", reason, (passages[max(range(len(texts)), key=lambda n: scores[n])].id,)
            )
        enough = [n for n in range(len(texts)) if scores[n] >= grounding.threshold]
        standing_on = [max(enough, key=lambda n: scores[n])] if enough else range(len(texts))
        return self.finding(claim, "supported", evidence=tuple(passages[n].id for n in standing_on))

    def finding(
        self,
        claim: str,
        verdict: Literal["supported", "failed", "inapplicable", "unavailable"],
        reason: str = "",
        evidence: tuple[int, ...] = (),
    ) -> Finding:
        return Finding(check=self.name, claim=claim, verdict=verdict, reason=reason, evidence=evidence)


def has_own_number(claim: str, draft: Draft) -> bool:
    """Whether a claim has a number that no passage has: worked out, rounded, in another unit, or wrong.

    Which of these is for `numbers` to say; to a grounding model each would be a number that was changed.
    """
    passages = [f"{e.source}\n{e.text}" for e in draft.evidence if e.source]
    read = {n.quantity.value for text in passages for n in numbers_in(text) if n.quantity is not None}
    said = [n.quantity.value for n in numbers_in(claim) if n.quantity is not None and not n.name]
    return not read.issuperset(said)
