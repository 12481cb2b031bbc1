"""A host worth attacking, the attacks, and a way to run programs as root and as nobody."""

import contextlib
import functools
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

import pydantic
from pydantic_monty._binary import find_monty_binary

import agentkit
import agentkit_tools
from agentkit.sandbox.native import reachable

HOST = Path("/tmp/agentkit-attack")
PORT = 22222
SECRET = "canary-4f1d"
NOBODY = 65534


IDENTITIES = ["root" if os.getuid() == 0 else "user", "nobody"]
TIERS = ["monty", "sandlock", "bubblewrap"]


RUNNER = Path(__file__).with_name("runner.py")


class Unavailable(Exception):
    """These attacks can't be made on this machine, or not as this user."""


class Host:
    """What the attacks would reach: a folder anyone may write to, sockets that answer, a secret in the environment."""

    def __init__(self) -> None:
        self.reached: list[str] = []
        self._sockets: list[socket.socket] = []
        HOST.mkdir(mode=0o777, exist_ok=True)
        HOST.chmod(0o777)
        (HOST / "secret.txt").write_text(SECRET)
        (HOST / "u.sock").unlink(missing_ok=True)
        self._listen(socket.AF_UNIX, socket.SOCK_STREAM, str(HOST / "u.sock"))
        (HOST / "u.sock").chmod(0o777)
        self._listen(socket.AF_UNIX, socket.SOCK_STREAM, "\0agentkit-attack")
        self._listen(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", PORT))
        self._listen(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", PORT))
        self.before = self.state()

    def _listen(self, family: int, kind: int, address: Any) -> None:
        server = socket.socket(family, kind)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(address)
        if kind == socket.SOCK_STREAM:
            server.listen()
        self._sockets.append(server)
        threading.Thread(target=self._answer, args=(server, kind, str(address)), daemon=True).start()

    def _answer(self, server: socket.socket, kind: int, address: str) -> None:
        while True:
            try:
                if kind == socket.SOCK_STREAM:
                    server.accept()[0].close()
                else:
                    server.recvfrom(1)
            except OSError:  # closed
                return
            self.reached.append(address)

    def state(self) -> dict[str, tuple[int, int, int, int]]:
        """Names, owners, modes and times in the folder, itself included."""
        stats = {path.name: path.lstat() for path in (HOST, *HOST.iterdir())}
        return {name: (s.st_mode, s.st_uid, s.st_size, s.st_mtime_ns) for name, s in stats.items()}

    def close(self) -> None:
        for server in self._sockets:
            server.shutdown(socket.SHUT_RDWR) if server.type == socket.SOCK_STREAM else None
            server.close()
        shutil.rmtree(HOST)


def attacks() -> dict[str, str]:
    """The project's collection: programs by name."""
    shared = os.environ.get("AGENTKIT_SHARED") or Path(__file__).parents[2] / "../shared"
    file = Path(shared) / "attacks.jsonl"
    if not file.exists():
        raise Unavailable(f"no {file}; AGENTKIT_SHARED may name the folder that holds attacks.jsonl")
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    return {line["name"]: line["code"] for line in lines}


def signs_of_escape() -> list[str]:
    """Text that only the host can have put into an output."""
    passwd = Path("/etc/passwd").read_text().splitlines()
    done = ["connected\n", "sent\n", "can signal parent", "10GB", "uid="]
    return [SECRET, "inherited secret", *done, *passwd[:3], os.environ["PATH"]]


@contextlib.contextmanager
def scratch() -> Generator[str]:
    """A folder that anyone may write to; not pytest's, which each session that starts makes private again."""
    with tempfile.TemporaryDirectory(prefix="agentkit-test-") as temporary:
        os.chmod(temporary, 0o777)
        yield temporary


def attempt(identity: str, job: Mapping[str, Any], temporary: str) -> dict[str, Any]:
    """Run a job of `runner.py` as a user, and tell what came of it.

    Raises:
        Unavailable: The user or the tier can't be had here.
    """
    done = _as(identity, ["-c", RUNNER.read_text()], json.dumps(job), temporary)
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    told: dict[str, Any] = json.loads(done.stdout)
    if "unavailable" in told:
        raise Unavailable(f"{job['tier']} can't be used here as {identity}: {told['unavailable']}")
    return told | {"complaints": done.stderr}


@functools.cache
def nobodys_python() -> str:
    """A Python of this version that any user may run; empty when there is none."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    for candidate in (os.path.realpath(sys.executable), f"/usr/bin/python{version}", f"/usr/local/bin/python{version}"):
        if os.path.exists(candidate) and _as_nobody([candidate, "-c", "pass"], "", {}).returncode == 0:
            return candidate
    return ""


def _as_nobody(command: list[str], text: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command,
            input=text,
            env=environment,
            text=True,
            capture_output=True,
            user=NOBODY,
            group=NOBODY,
            extra_groups=[],
            cwd="/",
            check=False,
        )
    except PermissionError as error:
        return subprocess.CompletedProcess(command, 126, "", str(error))


def _as(identity: str, arguments: list[str], text: str, temporary: str) -> subprocess.CompletedProcess[str]:
    packages = [str(Path(module.__file__ or "").parents[1]) for module in (agentkit, agentkit_tools, pydantic)]
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "PYTHONPATH": os.pathsep.join(packages),
        "PYTHONDONTWRITEBYTECODE": "1",
        "MONTY_BIN": find_monty_binary(),
        "TMPDIR": temporary,
        "AGENTKIT_CANARY": SECRET,
    }
    if identity != "nobody":
        return subprocess.run(
            [sys.executable, *arguments], input=text, env=environment, text=True, capture_output=True, check=False
        )
    if os.getuid() != 0:
        raise Unavailable("only root can become nobody; run as this user, the tests are unprivileged already")
    if not nobodys_python():
        raise Unavailable(f"no Python {sys.version_info.major}.{sys.version_info.minor} that any user may run")
    for package in packages:
        if not os.stat(package).st_mode & 0o001 or not reachable(package):
            raise Unavailable(f"{package} is private to root, so nobody can't import from it")
    return _as_nobody([nobodys_python(), *arguments], text, environment)
