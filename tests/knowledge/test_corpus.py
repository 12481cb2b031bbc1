"""A folder can be searched and stays in line with its files."""

import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentkit.errors import CorpusError, MissingExtra
from agentkit.knowledge import store as store_module
from agentkit.knowledge.corpus import WORDS, Corpus, default_store
from agentkit.knowledge.embedder import Embedder
from agentkit.knowledge.store import terms
from agentkit.knowledge.vectors import ChromaVectors

from .counting import Counting, vectors_of


@pytest.mark.parametrize(
    ("query", "fact", "source"),
    [
        ("how many litres does Tank B hold", "8,500", "water.md"),
        ("electricity of the Main House in winter 2026", "186", "energy.md"),
        ("electricity of the Main House in winter 2025", "204", "annual-report-2025.md"),
        ("parcel of 7 kg to Europe", "41.00", "sample-shipping.md"),
        ("coldest temperature", "-34.6", "weather-records.txt"),
        ("phone number to report a power failure", "111", "maintenance.md"),
        ("K-9", "10 working days", "sample-shipping.md"),
    ],
)
def test_the_passage_that_answers_is_among_the_first_three(example: Corpus, query: str, fact: str, source: str) -> None:
    assert any(fact in p.text and p.source == source for p in example.search(query, 3))


def test_passages_say_where_they_stand_best_first(example: Corpus) -> None:
    passages = example.search("which day is the filter cartridge changed and what does it cost", 4)
    assert passages[0].source == "water.md"
    assert passages[0].heading == "Water > Treatment"
    assert [p.score for p in passages] == sorted((p.score for p in passages), reverse=True)
    assert len({p.text for p in passages}) == len(passages) <= 4
    assert example.search("filter", 0) == []


@pytest.mark.parametrize(
    "query", ["who wrote Hamlet", "boiling point of ethanol", "capital of Australia", "", " ", "?"]
)
def test_what_has_nothing_to_do_with_the_documents_finds_nothing(example: Corpus, query: str) -> None:
    assert example.search(query) == []


def test_the_floor_can_be_lifted(example: Corpus) -> None:
    assert len(example.search("who wrote Hamlet", 4, floor=-1)) == 4


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.one_of(
        st.text(max_size=60),
        st.lists(
            st.sampled_from(["tank", '"', "OR", "AND", "NEAR(", "*", ":", "-", "^", "(", "{text}", "context:", "'"])
        ).map(" ".join),
    )
)
def test_no_query_is_syntax(example: Corpus, query: str) -> None:
    assert isinstance(example.search(query, 2), list)


@pytest.mark.parametrize("query", ["\ud800 tank", "tank\0B", "tank " * 20_000, '" OR 1=1 --', "\U0001f600"])
def test_odd_queries_are_only_text(example: Corpus, query: str) -> None:
    assert isinstance(example.search(query, 2), list)


def test_terms_leave_out_what_carries_no_meaning() -> None:
    assert terms("How much is 2,640.5 m of the Rope?") == ["2,640.5", "m", "rope"]
    assert terms("what is it") == ["what", "is", "it"]
    assert len(terms(" ".join(map(str, range(500))))) == store_module.TERMS


def test_a_passage_counts_by_its_meaning_and_by_its_words(embedder: Embedder, folder: Path, tmp_path: Path) -> None:
    for name, text in {"a": "The price of bread.", "b": "What a loaf costs.", "c": "Bread, bread and bread."}.items():
        (folder / f"{name}.txt").write_text(text)
    with Corpus.open(folder, embedder=embedder, store=tmp_path / "store") as corpus:
        found = {passage.source: passage.score for passage in corpus.search("price of bread", 9, floor=-1)}
    cosine = float(embedder.similarity(["price of bread"], ["a\nThe price of bread."])[0, 0])
    assert found["a.txt"] == pytest.approx(cosine + WORDS, abs=1e-5)  # it has all the words
    assert found["a.txt"] > max(found["b.txt"], found["c.txt"])
    assert found["b.txt"] > found["tanks.md"]  # no word in common with either


def test_opening_again_embeds_only_what_changed(embedder: Embedder, folder: Path, tmp_path: Path) -> None:
    counting = Counting(embedder)
    with Corpus.open(folder, embedder=counting, store=tmp_path / "store") as corpus:
        assert (len(corpus), counting.texts) == (3, 3)
    with Corpus.open(folder, embedder=counting, store=tmp_path / "store") as corpus:
        assert (len(corpus), counting.texts) == (3, 3)
    (folder / "bread.txt").write_text("The oven bakes eighteen loaves of bread in one batch.\n")
    (folder / "new.md").write_text("Soup costs 8 euros.")
    (folder / "tanks.md").unlink()
    with Corpus.open(folder, embedder=counting, store=tmp_path / "store") as corpus:
        assert counting.texts == 5
        assert corpus.sources == ["bread.txt", "new.md"]
        assert [p.text for p in corpus.search("loaves of bread")] == [
            "The oven bakes eighteen loaves of bread in one batch."
        ]
        assert corpus.search("litres in tank") == []
        assert isinstance(vectors_of(corpus), ChromaVectors)


def test_a_figure_changed_in_place_is_what_is_found(embedder: Embedder, folder: Path, tmp_path: Path) -> None:
    for litres in ("12,000", "13,500"):
        text = f"# Tanks\n\nTank A holds {litres} litres.\n"  # same length, perhaps same second
        (folder / "tanks.md").write_text(text)
        with Corpus.open(folder, embedder=embedder, store=tmp_path / "store") as corpus:
            assert corpus.search("litres in tank A")[0].text == f"Tank A holds {litres} litres."


def test_documents_are_never_written_to_and_the_index_lies_in_the_cache(
    embedder: Embedder, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGENTKIT_CACHE", str(tmp_path / "cache"))
    before = {p: p.read_bytes() for p in folder.iterdir()}
    with Corpus.open(folder, embedder=embedder):
        pass
    assert {p: p.read_bytes() for p in folder.iterdir()} == before
    store = default_store(folder, embedder)
    assert (store / "corpus.sqlite").is_file()
    assert store.is_relative_to(tmp_path / "cache" / "corpora")
    monkeypatch.delenv("AGENTKIT_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "users"))
    assert default_store(folder, embedder).is_relative_to(tmp_path / "users" / "agentkit")
    other = Embedder(embedder.embed, name="other")
    assert len({default_store(f, e) for f in (folder, tmp_path) for e in (embedder, other)}) == 4


def test_skipped_files_and_odd_encodings_are_told(embedder: Embedder, folder: Path, tmp_path: Path) -> None:
    (folder / "image.txt").write_bytes(b"\x89PNG\0\0")
    (folder / "menu.txt").write_bytes("Crème brûlée costs 7 euros.".encode("latin-1"))
    with Corpus.open(folder, embedder=embedder, store=tmp_path / "store") as corpus:
        assert [(s.path, s.reason) for s in corpus.skipped] == [("image.txt", "is binary, not text")]
        assert corpus.notices == ("menu.txt is not UTF-8; read as Windows-1252, so accented letters may be wrong",)
        assert corpus.search("creme brulee")[0].text == "Crème brûlée costs 7 euros."


def test_folders_without_a_readable_document_are_refused(embedder: Embedder, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"no folder of documents at"):
        Corpus.open(tmp_path / "nowhere", embedder=embedder, store=tmp_path / "store")
    with pytest.raises(CorpusError, match=r"no folder of documents at '/.*/~nosuchuser/docs'; check the path"):
        Corpus.open(Path("~nosuchuser/docs"), embedder=embedder, store=tmp_path / "store")
    (tmp_path / "empty").mkdir()
    with pytest.raises(CorpusError, match=r"no documents in '.*empty'; it reads files that end in \.csv, \.docx"):
        Corpus.open(tmp_path / "empty", embedder=embedder, store=tmp_path / "store")
    (tmp_path / "empty" / "a.txt").write_bytes(b"\0")
    with pytest.raises(CorpusError, match=r"no readable documents in '.*empty': a\.txt is binary, not text"):
        Corpus.open(tmp_path / "empty", embedder=embedder, store=tmp_path / "store")


def test_a_place_that_cannot_be_written_is_one_clear_line(embedder: Embedder, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CorpusError, match=r"can't keep an index at .* set AGENTKIT_CACHE") as raised:
        Corpus.open(folder, embedder=embedder, store=tmp_path / "file" / "store")
    assert "\n" not in str(raised.value)


def test_without_chroma_the_extra_is_named(
    embedder: Embedder, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "chromadb", None)
    monkeypatch.setitem(sys.modules, "chromadb.errors", None)
    with pytest.raises(MissingExtra, match=r"chromadb.*pip install 'agentkit\[retrieval\]'"):
        Corpus.open(folder, embedder=embedder, store=tmp_path / "store")
