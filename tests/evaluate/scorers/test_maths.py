"""Mathematical answers are judged by worth, in a process that hostile ones can't get out of."""

import asyncio
import json
import os
import sys
import time
from pathlib import Path

import pytest

from agentkit.errors import MissingExtra
from agentkit.evaluate.item import Item, Reply, Score
from agentkit.evaluate.scorers import maths
from agentkit.evaluate.scorers.maths import MathsScorer, notation

FILE = Path(os.environ.get("AGENTKIT_SHARED") or Path(__file__).parents[4] / "shared") / "data/eval/math500.jsonl"


def judged(pairs: list[tuple[str, str]], *, seconds: float = 5.0) -> list[Score]:
    async def run() -> list[Score]:
        scorer = MathsScorer(seconds=seconds)
        try:
            return [
                await scorer(Item(id="1", question="?", gold=gold), Reply(status="unchecked", text=text))
                for text, gold in pairs
            ]
        finally:
            await scorer.aclose()

    return asyncio.run(run())


RIGHT = [
    ("1/2", r"\frac{1}{2}"),
    (r"\frac12", r"\frac{1}{2}"),
    ("0.5", r"\frac{1}{2}"),
    (r"$\dfrac{1}{2}$", r"\frac{1}{2}"),
    (r"The answer is \boxed{\frac{2}{4}}.", r"\frac{1}{2}"),
    (r"The answer is \sqrt{3}.", r"\sqrt{3}"),
    ("x = 5", "5"),
    ("11*sqrt(2)", r"11\sqrt2"),
    ("2 sin(pi/3)", r"\sqrt{3}"),
    ("-q + p", "p - q"),
    ("(3, pi/2)", r"\left( 3, \frac{\pi}{2} \right)"),
    ("7, 3, 5", "3, 5, 7"),
    ("90 degrees", r"90^\circ"),
    ("$18.90", r"\$18.90"),
    ("Evelyn", r"\text{Evelyn}"),
    ("It is evelyn.", r"\text{Evelyn}"),
    ("C", r"\text{(C)}"),
    ("10080", r"10,\!080"),
]
WRONG = [
    ("2/1", r"\frac{1}{2}"),
    ("-5", "5"),
    ("5", "-5"),
    ("q - p", "p - q"),
    ("(1,2)", "[1,2)"),
    ("elvneY", r"\text{Evelyn}"),
    ("", "5"),
    ("$$", "5"),
    ("no idea", "5"),
    ("\0", "5"),
    ("\ud800", "5"),
]


def test_worth_decides_not_notation():
    scores = judged(RIGHT + WRONG)
    assert [pair for pair, score in zip(RIGHT, scores, strict=False) if not score.right] == []
    assert [pair for pair, score in zip(WRONG, scores[len(RIGHT) :], strict=True) if score.right] == []


@pytest.mark.skipif(not FILE.is_file(), reason=f"no {FILE}; AGENTKIT_SHARED may name the folder above `data`")
def test_every_gold_answer_of_math500_is_right_bare_and_in_a_sentence():
    golds = [json.loads(line)["answer"] for line in FILE.read_text("utf-8").splitlines()]
    pairs = [pair for gold in golds for pair in ((f" {gold}", gold), (f"The answer is {gold}.", gold))]
    assert [pair for pair, score in zip(pairs, judged(pairs), strict=True) if not score.right] == []


def test_notation_is_set_between_dollars_unless_it_is_or_words_are_around_it():
    assert notation(r"\frac12") == r"$\frac12$"
    assert notation(r"The answer is: \pi r^2.") == r"$\pi r^2$"
    assert notation(r"$x$ is \pi") == r"$x$ is \pi"
    assert notation("about five apples") == "about five apples"


def test_hostile_answers_are_wrong_and_the_next_is_judged_all_the_same(tmp_path: Path):
    touched = tmp_path / "touched"
    code = f"__import__('os').system('touch {touched}')"
    hostile = ["9**9**9**9", "9^{9^{9^{9}}}", "{" * 10_000, "100000!!!", code, f"${code}$", f"\\boxed{{{code}}}"]
    pairs = [pair for text in hostile for pair in ((text, "2"), ("1+1", "2"))]
    start = time.monotonic()
    scores = judged(pairs, seconds=0.7)
    assert [score.right for score in scores] == [False, True] * len(hostile)
    assert sum(score.reason.startswith("could not be judged in 0.7 s") for score in scores) >= 3
    assert time.monotonic() - start < 30
    assert not touched.exists()


def test_sympy_never_comes_into_this_process():
    judged([("1/2", "0.5")])
    assert "math_verify" not in sys.modules
    assert "agentkit.evaluate.scorers.equivalence" not in sys.modules


def test_abstaining_needs_no_process():
    async def run() -> tuple[Score, Score, Score]:
        scorer = MathsScorer()
        item, none = Item(id="1", question="?", gold="5"), Item(id="2", question="?", gold="", answerable=False)
        silent, said = Reply(status="abstained"), Reply(status="unchecked", text="5")
        scores = await scorer(item, silent), await scorer(none, silent), await scorer(none, said)
        await scorer.aclose()
        await scorer.aclose()
        return scores

    assert [score.right for score in asyncio.run(run())] == [False, True, False]


def test_without_math_verify_it_names_the_extra(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(maths, "find_spec", lambda name: None)  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]
    with pytest.raises(MissingExtra, match=r"agentkit\[evaluate\]"):
        MathsScorer()
