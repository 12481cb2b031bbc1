"""Where problems come from: a table of the sources there are, each made when it is asked for."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from random import Random

from agentkit.compress.problem import Problem, Unusable
from agentkit.errors import UnknownName

Problems = Iterator[Problem | Unusable]
Make = Callable[[Path, Random], Problems]
"""From the folder of training data and a source of chance to problems: for a seed, the same ones in the same order."""


@dataclass(frozen=True)
class Source:
    """Something that problems are made from."""

    make: str
    """`module:function`, a `Make`."""
    licence: str
    files: tuple[str, ...] = ()
    """What it reads in the folder of training data; none where it makes everything up."""

    def load(self) -> Make:
        """The function, imported."""
        module, _, function = self.make.partition(":")
        return getattr(import_module(module), function)


SOURCES: Mapping[str, Source] = {
    "gsm8k_train": Source("agentkit.compress.sources.gsm8k:gsm8k", "MIT", ("gsm8k_train.jsonl",)),
    "gsm8k_renumbered": Source("agentkit.compress.sources.gsm8k:renumbered", "MIT", ("gsm8k_train.jsonl",)),
    "gsm8k_reworded": Source("agentkit.compress.sources.gsm8k:reworded", "MIT", ("gsm8k_train.jsonl",)),
    "gsm8k_distracted": Source("agentkit.compress.sources.gsm8k:distracted", "MIT", ("gsm8k_train.jsonl",)),
    "word_problem_programs": Source(
        "agentkit.compress.sources.programs:programs", "Apache-2.0", ("word_problem_programs.jsonl",)
    ),
    "programs_renumbered": Source(
        "agentkit.compress.sources.programs:renumbered", "Apache-2.0", ("word_problem_programs.jsonl",)
    ),
}
"""Every source by name."""


def find(name: str) -> Source:
    """The source of a name.

    Raises:
        UnknownName: There is none.
    """
    if name not in SOURCES:
        raise UnknownName("source", name, SOURCES)
    return SOURCES[name]
