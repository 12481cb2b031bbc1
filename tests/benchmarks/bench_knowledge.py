"""Knowledge, measured: 10,000 passages ingested and searched; recall of vectors, BM25, both, and reranked.

    python tests/benchmarks/bench_knowledge.py DATA [--embedder DIR] [--tune] [--skip-speed] [--grounding] [--limit N]

DATA has `eval/` and `train/`, as ../shared/data. Recall is on `eval/`: hotpotqa_passages (all passages pooled;
both gold articles among the first 10), xquad_en and policyqa_dev (a passage of the question's own paragraph that has
the answer, among the first 5). Nothing is tuned on these: `--tune` measures on `train/` instead (hotpotqa_passages;
squad_question_sentence, the answering sentence among the first 5), which the fusion was chosen by.
"""

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median, quantiles
from typing import Any, NamedTuple

from agentkit.answer import Passage
from agentkit.knowledge import chunks
from agentkit.knowledge.corpus import POOL, Corpus
from agentkit.knowledge.embedder import Embedder
from agentkit.knowledge.grounding import Grounding
from agentkit.knowledge.rerank import Reranker
from agentkit.knowledge.sentences import sentences
from agentkit.models import catalog

PASSAGES = 10_000
QUERIES = 300
SAMPLED = 1000
"""Questions of squad_question_sentence."""


class Question(NamedTuple):
    """A query and what should be found."""

    text: str
    sources: frozenset[str]
    """Documents that are all to be found."""
    answers: tuple[str, ...] = ()
    """One of these is to stand in the passage."""


class Set(NamedTuple):
    """Documents and questions on them."""

    documents: Mapping[str, str]
    """Texts by file name."""
    questions: Sequence[Question]
    k: int


class BestSentence:
    """A reranker: the cosine of the query and a passage's nearest sentence. Sentences are embedded once."""

    def __init__(self, embedder: Embedder) -> None:
        self.embedder = embedder
        self.known: dict[str, Any] = {}

    def __call__(self, pairs: Sequence[tuple[str, str]], /) -> list[float]:
        units = [sentences(text) for _, text in pairs]
        new = sorted({unit for parts in units for unit in parts} - self.known.keys())
        self.known.update(zip(new, self.embedder.embed(new), strict=True))
        query = self.embedder.embed([pairs[0][0]])[0]
        return [max(float(self.known[unit] @ query) for unit in parts) for parts in units]


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def hotpot(path: Path) -> Set:
    """Questions whose gold articles are both among the pooled passages."""
    files: dict[str, str] = {}
    texts: dict[str, str] = {}
    questions: list[Question] = []
    for row in rows(path):
        for title, parts in row["context"]:
            texts[files.setdefault(title, f"{len(files):06}.md")] = f"# {' '.join(title.split())}\n\n{''.join(parts)}\n"
    for row in rows(path):
        gold = {fact[0] for fact in row["supporting_facts"]}
        if gold <= files.keys():
            questions.append(Question(row["question"], frozenset(files[title] for title in gold)))
    return Set(texts, questions, 10)


def paragraphs(path: Path) -> Set:
    """Questions on paragraphs, pooled."""
    files: dict[str, str] = {}
    questions = [
        Question(
            row["question"],
            frozenset({files.setdefault(row["context"], f"{len(files):06}.txt")}),
            tuple(row["answers"]),
        )
        for row in rows(path)
    ]
    return Set({file: text for text, file in files.items()}, questions, 5)


def squad(path: Path) -> Set:
    """Questions and the sentence that answers each, all sentences pooled."""
    files: dict[str, str] = {}
    for row in rows(path):
        files.setdefault(row["sentence"].strip(), f"{len(files):06}.txt")
    sampled = random.Random(0).sample(rows(path), SAMPLED)
    questions = [Question(row["question"], frozenset({files[row["sentence"].strip()]})) for row in sampled]
    return Set({file: text for text, file in files.items()}, questions, 5)


EVALUATED: Mapping[str, Callable[[Path], Set]] = {
    "eval/hotpotqa_passages": hotpot,
    "eval/xquad_en": paragraphs,
    "eval/policyqa_dev": paragraphs,
}
TUNED: Mapping[str, Callable[[Path], Set]] = {
    "train/hotpotqa_passages": hotpot,
    "train/squad_question_sentence": squad,
}


def recall(name: str, chosen: Set, embedder: Embedder, judges: Mapping[str, Reranker], scratch: Path) -> None:
    """Print the share of questions for which all that is wanted is among the first k, ranking by ranking."""
    folder = scratch / name.replace("/", "-")
    folder.mkdir()
    for file, text in chosen.documents.items():
        (folder / file).write_text(text, encoding="utf-8")
    hits: Counter[str] = Counter()
    seconds: dict[str, list[float]] = {judge: [] for judge in judges}
    with Corpus.open(folder, embedder=embedder, store=scratch / f"{folder.name}-store") as corpus:
        for question in chosen.questions:
            seen = {name: held(corpus, ids) for name, ids in ranked(corpus, question.text, embedder).items()}
            seen["fused"] = placed(corpus.search(question.text, 10, floor=-1))
            seen["search(), with its floor"] = placed(corpus.search(question.text, 10))
            for judge, corpus.reranker in judges.items():
                start = time.perf_counter()
                seen[f"fused + {judge}"] = placed(corpus.search(question.text, 10, floor=-1))
                seconds[judge].append(time.perf_counter() - start)
            corpus.reranker = None
            for ranking, passages in seen.items():
                hits[ranking] += is_right(question, passages[: chosen.k])
        asked = len(chosen.questions)
        print(f"\n{name}: {asked} questions, {len(chosen.documents)} documents, {len(corpus)} passages, k = {chosen.k}")
    for ranking, count in hits.items():
        print(f"  {ranking:26} {count / asked:.3f}")
    for judge, taken in seconds.items():
        print(f"  a search with the {judge}: p50 {1000 * median(taken):.0f} ms", flush=True)


def ranked(corpus: Corpus, query: str, embedder: Embedder) -> dict[str, list[int]]:
    """Ids by each part alone."""
    store, vectors = corpus._store, corpus._vectors  # pyright: ignore[reportPrivateUsage]  # to measure each part
    return {"vectors": vectors.nearest(embedder.embed([query])[0], POOL), "BM25": store.match(query, POOL)}


def held(corpus: Corpus, ids: Sequence[int]) -> list[tuple[str, str]]:
    """Source and text of chunks, in their order."""
    found = corpus._store.chunks(ids)  # pyright: ignore[reportPrivateUsage]
    return [(found[id_].source, found[id_].text) for id_ in ids]


def placed(passages: Sequence[Passage]) -> list[tuple[str, str]]:
    return [(passage.source, passage.text) for passage in passages]


def is_right(question: Question, passages: Sequence[tuple[str, str]]) -> bool:
    answers = question.answers
    found = {source for source, text in passages if not answers or any(answer in text for answer in answers)}
    return question.sources <= found


INGEST = """
import resource, sys, time
from pathlib import Path
from agentkit.knowledge import corpora
from agentkit.knowledge.corpus import Corpus
from agentkit.knowledge.embedder import Embedder
embedder = Embedder.load(Path(sys.argv[1]))
start = time.perf_counter()
report = corpora.ingest("bench", [Path(sys.argv[2])], embedder)
middle = time.perf_counter()
Corpus.load("bench", embedder=embedder).close()
end = time.perf_counter()
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
print(f"{report.passages:,} passages of {report.documents:,} documents in {middle - start:.0f} s "
      f"({report.passages / max(middle - start, 1e-9):.0f}/s), vector index {end - middle:.1f} s, peak {peak} MB")
"""


def speed(data: Path, folder: Path, embedder: Path) -> None:
    """Ingest 10,000 passages, look again, and search them; each in a process of its own, for its memory."""
    (folder / "bench").mkdir()
    passages = 0
    for split in ("train", "eval"):
        for file, text in hotpot(data / split / "hotpotqa_passages.jsonl").documents.items():
            if passages < PASSAGES:
                passages += len(chunks.split(text, markdown=True))
                (folder / "bench" / f"{split}-{file}").write_text(text, encoding="utf-8")
    for what in ("ingest", "again, nothing changed"):
        command = [sys.executable, "-c", INGEST, str(embedder), str(folder / "bench")]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        print(f"{what}: {done.stdout.strip()}")


def latency(embedder: Embedder, data: Path) -> None:
    """Print how long a search takes, and what a process that searches takes in memory."""
    start = time.perf_counter()
    corpus = Corpus.load("bench", embedder=embedder)
    opened = time.perf_counter() - start
    queries = [question.text for question in hotpot(data / "train/hotpotqa_passages.jsonl").questions[:QUERIES]]
    with corpus:
        for label, part in (
            ("all", corpus),
            ("narrowed to every other document", corpus.narrowed(source="*[02468].md")),
        ):
            seconds: list[float] = []
            for query in queries:
                start = time.perf_counter()
                part.search(query)
                seconds.append(time.perf_counter() - start)
            late = quantiles(seconds, n=20)[-1]
            print(f"search, {label}: p50 {1000 * median(seconds):.1f} ms, p95 {1000 * late:.1f} ms")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"open {opened:.2f} s; a process that searches {len(queries)} times peaks at {peak} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--embedder", type=Path, default=catalog.locate(catalog.EMBEDDER))
    parser.add_argument("--tune", action="store_true", help="recall on train/ instead")
    parser.add_argument("--skip-speed", action="store_true")
    parser.add_argument("--grounding", action="store_true", help="rerank with the grounding model too: slow")
    parser.add_argument("--limit", type=int, default=0, help="questions of each set, drawn with a seed")
    parser.add_argument("--search-only", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.search_only:
        latency(Embedder.load(given.embedder), given.data)
        return
    with tempfile.TemporaryDirectory() as scratch:
        if not given.skip_speed:
            os.environ["AGENTKIT_CACHE"] = str(Path(scratch) / "cache")
            speed(given.data, Path(scratch), given.embedder)
            again = [sys.executable, __file__, str(given.data), "--embedder", str(given.embedder), "--search-only"]
            print(subprocess.run(again, capture_output=True, text=True, check=True).stdout.strip())
        embedder = Embedder.load(given.embedder)
        judges: dict[str, Reranker] = {"nearest sentence": BestSentence(embedder)}
        if given.grounding:
            judges["grounding model"] = Grounding.load(given.embedder)
        for name, read in (TUNED if given.tune else EVALUATED).items():
            chosen = read(given.data / f"{name}.jsonl")
            if given.limit:
                chosen = chosen._replace(
                    questions=random.Random(1).sample(chosen.questions, min(given.limit, len(chosen.questions)))
                )
            recall(name, chosen, embedder, judges, Path(scratch))


if __name__ == "__main__":
    main()
