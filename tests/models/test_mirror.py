"""How far a download by pip has come, while pip is at work in its folder."""

import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from agentkit.errors import DownloadError
from agentkit.models import mirror


def test_the_size_so_far_is_told_while_pip_makes_and_removes_folders(tmp_path: Path) -> None:
    (tmp_path / "wheel").write_bytes(b"12345")
    stop = threading.Event()

    def churn() -> None:
        while not stop.is_set():
            for n in range(20):
                (tmp_path / f"unpack-{n}" / "deeper").mkdir(parents=True)
            for n in range(20):
                shutil.rmtree(tmp_path / f"unpack-{n}")

    pip = threading.Thread(target=churn)
    pip.start()
    process = subprocess.Popen([sys.executable, "-c", ""])
    try:
        under_way = mirror._Download("part1==1.0", tmp_path, process)  # pyright: ignore[reportPrivateUsage]
        assert {under_way.size() for _ in range(500)} == {5}
    finally:
        stop.set()
        pip.join()
        process.wait()


def test_what_pip_says_may_be_in_another_encoding(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes("ERROR: Zugriff verweigert für den Index".encode("latin-1"))
    process = subprocess.Popen([sys.executable, "-c", "raise SystemExit(1)"])
    process.wait()
    failed = mirror._Download("part1==1.0", tmp_path, process)  # pyright: ignore[reportPrivateUsage]
    with pytest.raises(DownloadError, match=r"pip can't get part1==1.0: Zugriff verweigert f\ufffdr den Index"):
        failed.keep()
