"""What a crash of native code (llama.cpp, torch, Chroma) leaves: `make test` prints it with `python tests/crash.py`.

The process is gone then, and with it what pytest had captured. So three files are kept: faulthandler's frames, the test
that ran, and what went to standard error meanwhile, where an assertion or C++ says why it ended the process.
"""

import contextlib
import faulthandler
import os
import stat
import sys
from pathlib import Path

import pytest

FOLDER = ".pytest_cache"
SHOWN = 1200
"""Characters in all: of a log, often only the end is kept."""
_kept = pytest.StashKey[Path]()


def pytest_configure(config: pytest.Config) -> None:
    folder = config.rootpath / FOLDER
    folder.mkdir(exist_ok=True)
    faulthandler.enable(file=(folder / "crash").open("w"))
    os.environ.setdefault("GGML_NO_BACKTRACE", "1")  # hundreds of lines, behind the one that tells
    for name in ("running", "stderr"):
        (folder / name).unlink(missing_ok=True)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    folder = item.config.stash.get(_kept, None)
    if folder is None:  # pytest captures only now, while a test runs
        item.config.stash[_kept] = folder = item.config.rootpath / FOLDER
        _keep_captured(folder / "stderr")
    (folder / "running").write_text(item.nodeid, encoding="utf-8")


def _keep_captured(path: Path) -> None:
    """Have pytest capture standard error in a file that outlives it, in place of one without a name."""
    captured = os.fstat(2)
    if not stat.S_ISREG(captured.st_mode) or captured.st_nlink:
        return  # it captures nothing
    named = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    for number in range(2, named):
        with contextlib.suppress(OSError):
            if os.path.samestat(os.fstat(number), captured):
                os.dup2(named, number, inheritable=number == 2)
    os.close(named)


def report(folder: Path) -> str:
    """The test, what was said, and where the threads were that did something; nothing if nothing crashed."""

    def read(name: str) -> str:
        path = folder / name
        return path.read_text(encoding="utf-8", errors="replace").strip() if path.exists() else ""

    frames = read("crash")
    if not frames:
        return ""
    for prefix in (f"{folder.resolve().parent}/", f"{sys.prefix}/", f"{sys.base_prefix}/"):
        frames = frames.replace(prefix, "")
    first, *threads = frames.split("\n\n")
    threads = [thread for thread in threads if "hread 0x" in thread.partition("\n")[0]]
    main = threads[-1:]  # the thread that crashed is not among them if Python doesn't know of it
    ordered = sorted(threads, key=lambda thread: (not thread.startswith("Current"), thread not in main))
    busy = [thread.split("\n") for thread in ordered if " in _worker" not in thread.split("\n")[1]]
    own = [[line for line in lines if "/_pytest/" not in line and "/pluggy/" not in line] for lines in busy]
    shown = ["\n".join(lines[:8]) for lines in own]
    return "\n".join([f"crashed in {read('running')}", read("stderr")[-400:], first, *shown])[:SHOWN]


if __name__ == "__main__":
    print(report(Path(FOLDER)))
