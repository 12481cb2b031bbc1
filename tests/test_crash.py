"""What is left to read of a crash in native code."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SUITE = """
import ctypes
import os
import time

def test_fine(capfd):
    os.write(2, b"an earlier test")
    assert capfd.readouterr().err == "an earlier test"

def test_captured():
    os.write(2, b"of no interest" * 1000)

def test_aborts():
    libc = ctypes.CDLL(None)
    os.write(2, b"assertion failed: it says why\\n")
    thread = ctypes.c_ulong()
    libc.pthread_create(ctypes.byref(thread), None, libc.abort, None)  # a thread that Python doesn't know of
    time.sleep(60)
"""


def run(folder: Path, *options: str) -> tuple[int, str]:
    environment = os.environ | {"PYTHONPATH": str(HERE)}
    command = [sys.executable, "-m", "pytest", "-p", "crash", "-p", "no:faulthandler", *options]
    code = subprocess.run(command, cwd=folder, env=environment, capture_output=True, timeout=60, check=False).returncode
    told = subprocess.run(
        [sys.executable, HERE / "crash.py"], cwd=folder, capture_output=True, text=True, timeout=60, check=True
    )
    return code, told.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="the C library's threads are called by name")
def test_a_crash_tells_the_test_the_reason_and_the_frames(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(SUITE)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    code, told = run(tmp_path)
    assert code == -6
    where, why, fatal, *frames = told.splitlines()
    assert where == "crashed in test_it.py::test_aborts"
    assert why == "assertion failed: it says why"
    assert fatal == "Fatal Python error: Aborted"
    assert any('  File "test_it.py", line ' in frame and "in test_aborts" in frame for frame in frames)
    assert "interest" not in told
    assert len(told) < 1300
    assert run(tmp_path, "-k", "not aborts") == (0, "\n")
