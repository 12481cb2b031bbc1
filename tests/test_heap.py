"""Freed memory is kept, and given back beyond the bound: in processes of their own, which it changes for good."""

import platform
import subprocess
import sys
from pathlib import Path

import pytest

from agentkit import heap

needs_glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library isn't glibc")
SCRIPT = """
import ctypes, resource, sys
from agentkit.heap import Heap, resident

libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p]

def step():
    blocks = [libc.malloc(8 << 20) for _ in range(16)]
    for block in blocks:
        ctypes.memset(block, 1, 8 << 20)
    for block in blocks:
        libc.free(block)

heap = Heap(share=float(sys.argv[1])) if sys.argv[1:] else None
step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
step()
faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
held = resident()
if heap:
    heap.bound()
print(faults, held, resident())
"""
BLOCKS = 16 * 8 << 20
"""Bytes that a step takes."""


def measured(*share: str) -> tuple[int, int, int]:
    """Pages had anew in the second step; bytes held after it, and after `bound`."""
    done = subprocess.run([sys.executable, "-c", SCRIPT, *share], capture_output=True, text=True, check=True)
    faults, held, bounded = map(int, done.stdout.split())
    return faults, held, bounded


@needs_glibc
def test_a_step_takes_the_memory_of_the_last_one() -> None:
    as_it_is, _, _ = measured()
    faults, held, bounded = measured("0.9")
    assert as_it_is > 100
    assert faults < as_it_is / 10
    assert held > BLOCKS
    assert bounded > 0.9 * held


@needs_glibc
def test_beyond_the_bound_it_is_given_back() -> None:
    _, held, bounded = measured("0.0001")
    assert held > BLOCKS
    assert bounded < held - 0.9 * BLOCKS


def test_a_container_with_less_memory_than_the_machine_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bound = tmp_path / "memory.max"
    monkeypatch.setattr(heap, "CONTAINER", bound)
    whole = heap.memory()
    for text, expected in (("max\n", whole), (f"{1 << 30}\n", 1 << 30), (f"{whole * 2}\n", whole)):
        bound.write_text(text, encoding="ascii")
        assert heap.memory() == expected
