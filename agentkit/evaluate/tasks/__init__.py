"""Tasks by name: the built-in ones, those of reasoning-gym, and a user's own files."""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import cast

from agentkit.errors import ConfigurationError, UnknownName
from agentkit.evaluate.item import AnswerForm
from agentkit.evaluate.task import Task
from agentkit.evaluate.tasks import files
from agentkit.evaluate.tasks.data import folder

__all__ = ["BUILT_IN", "GYM", "BuiltIn", "load_task"]

GYM = "gym:"
"""`gym:NAME` is a task of reasoning-gym."""


@dataclass(frozen=True)
class BuiltIn:
    """A built-in task: what reads it, imported when it's loaded, and the files it needs."""

    loader: str
    """`module:function` in this package; the function takes the folder of the files."""
    files: tuple[str, ...]

    def load(self, data: Path | None = None) -> Task:
        """Read the task's files.

        Raises:
            ConfigurationError: One isn't on this machine, or nothing in it can be used.
        """
        module, _, function = self.loader.partition(":")
        read = cast(Callable[[Path], Task], getattr(import_module(f"{__name__}.{module}"), function))
        return read(folder(data, *self.files))


def _bfcl(*parts: str) -> tuple[str, ...]:
    answers = [f"bfcl_v4_{part}_answers.jsonl" for part in parts if part != "irrelevance"]
    return (*(f"bfcl_v4_{part}.jsonl" for part in parts), *answers)


_MISTAKES = (
    "dyck_languages",
    "logical_deduction",
    "multistep_arithmetic",
    "tracking_shuffled_objects",
    "word_sorting",
)
_BBH = {
    "date_understanding": "date_understanding",
    "logical_deduction_three_objects": "logical_deduction",
    "multistep_arithmetic_two": "multistep_arithmetic",
    "object_counting": "object_counting",
    "penguins_in_a_table": "penguins",
    "tracking_shuffled_objects_three_objects": "tracking_shuffled_objects",
    "web_of_lies": "web_of_lies",
    "word_sorting": "word_sorting",
}

BUILT_IN: Mapping[str, BuiltIn] = MappingProxyType(
    {
        "gsm8k": BuiltIn("maths:gsm8k", ("gsm8k_test.jsonl",)),
        "svamp": BuiltIn("maths:svamp", ("svamp.jsonl",)),
        "math500": BuiltIn("maths:math500", ("math500.jsonl",)),
        "hotpotqa": BuiltIn("reading:hotpotqa", ("hotpotqa_passages.jsonl",)),
        "strategyqa": BuiltIn("questions:strategyqa", ("strategyqa_dev.jsonl",)),
        "pubmedqa": BuiltIn("questions:pubmedqa", ("pubmedqa_test.jsonl",)),
        "policyqa": BuiltIn("reading:policyqa", ("policyqa_dev.jsonl",)),
        "xquad": BuiltIn("reading:xquad", ("xquad_en.jsonl",)),
        "bfcl-simple": BuiltIn("calls:bfcl_simple", _bfcl("simple_python")),
        "bfcl-multiple": BuiltIn("calls:bfcl_multiple", _bfcl("multiple")),
        "bfcl-parallel": BuiltIn("calls:bfcl_parallel", _bfcl("parallel")),
        "bfcl-parallel-multiple": BuiltIn("calls:bfcl_parallel_multiple", _bfcl("parallel_multiple")),
        "bfcl-irrelevance": BuiltIn("calls:bfcl_irrelevance", _bfcl("irrelevance")),
        "bfcl-mixed": BuiltIn("calls:bfcl_mixed", _bfcl("simple_python", "irrelevance")),
        "selfaware": BuiltIn("questions:selfaware", ("selfaware.jsonl",)),
        "truthfulqa": BuiltIn("questions:truthfulqa", ("truthfulqa_mc.json",)),
        "wice": BuiltIn("grounding:wice", ("grounding_wice_dev.jsonl",)),
        "summedits": BuiltIn("grounding:summedits", ("grounding_summedits.jsonl",)),
        "begin": BuiltIn("grounding:begin", ("grounding_begin_test.jsonl",)),
        "halueval": BuiltIn("grounding:halueval", ("grounding_halueval_qa.jsonl",)),
        "mistakes": BuiltIn("mistakes:mistakes", tuple(f"mistakes_{part}.jsonl" for part in _MISTAKES)),
        **{
            f"mistakes-{part.replace('_', '-')}": BuiltIn(f"mistakes:{part}", (f"mistakes_{part}.jsonl",))
            for part in _MISTAKES
        },
        **{
            f"bbh-{part.replace('_', '-')}": BuiltIn(f"bbh:{function}", (f"bbh_{part}.jsonl",))
            for part, function in _BBH.items()
        },
        "humaneval": BuiltIn("code:humaneval", ("humaneval.jsonl.gz",)),
        "mbpp": BuiltIn("code:mbpp", ("mbpp.jsonl",)),
    }
)
"""The built-in tasks by name."""


def load_task(
    name: str,
    *,
    data: Path | None = None,
    question: str = "",
    answer: str = "",
    form: AnswerForm | None = None,
    size: int = 100,
    seed: int = 0,
) -> Task:
    """The task of that name, or of a file of questions and answers.

    Args:
        name: A built-in name (bfcl_simple is bfcl-simple), `gym:NAME`, or the path of a .jsonl or .csv file.
        data: The folder of the built-in tasks' files; by default what AGENTKIT_DATA names.
        question: For a file: the column of the questions, `question` by default.
        answer: For a file: the column of the answers, `answer` by default.
        form: For a file: what an answer is; by default as the answers look.
        size: For `gym:NAME`: how many items to make.
        seed: For `gym:NAME`: which ones; not the seed of a run, or two runs couldn't be compared.

    Raises:
        UnknownName: There's no such task.
        ConfigurationError: Its data isn't there or can't be used.
    """
    own = files.is_file(name)
    if not own and (question or answer or form):
        raise ConfigurationError(
            f"columns and the form of answers can be set for a file of your own, not for {name!r}, which has its own"
        )
    if name.replace("_", "-") in BUILT_IN:
        return BUILT_IN[name.replace("_", "-")].load(data)
    if name.startswith(GYM):
        from agentkit.evaluate.tasks.gym import gym

        return gym(name.removeprefix(GYM), size=size, seed=seed)
    if own:
        return files.load(Path(name), question=question, answer=answer, form=form)
    near = difflib.get_close_matches(name.replace("_", "-").lower(), BUILT_IN, n=1, cutoff=0.6)
    hint = f"did you mean {near[0]}? " if near else ""
    raise UnknownName("task", name, [*BUILT_IN, f"{GYM}NAME"], hint=f"{hint}or give the path of a .jsonl or .csv file")
