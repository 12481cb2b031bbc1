"""Citations, results, refusals, and how findings become a verdict."""

import asyncio
import re
from collections.abc import Sequence

import pytest

from agentkit.answer import Evidence, Finding
from agentkit.checks import Citations, Draft, judge, refusals, results

LEADER = "The station leader is Ilse Maranth, who took over from Tomas Verrick in 2021."


class Alike:
    """Stands in for an embedder where only the wiring matters; the real one is in test_citations."""

    def __init__(self, cosine: float) -> None:
        self.cosine = cosine

    def similarity(self, a: Sequence[str], b: Sequence[str], /) -> list[list[float]]:
        return [[self.cosine] * len(b) for _ in a]


class Supports:
    """A grounding model that goes by whether the passages have all the claim's names; the real one isn't needed."""

    threshold = 0.6

    def __call__(self, pairs: Sequence[tuple[str, str]], /) -> list[float]:
        names = re.compile(r"[A-Z]\w+(?: \d+)?|\d+")
        return [0.9 if set(names.findall(claim)) <= set(names.findall(text)) else 0.2 for claim, text in pairs]


def draft(text: str, passage: str = LEADER, *, cited: tuple[int, ...] = (1,), source: str = "station.md") -> Draft:
    evidence = (Evidence(id=1, tool="t", call=1, text=passage, source=source),)
    return Draft(text=text, cited=cited, task="Who leads the station?", evidence=evidence)


def test_a_cited_passage_must_exist() -> None:
    [finding] = Citations.of([Alike(1)])(draft("Ilse Maranth leads it.", cited=(1, 7)))
    assert (finding.verdict, finding.reason) == ("failed", "there is no evidence [7]")


def test_words_that_no_passage_has_fail() -> None:
    [finding] = Citations.of([Alike(1)])(draft("Greta Lindqvist commands everything."))
    assert finding.verdict == "failed"
    assert "Greta" in finding.reason


def test_words_alone_are_not_enough() -> None:
    [finding] = Citations.of([Alike(0.1)])(draft("Ilse Maranth is the station leader."))
    assert finding.verdict == "failed"
    [finding] = Citations()(draft("Ilse Maranth is the station leader."))
    assert finding.verdict == "unavailable"
    [finding] = Citations.of([Alike(0.8)])(draft("Ilse Maranth is the station leader."))
    assert finding.verdict == "supported"


def test_a_claim_that_another_passage_supports_is_ascribed_to_that_one() -> None:
    two = Evidence(id=2, tool="t", call=1, text="Dogs are not allowed.", source="rules.md")
    wrongly = draft("Ilse Maranth is the station leader.").model_copy(update={"cited": (2,)})
    [finding] = Citations.of([Alike(0.8)])(wrongly.model_copy(update={"evidence": (*wrongly.evidence, two)}))
    assert (finding.verdict, finding.evidence) == ("supported", (1,))


def test_a_grounding_model_among_the_resources_judges_in_place_of_the_embedder() -> None:
    check = Citations.of([Alike(1), Supports()])
    [finding] = check(draft("Ilse Maranth took over from Tomas Verrick in 2021."))
    assert (finding.verdict, finding.evidence) == ("supported", (1,))
    [finding] = check(draft("Ilse Maranth took over from Greta Verrick in 2021."))
    assert finding.verdict == "failed"
    assert finding.reason == "the cited passages don't say so (support 0.20, 0.60 needed)"
    [finding] = Citations.of([Supports()])(draft("Ilse Maranth is the station leader."))
    assert finding.verdict == "supported"


def test_a_sentence_of_a_passage_word_for_word_needs_no_judge() -> None:
    class Doubts(Supports):
        def __call__(self, pairs: Sequence[tuple[str, str]], /) -> list[float]:
            return [0.0] * len(pairs)

    check, passage = Citations.of([Doubts()]), "Tank 7 holds 40 litres. It isn’t true that Tank 8 holds 90 litres."
    [finding] = check(draft("Tank 7  holds 40 litres.", passage))
    assert (finding.verdict, finding.evidence) == ("supported", (1,))
    [finding] = check(draft("Tank 8 holds 90 litres.", passage))  # a part of a sentence may say the opposite
    assert finding.verdict == "failed"


@pytest.mark.parametrize("number", ["120 litres in 8 hours", "0.015 m³ per hour", "about 16 litres per hour"])
def test_a_number_that_no_passage_has_is_not_held_against_them_here(number: str) -> None:
    claim = draft(f"Generator 1 burns {number}.", "Generator 1 burns 15 litres of diesel per hour.")
    for resources, verdict in (
        ([Alike(0.9), Supports()], "supported"),
        ([Alike(0.1), Supports()], "failed"),  # of something else
        ([Supports()], "inapplicable"),
    ):
        assert [finding.verdict for finding in Citations.of(resources)(claim)] == [verdict]


def test_what_stands_in_a_heading_counts_as_said() -> None:
    claim, text = "Tank 7 holds 40 litres of water.", "It holds 40 litres of water."
    [finding] = Citations.of([Supports()])(draft(claim, text, source="water.md > Tank 7"))
    assert finding.verdict == "supported"
    [finding] = Citations.of([Supports()])(draft(claim, text, source="water.md > Tank 8"))
    assert finding.verdict == "failed"


def test_a_claim_may_stand_on_several_passages_together() -> None:
    both = draft("Ilse Maranth took over as station leader in 2021, Tomas Verrick in 1998.")
    two = Evidence(id=2, tool="t", call=1, text="Tomas Verrick was its leader from 1998.", source="past.md")
    check = Citations.of([Supports()])
    [finding] = check(both.model_copy(update={"evidence": (*both.evidence, two)}))
    assert (finding.verdict, finding.evidence) == ("supported", (1, 2))
    [finding] = check(both)
    assert finding.verdict == "inapplicable"


@pytest.mark.parametrize("text", ["yes", "No.", "8,500"])
def test_a_bare_answer_is_not_supported_by_resemblance(text: str) -> None:
    """Each passage is about what the task asks: that one resembles the task says nothing for a yes."""
    found = draft(text)
    [finding] = Citations.of([Alike(0.9)])(found)
    assert finding.verdict == "inapplicable"
    assert asyncio.run(judge(found, [Citations.of([Alike(0.9)])]))[0] == "unchecked"


def test_computed_evidence_is_not_a_citation() -> None:
    assert list(Citations()(draft("It is 42.", "42", source=""))) == []


@pytest.mark.parametrize(
    ("text", "output"),
    [("Yes, it is a palindrome.", "True"), ("The longest is banana.", "banana"), ("No, it is not prime.", "False")],
)
def test_a_computed_result_may_be_reported_in_a_sentence(text: str, output: str) -> None:
    assert [f.verdict for f in results(draft(text, output, source=""))] == ["supported"]


def test_a_computed_result_reported_wrongly_is_not_supported() -> None:
    assert list(results(draft("Yes, it is.", "False", source=""))) == []


@pytest.mark.parametrize(
    "text",
    [
        "The document does not mention the address.",
        "There is no information about dogs.",
        "The e-mail address is not provided in the evidence.",
        "It is unknown.",
        "The passages don't say how many dogs there are.",
        "The information in the handbook does not cover dogs.",
        "The address is not mentioned.",
        "The price is not given.",
        "I have no information about dogs.",
        "I am unable to answer.",
        "It cannot be determined from the evidence.",
        "I can't find the address.",
        "There is no evidence of dogs.",
    ],
)
def test_saying_that_nothing_is_known_is_no_answer(text: str) -> None:
    assert [f.verdict for f in refusals(draft(text))] == ["failed"]


@pytest.mark.parametrize(
    "text",
    [
        "The trail is not open in winter.",
        "Dogs are not allowed.",
        "No, Tank B is smaller.",
        "Pets are not covered by the insurance.",
        "Lunch is not included in the price.",
        "Refunds are not given without a receipt.",
        "The licence does not cover patents.",
        "The text must not contain digits.",
        "They share no information with third parties.",
        "Applicants must have no record of theft.",
        "Penguins are unable to fly.",
        "Patients cannot find relief.",
    ],
)
def test_a_negative_answer_is_an_answer(text: str) -> None:
    assert list(refusals(draft(text))) == []


@pytest.mark.parametrize(
    ("text", "passage"),
    [
        (
            "The exact cause of psoriasis is unknown.",
            "The exact cause of psoriasis is unknown, but T cells play a part.",
        ),
        ("The cause of psoriasis is not known.", "The exact cause of psoriasis is unknown."),
        ("There is no evidence that vitamin C prevents colds.",) * 2,
        ("Breakfast is not provided.",) * 2,
    ],
)
def test_what_the_evidence_itself_says_is_not_known_is_an_answer(text: str, passage: str) -> None:
    assert list(refusals(draft(text, passage))) == []


def test_that_something_else_is_not_known_is_none() -> None:
    found = refusals(draft("The price of the tower is unknown.", "The architect of the cathedral is unknown."))
    assert [f.verdict for f in found] == ["failed"]


def verdict(text: str, *findings: Finding) -> str:
    return asyncio.run(judge(draft(text), [lambda _: findings]))[0]


def test_every_claim_needs_support_and_one_failure_fails_all() -> None:
    one = Finding(check="c", claim="One is so.", verdict="supported")
    two = Finding(check="c", claim="Two is so.", verdict="supported")
    assert verdict("One is so. Two is so.", one, two) == "supported"
    assert verdict("One is so. Two is so.", one) == "unchecked"
    assert verdict("One is so. Two is so.", one, two.model_copy(update={"verdict": "unavailable"})) == "unchecked"
    assert verdict("One is so. Two is so.", one, two.model_copy(update={"verdict": "failed"})) == "failed"
    assert verdict("") == "unchecked"


def test_checks_may_be_async() -> None:
    async def check(given: Draft) -> list[Finding]:
        await asyncio.sleep(0)
        return [Finding(check="c", claim=c, verdict="supported") for c in given.claims]

    assert asyncio.run(judge(draft("One is so."), [check]))[0] == "supported"
