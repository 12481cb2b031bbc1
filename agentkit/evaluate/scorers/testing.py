"""Runs the tests of a programming task against answers that were computed elsewhere. Runs in a worker.

The tests and the code under test never meet in one process: the code can't see what is expected, can't patch what
compares, and can't end the tests early. The tests run with a stand-in for the function. It answers the calls whose
answers are known; at the first other call they are broken off, and gone through once more to see which calls are still
to come, asserting nothing.
"""

import ast
import builtins
import contextlib
import itertools
import json
import random
import traceback
from collections.abc import Callable, Sequence
from typing import Any

from agentkit.evaluate.scorers.solution import decode, encode

CALLS = 2000
"""Most calls of one task's tests (HumanEval and MBPP: at most 100)."""


class Unanswered(BaseException):
    """The tests call with arguments whose answer isn't known; no `except Exception` of theirs may catch it."""


class CodeError(Exception):
    """What the code raised, where that is no built-in exception."""


class Unknown:
    """An answer that isn't known: goes through most expressions that a test may put it in."""

    def __float__(self) -> float:
        return 0.0

    def __index__(self) -> int:
        return 0

    def __len__(self) -> int:
        return 0

    def __getitem__(self, key: object) -> "Unknown":
        if isinstance(key, int):
            raise IndexError(key)  # so that going through it ends
        return self

    def __hash__(self) -> int:
        return 0


def _same(self: Unknown, *_others: object) -> Unknown:
    return self


for _name in "add sub mul truediv floordiv mod pow matmul and or xor lshift rshift".split():
    setattr(Unknown, f"__{_name}__", _same)
    setattr(Unknown, f"__r{_name}__", _same)
for _name in "eq ne lt le gt ge abs neg pos invert round call".split():
    setattr(Unknown, f"__{_name}__", _same)


def run(prompt: str, test: str, entry: str, calls: Sequence[Any], answers: str) -> dict[str, Any]:
    """`passed`; `failed` with the reason; or `calls` whose answers are still wanted, from the first one on.

    Args:
        prompt: Code that the tests may use, with a stub of the function.
        calls: Those whose `answers` are known, as JSON text that came from the code under test.
    """
    known = list(zip(calls, json.loads(answers), strict=True))
    index = itertools.count()

    def stand_in(*positional: Any, **named: Any) -> Any:
        call, number = encode((positional, named)), next(index)
        if number >= len(known) or known[number][0] != call:
            raise Unanswered
        returned, *content = known[number][1]
        if returned:
            return decode(content[0])
        raise _error(*content)

    code = compile(test, "<test>", "exec")
    scope = _scope(prompt, entry, stand_in)
    try:
        exec(code, scope)
    except Unanswered:
        return {"calls": _ahead(prompt, test, entry, known)}
    except BaseException as error:  # the code's answers may lead the tests anywhere
        return {"failed": _reason(error, test)}
    return {"passed": True}


def _ahead(prompt: str, test: str, entry: str, known: Sequence[tuple[Any, Any]]) -> list[Any]:
    """The calls the tests make if nothing they assert is looked at."""
    seen: list[Any] = []

    def stand_in(*positional: Any, **named: Any) -> Any:
        if len(seen) == CALLS:
            raise Unanswered
        seen.append(encode((positional, named)))
        number = len(seen) - 1
        if number < len(known) and known[number][0] == seen[number]:
            returned, *content = known[number][1]
            if returned:
                return decode(content[0])
            raise _error(*content)
        return Unknown()

    tree = _Unasserted().visit(ast.parse(test, "<test>"))
    code = compile(ast.fix_missing_locations(tree), "<test>", "exec")
    scope = _scope(prompt, entry, stand_in)
    with contextlib.suppress(BaseException):  # an unknown answer may not go through: until there it is, then
        exec(code, scope)
    return seen


class _Unasserted(ast.NodeTransformer):
    def visit_Assert(self, node: ast.Assert) -> ast.Expr:
        return ast.Expr(node.test)


def _scope(prompt: str, entry: str, stand_in: Callable[..., Any]) -> dict[str, Any]:
    """What tests find: all of the prompt's, and the stand-in for the function."""
    random.seed(0)  # tests that draw arguments draw the same ones each time
    scope: dict[str, Any] = {"__name__": "test"}
    exec(compile(prompt, "<prompt>", "exec"), scope)
    scope[entry] = stand_in
    return scope


def _error(name: str, message: str) -> Exception:
    kind = getattr(builtins, name, None)
    if isinstance(kind, type) and issubclass(kind, Exception):
        try:
            return kind(message)
        except TypeError:  # some want more: UnicodeDecodeError
            pass
    return CodeError(f"{name}: {message}")


def _reason(error: BaseException, test: str) -> str:
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == "<test>"]
    line = test.splitlines()[lines[-1] - 1].strip()[:120] if lines and lines[-1] else ""
    said = "" if isinstance(error, AssertionError) else f" raises {type(error).__name__}: {str(error)[:120]}"
    return " ".join(f"{line}{said}".split()) or type(error).__name__
