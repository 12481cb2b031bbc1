"""The first thing that runs inside a native tier: gives up all it doesn't need, then runs the program.

This file is the `-c` source of the confined interpreter, so it imports nothing of agentkit. It reads one
JSON object from stdin, prints what the program prints to stdout, and reports on stderr's pipe: an empty
line when it is ready, and JSON when the program has ended.
"""

import ast
import ctypes
import io
import json
import os
import resource
import struct
import sys
import types
from typing import Any

PROGRAM = "<program>"
SPARE = 32 << 20
"""Address space held back so that a program that ran out of memory can still be reported."""


def give_up_privileges(libc: ctypes.CDLL, uid: int | None, keep_reading: bool) -> None:
    """Become `uid`, if one is given, and lose every capability.

    With `keep_reading`, CAP_DAC_READ_SEARCH stays: the interpreter lies in a folder that is private to
    root, and its modules are read as the program imports them. Which files can be opened at all is the
    business of Landlock, which knows no capabilities.
    """
    if keep_reading and libc.prctl(8, 1, 0, 0, 0):  # PR_SET_KEEPCAPS
        raise OSError(ctypes.get_errno(), "PR_SET_KEEPCAPS")
    if uid is not None:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    kept = 1 << 2 if keep_reading else 0
    header = ctypes.create_string_buffer(struct.pack("=Ii", 0x20080522, 0))
    sets = ctypes.create_string_buffer(struct.pack("=6I", kept, kept, 0, 0, 0, 0))
    if libc.capset(header, sets):
        raise OSError(ctypes.get_errno(), "capset")


def limit(kind: int, most: int, hard: int | None = None) -> None:
    """Lower a resource limit; one that is lower already stays."""
    ceiling = resource.getrlimit(kind)[1]
    values = [v if ceiling == resource.RLIM_INFINITY else min(v, ceiling) for v in (most, hard or most)]
    resource.setrlimit(kind, (values[0], values[1]))


def confine(setup: dict[str, Any]) -> None:
    """Limits, identity, and last the filter, after which there is no way back."""
    limit(resource.RLIMIT_AS, setup["memory"], setup["memory"] + SPARE)
    limit(resource.RLIMIT_CPU, setup["cpu"])
    limit(resource.RLIMIT_FSIZE, setup["file_size"])
    limit(resource.RLIMIT_NOFILE, 64)
    limit(resource.RLIMIT_NPROC, 1)
    for kind in ("CORE", "MEMLOCK", "MSGQUEUE"):
        limit(getattr(resource, f"RLIMIT_{kind}"), 0)
    libc = ctypes.CDLL(None, use_errno=True)
    give_up_privileges(libc, setup["uid"], setup["keep_reading"])
    if libc.prctl(1, 9, 0, 0, 0):  # PR_SET_PDEATHSIG, SIGKILL: it ends with the agent; changing the uid clears it
        raise OSError(ctypes.get_errno(), "PR_SET_PDEATHSIG")
    own = os.getpid()
    lines = [struct.pack("=HBBI", c, t, f, own if k == -1 else k) for c, t, f, k in setup["filter"]]
    source = ctypes.create_string_buffer(b"".join(lines))
    code = ctypes.create_string_buffer(struct.pack("@HxxxxxxQ", len(lines), ctypes.addressof(source)))
    if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, code, 0, 0):  # PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP
        raise OSError(ctypes.get_errno(), "PR_SET_SECCOMP")


def evaluate(code: str, inputs: dict[str, Any], most: int) -> str | None:
    """Run the program; the value of its last expression as `print` would show it."""
    tree = ast.parse(code, PROGRAM)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    scope = module.__dict__
    scope |= {"exit": sys.exit, "quit": sys.exit} | inputs
    exec(compile(tree, PROGRAM, "exec"), scope)
    if not isinstance(last, ast.Expr):
        return None
    value = eval(compile(ast.Expression(last.value), PROGRAM, "eval"), scope)
    return None if value is None else str(value)[: most + 1]


def describe(error: BaseException) -> dict[str, Any] | None:
    """The error as type, message and the program's own line; None for a plain exit."""
    if isinstance(error, SystemExit) and error.code in (None, 0):
        return None
    line = error.lineno if isinstance(error, SyntaxError) and error.filename == PROGRAM else None
    trace = error.__traceback__
    while trace is not None and not isinstance(error, SyntaxError):
        if trace.tb_frame.f_code.co_filename == PROGRAM:
            line = trace.tb_lineno
        trace = trace.tb_next
    try:
        message = error.msg if isinstance(error, SyntaxError) else str(error)
    except BaseException:  # the program's own exception may be broken
        message = ""
    return {"type": type(error).__name__, "message": message[:2000], "line": line}


def main() -> None:
    setup = json.loads(sys.stdin.buffer.read())
    report = os.dup(2)
    os.dup2(1, 2)
    stdout = io.TextIOWrapper(io.FileIO(1, "w", closefd=False), "utf-8", "backslashreplace", write_through=True)
    sys.stdout = sys.stderr = sys.__stdout__ = sys.__stderr__ = stdout
    sys.argv = [""]
    os.environ.clear()
    os.umask(0o022)
    if "random" in setup["code"]:
        import random

        random.seed(0)  # the same program gives the same result, as in Monty
    confine(setup)
    os.write(report, b"\n")  # from here on the time counts
    outcome: dict[str, Any] = {"value": None, "error": None}
    try:
        outcome["value"] = evaluate(setup["code"], setup["inputs"], setup["output_chars"])
        stdout.flush()
    except BaseException as error:
        ceiling = resource.getrlimit(resource.RLIMIT_AS)[1]
        resource.setrlimit(resource.RLIMIT_AS, (ceiling, ceiling))
        outcome["error"] = describe(error)
        stdout.flush()
    data = json.dumps(outcome).encode()
    while data:
        data = data[os.write(report, data) :]
    os._exit(0)


if __name__ == "__main__":
    main()
