"""Makes questions on the element sheets for `examples/distil_assistant.py`: some to teach, some to hold out.

    python examples/science/make_questions.py

No element is asked for in both files, and none of those that the ten questions of this example ask for in either. What
is taught is answered as the assistant should word it, what is held out as short as any right answer has it.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from random import Random

HERE = Path(__file__).parent
TAUGHT, HELD_OUT = "taught.jsonl", "held_out.jsonl"
ASKED = ("hydrogen", "potassium", "sulfur", "iron", "tungsten", "platinum", "gold", "mercury", "bismuth")
FACTS: Sequence[tuple[str, str, Sequence[str]]] = (
    (r"has the symbol (\w+)", "The symbol of {e} is {v}.", ("What is the symbol of {e}?", "Which symbol has {e}?")),
    (r"atomic number (\d+)", "The atomic number of {e} is {v}.", ("What is the atomic number of {e}?",)),
    (r"atomic weight ([\d.]*\d)", "The atomic weight of {e} is {v}.", ("What is the atomic weight of {e}?",)),
    (r"stands in period (\d)", "{E} stands in period {v}.", ("In which period does {e} stand?",)),
    (r"the series: ([\w ]+)\.", "{E} belongs to the series: {v}.", ("To which series does {e} belong?",)),
    (
        r"density of .* is (.* g/cm³)\.",
        "The density of {e} is {v}.",
        ("What is the density of {e}?",),
    ),
    (r"melting point of .* is (.* K)\.", "The melting point of {e} is {v}.", ("What is the melting point of {e}?",)),
    (r"boiling point of .* is (.* K)\.", "The boiling point of {e} is {v}.", ("What is the boiling point of {e}?",)),
    (r"was discovered by: ([A-Z][\w. ]+\w)\. Y", "{E} was discovered by {v}.", ("Who discovered {e}?",)),
    (r"Year of discovery: (\d+)", "The year of discovery of {e} is {v}.", ("In which year was {e} discovered?",)),
)
"""What a sheet says, the sentence that tells it, and how it is asked for."""
UNTOLD = (
    "What does a kilogram of {e} cost?",
    "How many tonnes of {e} are mined in a year?",
    "How hard is {e} on the scale of Mohs?",
    "Which country exports the most {e}?",
    "How many countries mine {e}?",
    "Which company sells the purest {e}?",
)
"""What no sheet says."""


def answered(name: str, sheet: str) -> Iterator[Mapping[str, object]]:
    """A question for each thing that a sheet says, its answer in a sentence and in short."""
    for pattern, sentence, wordings in FACTS:
        if found := re.search(pattern, sheet):
            value = found[1]
            question = wordings[len(name) % len(wordings)].format(e=name)
            yield {"question": question, "answer": sentence.format(e=name, E=name.title(), v=value), "short": value}


def main() -> None:
    """Write both files."""
    sheets = {path.stem[4:]: path.read_text("utf-8") for path in sorted(HERE.glob("documents/[0-9]*.md"))}
    names = Random(0).sample([name for name in sheets if name not in ASKED], 48)
    for file, part, each, untold in ((TAUGHT, names[:40], 3, 24), (HELD_OUT, names[40:], 2, 5)):
        rows: list[Mapping[str, object]] = []
        for number, name in enumerate(part):
            known = list(answered(name, sheets[name]))
            source = next(path.name for path in HERE.glob(f"documents/*-{name}.md"))
            turned = [known[(each * number + n) % len(known)] for n in range(each)]
            for row in turned:
                short = {"answer": row["short"]} if file == HELD_OUT else {}
                rows.append({"question": row["question"], "answer": row["answer"], **short, "source": source})
        rows += [{"question": UNTOLD[n % 6].format(e=part[n % len(part)]), "answerable": False} for n in range(untold)]
        lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (HERE / file).write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
