"""Where problems come from: files of training data, and generators."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from random import Random
from types import MappingProxyType
from typing import cast

from agentkit.compress.problem import Problem

MakeProblems = Callable[[Path, Random], Iterator[Problem]]
"""Problems made from the files of a folder, lazily; alike for equal chance. What can't be used is logged."""


@dataclass(frozen=True)
class Source:
    """One way to make problems."""

    loader: str
    """`module:function` in this package."""
    file: str = ""
    """The file of training data; none for a generator."""
    licence: str = ""
    endless: bool = False
    """Whether it goes on until no more are taken."""

    def load(self) -> MakeProblems:
        """The function, imported now."""
        module, _, function = self.loader.partition(":")
        return cast(MakeProblems, getattr(import_module(f"{__name__}.{module}"), function))


OWN = "written for agentkit, under its licence"

SOURCES: Mapping[str, Source] = MappingProxyType(
    {
        "functions": Source("calls:synthesised", licence=OWN, endless=True),
        "metatool": Source("requests:metatool", "metatool_queries.jsonl", "MetaTool, MIT (ChatGPT output)"),
        "toolformer": Source("requests:toolformer", "toolformer_calls.jsonl", "MIT (GPT-4 output)"),
        "squad": Source("reading:squad", "squad_question_sentence.jsonl", "SQuAD, CC BY-SA 4.0"),
        "pubmedqa": Source("reading:pubmedqa", "pubmedqa_train.jsonl", "PubMedQA, MIT"),
        "hotpotqa": Source("multihop:searched", "hotpotqa_passages.jsonl", "HotpotQA, CC BY-SA 4.0"),
        "hotpotqa-given": Source("multihop:given", "hotpotqa_passages.jsonl", "HotpotQA, CC BY-SA 4.0"),
        "strategyqa": Source("plans:searched", "strategyqa.jsonl", "StrategyQA, MIT"),
        "strategyqa-given": Source("plans:given", "strategyqa.jsonl", "StrategyQA, MIT"),
        "nli": Source("claims:nli", "grounding_nli.jsonl", "FEVER and SNLI CC BY-SA; MNLI mixed, mostly OANC"),
        "summedits": Source("claims:summedits", "grounding_summedits.jsonl", "SummEdits, Apache-2.0"),
        "begin": Source("claims:begin", "grounding_begin_dev.jsonl", "BEGIN, Apache-2.0"),
        "answers": Source("claims:answers", "hotpotqa_passages.jsonl", "HotpotQA, CC BY-SA 4.0"),
        "unanswerable": Source("unanswerable:unanswerable", licence=OWN, endless=True),
        "unanswerable-searched": Source(
            "unanswerable:searched", "hotpotqa_passages.jsonl", "HotpotQA, CC BY-SA 4.0", endless=True
        ),
        "corrections": Source("corrections:corrections", "squad_question_sentence.jsonl", "SQuAD, CC BY-SA 4.0"),
    }
)
"""The sources other than mathematics, by name."""
