"""The memory of a process that trains: kept from step to step, within bounds."""

import ctypes
import os
from pathlib import Path

TRIM_THRESHOLD, MMAP_MAX = -1, -4
"""Numbers of mallopt's parameters (malloc.h)."""
PROCESS = Path("/proc/self/statm")
CONTAINER = Path("/sys/fs/cgroup/memory.max")
SHARE = 0.6
"""Of the machine's memory; what is freed beyond it goes back."""


class Heap:
    """What glibc keeps of freed memory.

    By itself it gives large blocks back at once. Had anew, each page of theirs must be cleared by the kernel: ten times
    as slow as memory that one has, and a training step frees and takes gigabytes. Kept without bounds they grow, as
    rows of other lengths leave other gaps. With another C library this does nothing.
    """

    def __init__(self, *, share: float = SHARE) -> None:
        """From now on keep what is freed, for the whole process.

        Args:
            share: Of the machine's memory (of the container's, where that is less), beyond which `bound` gives back.
        """
        libc = ctypes.CDLL(None) if os.name == "posix" else None
        self._trim = getattr(libc, "malloc_trim", None)
        self.limit = int(share * memory()) if self._trim else 0
        """Bytes."""
        if libc is not None and self._trim:
            libc.mallopt(MMAP_MAX, 0)
            libc.mallopt(TRIM_THRESHOLD, -1)

    def bound(self) -> None:
        """Give back what is free if the process has more than its limit: to be called after each step."""
        if self._trim and resident() > self.limit:
            self._trim(0)


def memory() -> int:
    """Bytes that this process could have."""
    of_machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    try:
        return min(of_machine, int(CONTAINER.read_text(encoding="ascii")))
    except (OSError, ValueError):  # no container, or one without a bound: "max"
        return of_machine


def resident() -> int:
    """Bytes that this process has; Linux only."""
    return int(PROCESS.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
