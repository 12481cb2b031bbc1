"""How far a download by pip has come, while pip is at work in its folder."""

import shutil
import subprocess
import sys
import threading
from pathlib import Path

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
