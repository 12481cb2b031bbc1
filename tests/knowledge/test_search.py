"""Searches can be narrowed, and their results ranked anew."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from agentkit.errors import CorpusError
from agentkit.knowledge.corpus import Corpus
from agentkit.knowledge.embedder import Embedder
from agentkit.knowledge.joined import JoinedCorpus
from agentkit.knowledge.sentences import sentences
from agentkit.knowledge.vectors import ExactVectors

from .counting import vectors_of
from .making import pdf


class BestSentence:
    """A reranker: how near a passage's nearest sentence is to the query, by the embedder."""

    def __init__(self, embedder: Embedder) -> None:
        self.embedder = embedder
        self.seen: list[tuple[str, str]] = []

    def __call__(self, pairs: Sequence[tuple[str, str]], /) -> list[float]:
        self.seen = list(pairs)
        return [float(self.embedder.similarity([query], sentences(text)).max()) for query, text in pairs]


@pytest.fixture(scope="module")
def corpus(embedder: Embedder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Corpus]:
    folder = tmp_path_factory.mktemp("mixed")
    (folder / "below").mkdir()
    (folder / "below" / "tank.md").write_text(
        "# House\n\n## Tank\n\nIt holds 12 litres.\n\n## Oven\n\nIt bakes 12 loaves."
    )
    (folder / "tank.pdf").write_bytes(pdf(["The tank holds 700 litres.", "The tank was filled in May."]))
    (folder / "rows.csv").write_text('Country,capital "old",litres\nKenya,Nairobi,12\nPeru,Lima,12\n')
    with Corpus.open(folder, embedder=embedder, store=tmp_path_factory.mktemp("store")) as opened:
        yield opened


def places(corpus: Corpus, query: str = "litres in the tank") -> list[str]:
    return sorted({passage.place for passage in corpus.search(query, 10, floor=-1)})


def test_a_search_sees_the_documents_headings_pages_and_rows_it_is_narrowed_to(corpus: Corpus) -> None:
    assert len(places(corpus)) == 5
    assert places(corpus.narrowed(source="*.pdf")) == ["tank.pdf, p. 1", "tank.pdf, p. 2"]
    assert places(corpus.narrowed(source="*.pdf", page=2)) == ["tank.pdf, p. 2"]
    assert places(corpus.narrowed(source="below/*")) == ["below/tank.md > House > Oven", "below/tank.md > House > Tank"]
    assert places(corpus.narrowed(heading="TANK")) == ["below/tank.md > House > Tank"]
    narrowed = corpus.narrowed(columns={"Country": "peru", 'capital "old"': "lima"})
    assert [passage.text for passage in narrowed.search("litres", floor=-1)] == [
        'Country: Peru\ncapital "old": Lima\nlitres: 12'
    ]


@pytest.mark.parametrize(
    "narrowed",
    [
        {"source": "*.docx"},
        {"source": "' OR 1=1 --"},
        {"heading": "%"},
        {"page": 99},
        {"source": "caf\udce9*"},
        {"heading": "caf\udce9"},
        {"columns": {"Country": "caf\udce9"}},
        {"columns": {"Country": "Peru", "litres": "13"}},
    ],
)
def test_what_nothing_fits_finds_nothing(corpus: Corpus, narrowed: dict[str, object]) -> None:
    assert corpus.narrowed(**narrowed).search("litres", 10, floor=-1) == []  # pyright: ignore[reportArgumentType]


def test_upper_and_lower_case_are_alike_in_every_alphabet(embedder: Embedder, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "rows.csv").write_text("Stadt,Fluss\nMÜNCHEN,Isar\nΑΘΗΝΑ,Kifissos\n", encoding="utf-8")
    (tmp_path / "a" / "text.md").write_text("# ÖFFNUNG\n\nAb 9 Uhr.", encoding="utf-8")
    with Corpus.open(tmp_path / "a", embedder=embedder, store=tmp_path / "store") as corpus:
        for town, river in (("münchen", "Isar"), ("Αθηνα", "Kifissos")):
            [found] = corpus.narrowed(columns={"Stadt": town}).search("town", floor=-1)
            assert river in found.text
        assert places(corpus.narrowed(heading="öffnung")) == ["text.md > ÖFFNUNG"]


def test_an_unknown_column_says_which_there_are(
    embedder: Embedder, corpus: Corpus, folder: Path, tmp_path: Path
) -> None:
    for name in ("country", 'x" OR 1'):
        with pytest.raises(CorpusError) as raised:
            corpus.narrowed(columns={name: "Peru"})
        assert str(raised.value) == f'no row has a column {name!r}; there are: Country, capital "old", litres'
    with Corpus.open(folder, embedder=embedder, store=tmp_path / "store") as texts:
        with pytest.raises(CorpusError, match="no row has a column 'a'; no document of it is a table"):
            texts.narrowed(columns={"a": "b"})
        joined = JoinedCorpus([texts, corpus])
        assert places(joined.narrowed(columns={"Country": "Peru"})) == ["rows.csv"]
        with pytest.raises(CorpusError, match="there are: Country, "):
            joined.narrowed(columns={"a": "b"})


def test_a_narrowed_corpus_lasts_as_long_as_it_is_used(embedder: Embedder, folder: Path, tmp_path: Path) -> None:
    part = Corpus.open(folder, embedder=embedder, store=tmp_path / "store").narrowed(source="*.md")
    assert part.search("litres")[0].source == "tanks.md"
    part.close()


def test_the_exact_search_is_narrowed_the_same_way(embedder: Embedder, folder: Path, tmp_path: Path) -> None:
    with (
        Corpus.open(folder, embedder=embedder, store=tmp_path / "store"),
        Corpus.open(folder, embedder=embedder, store=tmp_path / "store") as second,
    ):
        assert isinstance(vectors_of(second), ExactVectors)
        assert [p.source for p in second.narrowed(source="*.txt").search("tank", floor=-1)] == ["bread.txt"]


def test_a_reranker_decides_the_order_of_what_was_found(embedder: Embedder, corpus: Corpus, tmp_path: Path) -> None:
    judge = BestSentence(embedder)
    query = "how many litres does the tank hold"
    with Corpus.open(corpus.folder, embedder=embedder, store=tmp_path / "store", reranker=judge) as reranked:
        found = reranked.search(query, 2)
    assert (query, "House > Tank\nIt holds 12 litres.") in judge.seen
    assert len(judge.seen) > len(found)
    best = sorted(judge(judge.seen), reverse=True)[:2]
    assert [passage.score for passage in found] == pytest.approx(best)


def test_a_reranker_that_finds_nothing_is_not_asked(embedder: Embedder, corpus: Corpus, tmp_path: Path) -> None:
    judge = BestSentence(embedder)
    with Corpus.open(corpus.folder, embedder=embedder, store=tmp_path / "store", reranker=judge) as reranked:
        assert reranked.search("who wrote Hamlet") == []
    assert judge.seen == []
