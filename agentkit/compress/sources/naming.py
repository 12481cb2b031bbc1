"""A worked solution as a program whose names say what each of its steps is for.

Bare expressions one after the other leave a small model to remember what `[3] calculator: 28` was the number of; a name
says so again wherever the value is used (program-aided language models, Gao et al. 2023).
"""

import builtins
import itertools
import keyword
import re
from collections.abc import Collection, Sequence
from fractions import Fraction

from agentkit.arithmetic import evaluate
from agentkit.checks.quantities import numbers_in

LONGEST = 4
"""Words of a name."""
LAST = "answer"
"""The name of the last step where nothing is said of it."""
WORD = re.compile(r"[a-z]+")
OPERAND = re.compile(r"(?<![\d.])\d+(?:\.\d+)?(?![\d.])")
"""A number in an expression."""
SIGN = re.compile(r"(?<=[\w)])\s*([-+*/])\s*")
SAYS_LITTLE = frozenset(
    "a an the of in on at to for from by with and or is are was were be been has have had he she they it its his her "
    "him their them there that this these those as so if each will would does did do s".split()
)


def program(question: str, steps: Sequence[str], labels: Sequence[str]) -> str:
    """The steps as assignments, and what the last one comes to printed.

    Empty where one is no Python, or one before the last has no label.

    Args:
        question: A value that it tells stays a number: only what was worked out has a name.
        steps: Expressions as the calculator takes them, each with a plain value; the later ones use the values of the
            earlier.
        labels: What each is for.
    """
    if any("%" in step for step in steps):
        return ""
    told = {n.quantity.value for n in numbers_in(question) if n.quantity is not None}
    named: dict[Fraction, str] = {}
    unused: set[Fraction] = set()
    lines: list[str] = []
    name = ""

    def operand(written: re.Match[str]) -> str:
        value = Fraction(written[0])
        # Told and worked out alike, it is what was worked out: until then nothing has used that.
        if value not in named or (value in told and value not in unused):
            return written[0]
        unused.discard(value)
        return named[value]

    for step, label in zip(steps, labels, strict=True):
        name = identifier(label, taken=named.values()) or (LAST if len(lines) == len(steps) - 1 else "")
        if not name:
            return ""
        spaced = SIGN.sub(r" \1 ", OPERAND.sub(operand, step)).replace("^", "**")
        lines.append(f"{name} = {spaced}")
        value = evaluate(step).value
        named[value] = name
        unused.add(value)
    return "\n".join([*lines, f"print({name})"])


def identifier(label: str, *, taken: Collection[str]) -> str:
    """A name from a label: its last words that say something, more of them or numbered where others have it.

    Empty if nothing is said.
    """
    words = [word for word in WORD.findall(label.lower().replace("'s", "")) if word not in SAYS_LITTLE]
    if not words:
        return ""
    longer = ("_".join(words[-length:]) for length in range(min(LONGEST, len(words)), len(words) + 1))
    numbered = (f"{'_'.join(words[-LONGEST:])}_{number}" for number in itertools.count(2))
    free = (n for n in itertools.chain(longer, numbered) if n not in taken)
    return next(n for n in free if not keyword.iskeyword(n) and not hasattr(builtins, n))
