"""The system calls a program may make, as a seccomp filter: what isn't listed fails.

Landlock and mount namespaces guard what a path names, not everything a system call can do: as the same
user a confined process could still chmod the host's files, renice the agent, change its limits, open a
vsock to the machine's host, or hold unbounded memory in memfds and shared segments. A list of what
CPython's standard library needs to compute closes these, and those that next year's kernel adds.
"""

import platform
from collections.abc import Iterable

# Numbers of x86_64 (arch/x86/entry/syscalls/syscall_64.tbl) and aarch64 (asm-generic/unistd.h).
_ALLOWED: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
    "read and write": (
        (0, 1, 8, 17, 18, 19, 20, 40, 295, 296, 326),
        (62, 63, 64, 65, 66, 67, 68, 69, 70, 71, 285),
    ),
    "open, close, stat, access, readlink": (
        (2, 3, 4, 5, 6, 21, 89, 257, 262, 267, 269, 332, 436, 439),
        (48, 56, 57, 78, 79, 80, 291, 436, 439),
    ),
    "folders, rename, unlink, symlink, truncate, sync, lock": (
        (73, 74, 75, 76, 77, 78, 79, 80, 81, 82, 84, 87, 88, 217, 263, 264, 266, 316),
        (17, 32, 35, 36, 38, 45, 46, 49, 50, 61, 82, 83, 276),
    ),
    "dup, pipe, poll, epoll, eventfd": (
        (7, 22, 23, 24, 32, 33, 213, 232, 233, 270, 271, 281, 290, 291, 292, 293, 441),
        (19, 20, 21, 22, 23, 24, 59, 72, 73, 124, 441),
    ),
    "memory": ((9, 10, 11, 12, 25, 28, 324), (214, 215, 216, 222, 226, 233, 283)),
    "signals to itself, futex": (
        (13, 14, 15, 127, 131, 158, 202, 218, 219, 273, 274, 334),
        (96, 98, 99, 100, 128, 132, 134, 135, 136, 139, 293),
    ),
    "time": (
        (34, 35, 36, 37, 38, 96, 100, 201, 228, 229, 230),
        (101, 102, 103, 113, 114, 115, 153, 169),
    ),
    "who and where am I": (
        (39, 63, 97, 98, 99, 102, 104, 107, 108, 110, 111, 115, 118, 120, 121, 124, 186, 204, 318),
        (123, 148, 150, 155, 156, 158, 160, 163, 165, 172, 173, 174, 175, 176, 177, 178, 179, 278),
    ),
    "its own socket pair (asyncio wakes itself through one)": (
        (45, 47, 48, 51, 52, 55),
        (204, 205, 207, 209, 210, 212),
    ),
    "wait, exit": ((60, 61, 231, 247), (93, 94, 95, 260)),
}
_NO_THREAD: tuple[tuple[int, ...], tuple[int, ...]] = ((56, 57, 58, 435), (220, 435))
"""clone, fork, vfork, clone3 fail with EAGAIN: CPython says "can't start new thread"."""

SELF = -1
"""In a rule, stands for the process's own id, known only inside."""

# (numbers, argument, "only" these values or all "but" these)
_RULES: tuple[tuple[tuple[int | None, int | None], int, bool, tuple[int, ...]], ...] = (
    ((83, None), 1, True, (0o777, 0o700)),  # mkdir: the scratch folder must stay listable from outside
    ((258, 34), 2, True, (0o777, 0o700)),  # mkdirat
    ((302, 261), 0, True, (0,)),  # prlimit64 of itself: else the agent's own limits could be changed
    ((62, 129), 0, True, (SELF,)),  # kill
    ((234, 131), 0, True, (SELF,)),  # tgkill: abort()
    ((53, 199), 0, True, (1,)),  # socketpair of AF_UNIX, which nothing outside can name
    ((44, 206), 4, True, (0,)),  # sendto, only on a connected socket: no address
    ((72, 25), 1, False, (8, 10, 15)),  # fcntl but F_SETOWN, F_SETSIG, F_SETOWN_EX: signals to others
    ((16, 29), 1, True, (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)),  # ioctl: is it a terminal, nonblocking
)
_MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}

_LOAD, _EQUAL, _GREATER_EQUAL, _RETURN = 0x20, 0x15, 0x35, 0x06
_KILL, _ALLOW, _ERRNO = 0x80000000, 0x7FFF0000, 0x00050000
_EPERM, _EAGAIN = 1, 11

Instruction = tuple[int, int, int, int]


def supported() -> bool:
    """Whether this machine's system call numbers are known."""
    return platform.machine() in _MACHINES


def program() -> list[Instruction]:
    """The filter as classic BPF: (code, jump if true, jump if false, k); a k of `SELF` is the process's own id."""
    column, audit_arch = _MACHINES[platform.machine()]
    lines: list[Instruction] = [
        (_LOAD, 0, 0, 4),  # seccomp_data.arch
        (_EQUAL, 1, 0, audit_arch),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, 0),  # seccomp_data.nr
        (_GREATER_EQUAL, 0, 1, 0x40000000),  # x32
        (_RETURN, 0, 0, _ERRNO | _EPERM),
    ]
    lines += _answer(_NO_THREAD[column], _ERRNO | _EAGAIN)
    for numbers in _ALLOWED.values():
        lines += _answer(numbers[column], _ALLOW)
    for numbers, argument, only, values in _RULES:
        number = numbers[column]
        if number is not None:
            check = _argument(argument, only, values)
            lines += [(_EQUAL, 0, len(check), number), *check]
    return [*lines, (_RETURN, 0, 0, _ERRNO | _EPERM)]


def _answer(numbers: Iterable[int], action: int) -> list[Instruction]:
    return [line for number in numbers for line in ((_EQUAL, 0, 1, number), (_RETURN, 0, 0, action))]


def _argument(index: int, only: bool, values: tuple[int, ...]) -> list[Instruction]:
    low = 16 + 8 * index
    listed, other = (_ALLOW, _ERRNO | _EPERM) if only else (_ERRNO | _EPERM, _ALLOW)
    lines: list[Instruction] = []
    if values == (0,):  # a pointer or an id that must be null: the upper half too
        lines += [(_LOAD, 0, 0, low + 4), (_EQUAL, 1, 0, 0), (_RETURN, 0, 0, other)]
    lines.append((_LOAD, 0, 0, low))
    lines += _answer(values, listed)
    return [*lines, (_RETURN, 0, 0, other)]
