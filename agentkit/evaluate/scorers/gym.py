"""Procedural tasks of reasoning-gym: their questions and their own verifiers (Stojanovski et al. 2025).

Several of its verifiers evaluate a reply as Python (four with `eval`, others through sympy's parser), and may hang. So
everything of it runs in a worker, whose fixed hash seed also makes sure that the same item is made again.
"""

from importlib.util import find_spec
from typing import Any, cast

from pydantic import JsonValue

from agentkit.errors import ConfigurationError, MissingExtra, UnknownName
from agentkit.evaluate.item import Item, Reply, Score
from agentkit.evaluate.scorers.abstention import compared, shown, unanswered
from agentkit.evaluate.scorers.worker import Worker, WorkerError, WorkerTimeout
from agentkit.threads import in_thread

PROCEDURAL = "agentkit.evaluate.scorers.procedural"
MAKING = 60.0
"""Seconds that one item may take to be made."""
NONSENSE = "no idea"
PROBED = 5
"""Items of which the verifier must not take that for right: that of `game_of_life_halting` (0.1.25) does."""


class Gym:
    """One dataset of reasoning-gym, in a worker; its scorer."""

    def __init__(self, name: str, *, size: int, seed: int, seconds: float = 10.0) -> None:
        """`seconds` bounds one judgement.

        Raises:
            MissingExtra: reasoning-gym isn't installed.
        """
        if find_spec("reasoning_gym") is None:
            raise MissingExtra("tasks of reasoning-gym", extra="gym")
        self._which = (name, size, seed)
        self._seconds = seconds
        self._worker = Worker(memory_mb=2048)

    def items(self) -> list[Item]:
        """The items, made anew.

        Raises:
            UnknownName: reasoning-gym has no such dataset.
            ConfigurationError: It can't be made with this size and seed, or its verifier takes anything for right.
        """
        name, size, seed = self._which
        try:
            known = self._worker.call_blocking(f"{PROCEDURAL}:names", seconds=MAKING)
            if name not in known:
                raise UnknownName("dataset of reasoning-gym", name, known)
            made = [
                self._worker.call_blocking(f"{PROCEDURAL}:item", *self._which, i, seconds=MAKING) for i in range(size)
            ]
            probes = [self._value(index, made[index][0], NONSENSE) for index in range(min(size, PROBED))]
        except WorkerError as error:
            raise ConfigurationError(
                f"reasoning-gym can't make {size} items of {name!r}, seed {seed}: {error}"
            ) from None
        if any(value == 1 for value in probes):
            raise ConfigurationError(
                f"the verifier of reasoning-gym's {name!r} takes {NONSENSE!r} for right; choose another dataset"
            )
        return [
            Item(id=f"{name}-{seed}-{index}", question=question, gold={"index": index, "answer": answer})
            for index, (question, answer) in enumerate(made)
        ]

    async def __call__(self, item: Item, reply: Reply) -> Score:
        """What the dataset's verifier gives, from 0 to 1; right is what it gives all."""
        score = unanswered(item, reply)
        if score is not None:
            return score
        gold, text = cast(dict[str, Any], item.gold), reply.text or ""
        reason = shown(text) if gold["answer"] is None else compared(text, gold["answer"])
        try:
            value = await in_thread(lambda: self._value(gold["index"], item.question, text))
        except WorkerTimeout:
            return Score(right=False, value=0, reason=f"could not be judged in {self._seconds:g} s: {reason}")
        except WorkerError:  # what the verifier raised on this text
            return Score(right=False, value=0, reason=f"could not be judged: {reason}")
        return Score(right=value == 1, value=value, reason=reason)

    def _value(self, index: int, question: str, text: str) -> float:
        """What the verifier gives.

        Raises:
            WorkerError: Nothing, in time.
        """
        which: list[JsonValue] = [*self._which, index]
        value = self._worker.call_blocking(f"{PROCEDURAL}:score", which, question, text, seconds=self._seconds)
        if not isinstance(value, int | float) or not 0 <= value <= 1:  # what a text that is evaluated made of it
            raise WorkerError(f"the verifier gave {str(value)[:80]}, not a number from 0 to 1")
        return value

    async def aclose(self) -> None:
        """End the worker."""
        await self._worker.aclose()
