"""A bound is told as one on the same side: at most 18 isn't at least 18."""

import pytest

from agentkit.checks.bounds import bound_of

from .test_numbers import judge

CREDITS = "At least 18 credits are required for the degree."
FARES = "Children under 6 travel free; everybody else pays the full fare."
ORDERS = "Orders over $50 ship free, orders under $50 cost $5."
STORE = "Store the vials below 25 °C."
TABLETS = "Do not take more than 8 tablets a day."
BAGS = "A bag must not weigh more than 20 kg. A fee of 30 euros applies to bags over 20 kg."
VOTE = "You must be 18 or older to vote."
DISCOUNT = "Groups of more than 10 people get a discount of 15 %."
LAMP = "The new lamp uses 65 % less power than the old one."
CASES = [
    (LAMP, "How much power does it use?", "The new lamp uses 65% less power.", "The new lamp uses 65% more power."),
    (CREDITS, "How many credits do I need?", "You need 18 credits or more.", "You need at most 18 credits."),
    (CREDITS, "How many?", "No fewer than 18 credits are required.", "No more than 18 credits are required."),
    (FARES, "Who travels free?", "Children under 6 travel free.", "Children over 6 travel free."),
    (FARES, "Who travels free?", "Children under 6.", "Children over 6."),
    (FARES, "Who pays?", "Everybody who is not under 6 pays the full fare.", "Children under 6 don't travel free."),
    (ORDERS, "What is free?", "Orders over $50 ship free.", "Orders under $50 ship free."),
    (ORDERS, "What does shipping cost?", "Orders under $50 cost $5.", "Orders over $50 cost $5."),
    (STORE, "How are vials stored?", "Keep the vials at no more than 25 °C.", "Store the vials above 25 °C."),
    (STORE, "How are vials stored?", "They must not be stored above 25 °C.", "They must be stored above 25 °C."),
    (TABLETS, "How many tablets?", "Take at most 8 tablets a day.", "Take more than 8 tablets a day."),
    (TABLETS, "How many tablets?", "Up to 8 tablets a day.", "At least 8 tablets a day."),
    (BAGS, "How heavy?", "A bag may weigh up to 20 kg.", "A bag must weigh at least 20 kg."),
    (BAGS, "When is there a fee?", "A fee applies to bags over 20 kg.", "A fee applies to bags under 20 kg."),
    (VOTE, "Who may vote?", "Nobody under 18 can vote.", "You must be 18 or younger to vote."),
    (DISCOUNT, "Who gets it?", "Groups of more than 10 people.", "Groups of fewer than 10 people."),
    ("Nearly 5,000 people came.", "How many came?", "Almost 5,000 people came.", "Over 5,000 people came."),
    ("It must not exceed 40 °C.", "How hot?", "It must stay below 40 °C.", "It must stay above 40 °C."),
]


def fails(claim: str, passage: str, task: str) -> bool:
    return any(f.verdict == "failed" for f in judge(claim, [passage], task))


@pytest.mark.parametrize(("passage", "task", "right", "wrong"), CASES, ids=[c[3] for c in CASES])
def test_a_bound_told_the_other_way_round_fails(passage: str, task: str, right: str, wrong: str) -> None:
    assert not fails(right, passage, task)
    assert fails(wrong, passage, task)


FINE = [
    (FARES, "Who pays?", "Those over 6 pay the full fare."),
    (CREDITS, "What happens with fewer credits?", "With fewer than 18 credits you get no degree."),
    (CREDITS, "How many credits?", "18 credits."),
    (STORE, "Above which temperature do they spoil?", "They spoil above 25 °C."),
    (DISCOUNT, "Do ten people get it?", "Groups of up to 10 people pay the normal price."),
    ("The hall has 500 seats.", "How large is the hall?", "It has at least 500 seats."),
    ("Nobody under 21 is admitted unless a parent comes along.", "Who is admitted?", "People over 21 are admitted."),
]


@pytest.mark.parametrize(("passage", "task", "claim"), FINE, ids=[c[2] for c in FINE])
def test_what_says_something_else_of_the_bound_passes(passage: str, task: str, claim: str) -> None:
    assert not fails(claim, passage, task)


@pytest.mark.parametrize(
    ("clause", "bound"),
    [
        ("at least 18 credits", "least"),
        ("18 credits or more", "least"),
        ("18 or older", "least"),
        ("a minimum of 18", "least"),
        ("people over the age of 18", "least"),
        ("no less than 18", "least"),
        ("whoever isn't under 18", "least"),
        ("nobody under 18 may vote", "least"),
        ("18 at most", "most"),
        ("up to $18", "most"),
        ("it must never exceed 18", "most"),
        ("it can't be more than 18", "most"),
        ("do not take more than 18", "most"),
        ("almost 18", "most"),
        ("18", None),
        ("the 18 of May", None),
        ("not 18", None),
        ("over a field of 18 acres", None),
        ("not over 18 unless they pay", None),
    ],
)
def test_which_side_a_number_bounds(clause: str, bound: str | None) -> None:
    start = clause.index("18")
    assert bound_of(clause, start, start + 2) == bound


def test_each_not_turns_it_round_however_many_there_are() -> None:
    for count, bound in ((20_000, "least"), (20_001, "most")):
        clause = "not " * count + "over 18" + " or" * 20_000
        assert bound_of(clause, clause.index("18"), clause.index("18") + 2) == bound
