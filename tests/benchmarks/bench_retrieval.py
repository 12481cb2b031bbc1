"""Retrieval, measured: recall of vectors, BM25 and both; the floor; time to open and to search.

    python tests/benchmarks/bench_retrieval.py EMBEDDER_FOLDER [DATA_FOLDER]

DATA_FOLDER holds `eval/hotpotqa_passages.jsonl` and `eval/xquad_en.jsonl`; without it only the example corpus is
measured. Nothing is tuned on these files.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agentkit.knowledge.corpus import FLOOR, POOL, Corpus
from agentkit.knowledge.embedder import Embedder

EXAMPLE = Path(__file__).parents[2] / "examples" / "quickstart" / "documents"
HOTPOT_ROWS = 30
XQUAD_ROWS = 240
KS = (1, 3, 5)

ANSWERED = {
    "how many litres does Tank B hold": "8,500",
    "adult ticket price 2026": "14.50",
    "Main House winter electricity per day 2026": "186",
    "shipping 7 kg parcel Europe": "41.00",
    "who is the station leader": "Ilse Maranth",
    "lowest temperature ever measured": "-34.6",
    "how high is the west mast": "| Height |",
    "bread oven energy per batch": "9.5 kWh",
    "altitude of the station": "2,640",
    "oil change interval generator 2": "every 200",
    "when does the last cabin leave in summer": "18:40",
    "double room price for researchers": "74.00",
    "how much flour is in a sack": "25 kilograms",
    "deepest ice in 2026": "214",
    "visitors counted in 2025": "18,460",
    "what does full board cost": "34 euros",
    "Wie hoch liegt die Station?": "2,640",
    "phone number to report a power failure": "111",
    "diesel consumption of the snow vehicle": "22 litres",
    "how many people fit in the cable car": "18 people",
    "water use per person in winter": "70 litres",
    "insurance for expensive parcels": "1.2 percent",
    "panels in solar array": "48 panels",
    "night electricity tariff": "0.17",
    "cost of measuring one sample for member universities": "11.50",
    "how often is the filter replaced": "60 days",
    "length of walkway between the buildings": "65 metres",
    "how many papers were published": "37 papers",
    "dry ice box for 40 tubes": "58 euros",
    "cook": "Marta Oleander",
}
UNANSWERED = (
    "wifi password",
    "capital of Australia",
    "who is the president of France",
    "price of a dog ticket",
    "recipe for nut cake",
    "birthplace of Ilse Maranth",
    "how tall is Mount Everest",
    "who won the world cup in 2018",
    "boiling point of ethanol",
    "salary of a technician",
    "python sort a list",
    "what is 17 * 23",
    "ski lift opening hours in Zermatt",
    "distance from Earth to the Moon",
    "train ticket price from Brenn",
    "Netflix subscription cost",
    "how old is the universe",
    "pet policy",
    "number of helicopters",
    "convert 5 miles to kilometres",
    "symptoms of diabetes",
    "swimming pool temperature",
    "who wrote Hamlet",
    "email address of the station",
    "stock price of Apple",
)


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    start = time.perf_counter()
    result = work()
    return result, time.perf_counter() - start


def recall(corpus: Corpus, embedder: Embedder, asked: list[tuple[str, Callable[[str, str], bool]]], label: str) -> None:
    """Print the share of questions whose passage is among the first k, ranking by ranking."""
    hits = {name: dict.fromkeys(KS, 0) for name in ("vectors", "BM25", "search()")}
    passages = 0
    seconds = 0.0
    for query, right in asked:
        vector = embedder.embed([query])[0]
        near = corpus._vectors.nearest(vector, POOL)  # pyright: ignore[reportPrivateUsage]  # to measure each ranking
        words = corpus._store.match(query, POOL)  # pyright: ignore[reportPrivateUsage]
        for name, ranking in (("vectors", near), ("BM25", words)):
            found = corpus._store.chunks(ranking)  # pyright: ignore[reportPrivateUsage]
            for k in KS:
                hits[name][k] += any(right(found[i].heading, found[i].text) for i in ranking[:k])
        returned, spent = timed(lambda query=query: corpus.search(query, max(KS)))
        seconds += spent
        passages += len(returned)
        for k in KS:
            hits["search()"][k] += any(right(p.heading, p.text) for p in returned[:k])
    print(f"{label}: {len(asked)} questions, {len(corpus)} passages, {1000 * seconds / len(asked):.1f} ms a search")
    for name, counts in hits.items():
        print(f"  {name:9}" + "".join(f"  recall@{k} {counts[k] / len(asked):.3f}" for k in KS))
    print(f"  passages returned of {max(KS)} asked for: {passages / len(asked):.1f}")


def write(folder: Path, documents: dict[str, str]) -> Path:
    folder.mkdir()
    for i, (title, text) in enumerate(documents.items()):
        (folder / f"{i:05}.md").write_text(f"# {title}\n\n{text}\n", encoding="utf-8")
    return folder


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def hotpot(path: Path) -> tuple[dict[str, str], list[tuple[str, Callable[[str, str], bool]]]]:
    """Passages pooled; a question is answered when a paragraph with one of its supporting facts is found."""
    documents: dict[str, str] = {}
    asked: list[tuple[str, Callable[[str, str], bool]]] = []
    for row in rows(path)[:HOTPOT_ROWS]:
        documents.update({title: "".join(parts) for title, parts in row["context"]})
        titles = {title for title, _ in row["supporting_facts"]}
        asked.append((row["question"], lambda heading, text, titles=titles: heading in titles))
    return documents, asked


def xquad(path: Path) -> tuple[dict[str, str], list[tuple[str, Callable[[str, str], bool]]]]:
    """A question is answered when a passage of its own paragraph that holds the answer is found."""
    paragraphs: dict[str, str] = {}
    asked: list[tuple[str, Callable[[str, str], bool]]] = []
    for row in rows(path)[:XQUAD_ROWS]:
        title = paragraphs.setdefault(row["context"], f"Paragraph {len(paragraphs) + 1}")
        answers = tuple(row["answers"])

        def right(heading: str, text: str, title: str = title, answers: tuple[str, ...] = answers) -> bool:
            return heading == title and any(answer in text for answer in answers)

        asked.append((row["question"], right))
    return {title: text for text, title in paragraphs.items()}, asked


def floor(corpus: Corpus) -> None:
    lost = [q for q, fact in ANSWERED.items() if not any(fact in p.text for p in corpus.search(q, 5))]
    lost = [q for q in lost if any(fact_in(corpus, q, ANSWERED[q]))]
    empty = sum(not corpus.search(q, 5) for q in UNANSWERED)
    few = sum(len(corpus.search(q, 5)) for q in UNANSWERED) / len(UNANSWERED)
    print(f"floor {FLOOR}: loses {len(lost)} of {len(ANSWERED)} right passages {lost or ''}")
    print(f"  of {len(UNANSWERED)} questions it can't answer {empty} get no passage; on average {few:.1f} of 5")


def fact_in(corpus: Corpus, query: str, fact: str) -> list[bool]:
    return [fact in p.text for p in corpus.search(query, 5, floor=-1)]


def start_up(folder: str) -> None:
    """Seconds from a fresh process to the first vector, with agentkit's encoder and with the reference library."""
    ours = "from agentkit.knowledge.embedder import Embedder; Embedder.load(pathlib.Path(folder)).embed(['x'])"
    theirs = "import sentence_transformers as s; s.SentenceTransformer(folder, device='cpu').encode(['x'])"
    for name, code in (("agentkit", ours), ("sentence-transformers", theirs)):
        command = [sys.executable, "-c", f"import pathlib, sys; folder = sys.argv[1]; {code}", folder]
        done, seconds = timed(lambda command=command: subprocess.run(command, capture_output=True, check=False))
        print(f"start to first vector, {name}: " + (f"{seconds:.1f} s" if done.returncode == 0 else "not installed"))


def main() -> None:
    start_up(sys.argv[1])
    embedder, seconds = timed(lambda: Embedder.load(Path(sys.argv[1])))
    print(f"Embedder.load {seconds:.2f} s")
    with tempfile.TemporaryDirectory() as scratch:
        for which in ("first", "second"):
            store = Path(scratch) / "example"
            corpus, seconds = timed(lambda store=store: Corpus.open(EXAMPLE, embedder=embedder, store=store))
            print(f"Corpus.open, {which} time: {seconds:.2f} s ({len(corpus.sources)} documents)")
            corpus.close()
        with Corpus.open(EXAMPLE, embedder=embedder, store=Path(scratch) / "example") as corpus:
            recall(
                corpus,
                embedder,
                [(q, lambda _, text, fact=fact: fact in text) for q, fact in ANSWERED.items()],
                "example",
            )
            floor(corpus)
        if len(sys.argv) > 2:
            for name, read in (("hotpotqa_passages", hotpot), ("xquad_en", xquad)):
                documents, asked = read(Path(sys.argv[2]) / "eval" / f"{name}.jsonl")
                folder = write(Path(scratch) / name, documents)
                opened = timed(
                    lambda f=folder, n=name: Corpus.open(f, embedder=embedder, store=Path(scratch) / f"{n}-s")
                )
                with opened[0] as corpus:
                    print(f"{name}: opened in {opened[1]:.1f} s")
                    recall(corpus, embedder, asked, name)


if __name__ == "__main__":
    main()
