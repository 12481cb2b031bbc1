"""Every cited passage exists and supports the sentence that cites it, by words and by meaning."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, Self, runtime_checkable

from agentkit.answer import Finding
from agentkit.checks.check import Draft
from agentkit.checks.words import content_words
from agentkit.knowledge.sentences import sentences

LEXICAL = 0.5
"""Share of a claim's content words that its passages must have."""
COSINE = 0.35
"""Least cosine between a claim and the closest sentence of its passages."""
SHORT = 3
"""A claim of fewer content words is read together with the task: `42 kWh.` says nothing alone."""

Similarity = Callable[[Sequence[str], Sequence[str]], Any]
"""Two lists of texts to the matrix of their cosines."""


@runtime_checkable
class Comparing(Protocol):
    """A resource that can tell how alike texts are: an embedder, or a corpus that has one."""

    def similarity(self, a: Sequence[str], b: Sequence[str], /) -> Any: ...


class Citations:
    """The check; without an embedder it says `unavailable` wherever it would apply."""

    name = "citations"

    def __init__(self, similarity: Similarity | None = None) -> None:
        self.similarity = similarity

    @classmethod
    def of(cls, resources: Sequence[object]) -> Self:
        """The check with the embedder that is among the resources, if one is."""
        comparing = next((r for r in resources if isinstance(r, Comparing)), None)
        return cls(comparing.similarity if comparing else None)

    def __call__(self, draft: Draft) -> Iterator[Finding]:
        """One finding a claim, where passages are cited."""
        known = {e.id for e in draft.evidence}
        if absent := [n for n in draft.cited if n not in known]:
            reason = f"there is no evidence [{absent[0]}]"
            yield Finding(check=self.name, claim=draft.text, verdict="failed", reason=reason)
            return
        passages = [e for e in draft.cited_evidence if e.source]
        if not passages:
            return
        ids = tuple(e.id for e in passages)
        words = frozenset[str]().union(*(content_words(f"{e.source} {e.text}") for e in draft.cited_evidence))
        words |= content_words(draft.task)
        for claim in draft.claims:
            reason, verdict = self.objection(claim, draft, words, [f"{e.source}\n{e.text}" for e in passages])
            yield Finding(check=self.name, claim=claim, verdict=verdict, reason=reason, evidence=ids)

    def objection(self, claim: str, draft: Draft, words: frozenset[str], passages: Sequence[str]) -> tuple[str, Any]:
        """Why the passages don't support the claim, and the verdict."""
        said = content_words(claim)
        covered = len(said & words) / len(said) if said else 1.0
        if covered < LEXICAL:
            missing = ", ".join(sorted(said - words)[:4])
            return f"the cited passages don't speak of {missing}", "failed"
        if self.similarity is None:
            return "no embedder: pass a corpus or an embedder in `resources`", "unavailable"
        asked = claim if len(said) >= SHORT else f"{draft.task} {claim}"
        windows = [s for p in passages for s in (p, *sentences(p))]
        cosine = float(self.similarity([asked], windows).max())
        if cosine < COSINE:
            return f"the cited passages are about something else (cosine {cosine:.2f})", "failed"
        return "", "supported"
