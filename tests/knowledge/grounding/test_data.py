"""The training pairs: what is planted, what is held out, what is left out; and the threshold."""

import shutil
from pathlib import Path
from random import Random

import pytest

from agentkit.errors import ConfigurationError
from agentkit.knowledge.grounding import data
from agentkit.knowledge.grounding.calibration import balanced_accuracy, by_source, calibrate, lenient
from agentkit.knowledge.grounding.faults import joined, negated, swapped_name, swapped_number, swapped_roles

PASSAGE = [
    "The mill of Brenn was built by Anna Keld in 1824.",
    "It was sold to Otto Marn in 1861.",
    "Dogs may not enter.",
]
CHANCES = [Random(seed) for seed in range(12)]


@pytest.mark.parametrize("chance", CHANCES)
def test_a_fault_changes_what_a_claim_says(chance: Random) -> None:
    number = swapped_number(PASSAGE[0], PASSAGE, chance)
    assert number is not None
    assert number.startswith("The mill of Brenn was built by Anna Keld in 1")
    assert "1824" not in number
    assert swapped_name(PASSAGE[0], PASSAGE, chance) in (
        "The mill of Brenn was built by Otto Marn in 1824.",
        "The mill of Otto Marn was built by Anna Keld in 1824.",
    )
    assert negated(PASSAGE[1], (), chance) in (
        "It was not sold to Otto Marn in 1861.",
        "It was never sold to Otto Marn in 1861.",
    )
    assert negated("Dogs may enter, but cats are not welcome.", (), chance) == "Dogs may enter, but cats are welcome."
    both = joined(PASSAGE[0], ("Soup costs 8 euros.",), chance)
    assert both in (f"{PASSAGE[0]} Soup costs 8 euros.", f"Soup costs 8 euros. {PASSAGE[0]}")


@pytest.mark.parametrize(
    ("claim", "roles"),
    [
        (
            "In 1861 the mill was sold by Anna Keld to Otto Marn.",
            "In 1861 the mill was sold by Otto Marn to Anna Keld.",
        ),
        ("Keld taught Marn and Brenn.", "Marn taught Keld and Brenn."),  # it begins with a name that the passage has
        ("Soup pleased Marn.", None),  # it doesn't
        ("In 1861 Anna Keld and Otto Marn met.", None),
        ("In 1861 Anna Keld married Otto Marn.", None),
    ],
)
def test_roles_are_swapped_where_they_differ(claim: str, roles: str | None) -> None:
    around = ["Of them Keld, Marn and Brenn stayed; so did Anna Keld."]
    assert swapped_roles(claim, around, CHANCES[0]) == roles


def test_a_claim_that_people_wrote_comes_with_another_name_or_number() -> None:
    pair = data.Pair("The mill belongs to Anna Keld since 1824.", " ".join(PASSAGE), True, "fever")
    false = data.Pair("The mill belongs to nobody.", pair.passage, False, "fever")
    one, other, last = data.contrasted([pair, false], "seed")
    assert (one, last) == (pair, false)
    assert not other.supported
    assert other.kind in data.SWAPS
    assert other.passage == pair.passage
    assert other.claim != pair.claim


def test_a_fault_without_a_place_is_none() -> None:
    assert swapped_number("No number.", PASSAGE, CHANCES[0]) is None
    assert swapped_name("no name in it.", PASSAGE, CHANCES[0]) is None
    assert swapped_name("Only Brenn.", ["Brenn"], CHANCES[0]) is None
    assert swapped_roles("Only Brenn.", ["Brenn"], CHANCES[0]) is None
    assert negated("Dogs bark.", (), CHANCES[0]) is None
    assert joined(PASSAGE[0], PASSAGE[:1], CHANCES[0]) is None


def test_no_passage_is_on_both_sides_and_the_selection_is_always_the_same(data_folder: Path) -> None:
    training, held_out = data.load(data_folder)
    assert training
    assert held_out
    assert not {p.claim for p in training if p.source == "summedits"} & {
        p.claim for p in held_out if p.held_out is False
    }
    assert all(p.held_out for p in held_out)
    assert data.fingerprint(training) == data.fingerprint(data.load(data_folder)[0])
    assert data.fingerprint(training) != data.fingerprint(training[:-1])
    assert {p.source for p in (*training, *held_out)} == {
        "fever",
        "summedits",
        "begin",
        "planted",
        "answers",
        data.ASKED,
    }
    assert sum(p.source == "begin" for p in (*training, *held_out)) == 4  # its rows of Wizard of Wikipedia are left out
    assert all(len(p.passage.split()) <= 200 for p in training)


def test_planted_claims_are_half_right_half_wrong(data_folder: Path) -> None:
    pairs = [p for part in data.load(data_folder) for p in part if p.source == "planted"]
    assert len(pairs) == 24
    assert sum(p.supported for p in pairs) == 12
    for pair in pairs:
        whole = all(f"{sentence.strip('. ')}." in pair.passage for sentence in pair.claim.split(". "))
        assert whole == pair.supported, pair
    texts = (data_folder / "hotpotqa_passages.jsonl").read_text(encoding="utf-8")
    altered = [p for p in pairs if not all(s in texts for s in p.passage.split(". "))]
    assert 0 < len(altered) < 24  # in some the passage has the fault, so that none is to be seen from the claim alone


def test_a_short_answer_is_a_claim_with_its_question(data_folder: Path) -> None:
    pairs = [p for part in data.load(data_folder) for p in part if p.source == "answers"]
    assert {(p.claim, p.supported) for p in pairs} >= {("When was Mill 60 built? 1860", True)}
    false = [p.claim for p in pairs if not p.supported]
    assert len(false) == 2
    assert all(claim.startswith("When was Mill 6") and not claim.endswith(("1860", "1866")) for claim in false)


def test_a_question_has_the_sentence_that_answers_it_and_one_that_does_not(data_folder: Path) -> None:
    pairs = [p for part in data.load(data_folder) for p in part if p.source == data.ASKED]
    assert len(pairs) == 2 * 20
    assert all((p.claim.split()[-2] in p.passage) == p.supported for p in pairs)


def test_a_missing_or_broken_file_is_named(data_folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "data"
    shutil.copytree(data_folder, copy)
    (copy / "grounding_nli.jsonl").write_text('{"premise": "x"}\n', encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"grounding_nli.jsonl has a row that can't be used \(KeyError"):
        data.load(copy)
    (copy / "grounding_nli.jsonl").unlink()
    with pytest.raises(ConfigurationError, match=r"can't read .*grounding_nli.jsonl: .*--data"):
        data.load(copy)


def test_the_threshold_is_the_best_in_the_mean_of_the_sources() -> None:
    scored = [(0.9, True), (0.8, True), (0.7, False), (0.2, False), (0.6, True)]
    assert balanced_accuracy(scored, 0.5) == pytest.approx((3 / 3 + 1 / 2) / 2)
    assert balanced_accuracy(scored, 0.75) == pytest.approx((2 / 3 + 2 / 2) / 2)
    # In a, 0.6 to 0.7 parts best; in b, anything from 0.3 to 0.8; the mean decides.
    a = [(0.6, False), (0.7, True), (0.9, True)]
    b = [(0.3, False), (0.8, True)]
    of = [(name, one) for name, part in (("a", a), ("b", b), ("one kind", a[:1])) for one in part]
    pairs = [data.Pair("", "", supported, name) for name, (_, supported) in of]
    scores = [score for _, (score, _) in of]
    assert by_source(pairs, scores) == {"a": a, "b": b}
    assert calibrate(pairs, scores) == (0.7, {"a": 1.0, "b": 1.0})
    # Questions are no claims: they don't move the threshold, but are told.
    questions = [data.Pair("", "", supported, data.ASKED) for supported in (True, False)] * 9
    threshold, reached = calibrate([*pairs, *questions], [*scores, *[0.5, 0.1] * 9])
    assert threshold == 0.7
    assert reached[data.ASKED] == 0.5


def test_the_threshold_of_the_check_lets_nearly_all_supported_claims_pass() -> None:
    supported = [(n / 100, True) for n in range(100)]
    pairs = [data.Pair("", "", is_supported, "a") for _, is_supported in [*supported, (0.9, False)]]
    scores = [*(score for score, _ in supported), 0.9]
    assert lenient(pairs, scores) == 0.05
    # A second source, all of whose supported claims score high, counts as much as the first.
    more = [data.Pair("", "", True, "b")] * 10 + [data.Pair("", "", False, "b")]
    assert lenient([*pairs, *more], [*scores, *[0.99] * 10, 0.0]) == 0.1
