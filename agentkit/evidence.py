"""What a run stands on, numbered once: of earlier turns, given with the task, reported by tools.

Whatever becomes evidence is without orders to its reader, its text as well as the headings and names it stands under.
"""

from collections.abc import Iterable, Sequence

from agentkit.answer import Evidence, Passage
from agentkit.events import Called, Observed, Turn
from agentkit.injections import place_without_injections, without_injections
from agentkit.knowledge.encodable import encodable
from agentkit.protocol import GIVEN
from agentkit.tools import Outcome

CHARS = 20_000
"""Longest text that one piece of evidence keeps; the model sees less (`Limits.observation_chars`)."""


def recalled(history: Iterable[Turn]) -> list[Turn]:
    """Earlier turns with their evidence numbered for this run; what two of them stand on has one number."""
    known: dict[tuple[str, str], Evidence] = {}

    def of_this_run(earlier: Evidence) -> Evidence:
        text, source = kept(earlier.text), place_without_injections(earlier.source)
        fresh = Evidence(id=len(known) + 1, tool=GIVEN, call=0, text=text, source=source)
        return known.setdefault((source, text), fresh)

    return [turn.model_copy(update={"evidence": tuple(map(of_this_run, turn.evidence))}) for turn in history]


def given(passages: Iterable[Passage], *, after: int = 0) -> list[Evidence]:
    """Passages that came with the task, numbered after what there is."""
    return [
        Evidence(id=i, tool=GIVEN, call=0, text=kept(p.text), source=place_without_injections(p.place))
        for i, p in enumerate(passages, start=after + 1)
    ]


def collect(called: Called, outcome: Outcome, calls: Sequence[Called], evidence: Sequence[Evidence]) -> Observed:
    """Number what is new. A passage found before keeps its number, and so does what the same call said before."""
    new: list[Evidence] = []
    known: list[int] = []
    same = {c.call for c in calls if (c.tool, c.arguments) == (called.tool, called.arguments)}
    numbers = {(e.source, e.text): e.id for e in evidence if e.source or e.call in same}
    for part in outcome.parts:
        text, source = kept(part.text), place_without_injections(encodable(part.source))
        if (source, text) in numbers:
            known.append(numbers[source, text])
            continue
        number = len(evidence) + len(new) + 1
        new.append(Evidence(id=number, tool=called.tool, call=called.call, text=text, source=source))
    return Observed(
        call=called.call,
        evidence=tuple(new),
        known=tuple(known),
        error=without_injections(encodable(outcome.error)),
        hint=encodable(outcome.hint),
        seconds=outcome.seconds,
    )


def kept(text: str) -> str:
    """What evidence keeps of a text: cut first, so that a huge one costs no more."""
    return without_injections(encodable(text[:CHARS]))[:CHARS]
