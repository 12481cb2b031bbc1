"""Small problems, and a folder of training data of which some lines are bad."""

import asyncio
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from agentkit.compress.collect import Collected, collect
from agentkit.compress.problem import Cue, Line, Problem
from agentkit.decision import Call, GiveUp, Plan, Proposal
from agentkit.events import Step
from agentkit.grammars import GIVE_UP

DATA = Path(os.environ.get("AGENTKIT_SHARED") or Path(__file__).parents[3] / "shared") / "data"
needs_data = pytest.mark.skipif(
    not (DATA / "train").is_dir(), reason=f"no {DATA / 'train'}; AGENTKIT_SHARED may name the folder above `data`"
)

PLAN = Plan(steps=(Step(tool="calculator", purpose="count the pens"),))
TASK = "Ann has 3 boxes of 12 pens and gives 6 pens away. How many pens are left?"


def sum_of(expression: str) -> Call:
    return Call(tool="calculator", arguments={"expression": expression})


def saying(text: str) -> Cue:
    """An answer that stands on what was reported last."""
    return lambda evidence: Proposal(text=text, cited=(evidence[-1].id,))


def pens(*cues: Cue | Line, **changes: Any) -> Problem:
    """The problem of the pens, with a script of its own."""
    script = cues or (PLAN, sum_of("3*12"), sum_of("36-6"), saying("30 pens are left."))
    given: dict[str, Any] = {"id": "pens", "source": "made", "task": TASK, "tools": ("calculator",), "answer": "30"}
    return Problem(script=[c if isinstance(c, Line) else Line(c) for c in script], **(given | changes))


GIVES_UP = GiveUp(reason=GIVE_UP[0])

ROWS: Sequence[tuple[str, str, str]] = (
    (
        "Lea picks 14 apples and Tom picks 9 more than her. How many apples do they pick together?",
        "Tom picks 14+9=<<14+9=23>>23 apples.\nTogether they pick 14+23=<<14+23=37>>37 apples.\n#### 37",
        "37",
    ),
    (
        "A lamp costs $45 and a desk 4 times as much. How much do the desk and the lamp cost?",
        "The desk costs 45*4=$<<45*4=180>>180.\nBoth cost 45+180=$<<45+180=225>>225.\n#### 225",
        "225",
    ),
    (
        "Nora walks 6 km a day for 15 days. How many km is that?",
        "Nora walks 6*15=<<6*15=90>>90 km.\n#### 90",
        "90",
    ),
    ("Bo has 8 nets, each with 13 fish. How many fish has Bo?", "He has 8*13=<<8*13=104>>104 fish.\n#### 104", "104"),
    ("Ida reads 35 pages, then 27 pages. How many pages in all?", "35+27=<<35+27=62>>62 pages.\n#### 62", "62"),
    ("Max needs 19 screws and has 7. How many are missing?", "Some are missing.\n#### 12", "12"),
    ("Eve buys a gross of sweets at 5 cents. How many cents?", "It is 144*5=<<144*5=720>>720.\n#### 720", "720"),
)
"""Of these, the last but one has no marks, and the last one needs to know what a gross is."""


def training(folder: Path, *, bad: bool = True) -> Path:
    """A folder with a file of GSM8K's form, in which line 3 is cut off and line 5 is a list."""
    lines = [json.dumps({"question": q, "solution": s, "answer": a}) for q, s, a in ROWS]
    if bad:
        lines.insert(2, lines[0][:50])
        lines.insert(4, "[1, 2]")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "gsm8k_train.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def collected(run: Path, name: str = "gsm8k_train", **options: Any) -> Collected:
    """What is collected of a source, by default of the small one next to the run."""
    given: dict[str, Any] = {"data": training(run.parent / "data"), "run": run}
    return asyncio.run(collect(name, **(given | options)))
