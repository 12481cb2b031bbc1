"""Any dataset of reasoning-gym as a task."""

import hashlib
from importlib.metadata import version

from agentkit.errors import ConfigurationError
from agentkit.evaluate.scorers.gym import Gym
from agentkit.evaluate.task import Task

INSTRUCTION = "Reply with the answer only, in the form that is asked for."


def gym(name: str, *, size: int, seed: int) -> Task:
    """Items that reasoning-gym makes, `size` of them, the same for the same seed.

    Raises:
        MissingExtra: reasoning-gym isn't installed.
        UnknownName: It has no such dataset.
        ConfigurationError: It can't make the items.
    """
    if size < 1:
        raise ConfigurationError(f"a task of reasoning-gym needs at least one item, not {size}")
    scorer = Gym(name, size=size, seed=seed)
    items = scorer.items()
    made = repr([version("reasoning-gym"), *((item.question, item.gold) for item in items)])
    return Task(
        name=f"gym:{name}",
        items=items,
        scorer=scorer,
        form="text",
        instruction=INSTRUCTION,
        tools=("calculator", "python"),
        digest=hashlib.sha256(made.encode()).hexdigest(),
    )
