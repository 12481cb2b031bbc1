"""Tasks that take a small program, from hand-written ones: counting, searching, simulating.

`small_programs.txt` has blocks of a few wordings (`? `), the program, and the answer (`= `), in which `{=}` is what
the program prints.
"""

from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path
from random import Random

from agentkit import sandbox
from agentkit.compress.problem import Line, Problem, Unusable
from agentkit.compress.sources.rows import Problems
from agentkit.compress.sources.short_problems import blocks
from agentkit.compress.sources.slots import RESULT, Values, drawn, filled
from agentkit.compress.sources.word_problem import TOOLS, TYPED, concluding, purpose
from agentkit.decision import Call, Plan
from agentkit.events import Step

NAME = "small_programs"
PYTHON = "python"
PROGRAM = "program"
"""What these lessons teach, as a kind of them."""


@dataclass(frozen=True)
class Small:
    """A task's wordings, its program and its answer, with slots."""

    wordings: tuple[str, ...]
    program: str
    answer: str


def small_programs(_folder: Path, chance: Random) -> Problems:
    """Problems without end."""
    for number in count(1):
        small = chance.choice(read())
        wording = chance.choice(small.wordings)
        yield problem(f"{NAME}-{number}", small, wording, drawn(wording, chance), chance)


@cache
def read() -> tuple[Small, ...]:
    """Those of `small_programs.txt`."""
    return tuple(map(parsed, blocks("small_programs.txt")))


def parsed(lines: list[str]) -> Small:
    """One block of the file."""
    return Small(
        wordings=tuple(line[2:] for line in lines if line.startswith("? ")),
        program="\n".join(line for line in lines if not line.startswith(("? ", "= "))),
        answer=next(line[2:] for line in lines if line.startswith("= ")),
    )


def problem(name: str, small: Small, wording: str, values: Values, chance: Random) -> Problem | Unusable:
    """A task with its program, which is run to know what it prints."""
    task, program = filled(wording, values), filled(small.program, values)
    result = sandbox.run(program)
    printed = result.text.strip()
    if result.error or not printed or "\n" in printed:
        return Unusable(name, "its program prints no single line", result.error or task)
    typed = printed.isdecimal() and chance.random() < TYPED
    text = printed if typed else filled(small.answer.replace(RESULT, printed), values)
    return Problem(
        id=name,
        source=NAME,
        task=task,
        script=(
            Line(Plan(steps=(Step(tool=PYTHON, purpose=purpose(task)),))),
            Line(Call(tool=PYTHON, arguments={"code": program})),
            Line(concluding(text)),
        ),
        tools=TOOLS,
        output=float if typed else None,
        answer=text,
        kind=PROGRAM,
    )
