"""What a passage denies isn't what it says, though all words but a negation are the same."""

import pytest

from agentkit.answer import Evidence
from agentkit.checks import Citations, Draft

FEES = "Members who have paid pay 5 euros. Members who have not paid pay nothing. Tea is free."


def verdict(claim: str, passage: str, other: str = "") -> tuple[str, str]:
    """What the check says, by a judge that finds every claim supported."""

    class Agreeing:
        threshold = 0.5

        def __call__(self, pairs: object) -> list[float]:
            return [1.0] * len(list(pairs))  # type: ignore[call-overload]

    texts = [text for text in (passage, other) if text]
    evidence = tuple(Evidence(id=n, tool="retrieval", call=1, text=t, source=f"{n}.md") for n, t in enumerate(texts, 1))
    draft = Draft(text=claim, cited=(1,), task="What does it say of this?", evidence=evidence)
    [finding] = Citations(grounding=Agreeing())(draft)
    return finding.verdict, finding.reason


@pytest.mark.parametrize(
    ("claim", "passage"),
    [
        ("Members who have paid pay nothing.", FEES),
        ("Yes, members who have paid pay nothing.", FEES),
        ("Members who haven't paid pay 5 euros.", FEES),
        ("Members pay for their tea.", "Members do not pay for their tea in winter."),
        ("The member pays for tea.", "The member doesn't pay for tea."),
        ("Dogs are allowed in the hut.", "No dogs are allowed in the hut."),
        ("The stove is never lit in summer.", "- The stove is lit in summer."),
        ("A guest can cook in the hall.", "A guest cannot cook in the hall."),
        ("The lamp will burn all night.", "The bell rings; the lamp won't burn all night."),
        ("The lamp is lit at night.", "The bell rings at noon, but the lamp is not lit at night."),
    ],
)
def test_what_a_passage_denies_is_found(claim: str, passage: str) -> None:
    said, reason = verdict(claim, passage)
    assert (said, reason.partition(":")[0]) == ("failed", "[1] says the opposite")


@pytest.mark.parametrize(
    ("claim", "passage"),
    [
        ("Members who have not paid pay nothing.", FEES),
        ("Members who haven't paid pay nothing.", FEES),
        ("No, members who have not paid pay nothing.", FEES),
        ("The stove is never lit in summer.", "The stove is not lit in summer."),
        ("Dogs are allowed in the hut.", "Dogs are not allowed in the hut. Dogs are allowed in the hut at Easter."),
        ("Dogs are allowed in the hut.", "If it snows, dogs are not allowed in the hut."),
        ("Dogs are allowed in the hut.", "In winter dogs are not allowed in the hut."),
        ("The north room is heated.", "Not only the north room is heated."),
        ("The north room is heated.", "If not, the north room is heated."),
        ("Dogs are allowed.", "Dogs are not allowed."),
        ("It is known whether the hut is open or not.", "It is known whether the hut is open or not, by the flag."),
        ("Soup costs 8 euros, not 9.", "Soup costs 8 euros, and bread costs 9."),
    ],
)
def test_what_a_passage_says_or_restricts_passes(claim: str, passage: str) -> None:
    assert verdict(claim, passage) == ("supported", "")


def test_another_passage_that_says_so_mends_the_citation() -> None:
    claim = "Dogs are allowed in the hut."
    assert verdict(claim, "Dogs are not allowed in the hut.")[0] == "failed"
    assert verdict(claim, "Dogs are not allowed in the hut.", claim) == ("supported", "")
