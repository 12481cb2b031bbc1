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

    make: str | Make
    """What makes them, or `module:function` of it."""
    licence: str
    files: tuple[str, ...] = ()
    """What it reads in the folder of training data; none where it makes everything up."""
    most: int | None = None
    """How many problems it makes if nobody says, where it would never end."""
    worded: bool = False
    """Its tasks are worded by a teacher, which doesn't solve them: what they ask for is known."""

    def load(self) -> Make:
        """The function, imported."""
        if not isinstance(self.make, str):
            return self.make
        module, _, function = self.make.partition(":")
        return getattr(import_module(module), function)


HERE = "agentkit.compress.sources"
OWN = "agentkit's own"
GSM8K_FILE = ("gsm8k_train.jsonl",)
PROGRAMS_FILE = ("word_problem_programs.jsonl",)
SQUAD = "CC BY-SA 4.0 (SQuAD)"
HOTPOT = "CC BY-SA 4.0 (HotpotQA)"
HOTPOT_FILE = ("hotpotqa_passages.jsonl",)
SQUAD_FILES = ("squad_question_sentence.jsonl", *HOTPOT_FILE)
"""HotpotQA's text tells which of SQuAD's lower-cased words are names."""
NLI = "CC BY-SA 3.0 (FEVER), CC BY-SA 4.0 (SNLI), mixed, mostly OANC (MNLI)"

SOURCES: Mapping[str, Source] = {
    "gsm8k_train": Source(f"{HERE}.gsm8k:gsm8k", "MIT", GSM8K_FILE),
    "gsm8k_renumbered": Source(f"{HERE}.gsm8k:renumbered", "MIT", GSM8K_FILE),
    "gsm8k_reworded": Source(f"{HERE}.gsm8k:reworded", "MIT", GSM8K_FILE),
    "gsm8k_distracted": Source(f"{HERE}.gsm8k:distracted", "MIT", GSM8K_FILE),
    "gsm8k_rephrased": Source(f"{HERE}.gsm8k:rephrased", "MIT", GSM8K_FILE, worded=True),
    "word_problem_programs": Source(f"{HERE}.programs:programs", "Apache-2.0", PROGRAMS_FILE),
    "programs_renumbered": Source(f"{HERE}.programs:renumbered", "Apache-2.0", PROGRAMS_FILE),
    "programs_rephrased": Source(f"{HERE}.programs:rephrased", "Apache-2.0", PROGRAMS_FILE, worded=True),
    "short_problems": Source(f"{HERE}.short_problems:short_problems", OWN, most=4_000),
    "short_rephrased": Source(f"{HERE}.short_problems:rephrased", OWN, most=4_000, worded=True),
    "functions": Source(f"{HERE}.calls:synthesised", OWN, most=20_000),
    "functions_worded": Source(f"{HERE}.worded:worded", OWN, most=4_000, worded=True),
    "metatool": Source(f"{HERE}.requests:metatool", "MIT", ("metatool_queries.jsonl", "metatool_tools.json")),
    "toolformer": Source(f"{HERE}.requests:toolformer", "MIT", ("toolformer_calls.jsonl",)),
    "squad": Source(f"{HERE}.reading:squad", SQUAD, SQUAD_FILES),
    "pubmedqa": Source(f"{HERE}.reading:pubmedqa", "MIT", ("pubmedqa_train.jsonl",)),
    "hotpotqa": Source(f"{HERE}.multihop:searched", HOTPOT, HOTPOT_FILE),
    "hotpotqa_given": Source(f"{HERE}.multihop:given", HOTPOT, HOTPOT_FILE),
    "strategyqa": Source(f"{HERE}.plans:searched", "MIT", ("strategyqa.jsonl",)),
    "strategyqa_given": Source(f"{HERE}.plans:given", "MIT", ("strategyqa.jsonl",)),
    "claims_nli": Source(f"{HERE}.claims:nli", NLI, ("grounding_nli.jsonl",)),
    "claims_summedits": Source(f"{HERE}.claims:summedits", "Apache-2.0", ("grounding_summedits.jsonl",)),
    "claims_begin": Source(f"{HERE}.claims:begin", "Apache-2.0", ("grounding_begin_dev.jsonl",)),
    "claims_answers": Source(f"{HERE}.claims:answers", HOTPOT, HOTPOT_FILE),
    "unanswerable": Source(f"{HERE}.unanswerable:unanswerable", OWN, most=2_000),
    "unanswerable_searched": Source(f"{HERE}.unanswerable:searched", HOTPOT, HOTPOT_FILE, most=1_000),
    "handbooks": Source(f"{HERE}.handbooks:handbooks", OWN, most=2_000),
    "small_programs": Source(f"{HERE}.small_programs:small_programs", OWN, most=1_000),
    "quick_sums": Source(f"{HERE}.quick_sums:quick_sums", OWN, most=1_000),
    "corrections": Source(f"{HERE}.corrections:corrections", f"{SQUAD}; {HOTPOT}", SQUAD_FILES),
}
"""Every source by name. Those with `most`, which are drawn from wordings, would have no end."""


def find(name: str) -> Source:
    """The source of a name.

    Raises:
        UnknownName: There is none.
    """
    if name not in SOURCES:
        raise UnknownName("source", name, SOURCES)
    return SOURCES[name]
