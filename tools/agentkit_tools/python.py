"""The python tool: a program the model writes, run in the sandbox."""

from typing import Literal

from agentkit.errors import ToolError
from agentkit.sandbox import Result, SandboxLimits, run
from agentkit.tools import Example, Injected, tool


class PythonSettings(SandboxLimits, frozen=True, extra="forbid"):
    """Where programs run and what they may use."""

    tier: Literal["auto", "monty", "sandlock", "bubblewrap"] = "auto"
    """`auto`: Monty, then for what it can't run the first native tier of this machine."""


# Pure: every program starts from nothing, its random numbers are seeded and it can change nothing outside,
# so a repeated call has nothing to add. A clock is all that could differ, and evidence shouldn't change by
# being asked for twice.
@tool(
    pure=True,
    grounded=True,
    timeout=130,
    examples=[
        Example(
            task="How many multiples of 3 between 1 and 50 contain the digit 4?",
            purpose="count the multiples in a loop",
            arguments={
                "code": "count = 0\nfor n in range(1, 51):\n    if n % 3 == 0 and '4' in str(n):\n        count += 1\n"
                "print(count)"
            },
            result="5",
            answer="There are 5 such multiples.",
        )
    ],
)
def python(code: str, settings: Injected[PythonSettings]) -> str:
    """Run a short Python program and get what it prints. For loops, lists, dates, text and algorithms.

    Args:
        code: The program; it prints its result.
    """
    result = run(code, tier=settings.tier, limits=settings)
    if result.error:
        raise ToolError(_message(result, code), hint=_hint(result))
    if not result.text.strip():
        raise ToolError("the program ran but printed nothing", hint="end it with print(result)")
    return result.text


def _message(result: Result, code: str) -> str:
    """The error with the line it arose in, as it stands in the program."""
    if result.line is None:
        return result.error
    lines = code.splitlines()
    source = lines[result.line - 1].strip()[:80] if 0 < result.line <= len(lines) else ""
    return f"{result.error} in line {result.line}{f': {source}' if source else ''}"


def _hint(result: Result) -> str:
    """What to change."""
    match result.limit:
        case "seconds":
            return "the loop doesn't end or is too long; compute less"
        case "memory":
            return "don't build such large lists, texts or numbers; compute less"
        case "output":
            return "print only the result"
        case "scratch":
            return "write less to files"
        case None:
            pass
    match result.error.partition(":")[0]:
        case "ModuleNotFoundError":
            return "only Python's standard library is there; do without that module"
        case "SyntaxError" | "IndentationError":
            return "write plain Python, one statement a line"
        case "EOFError":
            return "there is no input; write the values into the program"
        case "NameError" if "'input'" in result.error:
            return "there is no input; write the values into the program"
        case "NameError":
            return "import or define that name first"
        case "PermissionError" | "FileNotFoundError" | "BlockingIOError" | "OSError":
            return "there are no files, no network and no other programs; write the values into the program"
        case "RecursionError":
            return "use a loop instead of recursion"
        case _:
            return "mend that line" if result.line else "write it another way"
