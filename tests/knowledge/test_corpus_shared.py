"""A corpus stands several threads and processes, and survives what goes wrong."""

import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from agentkit.errors import CorpusError
from agentkit.knowledge.chunks import Chunk
from agentkit.knowledge.corpus import Corpus
from agentkit.knowledge.database import indexing
from agentkit.knowledge.embedder import Embedder
from agentkit.knowledge.store import Entry, Store, Stored
from agentkit.knowledge.vectors import ChromaVectors, ExactVectors

from .counting import Counting, vectors_of


def test_threads_search_at_once(example: Corpus) -> None:
    queries = ["tank volume", "ticket price", "snow depth", "oil change"] * 8
    alone = [example.search(query) for query in queries]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(example.search, queries)) == alone


def test_searching_a_closed_corpus_is_refused(embedder: Embedder, folder: Path, tmp_path: Path) -> None:
    corpus = Corpus.open(folder, embedder=embedder, store=tmp_path / "store")
    corpus.close()
    corpus.close()
    with pytest.raises(CorpusError, match=r"open the corpus again"):
        corpus.search("tank")


def test_two_corpora_of_one_folder_find_the_same(embedder: Embedder, folder: Path, tmp_path: Path) -> None:
    with Corpus.open(folder, embedder=embedder, store=tmp_path / "store") as first:
        (folder / "new.md").write_text("Soup costs 8 euros.")
        with Corpus.open(folder, embedder=embedder, store=tmp_path / "store") as second:
            assert isinstance(vectors_of(first), ChromaVectors)
            assert isinstance(vectors_of(second), ExactVectors)
            assert first.search("litres in tank B") == second.search("litres in tank B") != []
            assert second.search("price of soup")[0].text == "Soup costs 8 euros."
            assert first.search("price of soup")[0].text == "Soup costs 8 euros."  # by its words
            (folder / "tanks.md").unlink()
            Corpus.open(folder, embedder=embedder, store=tmp_path / "store").close()
            assert first.search("litres in tank B") == second.search("litres in tank B") == []
    with Corpus.open(folder, embedder=embedder, store=tmp_path / "store") as third:
        assert isinstance(vectors_of(third), ChromaVectors)
        assert third.search("how expensive is the broth", floor=-1)[0].text == "Soup costs 8 euros."


OPEN_AND_SEARCH = """
import sys
from pathlib import Path
def refuse(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.bind", "socket.sendto"):
        raise SystemExit(f"{event} {arguments}")
sys.addaudithook(refuse)
from agentkit.knowledge.corpus import Corpus
from agentkit.knowledge.database import indexing
from agentkit.knowledge.embedder import Embedder
import time, chromadb, numpy
embedder, folder, store, query, at = sys.argv[1:]
time.sleep(max(0.0, float(at) - time.time()))
with Corpus.open(Path(folder), embedder=Embedder.load(Path(embedder)), store=Path(store)) as corpus:
    print(type(corpus._vectors).__name__, corpus.search(query)[0].text, flush=True)
    if sys.stdin.readline() == "die":
        import os
        os._exit(9)
"""


def start(*arguments: object, at: float = 0) -> subprocess.Popen[str]:
    """A process that opens the corpus at a time (seconds since the epoch), or as soon as it can."""
    command = [sys.executable, "-W", "error", "-c", OPEN_AND_SEARCH, *map(str, arguments), str(at)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def test_processes_open_one_folder_at_once_offline_and_silently(
    embedder_folder: Path, folder: Path, tmp_path: Path
) -> None:
    at = time.time() + 4  # after the imports of both
    running = [start(embedder_folder, folder, tmp_path / "store", "litres in tank A", at=at) for _ in range(2)]
    try:
        lines = [process.stdout.readline() for process in running if process.stdout]
        found = "Tank A holds 12,000 litres."
        assert sorted(lines) == [f"ChromaVectors {found}\n", f"ExactVectors {found}\n"]
    finally:
        ended = [process.communicate("\n", timeout=30) for process in running]
    assert [process.returncode for process in running] == [0, 0]
    assert ended == [("", ""), ("", "")]


def test_a_killed_process_leaves_nothing_locked(
    embedder: Embedder, embedder_folder: Path, folder: Path, tmp_path: Path
) -> None:
    process = start(embedder_folder, folder, tmp_path / "store", "litres in tank A")
    assert process.stdout
    assert process.stdout.readline().startswith("ChromaVectors")
    process.kill()
    process.communicate()
    counting = Counting(embedder)
    with Corpus.open(folder, embedder=counting, store=tmp_path / "store") as corpus:
        assert isinstance(vectors_of(corpus), ChromaVectors)
        assert corpus.search("litres in tank A")
        assert counting.texts == 1


def damage_store(store: Path) -> None:
    (store / "corpus.sqlite").write_bytes(b"not a database" * 400)


def damage_pages(store: Path) -> None:
    data = bytearray((store / "corpus.sqlite").read_bytes())
    data[4096:] = os.urandom(len(data) - 4096)
    (store / "corpus.sqlite").write_bytes(data)


def remove_store(store: Path) -> None:
    (store / "corpus.sqlite").unlink()


def damage_chroma(store: Path) -> None:
    for file in store.glob("chroma-*/chroma.sqlite3"):
        file.write_bytes(b"not a database" * 400)


def damage_hnsw(store: Path) -> None:
    for file in store.glob("chroma-*/*/header.bin"):
        file.write_bytes(os.urandom(file.stat().st_size))


def remove_chroma(store: Path) -> None:
    for path in store.glob("chroma-*"):
        shutil.rmtree(path)


def damage_lock(store: Path) -> None:
    for lock in ("owner.sqlite", "opening.sqlite"):
        (store / lock).write_bytes(b"not a database" * 400)


def older_schema(store: Path) -> None:
    with sqlite3.connect(store / "corpus.sqlite") as db:
        db.execute("PRAGMA user_version = 99")
        db.execute("DROP TABLE meta")
        db.execute("CREATE TABLE other (x)")
    db.close()


@pytest.mark.parametrize(
    ("damage", "embedded"),
    [
        (damage_store, 3),
        (damage_pages, 3),
        (remove_store, 3),
        (older_schema, 3),
        (damage_chroma, 0),
        (damage_hnsw, 0),
        (remove_chroma, 0),
        (damage_lock, 0),
    ],
)
def test_a_damaged_or_outdated_index_is_made_anew(
    embedder: Embedder, folder: Path, tmp_path: Path, damage: Callable[[Path], None], embedded: int
) -> None:
    place = tmp_path / "store"
    with Corpus.open(folder, embedder=embedder, store=place) as corpus:
        expected = corpus.search("litres in tank B")
    damage(place)
    for texts in (embedded, 0):
        counting = Counting(embedder)
        with Corpus.open(folder, embedder=counting, store=place) as corpus:
            assert counting.texts == texts
            told = any("was damaged and has been made anew" in notice for notice in corpus.notices)
            assert told == (texts > 0 and damage in (damage_store, damage_pages))
            assert corpus.search("litres in tank B") == expected != []


def test_another_embedder_or_splitter_embeds_anew(
    embedder: Embedder, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Corpus.open(folder, embedder=embedder, store=tmp_path / "store").close()
    small = Embedder(lambda texts: [[len(text), 1.0] for text in texts], name="small")
    with Corpus.open(folder, embedder=small, store=tmp_path / "store") as corpus:
        assert corpus.search("litres in tank A")[0].text == "Tank A holds 12,000 litres."
    monkeypatch.setattr("agentkit.knowledge.chunks.VERSION", 99)
    counting = Counting(embedder)
    with Corpus.open(folder, embedder=counting, store=tmp_path / "store") as corpus:
        assert counting.texts == 3
        assert corpus.search("litres in tank A")[0].text == "Tank A holds 12,000 litres."


def entry(text: str, source: str = "a.md", digest: str = "1", position: int = 0, *, last: bool = True) -> Entry:
    return Entry(
        source=source, digest=digest, notice="", position=position, chunk=Chunk(text=text), context="a", last=last
    )


def test_the_store_forgets_a_document_with_its_chunks_and_words(embedder: Embedder, tmp_path: Path) -> None:
    store, _ = Store.open(tmp_path / "corpus.sqlite", fingerprint="x")
    store.write([entry("glacier tongue")], embedder.embed(["glacier tongue"]))
    (first,) = store.ids()
    store.write([entry("glacier snow", digest="2")], embedder.embed(["glacier snow"]))
    (second,) = store.ids()
    assert second != first
    assert (store.match("tongue", 5), store.match("glaciers", 5)) == ([], [second])
    assert store.overlap("glacier ice", [second])[second] == pytest.approx(0.35, abs=0.2)
    store.remove(["a.md"])
    assert (store.ids(), store.documents(), store.match("glacier", 5)) == (set(), {}, [])
    store.close()


def test_a_document_counts_as_stored_when_its_last_chunk_is(embedder: Embedder, tmp_path: Path) -> None:
    store, _ = Store.open(tmp_path / "corpus.sqlite", fingerprint="x")
    store.write([entry("glacier", last=False)], embedder.embed(["glacier"]))
    assert store.documents() == {"a.md": Stored(digest="1", complete=False, chunks=1)}
    store.write([entry("snow", position=1)], embedder.embed(["snow"]))
    assert store.documents() == {"a.md": Stored(digest="1", complete=True, chunks=2)}
    store.close()


def test_one_process_at_a_time_indexes_and_the_others_wait(tmp_path: Path) -> None:
    with (
        indexing(tmp_path),
        pytest.raises(CorpusError, match=r"another process has been indexing into .* for 0 s"),
        indexing(tmp_path, wait=0),
    ):
        pass
    with indexing(tmp_path, wait=0):
        pass


def test_a_store_made_anew_shares_no_vectors_with_the_old_one(embedder: Embedder, folder: Path, tmp_path: Path) -> None:
    """Chunks are numbered from 1 again, so the old vectors would stand for other chunks."""
    Corpus.open(folder, embedder=embedder, store=tmp_path / "store").close()
    remove_store(tmp_path / "store")
    (folder / "bread.txt").unlink()
    (folder / "a.md").write_text("The telescope on the roof shows the moons of Jupiter.")
    with Corpus.open(folder, embedder=embedder, store=tmp_path / "store") as corpus:
        assert "Jupiter" in corpus.search("planet watching by night", floor=-1)[0].text


def test_a_full_disk_is_one_clear_line(embedder: Embedder, tmp_path: Path) -> None:
    store, _ = Store.open(tmp_path / "corpus.sqlite", fingerprint="x")
    store._connection.execute("PRAGMA max_page_count = 30")  # pyright: ignore[reportPrivateUsage]  # a full disk
    with pytest.raises(CorpusError, match=r"can't keep an index at .* is full; make room"):
        store.write([entry("word " * 100_000)], embedder.embed(["a"]))
    assert store.ids() == set()
    store.close()


def test_an_index_that_cannot_be_made_leaves_the_folder_to_others(
    embedder: Embedder, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("agentkit.knowledge.vectors._open", fail)
        with pytest.raises(CorpusError, match=r"can't keep a vector index in .*No space left"):
            Corpus.open(folder, embedder=embedder, store=tmp_path / "store")
    with Corpus.open(folder, embedder=embedder, store=tmp_path / "store") as corpus:
        assert isinstance(vectors_of(corpus), ChromaVectors)
