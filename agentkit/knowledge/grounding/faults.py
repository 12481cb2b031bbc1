"""Claims with a planted fault, made from passages: what a check of citations must catch.

In the manner of FactCC (Kryściński et al. 2020, section 3.1): sentences of a passage are claims that it supports;
with a number, a name or the roles of two names swapped, negated, or joined with another text's sentence they are claims
that it doesn't. A model that only saw pairs written by people for entailment takes `185` for as good as `186`.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import pairwise
from random import Random

NUMBER = re.compile(r"(?<![\w.,])\d+(?:[.,]\d+)*(?![\w]|[.,]\d)")
CAPITALISED = re.compile(r"\b[A-Z][\w'’-]+(?: (?:of |the |de )?[A-Z][\w'’-]+)*")
NAME = re.compile(rf"(?<!^)(?<![.!?] ){CAPITALISED.pattern}")
"""One or more capitalised words inside a sentence."""
MUTUAL = re.compile(r"[,;:()]|\b(?:and|or|with|between|married|met|like|than|from|near|versus|vs|as|also|not|both)\b")
"""What leaves a claim as true with its two names in each other's place, or might."""
VERB = re.compile(r"\b(is|are|was|were|has|have|had|can|could|will|would)\b(?! not\b)")
NEGATION = re.compile(r"\b(is|are|was|were|has|have|had|can|could|will|would) not\b|\bcannot\b")
_OPPOSITES = (
    "first last, before after, largest smallest, more less, most fewest, north south, northern southern, east west, "
    "eastern western, won lost, father son, mother daughter, brother sister, older younger, increase decrease, "
    "increased decreased, higher lower, highest lowest, male female, early late, all some, always never, "
    "opened closed, began ended, maximum minimum, best worst, above below, includes excludes, oldest newest"
)
OPPOSITES = {a: b for pair in _OPPOSITES.split(", ") for a, b in (pair.split(), reversed(pair.split()))}

Fault = Callable[[str, Sequence[str], Random], str | None]
"""A claim, the sentences of its passage and of another, and chance, to a false claim; None if it has no place."""


def swapped_number(claim: str, around: Sequence[str], chance: Random) -> str | None:
    """One number for another of the passage's, or for one close to it."""
    found = list(NUMBER.finditer(claim))
    if not found:
        return None
    match = chance.choice(found)
    there = sorted({n for text in around for n in NUMBER.findall(text)} - set(NUMBER.findall(claim)))
    alike = [n for n in there if len(n) == len(match[0])]
    digits = [i for i, c in enumerate(match[0]) if c.isdigit()]
    place = chance.choice(digits)
    changed = str((int(match[0][place]) + chance.randint(1, 8)) % 10 or 9)
    near = match[0][:place] + changed + match[0][place + 1 :]
    new = chance.choice(alike) if alike and chance.random() < 0.5 else near
    return None if new == match[0] else claim[: match.start()] + new + claim[match.end() :]


def swapped_name(claim: str, around: Sequence[str], chance: Random) -> str | None:
    """One name for another of the passage's."""
    there = sorted({name for text in around for name in NAME.findall(text)})
    found = named(claim, there)
    if not found:
        return None
    match = chance.choice(found)
    others = [name for name in there if name not in claim and match[0] not in name]
    same_size = [name for name in others if name.count(" ") == match[0].count(" ")]
    new = chance.choice(same_size or others) if others else None
    return new and claim[: match.start()] + new + claim[match.end() :]


def swapped_roles(claim: str, around: Sequence[str], _chance: Random) -> str | None:
    """Two neighbouring names of the claim in each other's place, if what stands between them has a direction."""
    found = named(claim, [name for text in around for name in NAME.findall(text)])
    for one, two in pairwise(found):
        between = claim[one.end() : two.start()]
        if re.search(r"\w", between) and not MUTUAL.search(between):
            return claim[: one.start()] + two[0] + between + one[0] + claim[two.end() :]
    return None


def named(claim: str, there: Collection[str]) -> list[re.Match[str]]:
    """The names in a claim; a capitalised word that begins it is one if it stands inside a sentence of the passage."""
    first = CAPITALISED.match(claim)
    return [*([first] if first and first[0] in there else []), *NAME.finditer(claim)]


def negated(claim: str, _around: Sequence[str], chance: Random) -> str | None:
    """The verb denied, or the denial left out, or a word turned into its opposite."""
    if match := NEGATION.search(claim):
        return claim[: match.start()] + (match[1] or "can") + claim[match.end() :]
    opposed = [m for m in re.finditer(r"\w+", claim) if m[0] in OPPOSITES]
    if opposed and chance.random() < 0.6:
        match = chance.choice(opposed)
        return claim[: match.start()] + OPPOSITES[match[0]] + claim[match.end() :]
    if match := VERB.search(claim):
        word = chance.choice(("not", "never") if match[1] in ("is", "are", "was", "were", "has", "had") else ("not",))
        return f"{claim[: match.end()]} {word}{claim[match.end() :]}"
    return None


def joined(claim: str, around: Sequence[str], chance: Random) -> str | None:
    """A second sentence added that only the other text has: partly supported is not supported."""
    return " ".join(chance.sample((claim, around[-1]), 2)) if around and around[-1] not in claim else None


FAULTS: Mapping[str, Fault] = {
    "swapped number": swapped_number,
    "swapped name": swapped_name,
    "swapped roles": swapped_roles,
    "negated": negated,
    "joined": joined,
}
