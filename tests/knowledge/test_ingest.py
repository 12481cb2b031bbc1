"""A corpus follows its files, and loses nothing that was stored, however it is stopped."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentkit.errors import CorpusError, MissingExtra
from agentkit.knowledge import corpora
from agentkit.knowledge.corpus import Corpus
from agentkit.knowledge.documents import File
from agentkit.knowledge.embedder import Embedder
from agentkit.knowledge.formats.content import NotNow
from agentkit.knowledge.formats.parser import Parser
from agentkit.knowledge.ingest import TOGETHER
from agentkit.knowledge.store import Store

from .counting import Counting
from .making import pdf, word

LONG = 700
"""Rows of a document that takes several batches."""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of one's own."""
    monkeypatch.setenv("AGENTKIT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """A folder with a document of every kind, and everything that goes wrong with one."""
    folder = tmp_path / "mixed"
    (folder / "below").mkdir(parents=True)
    (folder / "a.md").write_text("# Lamp\n\nThe lamp is green.")
    (folder / "b.txt").write_text("The oven bakes bread.")
    (folder / "c.html").write_text("<h1>Fees</h1><p>The entrance fee is 15 euros.</p>")
    (folder / "below" / "d.pdf").write_bytes(
        pdf(["Nothing here.", "The tank holds 900 litres."], headings=("One", "Two"))
    )
    (folder / "e.docx").write_bytes(word(lambda document: document.add_paragraph("The dog is called Argos.")))
    (folder / "f.csv").write_text("country,capital\nKenya,Nairobi\nPeru,Lima\n")
    (folder / "g.jsonl").write_text('{"animal": "yak", "weight": "600 kg"}\n')
    (folder / "bad.pdf").write_bytes(b"%PDF-1.7\n" + b"garbage" * 100)
    (folder / "locked.pdf").write_bytes(pdf(["secret"], password="key"))
    (folder / "image.txt").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")
    (folder / "page.docx").write_bytes(b"<html>no Word</html>")
    with (folder / "huge.txt").open("wb") as file:
        file.truncate(200_000_000)
    return folder


def test_every_format_is_found_and_every_bad_file_named(embedder: Embedder, mixed: Path) -> None:
    report = corpora.ingest("all", [mixed], embedder)
    assert (report.documents, report.added, report.removed) == (7, 7, 0)
    assert {skipped.path: skipped.reason.split(";")[0] for skipped in report.skipped} == {
        "mixed/bad.pdf": "is a damaged PDF: Stream has ended unexpectedly",
        "mixed/huge.txt": "is larger than 8 MB, the most that is read of text",
        "mixed/image.txt": "is binary, not text",
        "mixed/locked.pdf": "is encrypted",
        "mixed/page.docx": "is damaged or not a Word document: File is not a zip file",
    }
    with Corpus.load("all", embedder=embedder) as corpus:
        for query, place in (
            ("colour of the lamp", "mixed/a.md > Lamp"),
            ("what does the oven bake", "mixed/b.txt"),
            ("entrance fee", "mixed/c.html > Fees"),
            ("how much does the tank hold", "mixed/below/d.pdf, p. 2 > Two"),
            ("name of the dog", "mixed/e.docx"),
            ("capital of Kenya", "mixed/f.csv"),
            ("how heavy is a yak", "mixed/g.jsonl"),
        ):
            assert corpus.search(query)[0].place == place


def test_a_file_that_cannot_be_read_is_not_read_again_until_it_changes(
    embedder: Embedder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "good.md").write_text("The lamp is green.")
    (tmp_path / "bad.pdf").write_bytes(b"garbage")
    first = corpora.ingest("x", [tmp_path], embedder)
    with monkeypatch.context() as patched:
        patched.setattr(Parser, "parse", None)
        again = corpora.ingest("x", [], embedder)
    assert again.skipped == first.skipped
    assert (again.unchanged, again.passages) == (1, 0)
    (tmp_path / "bad.pdf").write_bytes(pdf(["The dog is called Argos."]))
    mended = corpora.ingest("x", [], embedder)
    assert (mended.added, mended.skipped) == (1, ())


@pytest.mark.parametrize(
    "reason", [NotNow("takes more than 60 s to read"), MissingExtra("reading PDF", extra="documents")]
)
def test_what_can_not_be_read_for_now_keeps_what_is_known_and_is_read_the_next_time(
    embedder: Embedder, folder: Path, monkeypatch: pytest.MonkeyPatch, reason: Exception
) -> None:
    def refuse(*_: object) -> None:
        raise reason

    corpora.ingest("x", [folder], embedder)
    (folder / "bread.txt").write_text("The oven bakes eighteen loaves of bread in one batch.\n")
    (folder / "new.md").write_text("Soup costs 8 euros.")
    with monkeypatch.context() as patched:
        patched.setattr(Parser, "parse", refuse)
        report = corpora.ingest("x", [], embedder)
    assert [skipped.reason for skipped in report.skipped] == [f"{reason}; what is known of it is kept", str(reason)]
    assert (report.unchanged, report.removed) == (2, 0)
    with Corpus.load("x", embedder=embedder) as corpus:
        assert "sixteen" in corpus.search("loaves of bread")[0].text
    mended = corpora.ingest("x", [], embedder)
    assert (mended.changed, mended.added, mended.skipped) == (1, 1, ())


def test_unchanged_is_skipped_changed_replaced_deleted_removed(embedder: Embedder, folder: Path) -> None:
    counting = Counting(embedder)
    corpora.ingest("x", [folder], counting)
    assert counting.texts == 3
    (folder / "bread.txt").write_text("The oven bakes eighteen loaves of bread in one batch.\n")
    (folder / "new.md").write_text("Soup costs 8 euros.")
    (folder / "tanks.md").unlink()
    report = corpora.ingest("x", [], counting)
    assert counting.texts == 5
    assert (report.added, report.changed, report.removed, report.unchanged) == (1, 1, 1, 0)
    with Corpus.load("x", embedder=embedder) as corpus:
        assert corpus.sources == ["documents/bread.txt", "documents/new.md"]
        assert "eighteen" in corpus.search("loaves of bread")[0].text


def test_progress_goes_from_nothing_to_all_files(embedder: Embedder, folder: Path) -> None:
    told: list[tuple[int, int, int, str]] = []

    def tell(done: int, total: int, passages: int, source: str) -> None:
        told.append((done, total, passages, source))

    corpora.ingest("x", [folder], embedder, progress=tell)
    assert told[0] == (2, 2, 0, "documents/bread.txt")
    assert told[-1] == (2, 2, 3, "")


def test_a_folder_that_is_gone_takes_no_document_with_it(embedder: Embedder, folder: Path, tmp_path: Path) -> None:
    corpora.ingest("x", [folder], embedder)
    folder.rename(tmp_path / "unmounted")
    report = corpora.ingest("x", [], embedder)
    assert (report.removed, report.kept, report.documents) == (0, 2, 2)
    assert [skipped.path for skipped in report.skipped] == ["documents"]
    with Corpus.load("x", embedder=embedder) as corpus:
        assert len(corpus) == 3


def test_a_file_is_deleted_with_its_folder_there_and_out_of_sight_without(
    embedder: Embedder, folder: Path, tmp_path: Path
) -> None:
    drive = tmp_path / "drive"
    drive.mkdir()
    (drive / "lamp.md").write_text("The lamp is green.")
    corpora.ingest("x", [drive / "lamp.md", folder], embedder)
    drive.rename(tmp_path / "unmounted")
    report = corpora.ingest("x", [], embedder)
    assert (report.removed, report.kept, report.unchanged, report.documents) == (0, 1, 2, 3)
    assert [(s.path, s.reason.split(";")[0]) for s in report.skipped] == [("lamp.md", "is gone")]
    (tmp_path / "unmounted").rename(drive)
    assert corpora.ingest("x", [], embedder).unchanged == 3
    (drive / "lamp.md").unlink()
    report = corpora.ingest("x", [], embedder)
    assert (report.removed, report.kept, report.skipped) == (1, 0, ())


def test_a_file_that_may_not_be_read_for_now_keeps_what_is_known(
    embedder: Embedder, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpora.ingest("x", [folder], embedder)
    read = File.read

    def deny(file: File) -> bytes:
        if file.path.name == "bread.txt":
            raise OSError(5, "Input/output error", str(file.path))
        return read(file)

    monkeypatch.setattr(File, "read", deny)
    report = corpora.ingest("x", [], embedder)
    assert [s.reason for s in report.skipped] == ["can't be read: Input/output error; what is known of it is kept"]
    assert report.unchanged == 2


def test_a_missing_extra_is_named_and_costs_those_files_only(
    embedder: Embedder, mixed: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "pypdf.py").write_text("raise ImportError('not installed')")
    with monkeypatch.context() as patched:
        patched.setattr(sys, "path", [str(tmp_path / "site"), *sys.path])
        report = corpora.ingest("x", [mixed], embedder)
    reasons = {skipped.path: skipped.reason for skipped in report.skipped}
    assert reasons["mixed/below/d.pdf"] == "reading PDF needs the extra 'documents': pip install 'agentkit[documents]'"
    assert report.documents == 6
    assert corpora.ingest("x", [], embedder).added == 1  # now that it is there


def test_a_text_in_another_language_is_said_to_be_one(embedder: Embedder, tmp_path: Path) -> None:
    (tmp_path / "de.txt").write_text(
        "Die Hütte hat sechs Betten im Norden und acht im Süden. Wer über Nacht bleibt, zahlt vierundzwanzig Euro. "
        "Hunde dürfen nicht hinein, und Schuhe bleiben vor der Tür stehen."
    )
    said = ("de.txt seems to be German: the embedder knows English, so its words find it rather than its meaning",)
    for _ in range(2):  # also when it is unchanged
        assert corpora.ingest("x", [tmp_path / "de.txt"], embedder).notices == said
    assert corpora.stats("x").notices.keys() == {"de.txt"}


def test_half_a_character_costs_no_document(embedder: Embedder, tmp_path: Path) -> None:
    (tmp_path / "cut.jsonl").write_text('{"a \\ud83d": "a truncated emoji \\ud83d at the station"}\n')
    (tmp_path / "whole.txt").write_text("The station has two generators.")
    report = corpora.ingest("x", [tmp_path], embedder)
    assert (report.documents, report.skipped) == (2, ())


# Stopped


INGEST = """
import sys
from pathlib import Path
from agentkit.knowledge import corpora
from agentkit.knowledge.embedder import Embedder
embedder, *paths = sys.argv[1:]
def tell(done, total, passages, source):
    print(passages, flush=True)
corpora.ingest("x", [Path(path) for path in paths], Embedder.load(Path(embedder)), progress=tell)
"""


@pytest.fixture
def long(tmp_path: Path) -> Path:
    """One document of many batches, with others before and behind it."""
    folder = tmp_path / "long"
    folder.mkdir()
    (folder / "a.md").write_text("The lamp is green.")
    about = "The mast number {0} is {1} metres high and stands on hill {2}"
    rows = (f"{number},{about.format(number, number + 7, number * 3)}" for number in range(LONG))
    (folder / "b.csv").write_text("id,text\n" + "\n".join(rows))
    (folder / "c.md").write_text("The dog is called Argos.")
    return folder


def stored(cache: Path) -> Iterator[int]:
    store, _ = Store.open(cache / "corpora" / "named" / "x" / "corpus.sqlite")
    yield len(store.ids())
    store.close()


def test_kill_9_loses_no_acknowledged_passage_and_the_next_run_goes_on(
    embedder: Embedder, embedder_folder: Path, long: Path, cache: Path
) -> None:
    kills = 0
    while kills < 4:
        command = [sys.executable, "-W", "error", "-c", INGEST, str(embedder_folder), str(long)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        [before] = stored(cache) if kills else [0]
        acknowledged = 0
        for line in process.stdout:
            acknowledged = int(line)
            if acknowledged >= TOGETHER:
                time.sleep(0.05 * kills)  # somewhere in the next batch
                break
        process.kill()
        process.communicate()
        if process.returncode == 0:
            break
        kills += 1
        [after] = stored(cache)
        assert after >= before + acknowledged
    assert kills > 1
    counting = Counting(embedder)
    [before] = stored(cache)
    report = corpora.ingest("x", [], counting)
    assert report.documents == 3
    assert counting.texts == report.passages == LONG + 2 - before
    assert corpora.stats("x").unfinished == 0
    with Corpus.load("x", embedder=embedder) as corpus:
        assert len(corpus) == LONG + 2
        found = {passage.text.partition("\n")[0] for passage in corpus.search("mast on a hill", 2 * LONG, floor=-1)}
        assert found >= {f"id: {number}" for number in range(LONG)}


def test_an_unfinished_corpus_says_so(embedder: Embedder, long: Path) -> None:
    class Stopped(Exception):
        pass

    def stop(_done: int, _total: int, passages: int, _source: str) -> None:
        if passages >= 2 * TOGETHER:
            raise Stopped

    with pytest.raises(Stopped):
        corpora.ingest("x", [long], embedder, progress=stop)
    stats = corpora.stats("x")
    assert (stats.passages, stats.unfinished) == (2 * TOGETHER, 1)
    with Corpus.load("x", embedder=embedder) as corpus:
        assert corpus.notices == ("x is unfinished, 1 documents in part; go on: agentkit ingest --corpus x",)


def test_a_full_disk_is_one_line_and_what_was_stored_stays(
    embedder: Embedder, long: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def limited(store: Store, *arguments: object) -> object:
        store._connection.execute("PRAGMA max_page_count = 200")  # pyright: ignore[reportPrivateUsage]  # a full disk
        return write(store, *arguments)  # pyright: ignore[reportArgumentType]

    write = Store.write
    with monkeypatch.context() as patched:
        patched.setattr(Store, "write", limited)
        with pytest.raises(CorpusError, match=r"can't keep an index at .* is full; make room") as raised:
            corpora.ingest("x", [long], embedder)
    assert "\n" not in str(raised.value)
    kept = corpora.stats("x").passages
    assert kept >= TOGETHER
    assert corpora.ingest("x", [], embedder).passages == LONG + 2 - kept
