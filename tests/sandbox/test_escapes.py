"""Ways out that the collection doesn't have. Each prints ESCAPED when it worked, and CONTAINED when it was refused."""

from typing import Any, Protocol

import pytest

HEAD = """
import os, sys
def attempt(action):
    try:
        got = action()
    except BaseException as error:
        print("CONTAINED", type(error).__name__)
    else:
        print("ESCAPED", got)
def refused(number):
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    def call(*arguments):
        got = libc.syscall(number, *arguments)
        if got == -1:
            raise OSError(ctypes.get_errno(), number)
        return got
    return call
"""

ESCAPES = {
    "write through /proc/self/root": """
attempt(lambda: open("/proc/self/root/tmp/agentkit-attack/PWNED", "w"))
attempt(lambda: os.open("/proc/self/cwd/../../tmp/agentkit-attack/PWNED", os.O_CREAT | os.O_WRONLY))
attempt(lambda: os.open("/proc/1/root/tmp/agentkit-attack/PWNED", os.O_CREAT | os.O_WRONLY))""",
    "write through a link that leaves the scratch folder": """
os.symlink("/tmp/agentkit-attack", "out")
attempt(lambda: open("out/PWNED", "w"))
attempt(lambda: open("out/secret.txt").read())
attempt(lambda: os.link("/tmp/agentkit-attack/secret.txt", "hard") or open("hard").read())
attempt(lambda: os.rename("/tmp/agentkit-attack/secret.txt", "mine"))
attempt(lambda: os.unlink("/tmp/agentkit-attack/secret.txt"))""",
    "a daemon that outlives its parent": """
def daemon():
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            import time
            time.sleep(3)
            open("/tmp/agentkit-attack/PWNED", "w")
    return "forked"
attempt(daemon)
attempt(lambda: os.setsid())
attempt(lambda: os.posix_spawn("/bin/sleep", ["sleep", "9"], {}))
attempt(lambda: os.execv("/bin/sleep", ["sleep", "9"]))
import _thread
attempt(lambda: _thread.start_new_thread(print, ()))
attempt(refused(435))""",
    "the parent's memory and limits": """
import resource
parent = os.getppid()
attempt(lambda: refused(101)(16, parent, 0, 0))
attempt(lambda: refused(310)(parent, 0, 0, 0, 0, 0))
attempt(lambda: refused(434)(parent, 0))
attempt(lambda: open(f"/proc/{parent}/mem", "rb"))
attempt(lambda: open(f"/proc/{parent}/environ", "rb").read())
attempt(lambda: os.listdir("/proc"))
attempt(lambda: resource.prlimit(parent, resource.RLIMIT_NOFILE, (5, 5)))
attempt(lambda: os.setpriority(os.PRIO_PROCESS, parent, 19))
attempt(lambda: os.sched_setaffinity(parent, [0]))""",
    "signals": """
import fcntl, signal
attempt(lambda: os.kill(os.getppid(), signal.SIGTERM))
attempt(lambda: os.kill(-1, signal.SIGTERM))
attempt(lambda: os.killpg(0, signal.SIGTERM))
r, w = os.pipe()
attempt(lambda: fcntl.fcntl(r, fcntl.F_SETOWN, os.getppid()))""",
    "the owner's rights on host files": """
attempt(lambda: os.chmod("/tmp/agentkit-attack", 0))
attempt(lambda: os.chown("/tmp/agentkit-attack", os.getuid(), os.getgid()))
attempt(lambda: os.utime("/tmp/agentkit-attack"))
attempt(lambda: os.setxattr("/tmp/agentkit-attack", "user.x", b"1"))
attempt(lambda: os.truncate("/tmp/agentkit-attack/secret.txt", 0))
attempt(lambda: os.mkdir("/tmp/agentkit-attack/PWNED"))
attempt(lambda: os.mkfifo("/tmp/agentkit-attack/PWNED"))""",
    "sockets": """
import socket
for family, kind in ((2, 1), (2, 2), (2, 3), (10, 1), (1, 1), (1, 2), (16, 3), (17, 3), (38, 5), (40, 1)):
    attempt(lambda: socket.socket(family, kind))
a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
attempt(lambda: a.connect("/tmp/agentkit-attack/u.sock"))
attempt(lambda: a.sendto(b"x", "/tmp/agentkit-attack/u.sock"))
attempt(lambda: a.sendmsg([b"x"], [], 0, "\\0agentkit-attack"))
attempt(lambda: a.bind("\\0agentkit-escape"))""",
    "memory that no limit counts": """
attempt(lambda: os.memfd_create("m"))
attempt(lambda: refused(29)(0, 1 << 30, 0o1600))
attempt(lambda: open("/dev/shm/PWNED", "w"))
attempt(lambda: os.open("/dev/mem", os.O_RDONLY))
import resource
attempt(lambda: resource.setrlimit(resource.RLIMIT_AS, (1 << 40, 1 << 40)))
attempt(lambda: bytearray(400 << 20))""",
    "other doors to the kernel": """
attempt(lambda: refused(425)(8, 0))
attempt(lambda: refused(323)(0))
attempt(lambda: refused(321)(0, 0, 0))
attempt(lambda: refused(298)(0, 0, -1, -1, 0))
attempt(lambda: refused(272)(0x10000000))
attempt(lambda: refused(308)(0, 0))
attempt(lambda: refused(165)(0, 0, 0, 0, 0))
attempt(lambda: refused(248)(0, 0, 0, 0, 0))
attempt(lambda: refused(304)(-100, 0, 0))
attempt(lambda: os.chroot("."))
attempt(lambda: refused(999)())""",
    "the calls of another architecture, which sandlock answers with death": """
print("CONTAINED or dead", flush=True)
attempt(lambda: refused(0x40000000 + 41)(2, 1, 0))""",
    "becoming root again": """
if os.getuid():
    attempt(lambda: os.setuid(0))
    attempt(lambda: os.setgroups([0]))
attempt(lambda: refused(126)(0, 0))
attempt(lambda: refused(157)(1, 0, 0, 0, 0))""",
    "private files": """
import glob
for pattern in ("/root/.*", "/root/*", "/home/*/.*", "/work/*", "/etc/shadow", "/etc/passwd", "/tmp/*", "/var/log/*",
                "/root/.ssh/*", "/dev/tty", "/sys/kernel/*", "/proc/self/environ", "/tmp/agentkit-attack/secret.txt"):
    for path in [pattern, *glob.glob(pattern)]:
        if os.path.isfile(path):
            attempt(lambda: open(path, "rb").read())
        elif not any(library.startswith(path + "/") for library in sys.path):
            attempt(lambda: "canary" in str(os.listdir(path)) and 1 / 0 or os.listdir(path) and 1 / 0)
attempt(lambda: open("/etc/passwd").read())""",
    "other people's packages": """
import glob
for folder in sys.path:
    for packages in glob.glob(f"{folder}/site-packages") + glob.glob("/usr/lib/python3/dist-packages"):
        attempt(lambda: os.listdir(packages)[0])
attempt(lambda: __import__("pip"))
attempt(lambda: __import__("agentkit"))""",
    "inherited files": """
for number in range(3, 64):
    try:
        os.lseek(number, 0, 0)
        attempt(lambda: os.read(number, 100) or 1 / 0)
    except OSError:
        pass
print("CONTAINED")""",
    "input": """
attempt(lambda: sys.stdin.read() or 1 / 0)
attempt(lambda: input())""",
}

LIMITED = {
    "many files": "for i in range(10**7): open(f'f{i}', 'w').close()",
    "many folders": """
import os
for i in range(10**7): os.mkdir(f'f{i}')""",
    "deep folders": """
import os
for i in range(10**7):
    os.mkdir('d' * 200)
    os.chdir('d' * 200)""",
    "many big files": """
for i in range(10**6):
    with open(f'f{i}', 'wb') as f:
        f.write(b'x' * 10**6)""",
    "folders nobody may list": """
import os
os.umask(0o777)
for i in range(10**7): os.mkdir(f'f{i}', 0o300)""",
    "no output and no end": """
import os
os.closerange(0, 64)
while True: pass""",
    "a flood on the report's pipe": """
import os
while True:
    for fd in range(3, 10):
        try: os.write(fd, b'x' * 65536)
        except OSError: pass""",
    "a last value that unfolds": """
a = [0] * 100
for i in range(8): a = [a] * 100
a""",
    "a value whose text never ends": """
class A:
    def __str__(self):
        while True: pass
A()""",
    "an error whose text never ends": """
class A:
    def __str__(self):
        while True: pass
raise ValueError(A())""",
    "signals that are ignored": """
import signal
for n in range(1, 65):
    try: signal.signal(n, signal.SIG_IGN)
    except (OSError, ValueError): pass
while True: pass""",
}

BROKEN = {
    "a forged report": """
import os
os.write(3, b'{"value": "forged", "error": null}')
os._exit(0)""",
    "a report that is no JSON": """
import os
os.write(3, b'\\xff{{{')
os._exit(0)""",
    "an unknown signal": """
import os
os.kill(os.getpid(), 40)""",
    "an odd exit code": """
import os
os._exit(255)""",
    "an error without text": """
class A(Exception):
    def __str__(self): return 5
raise A""",
    "an error with a long name": "raise type('E' * 10**6, (Exception,), {})('x' * 10**7)",
    "a value that isn't text": """
class A:
    def __str__(self): return 5
A()""",
    "lone surrogates": """
print('\\ud800')
'\\ud800'""",
    "broken output": """
import sys
sys.stdout = None
print(1)""",
    "no builtins": """
import builtins
builtins.str = builtins.len = None
1""",
}

SECONDS = 0.5
MEMORY_MB = 128


class _Host(Protocol):
    reached: list[str]
    before: dict[str, Any]

    def state(self) -> dict[str, Any]: ...


def run(attack: Any, identity: str, tier: str, programs: dict[str, str], *, seconds: float = SECONDS) -> dict[str, Any]:
    return attack(identity, tier, programs, seconds=seconds, memory_mb=MEMORY_MB, output_chars=4000, scratch_mb=4)


def test_no_way_out_of_a_native_tier(host: _Host, attack: Any, tier: str, identity: str) -> None:
    if tier == "monty":
        pytest.skip("Monty has none of the modules these need; the collection tries it")
    told = run(attack, identity, tier, {name: HEAD + code for name, code in ESCAPES.items()}, seconds=10)
    for name, outcome in told["outcomes"].items():
        assert outcome["error"] in ("", "Crash: the interpreter was ended by signal 31 (Bad system call)"), (
            name,
            outcome,
        )
        assert "ESCAPED" not in outcome["stdout"], (name, outcome["stdout"])
        assert "CONTAINED" in outcome["stdout"], (name, outcome)
    assert host.reached == []
    assert host.state() == host.before
    assert told["left"] == []


def test_what_grows_is_stopped(host: _Host, attack: Any, tier: str, identity: str) -> None:
    told = run(attack, identity, tier, LIMITED)
    for name, outcome in told["outcomes"].items():
        assert outcome.get("refused") or outcome["limit"] or outcome["error"], (name, outcome)
        assert outcome["seconds"] <= SECONDS + 1, name
        if tier != "monty" and name in ("many files", "many folders", "deep folders"):
            assert outcome["limit"] == "scratch", name
    assert told["peak_mb"] <= MEMORY_MB + 64
    assert told["own_peak_mb"] <= MEMORY_MB + 128
    assert set(told["left"]) <= ({"monty"} if tier == "monty" else set())
    assert told["scratch"] == []
    assert host.state() == host.before


def test_a_program_that_lies_about_its_end_harms_only_its_own_result(attack: Any, tier: str, identity: str) -> None:
    told = run(attack, identity, tier, BROKEN)
    for name, outcome in told["outcomes"].items():
        assert "\n" not in outcome["error"], name
        assert len(outcome["error"]) < 700, name
    assert told["complaints"] == ""
