"""What runs inside a worker: gives up all it doesn't need, then judges, call after call.

This file is the `-c` source of the worker's interpreter, so it imports nothing of agentkit. It reads JSON lines from
stdin: first the set-up, then one call each. For a call it reports two lines: that the function was found, from when
on its time counts, and what came of it.
"""

import ctypes
import functools
import importlib
import io
import json
import os
import platform
import resource
import struct
import sys
from collections.abc import Callable
from typing import Any

WRITES = (0b1_1111_1111_0010, 0b11_1111_1111_0010, 0b111_1111_1111_0010)
"""Landlock's rights to change files (linux/landlock.h), by version of its interface: writing, removing and making
them; from the second on linking elsewhere, from the third cutting off."""


def confine(memory: int, instructions: list[list[int]]) -> None:
    """No change to any file, no network, no other process; as far as this system has the means."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if platform.system() != "Linux":  # elsewhere the address space can't be limited
        return
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(38, 1, 0, 0, 0):  # PR_SET_NO_NEW_PRIVS
        raise OSError(ctypes.get_errno(), "PR_SET_NO_NEW_PRIVS")
    version = libc.syscall(444, None, 0, 1)  # landlock_create_ruleset: which interface the kernel has, if any
    if version > 0:
        handled = struct.pack("=Q", WRITES[min(version, len(WRITES)) - 1])
        rules = libc.syscall(444, handled, len(handled), 0)
        if rules < 0 or libc.syscall(446, rules, 0):  # landlock_restrict_self
            raise OSError(ctypes.get_errno(), "landlock_restrict_self")
        os.close(rules)
    own = os.getpid()
    lines = [struct.pack("=HBBI", code, yes, no, own if k == -1 else k) for code, yes, no, k in instructions]
    source = ctypes.create_string_buffer(b"".join(lines))
    filters = ctypes.create_string_buffer(struct.pack("@HxxxxxxQ", len(lines), ctypes.addressof(source)))
    if lines and libc.prctl(22, 2, filters, 0, 0):  # PR_SET_SECCOMP
        raise OSError(ctypes.get_errno(), "PR_SET_SECCOMP")


def find(path: str) -> Callable[..., Any]:
    """The function that `package.module:name` names."""
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)


def answer(call: dict[str, Any], report: io.FileIO, confine: Callable[[], None]) -> bytes:
    """What came of one call, as a line."""
    try:
        function = find(call["function"])
        confine()
        report.write(b"found\n")
        spent = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
        # A worker whose owner was killed in mid-call has nobody left to stop it.
        hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
        resource.setrlimit(resource.RLIMIT_CPU, (int(spent + call["seconds"]) + 1, hard))
        return json.dumps({"value": function(*call["args"])}).encode() + b"\n"
    except BaseException as error:  # what it judges may raise anything, SystemExit too
        try:
            message = str(error)[:2000]
        except BaseException:  # its own exception may be broken
            message = ""
        return json.dumps({"error": f"{type(error).__name__}: {message}"}).encode() + b"\n"


def main() -> None:
    report = io.FileIO(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)  # nothing printed in there can be taken for a report
    calls = os.fdopen(os.dup(0), "rb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    setup = json.loads(calls.readline())
    sys.path[:] = setup["path"]
    sys.argv = [""]
    # After the first import: some packages write a cache then, and nothing that was replied is in play yet.
    once = functools.lru_cache(maxsize=1)(lambda: confine(setup["memory"], setup["filter"]))
    for line in calls:
        report.write(answer(json.loads(line), report, once))


if __name__ == "__main__":
    main()
