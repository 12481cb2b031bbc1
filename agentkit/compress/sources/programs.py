"""Short word problems with Python programs: mostly one expression for the calculator, now and then a program.

A program assigns names one after the other and returns the last. Names are replaced by what they stand for, which
leaves one expression over the numbers of the question.
"""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from random import Random

from agentkit.compress import augment
from agentkit.compress.problem import Unusable
from agentkit.compress.sources import Problems
from agentkit.compress.sources import word_problem as rows
from agentkit.compress.sources.word_problem import WordProblem, value_of
from agentkit.evaluate.scorers.numbers import written
from agentkit.evaluate.tasks.data import Row, RowError

FILE = "word_problem_programs.jsonl"
AS_PROGRAM = 0.15
"""Share of problems that are solved by a program: the calculator does in fewer tokens."""
SIGNS: Mapping[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "/",  # kept where it leaves nothing over
    ast.Pow: "^",
}
BINDING = {"+": 1, "-": 1, "*": 2, "/": 2, "^": 3}


def programs(folder: Path, chance: Random) -> Problems:
    """Each problem as it is."""
    for found in read(folder):
        if isinstance(found, WordProblem):
            by_program = not found.steps or chance.random() < AS_PROGRAM
            yield (found if by_program else replace(found, program="")).problem(chance)
        else:
            yield found


def renumbered(folder: Path, chance: Random) -> Problems:
    """Each problem with other numbers."""
    found = (p for p in read(folder) if isinstance(p, WordProblem) and p.steps)
    return augment.renumbered((replace(p, program="") for p in found), chance)


def rephrased(folder: Path, chance: Random) -> Problems:
    """Each problem that one expression solves, for a model to tell it in its own words."""
    return augment.rephrased((p for p in read(folder) if isinstance(p, WordProblem) and p.steps), chance)


def read(folder: Path) -> Iterator[WordProblem | Unusable]:
    """The word problems of the file."""
    return rows.read(folder / FILE, word_problem)


def word_problem(row: Row) -> WordProblem:
    """The word problem of a row; without steps where only the program can tell the answer.

    Raises:
        RowError: Its program isn't one.
    """
    gold = written(row.text("answer").removesuffix(".0"))
    if gold is None:
        raise RowError("the answer is no number")
    try:
        function = ast.parse(row.text("program")).body[0]
    except (SyntaxError, IndexError):
        raise RowError("the program can't be read") from None
    if not isinstance(function, ast.FunctionDef):
        raise RowError("the program is no function")
    body = [s for s in function.body if not isinstance(s, ast.Expr)]
    expression = expression_of(body)
    if value_of(expression) != gold.value:
        expression = ""
    program = printing(body)
    if not expression and not program:
        raise RowError("the program returns nothing")
    return WordProblem(
        id=f"word_problem_programs-{row.line}",
        source="word_problem_programs",
        question=" ".join(row.text("question").split()),
        steps=(expression,) if expression else (),
        answer=row.text("answer").removesuffix(".0"),
        program=program,
    )


def expression_of(body: list[ast.stmt]) -> str:
    """What a function returns as one expression over numbers; empty if it is more than assignments."""
    known: dict[str, str] = {}
    try:
        for statement in body:
            match statement:
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    known[name] = said(value, known)
                case ast.AugAssign(target=ast.Name(id=name), op=op, value=value):
                    known[name] = said(ast.BinOp(ast.Name(name), op, value), known)
                case ast.Return(value=ast.expr() as value):
                    found = said(value, known)
                    return found if any(sign in found[1:] for sign in BINDING) else ""
                case _:
                    return ""
    except KeyError:
        pass
    return ""


def said(node: ast.expr, known: Mapping[str, str]) -> str:
    """An expression with its names replaced, in as few characters as it takes.

    Raises:
        KeyError: A name, an operator or a form that isn't known.
    """
    match node:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            return f"{value:g}" if value == int(value) and abs(value) < 10**6 else repr(value)
        case ast.Name(id=name):
            return known[name]
        case ast.BinOp(left=left, op=op, right=right):
            sign = SIGNS[type(op)]
            one, other = said(left, known), said(right, known)
            one = f"({one})" if loosest(one) < BINDING[sign] or (sign == "^" and loosest(one) < 9) else one
            other = f"({other})" if loosest(other) <= BINDING[sign] and not chained(sign, other) else other
            return f"{one}{sign}{other}"
        case _:
            raise KeyError(type(node).__name__)


def chained(sign: str, other: str) -> bool:
    """Whether an operand on the right needs no parentheses though it binds no tighter: a+(b+c), a*(b*c)."""
    return (sign == "+" and "-" not in other[:1]) or (sign == "*" and loosest(other) == 2 and "/" not in other)


def loosest(expression: str) -> int:
    """How tight the loosest operator outside parentheses binds; 9 if there is none."""
    depth, found = 0, 9
    for at, character in enumerate(expression):
        depth += (character == "(") - (character == ")")
        if depth == 0 and at and character in BINDING:
            found = min(found, BINDING[character])
    return found


def printing(body: list[ast.stmt]) -> str:
    """A function's statements as a program that prints what it returns."""
    lines = [ast.unparse(statement) for statement in body]
    if not lines or not lines[-1].startswith("return "):
        return ""
    shown = lines.pop().removeprefix("return ")
    # `result = total` only to return it.
    if lines and (last := lines[-1].partition(" = "))[0] == shown and last[2].isidentifier():
        lines.pop()
        shown = last[2]
    return "\n".join([*lines, f"print({shown})"])
