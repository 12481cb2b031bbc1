"""A full training pass of both drivers, from the training data to adapters that are held against what they never saw.

    python tests/benchmarks/full_pass.py lessons ../shared/data runs/full      # 25 minutes on two idle cores
    python tests/benchmarks/full_pass.py train runs/full [--small 2000] [--big 700] [--tokens 8192]     # wants a GPU
    python tests/benchmarks/full_pass.py held-out runs/full -m smollm2-135m -m smollm2-135m+small       # added adapters

`lessons` keeps back some rows of the training files, by hash, before anything is made of them (`held-out` asks them,
so that which weights ship is chosen without evaluation data), collects all sources and curates. `train` trains each
base from nothing, the 0.5B with weights rounded as Q4_0; how many steps fit a machine its first lines tell. Every step
is a command of `agentkit distil` that goes on where it was stopped, and is told before it runs.
"""

import argparse
import hashlib
import json
import shlex
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

KEPT_BACK = {"gsm8k_train": 200, "word_problem_programs": 150, "hotpotqa_passages": 60, "squad_question_sentence": 400}
"""Rows of each file that no lesson is made of."""
ASKED = ("gsm8k_train", "word_problem_programs")
"""The files whose rows are questions with a number as the answer."""
LIMITS = {
    "gsm8k_train": 8000,
    "squad": 7000,
    "short_problems": 14000,
    "functions": 14000,
    "gsm8k_renumbered": 8000,
    "handbooks": 3500,
    "gsm8k_reworded": 3000,
    "gsm8k_distracted": 2000,
    "hotpotqa_given": 600,
    "hotpotqa": 600,
    "word_problem_programs": 1600,
    "programs_renumbered": 1600,
    "small_programs": 1600,
    "quick_sums": 800,
    "metatool": 2000,
    "pubmedqa": 500,
    "unanswerable": 1000,
    "unanswerable_searched": 400,
    "corrections": 400,
    "claims_nli": 400,
    "claims_answers": 400,
    "strategyqa_given": 300,
}
"""Problems of each source, those that take longest first."""
SHARES = {
    "maths": 0.6,
    "choice of tool": 0.17,
    "reading": 0.13,
    "refusal": 0.12,
    "documents": 0.06,
    "program": 0.05,
    "claim": 0.01,
}
SEED = 61


def agentkit(*words: object) -> None:
    """Run a command of agentkit, and end with it if it fails."""
    command = [sys.executable, "-m", "agentkit", *map(str, words)]
    print("agentkit", shlex.join(command[3:]), flush=True)
    if code := subprocess.run(command, check=False).returncode:
        raise SystemExit(code)


def lessons(data: Path, run: Path) -> None:
    """Keep rows back, collect and curate."""
    parted = keep_back(data, run / "data")
    with ThreadPoolExecutor(2) as lanes:
        for done in [lanes.submit(collect, source, parted, run) for source in LIMITS]:
            done.result()
    shares = [word for kind, share in SHARES.items() for word in ("--share", f"{kind}={share}")]
    agentkit("distil", "curate", "--run", run, "--data", parted, "--longest", 6000, "--seed", SEED, *shares)


def collect(source: str, data: Path, run: Path) -> None:
    """One source."""
    limit = LIMITS[source]
    agentkit("distil", "collect", source, "--limit", limit, "--seed", SEED, "--data", data, "--run", run)


def keep_back(data: Path, parted: Path) -> Path:
    """A folder of data like another, but for the rows that are kept back; these are in its `held-out`."""
    for folder in ("train", "held-out"):
        (parted / folder).mkdir(parents=True, exist_ok=True)
    if not (parted / "eval").exists():
        (parted / "eval").symlink_to((data / "eval").resolve())
    for file in sorted((data / "train").iterdir()):
        if file.stem not in KEPT_BACK:
            if not (parted / "train" / file.name).exists():
                (parted / "train" / file.name).symlink_to(file.resolve())
            continue
        # A line may hold characters at which str.splitlines would break it.
        rows = file.read_text(encoding="utf-8").rstrip("\n").split("\n")
        back = set(sorted(rows, key=digest)[: KEPT_BACK[file.stem]])
        written(parted / "train" / file.name, [row for row in rows if row not in back])
        written(parted / "held-out" / file.name, [row for row in rows if row in back])
        if file.stem in ASKED:
            written(parted / "held-out" / f"{file.stem}-asked.jsonl", map(asked, sorted(back, key=digest)))
    return parted


def digest(row: str) -> bytes:
    """What decides which rows are kept back."""
    return hashlib.sha256(f"kept back {row}".encode()).digest()


def asked(row: str) -> str:
    """A row as `agentkit evaluate` takes questions."""
    fields: Mapping[str, str] = json.loads(row)
    answer = fields["answer"].replace(",", "").removesuffix(".0")
    return json.dumps({"question": fields["question"], "answer": answer}, ensure_ascii=False)


def written(file: Path, rows: Iterable[str]) -> None:
    """Write lines, unless they are there already: what was collected knows its data by their hash."""
    text = "".join(f"{row}\n" for row in rows)
    if not file.is_file() or file.read_text(encoding="utf-8") != text:
        file.write_text(text, encoding="utf-8")


def train(run: Path, *, small: int, big: int, tokens: int) -> None:
    """Train both bases on the lessons."""
    how = ("--lessons", run / "lessons.jsonl", "--held-out", 0.01, "--tokens", tokens, "--seed", SEED)
    agentkit("distil", "train", "--run", run / "small", "--base", "smollm2-135m+none", "--steps", small, *how)
    aware = ("--rank", 32, "--alpha", 32, "--rate", 5e-4, "--for-format", "Q4_0")
    agentkit("distil", "train", "--run", run / "big", "--base", "qwen2.5-coder-0.5b+none", "--steps", big, *aware, *how)


def held_out(run: Path, models: Sequence[str]) -> None:
    """Ask the questions that were kept back."""
    files = [run / "data" / "held-out" / f"{stem}-asked.jsonl" for stem in ASKED]
    named = [word for model in models for word in ("-m", model)]
    agentkit("evaluate", *files, *named, "-s", "agent", "--out", run / "held-out")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    steps = parser.add_subparsers(required=True, dest="step")
    made = steps.add_parser("lessons")
    made.add_argument("data", type=Path)
    made.add_argument("run", type=Path)
    trained = steps.add_parser("train")
    trained.add_argument("run", type=Path)
    trained.add_argument("--small", type=int, default=2000, help="steps of the 135M")
    trained.add_argument("--big", type=int, default=700, help="steps of the 0.5B")
    trained.add_argument("--tokens", type=int, default=8192, help="learned tokens a step")
    compared = steps.add_parser("held-out")
    compared.add_argument("run", type=Path)
    compared.add_argument("-m", "--model", action="append", required=True)
    given = parser.parse_args()
    if given.step == "lessons":
        lessons(given.data, given.run)
    elif given.step == "train":
        train(given.run, small=given.small, big=given.big, tokens=given.tokens)
    else:
        held_out(given.run, given.model)


if __name__ == "__main__":
    main()
