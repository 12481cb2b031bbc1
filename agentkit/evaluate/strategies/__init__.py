"""The ways to answer that are compared on equal terms: same model, same items, same grammar engine."""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

from agentkit.checks import agreement, default_checks, name_of
from agentkit.errors import ConfigurationError, UnknownName
from agentkit.evaluate.strategies.agents import agent
from agentkit.evaluate.strategies.bench import Bench, Repeatable, Strategy
from agentkit.evaluate.strategies.completion import cot, direct, program
from agentkit.evaluate.strategies.ensemble import best_of, majority
from agentkit.evaluate.task import Task
from agentkit.voting import MOST_DRAWS

__all__ = ["LOOPS", "NAMES", "Bench", "Repeatable", "Strategy", "build", "find"]

PLAIN: Mapping[str, Callable[[Bench], Strategy]] = MappingProxyType(
    {
        "direct": direct,
        "cot": cot,
        "program": program,
        "react": lambda bench: agent(bench, checks=[], plan=False),
        "agent": agent,
        "agent-unchecked": lambda bench: agent(bench, checks=[]),
        "agent-agreed": lambda bench: agent(bench, checks=[*bench.checks, agreement]),
    }
)
COUNTED: Mapping[str, Callable[[Bench, int], Strategy]] = MappingProxyType({"majority@": majority, "best-of-": best_of})
WITHOUT = "agent-without-"
"""What the name of an ablation begins with: `agent-without-citations` is the loop with all checks but that one."""
NAMES = (*PLAIN, *(f"{name}K" for name in COUNTED), f"{WITHOUT}CHECK")
LOOPS = ("agent", "react", "best-of-")
"""How the names of strategies begin that run the loop."""


def find(name: str, task: Task) -> Callable[[Bench], Strategy]:
    """The named strategy.

    Raises:
        UnknownName: There is none of that name.
        ConfigurationError: It can't be used on this task.
    """
    if name == "program" and task.form in ("calls", "code"):
        raise ConfigurationError(f"the strategy program does not apply to {task.name}: use direct or agent")
    if name in PLAIN:
        return PLAIN[name]
    if name.startswith(WITHOUT):
        left_out = name.removeprefix(WITHOUT)
        if left_out not in (known := [name_of(check) for check in default_checks()]):
            raise UnknownName("check", left_out, known, hint=f"it is left out in the strategy {name}")
        return lambda bench: agent(bench, checks=[c for c in bench.checks if name_of(c) != left_out])
    match = re.fullmatch(rf"({'|'.join(map(re.escape, COUNTED))})(\d{{1,4}})", name)
    if match is None:
        raise UnknownName("strategy", name, NAMES, hint="K is a number, as in majority@5")
    k = int(match[2])
    if not 1 <= k <= MOST_DRAWS:
        raise ConfigurationError(f"{name} draws {k} replies; draw 1 to {MOST_DRAWS}")
    return lambda bench: COUNTED[match[1]](bench, k)


def build(name: str, bench: Bench) -> Strategy:
    """The named strategy for a task and a model; raises as `find` does."""
    return find(name, bench.task)(bench)
