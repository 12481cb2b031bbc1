"""Named corpora: what they are called, what they are made of, how they go."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agentkit.errors import CorpusError
from agentkit.knowledge import corpora, database
from agentkit.knowledge.corpora import Recipe
from agentkit.knowledge.corpus import Corpus
from agentkit.knowledge.embedder import Embedder


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of one's own."""
    monkeypatch.setenv("AGENTKIT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_a_corpus_is_made_of_several_paths_and_remembers_them(embedder: Embedder, folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "elsewhere" / "documents"
    other.mkdir(parents=True)
    (other / "soup.md").write_text("Soup costs 8 euros.")
    (tmp_path / "lamp.txt").write_text("The lamp is green.")
    corpora.ingest("x", [folder], embedder)
    corpora.ingest("x", [other, tmp_path / "lamp.txt"], embedder)
    with Corpus.load("x", embedder=embedder) as corpus:
        assert corpus.sources == ["documents-2/soup.md", "documents/bread.txt", "documents/tanks.md", "lamp.txt"]
    assert [origin.path for origin in corpora.recipe("x").origins] == [folder, other, tmp_path / "lamp.txt"]
    assert corpora.names() == ["x"]
    assert corpora.forget("x", [other]) == 1
    stats = corpora.stats("x")
    assert (stats.documents, stats.passages, len(stats.origins)) == (3, 4, 2)
    with pytest.raises(CorpusError, match=r"corpus 'x' isn't made of .*elsewhere; it is made of: "):
        corpora.forget("x", [tmp_path / "elsewhere"])


def test_a_path_within_another_adds_nothing_and_one_around_it_takes_its_place(tmp_path: Path) -> None:
    inner, file = tmp_path / "a" / "b", tmp_path / "a" / "x.md"
    inner.mkdir(parents=True)
    file.write_text("text")
    made = Recipe().with_paths([inner, file, inner / "c"])
    assert [origin.label for origin in made.origins] == ["b", "x.md"]
    assert [origin.path for origin in made.with_paths([tmp_path / "a"]).origins] == [tmp_path / "a"]
    assert made.with_paths([inner]) == made


@pytest.mark.parametrize("place", [".notes", "b/.notes/c", "link"])
def test_what_is_not_read_as_a_part_of_a_folder_is_read_when_it_is_named(tmp_path: Path, place: str) -> None:
    whole = tmp_path / "a"
    (whole / "b" / ".notes" / "c").mkdir(parents=True)
    (whole / ".notes").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (whole / "link").symlink_to(tmp_path / "elsewhere")
    (whole / place / "soup.md").write_text("Soup costs 8 euros.")
    (whole / "lamp.md").write_text("The lamp is green.")
    corpora.ingest("inner", [whole / place], SMALL)
    corpora.ingest("outer", [whole], SMALL)
    for name, then in (("inner", whole), ("outer", whole / place)):
        report = corpora.ingest(name, [then], SMALL)
        assert (report.added, report.removed, report.unchanged) == (1, 0, 1)
        assert corpora.ingest(name, [whole, whole / place], SMALL).unchanged == 2
        assert len(corpora.recipe(name).origins) == 2


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../x", "-x", "x" * 65, "a b", "x\n", "é"])
def test_names_that_could_lead_elsewhere_are_refused(name: str) -> None:
    with pytest.raises(CorpusError, match="a corpus can't be named"):
        corpora.folder_of(name)


def test_a_corpus_that_is_not_there_is_said_to_be_so(embedder: Embedder, folder: Path) -> None:
    with pytest.raises(CorpusError, match=r"no corpus named 'x'; there is none yet; make it: agentkit ingest PATH"):
        Corpus.load("x", embedder=embedder)
    corpora.ingest("y", [folder], embedder)
    for use in (corpora.stats, corpora.remove, corpora.recipe):
        with pytest.raises(CorpusError, match=r"no corpus named 'x'; there are: y; make it"):
            use("x")
    with pytest.raises(CorpusError, match="no corpus named 'x'"):
        corpora.ingest("x", [], embedder)


def test_paths_that_are_not_there_or_of_no_kind_leave_nothing(embedder: Embedder, tmp_path: Path, cache: Path) -> None:
    with pytest.raises(CorpusError, match=r"there is no .*nowhere; check the path"):
        corpora.ingest("x", [tmp_path / "nowhere"], embedder)
    (tmp_path / "a.exe").write_text("x")
    (tmp_path / "a.XLSX").write_text("x")
    with pytest.raises(CorpusError, match=r"a\.XLSX is of a kind that isn't read; save it as \.csv"):
        corpora.ingest("x", [tmp_path / "a.XLSX"], embedder)
    with pytest.raises(CorpusError, match=r"a\.exe is of no kind that is read; it may end in \.csv, "):
        corpora.ingest("x", [tmp_path / "a.exe"], embedder)
    assert not cache.exists()


def test_paths_with_nothing_to_read_leave_nothing_new(folder: Path, tmp_path: Path, cache: Path) -> None:
    for name in ("empty", "damaged"):
        (tmp_path / name).mkdir()
    (tmp_path / "empty" / "photo.jpg").write_bytes(b"\xff\xd8")
    (tmp_path / "damaged" / "a.pdf").write_text("garbage")
    for name in ("x", "there"):
        with pytest.raises(CorpusError, match=r"nothing to read in .*empty; it reads files that end in \.csv, "):
            corpora.ingest(name, [folder, tmp_path / "empty"], SMALL)
        assert corpora.names() == (["there"] if name == "there" else [])
        corpora.ingest("there", [folder], SMALL)
    assert [origin.path for origin in corpora.recipe("there").origins] == [folder]
    report = corpora.ingest("x", [tmp_path / "damaged"], SMALL)
    assert (report.documents, [item.path for item in report.skipped]) == (0, ["damaged/a.pdf"])
    assert corpora.names() == ["there"]
    assert not (cache / "corpora" / "named" / "x").exists()


def test_a_path_in_the_home_of_nobody_is_one_that_is_not_there(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobodys = Path("~nosuchuser/docs")
    with pytest.raises(CorpusError, match=r"there is no ~nosuchuser/docs; check the path"):
        corpora.ingest("x", [nobodys], SMALL)
    corpora.ingest("x", [folder], SMALL)
    with pytest.raises(CorpusError, match=r"corpus 'x' isn't made of ~nosuchuser/docs; it is made of: "):
        corpora.forget("x", [nobodys])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AGENTKIT_CACHE", "~nosuchuser")
    assert corpora.folder_of("x") == tmp_path / "~nosuchuser" / "corpora" / "named" / "x"


def test_a_corpus_of_another_embedder_is_refused_not_emptied(embedder: Embedder, folder: Path) -> None:
    corpora.ingest("x", [folder], embedder)
    other = Embedder(embedder.embed, name="other")
    with pytest.raises(CorpusError, match=r"made with another embedder.*make it anew: agentkit ingest --corpus x"):
        Corpus.load("x", embedder=other)
    assert corpora.stats("x").passages == 3
    assert corpora.ingest("x", [], other).added == 2
    with Corpus.load("x", embedder=other) as corpus:
        assert len(corpus) == 3


SMALL = Embedder(lambda texts: [[len(text), 1.0] for text in texts], name="small")
"""Quick, and known to every thread."""


@pytest.mark.parametrize("point", ["_found", "_remember", "update"])
@pytest.mark.parametrize("first", ["ingest", "forget"])
def test_of_two_that_change_a_corpus_at_once_none_undoes_what_the_other_did(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: str, point: str
) -> None:
    """The second begins in the midst of the first, and has either ended or is seen to wait before that goes on."""
    if (first, point) in (("forget", "_found"), ("forget", "update")):
        point = "_documents"
    other, third = tmp_path / "other", tmp_path / "third"
    for path in (other, third):
        path.mkdir()
        (path / "soup.md").write_text("Soup costs 8 euros.")
    corpora.ingest("x", [folder], SMALL)
    passed, step, try_lock = threading.Event(), getattr(corpora, point), database.lock

    def lock(path: Path, **options: Any) -> object:
        held = try_lock(path, **options)
        if held is None and path.name == database.INDEXING_LOCK:
            passed.set()
        return held

    def second() -> None:
        corpora.ingest("x", [third], SMALL)
        passed.set()

    thread = threading.Thread(target=second)

    def stepped(*arguments: Any, **options: Any) -> object:
        if threading.current_thread() is not thread and not thread.ident:
            thread.start()
            assert passed.wait(60)
        return step(*arguments, **options)

    monkeypatch.setattr(database, "lock", lock)
    monkeypatch.setattr(corpora, point, stepped)
    if first == "ingest":
        assert corpora.ingest("x", [other], SMALL).removed == 0
    else:
        assert corpora.forget("x", [folder]) == 2
    thread.join(60)
    made = [folder, other, third] if first == "ingest" else [third]
    assert [origin.path for origin in corpora.recipe("x").origins] == made
    assert corpora.stats("x").documents == (4 if first == "ingest" else 1)


def test_a_corpus_is_not_made_anew_while_a_part_of_it_can_not_be_seen(
    embedder: Embedder, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "lamp.txt").write_text("The lamp is green.")
    corpora.ingest("x", [folder, tmp_path / "lamp.txt"], embedder)
    folder.rename(tmp_path / "unmounted")
    for paths in ([], [tmp_path / "unmounted"]):
        with pytest.raises(CorpusError) as raised:
            corpora.ingest("x", paths, SMALL)
        assert str(raised.value) == (
            "corpus 'x' has to be made anew, as it was made with another embedder, or by another version of agentkit; "
            "but documents can't be seen now: make it so (mount it), or take it out: agentkit corpus rm x PATH"
        )
    assert corpora.stats("x").passages == 4
    assert len(corpora.recipe("x").origins) == 2
    assert corpora.ingest("x", [], embedder).removed == 0  # as it was made it goes on
    (tmp_path / "unmounted").rename(folder)
    assert corpora.ingest("x", [], SMALL).added == 3
    folder.rename(tmp_path / "unmounted")
    assert corpora.forget("x", [folder]) == 2
    assert corpora.ingest("x", [], embedder).added == 1


def test_a_damaged_store_is_made_anew_of_what_can_be_seen(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "lamp.txt").write_text("The lamp is green.")
    corpora.ingest("x", [folder, tmp_path / "lamp.txt"], SMALL)
    folder.rename(tmp_path / "unmounted")
    (corpora.folder_of("x") / corpora.STORE).write_bytes(b"not a database" * 400)
    assert corpora.ingest("x", [], SMALL).added == 1


def test_counting_a_corpus_does_not_mind_files_that_vanish(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corpora.ingest("x", [folder], SMALL)
    before = corpora.stats("x").bytes
    walk = os.walk

    def vanishing(top: Path) -> Iterator[tuple[str, list[str], list[str]]]:
        for at, folders, names in walk(top):
            yield at, folders, [*names, "corpus.sqlite-wal.gone"]

    monkeypatch.setattr(os, "walk", vanishing)
    assert corpora.stats("x").bytes == before > 0


def test_damage_is_told_and_mended_by_the_next_ingest(embedder: Embedder, folder: Path) -> None:
    corpora.ingest("x", [folder], embedder)
    store = corpora.folder_of("x") / corpora.STORE
    store.write_bytes(b"not a database" * 400)
    with pytest.raises(CorpusError, match=r"is damaged; make it anew"):
        Corpus.load("x", embedder=embedder)
    assert corpora.stats("x").passages == 0
    report = corpora.ingest("x", [], embedder)
    assert (report.added, "was damaged and has been made anew" in report.notices[0]) == (2, True)
    (corpora.folder_of("x") / corpora.FILE).write_text("{")
    with pytest.raises(CorpusError, match=r"corpus\.json can't be read: it is damaged; delete the corpus"):
        corpora.stats("x")
    corpora.remove("x")
    assert corpora.names() == []


def test_deleting_a_corpus_leaves_the_documents(embedder: Embedder, folder: Path) -> None:
    corpora.ingest("x", [folder], embedder)
    place = corpora.folder_of("x")
    assert len(corpora.remove("x")) == 32
    assert not place.exists()
    assert sorted(path.name for path in folder.iterdir()) == ["bread.txt", "tanks.md"]


def test_a_corpus_whose_lock_can_not_be_opened_is_said_to_be_so(folder: Path) -> None:
    corpora.ingest("x", [folder], SMALL)
    held = corpora.folder_of("x") / database.INDEXING_LOCK
    held.unlink()
    held.mkdir()
    with pytest.raises(CorpusError, match=r"can't delete .*x: unable to open database file; make it writable or "):
        corpora.remove("x")
    assert corpora.names() == ["x"]


def test_a_path_that_is_no_text_is_refused_before_anything_is_kept(embedder: Embedder, tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.txt"))
    path.write_text("The café opens at nine.")
    with pytest.raises(CorpusError, match=r"caf\?\.txt is not UTF-8.*rename"):
        corpora.ingest("x", [path], embedder)
    assert not corpora.folder_of("x").exists()
