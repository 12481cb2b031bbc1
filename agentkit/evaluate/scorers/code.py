"""Does a function do what its tests want? The code runs in the sandbox, its tests elsewhere.

The code is called with the tests' arguments in a native tier of the sandbox, and what it returns comes back as data;
whether that is right is found out by the tests in a worker of their own (`testing.py`). So nothing that the code does
can make a verdict: leaving early, printing, patching built-ins, returning an object that is equal to everything, or
looking through the process's memory for what is expected, which isn't there. Code that returns right values has
solved the task, by whatever means.

What differs from running both together: what the code changes in its arguments, tests don't see, and objects of its
own classes are equal to nothing. None of the tests of HumanEval and MBPP looks at either.
"""

import ast
import re
import textwrap
import warnings
from pathlib import Path
from typing import Any, cast

from agentkit import sandbox
from agentkit.errors import ConfigurationError
from agentkit.evaluate.item import Item, Reply, Score
from agentkit.evaluate.scorers.abstention import unanswered
from agentkit.evaluate.scorers.worker import Worker, WorkerError, WorkerTimeout
from agentkit.sandbox import SandboxLimits
from agentkit.sandbox.result import MAX_CODE
from agentkit.threads import in_thread

LIMITS = SandboxLimits(seconds=10, memory_mb=512, output_chars=1_000_000)
"""For all calls of an item together."""
ROUNDS = 20
"""How often the tests may ask for further calls, which depend on the answers to earlier ones."""
FENCED = re.compile(r"^[ \t]*```[^\n]*\n(.*?)(?:^[ \t]*```|\Z)", re.MULTILINE | re.DOTALL)
BEGINS = re.compile(r"^(?:(?:async def|def|class|import|from)\b|@)", re.MULTILINE)
"""Where code may begin in a reply that says something first."""
TRIES = 10
"""Of cutting the code out of what is said around it."""


class CodeScorer:
    """Right if the reply's code passes the item's tests.

    The item's question is the code that the reply completes; its gold answer has `test` and `entry_point`. The reason
    is `right` or begins with `no answer`, `no code`, `failed`, `crashed` or `timed out`.
    """

    def __init__(self, *, limits: SandboxLimits = LIMITS) -> None:
        """Choose a native tier of the sandbox.

        Raises:
            ConfigurationError: This machine has none.
        """
        self.tier = native_tier()
        self._limits = limits
        self._tests = Worker(memory_mb=1024)

    async def __call__(self, item: Item, reply: Reply) -> Score:
        """Run the reply's code on the calls of the tests, then the tests on its answers.

        Raises:
            WorkerError: The item's tests themselves can't be run.
            SandboxRefused: The sandbox's tier has gone away.
        """
        score = unanswered(item, reply)
        if score is not None:
            return score
        mistake = await self._mistake(item, reply.text or "")
        return Score(right=not mistake, value=float(not mistake), reason=mistake or "right")

    async def aclose(self) -> None:
        """End the worker that the tests run in."""
        await self._tests.aclose()

    async def _mistake(self, item: Item, text: str) -> str:
        gold = cast(dict[str, str], item.gold)
        entry = gold["entry_point"]
        sources = program(item.question, entry, text)
        if not sources:
            return f"no code: nothing in the reply defines {entry}"
        calls: list[Any] = []
        answers = "[]"
        for _ in range(ROUNDS):
            try:
                told = await self._tests.call(
                    "agentkit.evaluate.scorers.testing:run", item.question, gold["test"], entry, calls, answers
                )
            except WorkerError as error:
                if not calls:  # nothing of the reply's is in it yet
                    raise
                if isinstance(error, WorkerTimeout):
                    return "timed out: comparing what it returned takes too long"
                return f"failed: {error}"  # by what it returned: too large, too deep, no JSON at all
            if "passed" in told:
                return ""
            if "failed" in told:
                return f"failed: {told['failed']}"
            calls = told["calls"]
            answers, mistake = await self._answers(sources, entry, calls)
            if mistake:
                return mistake
        return f"failed: its answers lead the tests to other calls, {ROUNDS} times over"

    async def _answers(self, sources: tuple[str, ...], entry: str, calls: list[Any]) -> tuple[str, str]:
        """What the code returns for these calls, as JSON, and why it doesn't return anything."""
        inputs = {"sources": list(sources), "entry": entry, "calls": calls}
        result = await in_thread(lambda: sandbox.run(harness(), tier=self.tier, limits=self._limits, inputs=inputs))
        if result.limit == "seconds":
            return "", f"timed out: {result.error}"
        if result.error or result.value is None:
            return "", f"crashed: {result.error or 'it ended before it returned'}"
        return result.value, ""


def native_tier() -> str:
    """The first native tier of the sandbox that can be used here.

    Raises:
        ConfigurationError: There is none.
    """
    native = [tier for tier in sandbox.tiers().values() if tier.native]
    reasons = {tier: tier.unavailable() for tier in native}
    usable = [tier.name for tier, reason in reasons.items() if not reason]
    if not usable:
        raise ConfigurationError(
            "code is judged in a native tier of the sandbox, and none can be used here: "
            + "; ".join(f"{tier.name}: {reason}" for tier, reason in reasons.items())
            + "; install one: "
            + " or ".join(tier.install for tier in native)
        )
    return usable[0]


def program(prompt: str, entry: str, text: str) -> tuple[str, ...]:
    """The sources to be run one after the other: the prompt's code and the reply's; nothing if there is no code.

    A reply may be the whole function, with Markdown's fences or words around it, or only what follows the prompt.
    """
    if len(text) > MAX_CODE:
        return ()
    blocks = [found[1] for found in FENCED.finditer(text)] or [text]
    for block in (*blocks, "\n".join(blocks)):
        for code in (block, *(readable(block[found.start() :]) for found in list(BEGINS.finditer(block))[:TRIES])):
            if defines(code, entry):
                return prompt, code
    for block in filter(None, (block.strip("\n") for block in blocks)):
        for body in (block, textwrap.indent(block, "    "), f"    {block}"):
            if body[0].isspace() and parsed(whole := f"{prompt}{body}\n"):
                return (whole,)
    return ()


def readable(text: str) -> str:
    """The lines before the first one that isn't Python: what a reply says after its code."""
    lines = text.splitlines()
    for _ in range(TRIES):
        try:
            tree(code := "\n".join(lines))
        except SyntaxError as error:
            lines = lines[: max(0, (error.lineno or 1) - 1)]
        except (ValueError, MemoryError, RecursionError):
            break
        else:
            return code
    return ""


def defines(code: str, name: str) -> bool:
    """Whether the code can be parsed and binds the name at its top level."""
    module = parsed(code)
    for node in module.body if module else ():
        match node:
            case ast.FunctionDef(name=found) | ast.AsyncFunctionDef(name=found) | ast.ClassDef(name=found):
                if found == name:
                    return True
            case ast.Assign(targets=targets):
                if any(isinstance(target, ast.Name) and target.id == name for target in targets):
                    return True
            case _:
                pass
    return False


def parsed(code: str) -> ast.Module | None:
    """The code's syntax tree; None if it has none."""
    try:
        return tree(code)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None


def tree(code: str) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an invalid escape is the reply's own affair
        return ast.parse(code)


def harness() -> str:
    """The program that runs in the sandbox, beside the code."""
    return f"{Path(__file__).with_name('solution.py').read_text('utf-8')}\nanswers(sources, entry, calls)"
