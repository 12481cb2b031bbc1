"""A Chroma server that several processes share, and one that isn't there."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from agentkit.errors import ConfigurationError, CorpusError
from agentkit.knowledge import vectors
from agentkit.knowledge.corpus import Corpus
from agentkit.knowledge.embedder import Embedder
from agentkit.knowledge.store import Store
from agentkit.knowledge.vectors import ChromaVectors

from .counting import vectors_of


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Chroma server on this machine."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = Path(sys.executable).with_name("chroma")
    if not command.exists():
        pytest.skip("chroma isn't installed")
    arguments = [str(command), "run", "--path", str(tmp_path_factory.mktemp("server")), "--port", str(port)]
    process = subprocess.Popen(
        [*arguments, "--host", "127.0.0.1"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    url = f"http://127.0.0.1:{port}"
    until = time.monotonic() + 60
    while True:
        try:
            httpx.get(f"{url}/api/v2/heartbeat", timeout=1).raise_for_status()
            break
        except httpx.HTTPError:
            if time.monotonic() > until or process.poll() is not None:
                process.kill()
                process.wait()
                pytest.skip("chroma run doesn't start here")
            time.sleep(0.2)
    yield url
    process.kill()
    process.wait()


def test_two_corpora_share_a_server_and_see_each_others_vectors(
    embedder: Embedder, folder: Path, tmp_path: Path, server: str
) -> None:
    with (
        Corpus.open(folder, embedder=embedder, store=tmp_path / "store", chroma=server) as first,
        Corpus.open(folder, embedder=embedder, store=tmp_path / "store", chroma=server) as second,
    ):
        assert isinstance(vectors_of(first), ChromaVectors)
        assert isinstance(vectors_of(second), ChromaVectors)
        assert first.search("litres in tank A") == second.search("litres in tank A") != []
        (folder / "new.md").write_text("Soup costs 8 euros.")
        Corpus.open(folder, embedder=embedder, store=tmp_path / "store", chroma=server).close()
        for corpus in (first, second):  # by its meaning: no word is shared
            assert corpus.search("how expensive is the broth", floor=-1)[0].text == "Soup costs 8 euros."
        assert [p.source for p in first.narrowed(source="*.txt").search("tank", floor=-1)] == ["bread.txt"]
    assert not list((tmp_path / "store").glob("chroma-*"))


def test_the_server_is_sent_ids_and_vectors_but_no_text(
    embedder: Embedder, folder: Path, tmp_path: Path, server: str
) -> None:
    Corpus.open(folder, embedder=embedder, store=tmp_path / "store", chroma=server).close()
    store, _ = Store.open(tmp_path / "store" / "corpus.sqlite")
    key = store.key
    store.close()
    listed = httpx.get(f"{server}/api/v2/tenants/default_tenant/databases/default_database/collections").json()
    [collection] = [c for c in listed if c["name"] == f"agentkit-{key}"]
    there = httpx.post(
        f"{server}/api/v2/tenants/default_tenant/databases/default_database/collections/{collection['id']}/get",
        json={"include": ["documents", "metadatas"]},
    ).json()
    assert sorted(there["ids"]) == ["1", "2", "3"]
    assert (there["documents"], there["metadatas"]) == ([None] * 3, [None] * 3)
    vectors.forget(server, key)
    vectors.forget(server, key)
    listed = httpx.get(f"{server}/api/v2/tenants/default_tenant/databases/default_database/collections").json()
    assert f"agentkit-{key}" not in [c["name"] for c in listed]


def test_a_server_that_is_not_there_is_one_line(embedder: Embedder, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"no Chroma server at http://127\.0\.0\.1:9: .*chroma run") as raised:
        Corpus.open(folder, embedder=embedder, store=tmp_path / "store", chroma="http://127.0.0.1:9")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "url",
    ["localhost:8000", "ftp://localhost", "http://", "http://user:secret@localhost", "http://[host", "http://host:x"],
)
def test_an_address_that_is_none_is_refused(embedder: Embedder, folder: Path, tmp_path: Path, url: str) -> None:
    with pytest.raises(ConfigurationError, match="must be the address of a Chroma server"):
        Corpus.open(folder, embedder=embedder, store=tmp_path / "store", chroma=url)


def test_the_index_on_disk_holds_unit_vectors_by_cosine(embedder: Embedder, folder: Path, tmp_path: Path) -> None:
    with Corpus.open(folder, embedder=embedder, store=tmp_path / "store") as corpus:
        collection: Any = getattr(vectors_of(corpus), "_collection")  # noqa: B009
        assert collection._model.configuration_json["hnsw"]["space"] == "cosine"
        stored = collection.get(include=["embeddings"])["embeddings"]
        assert np.linalg.norm(stored, axis=1) == pytest.approx(1, abs=1e-5)
