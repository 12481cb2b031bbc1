"""A worker runs calls in a process of its own and survives whatever they do."""

import asyncio
import gc
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest

from agentkit.evaluate.scorers.worker import Worker, WorkerError, WorkerTimeout

linux = pytest.mark.skipif(sys.platform != "linux", reason="a worker is confined by means of Linux")


@pytest.fixture(scope="module")
def functions(tmp_path_factory: pytest.TempPathFactory):
    """A module of misbehaving functions on the path."""
    folder = tmp_path_factory.mktemp("functions")
    (folder / "judging.py").write_text(
        textwrap.dedent("""
        import os, socket, subprocess, sys, time
        state = []
        def add(a, b): return a + b
        def pid(): return os.getpid()
        def sleep(seconds): time.sleep(seconds)
        def spin():
            while True: pass
        def swell(): return len(bytearray(4 << 30))
        def leave(): os._exit(3)
        def plain_exit(): sys.exit(0)
        def unknown(): return {1, 2}
        def chatter(): print('{"value": 1}', flush=True); os.write(1, b'{"value": 2}\\n'); return 3
        def write(path): open(path, "w").write("x")
        def remove(path): os.remove(path)
        def connect(): socket.socket().connect(("127.0.0.1", 9))
        def start(): return subprocess.run(["true"]).returncode
        def stop(pid): os.kill(pid, 9)
        def secret(): return os.environ.get("SECRET")
        def forge():
            for fd in range(3, 20):
                try: os.write(fd, b"[1]\\n")
                except OSError: pass
            time.sleep(60)
        def flood():
            for fd in range(3, 20):
                try:
                    while True: os.write(fd, b"x" * 65536)
                except OSError: pass
        """)
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [str(folder), *sys.path])
        yield folder


@pytest.fixture
def worker(functions: Path):
    worker = Worker()
    yield worker
    worker.close()


def call(worker: Worker, function: str, *args: Any, seconds: float = 5.0) -> Any:
    return asyncio.run(worker.call(f"judging:{function}", *args, seconds=seconds))


def test_a_call_returns_what_the_function_returns(worker: Worker):
    assert call(worker, "add", [1, {"a": "ä"}], [None, 2.5]) == [1, {"a": "ä"}, None, 2.5]


def test_one_process_serves_all_calls_from_any_event_loop(worker: Worker):
    first = call(worker, "pid")
    assert first != os.getpid()
    assert call(worker, "pid") == first

    async def many() -> list[int]:
        return await asyncio.gather(*(worker.call("judging:pid") for _ in range(5)))

    assert set(asyncio.run(many())) == {first}


def test_waiting_for_another_call_is_not_a_calls_own_time(worker: Worker):
    call(worker, "pid")

    async def both() -> None:
        await asyncio.gather(*(worker.call("judging:sleep", 0.2, seconds=0.5) for _ in range(3)))

    asyncio.run(both())


def test_what_counts_is_the_time_that_a_call_computes(worker: Worker, monkeypatch: pytest.MonkeyPatch):
    call(worker, "sleep", 0.7, seconds=0.5)  # as if the machine had other work
    monkeypatch.setattr("agentkit.evaluate.scorers.worker.PATIENCE", 1000)
    with pytest.raises(WorkerTimeout, match=r"took longer than 0\.5 s"):
        call(worker, "spin", seconds=0.5)


@pytest.mark.parametrize("endless", ["spin", "forge"])
def test_a_call_that_does_not_end_is_killed_and_the_next_one_works(worker: Worker, endless: str):
    first = call(worker, "pid")
    with pytest.raises(WorkerError) as caught:
        call(worker, endless, seconds=0.3)
    if endless == "spin":
        assert isinstance(caught.value, WorkerTimeout)
        assert str(caught.value) == "judging:spin took longer than 0.3 s; its worker was ended"
    with pytest.raises(ProcessLookupError):
        os.kill(first, 0)
    assert call(worker, "add", 1, 1) == 2


@pytest.mark.parametrize(
    ("function", "says"),
    [
        ("leave", "exit code 3"),
        ("plain_exit", "SystemExit: 0"),
        ("unknown", "TypeError: Object of type set is not JSON serializable"),
        ("nowhere", "AttributeError"),
        ("flood", "more than 1048576 bytes"),
        pytest.param("swell", "MemoryError", marks=linux),
        pytest.param("connect", "PermissionError", marks=linux),
        pytest.param("start", "BlockingIOError", marks=linux),
    ],
)
def test_a_call_that_fails_says_how_and_the_next_one_works(worker: Worker, function: str, says: str):
    with pytest.raises(WorkerError, match=says):
        call(worker, function)
    assert call(worker, "add", "a", "b") == "ab"


def test_a_module_that_is_not_there_is_an_error_of_the_call(worker: Worker):
    with pytest.raises(WorkerError, match="nowhere:f failed in its worker: ModuleNotFoundError"):
        asyncio.run(worker.call("nowhere:f"))


def test_what_a_function_prints_is_not_taken_for_its_result(worker: Worker):
    assert call(worker, "chatter") == 3


def test_an_argument_larger_than_a_pipe_arrives(worker: Worker):
    assert call(worker, "add", "x" * 300_000, "y") == "x" * 300_000 + "y"


@linux
def test_no_file_can_be_changed_and_nobody_else_killed(worker: Worker, tmp_path: Path):
    file = tmp_path / "file"
    file.write_text("kept")
    for function, argument in [("write", file), ("write", tmp_path / "new"), ("remove", file), ("stop", os.getpid())]:
        with pytest.raises(WorkerError, match="PermissionError"):
            call(worker, function, argument if isinstance(argument, int) else str(argument))
    assert [f.read_text() for f in tmp_path.iterdir()] == ["kept"]


def test_the_environment_stays_out(worker: Worker, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SECRET", "key")
    assert call(worker, "secret") is None


def test_closing_ends_the_process_even_in_mid_call(worker: Worker):
    pid = call(worker, "pid")

    async def interrupted() -> None:
        running = asyncio.create_task(worker.call("judging:sleep", 30, seconds=60))
        await asyncio.sleep(0.2)
        await worker.aclose()
        with pytest.raises(WorkerError):
            await running

    asyncio.run(interrupted())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert call(worker, "add", 1, 2) == 3


def test_a_forgotten_worker_takes_its_process_with_it(functions: Path):
    worker = Worker()
    pid = call(worker, "pid")
    del worker
    deadline = time.monotonic() + 10
    while _runs(pid):  # the thread that called lets go of it a moment later
        assert time.monotonic() < deadline, "it still runs"
        gc.collect()
        time.sleep(0.01)


@linux
def test_a_worker_whose_owner_is_killed_in_mid_call_ends_too(functions: Path):
    owner = subprocess.Popen(
        [
            sys.executable,
            "-c",
            textwrap.dedent(f"""
            import asyncio, sys
            sys.path.insert(0, {str(functions)!r})
            from agentkit.evaluate.scorers.worker import Worker
            async def main():
                worker = Worker()
                print(await worker.call("judging:pid"), flush=True)
                await worker.call("judging:spin", seconds=0.2)
            asyncio.run(main())
            """),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert owner.stdout is not None
    pid = json.loads(owner.stdout.readline())
    time.sleep(0.2)
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    owner.stdout.close()
    deadline = time.monotonic() + 20
    while _runs(pid):
        assert time.monotonic() < deadline, "it still runs"
        time.sleep(0.1)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False
