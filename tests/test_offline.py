"""Nothing leaves the machine, unless an endpoint was named or a model is being pulled.

Python's own calls are watched with an audit hook. What native code does can't be: so the same runs once
more where there is no network at all, and the kernel has counted who looked for one.
"""

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from agentkit.models import catalog

ROOT = Path(__file__).parent.parent
DOCUMENTS = ROOT / "examples" / "quickstart" / "documents"
ISOLATED = (("unshare", "-rn"), ("unshare", "-n"))
"""A network of one's own with nothing in it: with a user namespace for anyone, without one for root."""
NETWORK = frozenset(
    "socket.connect socket.sendto socket.sendmsg socket.bind "
    "socket.getaddrinfo socket.gethostbyname socket.gethostbyaddr".split()
)
"""Audit events of whatever opens, or prepares to open, a connection."""

TOOLS = ("retrieval", "calculator", "python")
TASK = "How many litres of diesel does Generator 1 burn in 8 hours at full load?"
WHOLE_RUN = (
    {"tool": "retrieval", "arguments": {"query": "diesel that Generator 1 burns per hour at full load"}},
    {"tool": "calculator", "arguments": {"expression": "15 * 8"}},
    {"tool": "python", "arguments": {"code": "print(15 * 8)"}},
    {"answer": {"evidence": [1, 4], "text": "Generator 1 burns 120 litres of diesel in 8 hours at full load."}},
)


class Seen(NamedTuple):
    """What a job did."""

    outside: list[str]
    """Each address or name that Python asked for and that isn't this machine."""
    attempts: int
    """How often the kernel found no route; where there is a network, what other programs did counts too."""
    result: Any


# The jobs, each in a process of its own


def run_with_every_tool() -> dict[str, Any]:
    """What `agentkit ask` does with its three tools over documents; the decisions are scripted."""
    from agentkit import protocol
    from agentkit.cli import main
    from agentkit.tools import Example, load_tools

    example = Example(task="t", purpose="diesel per hour", arguments={}, result="r")
    [retrieval] = load_tools(["retrieval"])
    told = protocol.demonstrate(retrieval, example, plan=True)  # a plan as the protocol has it
    plan = next(message.content for message in told if message.role == "assistant")
    script = Path("script.txt")
    script.write_text("\n".join([plan, *map(protocol.compact, WHOLE_RUN)]), encoding="utf-8")
    trace = ("--trace", "trace.jsonl")
    code = main(["ask", TASK, "--docs", str(DOCUMENTS), "--model", f"scripted:{script}", "--quiet", *trace])
    events = [json.loads(line) for line in Path("trace.jsonl").read_text(encoding="utf-8").splitlines()]
    return {
        "code": code,
        "tools": [e["tool"] for e in events if e["event"] == "called"],
        "errors": [e["error"] for e in events if e["event"] == "observed" and e["error"]],
        "status": events[-1]["answer"]["status"],
        "text": events[-1]["answer"]["text"],
    }


def ingest_and_search() -> dict[str, Any]:
    """A corpus of documents that name addresses, read by every parser that could follow one."""
    from fpdf import FPDF

    from agentkit.cli import main

    stranger = "http://192.0.2.1/x"
    folder = Path("documents")
    folder.mkdir()
    page = f'<head><link rel=stylesheet href="{stranger}"></head><h1>Lamp</h1><img src="{stranger}"><p>It is green.'
    (folder / "a.html").write_text(page, encoding="utf-8")
    (folder / "b.csv").write_text(f"name,url\nArgos,{stranger}\n", encoding="utf-8")
    written = FPDF()
    written.add_page()
    written.set_font("Helvetica")
    written.write(text="The tank holds 900 litres.", link=stranger)
    written.output(str(folder / "c.pdf"))
    codes = [main(["ingest", "documents", "--corpus", "x", "--json"]), main(["search", "lamp", "--corpus", "x"])]
    return {"codes": codes, "documents": len(list(folder.iterdir()))}


def run_with_a_model() -> dict[str, Any]:
    """A model in this process decides for itself, over a corpus opened here."""
    from agentkit import Agent, Corpus, Embedder, Limits, load_model

    path = catalog.locate(catalog.EMBEDDER)
    assert path is not None

    async def run() -> dict[str, Any]:
        with Corpus.open(DOCUMENTS, embedder=Embedder.load(path)) as corpus:
            async with await load_model("smollm2-135m", parallel=1) as model:
                limits = Limits(steps=2, decision_tokens=24)
                agent = Agent[Any](model, tools=TOOLS, resources=[corpus], limits=limits)
                return {"generated": (await agent.arun(TASK)).usage.generated}

    return asyncio.run(run())


def import_everything() -> list[str]:
    """Every public name, with what it imports."""
    import agentkit

    return [name for name in agentkit.__all__ if getattr(agentkit, name) is not None]


def call_a_stranger() -> None:
    """What the other jobs must not do, to prove that it would be seen."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        # Looks for a route but sends nothing; the address is one set apart for documentation.
        _ = stranger.connect_ex(("192.0.2.1", 9))


JOBS = (run_with_every_tool, ingest_and_search, run_with_a_model, import_everything, call_a_stranger)


def main(job: str) -> None:
    """Do a job and print what was seen of it."""
    outside: list[str] = []

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if event in NETWORK and (where := stranger_in(event, arguments)):
            outside.append(f"{event} {where}")

    sys.addaudithook(watch)
    before = unrouted()
    result = next(function for function in JOBS if function.__name__ == job)()
    print(json.dumps(Seen(outside, unrouted() - before, result)))


def stranger_in(event: str, arguments: tuple[Any, ...]) -> str:
    """The host in an audit event's arguments that isn't this machine; empty if there is none."""
    if event.startswith("socket.get"):
        host: Any = arguments[0]
    else:
        own, address = arguments[0], arguments[1]
        if own.family not in (socket.AF_INET, socket.AF_INET6):
            return ""
        host = address[0] if address else None
    name = host.decode() if isinstance(host, bytes) else host
    if name in (None, "", "localhost"):
        return ""
    try:
        return "" if ip_address(name).is_loopback else name
    except ValueError:
        return str(name)


def unrouted() -> int:
    """How often a packet or a connection found no way out, in this network namespace, since it exists."""
    four, six = (
        [line.split() for line in file.read_text().splitlines()] if (file := Path(name)).exists() else []
        for name in ("/proc/self/net/snmp", "/proc/self/net/snmp6")
    )
    counters = [
        pair for names, values in zip(four[::2], four[1::2], strict=True) for pair in zip(names, values, strict=True)
    ]
    counters += [(name, value) for name, value in six]
    return sum(int(value) for name, value in counters if name in ("OutNoRoutes", "Ip6OutNoRoutes"))


# The tests


@pytest.fixture(scope="session")
def isolated() -> Sequence[str]:
    """What a command is begun with so that it has no network."""
    refusals: list[str] = []
    for command in ISOLATED:
        try:
            tried = subprocess.run([*command, "true"], capture_output=True, timeout=10, check=False, text=True)
        except OSError as error:
            refusals.append(f"{command[0]}: {error.strerror}")
            continue
        if tried.returncode == 0:
            return command
        refusals.append(tried.stderr.strip())
    pytest.skip(f"no network namespace can be had here: {'; '.join(dict.fromkeys(refusals))}")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """The user's models, and nothing else of the user's."""
    for name in ("smollm2-135m", catalog.EMBEDDER):
        if catalog.locate(name) is None:
            pytest.skip(f"{name} isn't on this machine: run `agentkit models pull {name}`")
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / "models").symlink_to(catalog.cache() / "models")
    # Libraries that report of themselves don't where CI is set, nor where this process has forbidden it to onnxruntime.
    kept = {k: value for k, value in os.environ.items() if not k.startswith(("AGENTKIT_", "HF_", "ORT_", "CI"))}
    return {**kept, "AGENTKIT_CACHE": str(cache), "HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path)}


def seen(job: Callable[[], Any], environment: dict[str, str], folder: Path, *, within: Sequence[str] = ()) -> Seen:
    """Do a job in a process of its own."""
    command = [*within, sys.executable, __file__, job.__name__]
    ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, timeout=120, check=False, text=True)
    assert ran.returncode == 0, ran.stderr
    return Seen(*json.loads(ran.stdout.splitlines()[-1]))


def expected(job: Callable[[], Any], result: Any) -> None:
    """That a job did what it is there for: one that broke off early would have called nobody either."""
    if job is run_with_every_tool:
        assert result["tools"] == list(TOOLS)
        assert result["errors"] == []
        assert (result["code"], result["status"]) == (0, "supported")
    elif job is ingest_and_search:
        assert result == {"codes": [0, 0], "documents": 3}
    elif job is run_with_a_model:
        assert result["generated"] > 0
    else:
        assert "Agent" in result


@pytest.mark.parametrize(
    "job",
    [
        import_everything,
        run_with_every_tool,
        ingest_and_search,
        pytest.param(run_with_a_model, marks=pytest.mark.model),
    ],
)
def test_python_asks_for_no_address_and_no_name(
    job: Callable[[], Any], environment: dict[str, str], tmp_path: Path
) -> None:
    done = seen(job, environment, tmp_path)
    assert done.outside == []
    expected(job, done.result)


@pytest.mark.parametrize(
    "job",
    [
        import_everything,
        run_with_every_tool,
        ingest_and_search,
        pytest.param(run_with_a_model, marks=pytest.mark.model),
    ],
)
def test_where_there_is_no_network_all_works_and_nothing_looks_for_one(
    job: Callable[[], Any], environment: dict[str, str], tmp_path: Path, isolated: Sequence[str]
) -> None:
    done = seen(job, environment, tmp_path, within=isolated)
    assert (done.outside, done.attempts) == ([], 0)
    expected(job, done.result)


def test_onnxruntime_makes_no_identity_of_the_machine_to_report_with(
    environment: dict[str, str], tmp_path: Path, isolated: Sequence[str]
) -> None:
    """It would report only seconds later, but for that writes who it is into the user's cache at once."""
    seen(ingest_and_search, environment, tmp_path, within=isolated)
    assert not [path for path in tmp_path.rglob("*") if "onnxruntime" in path.name]


def test_who_did_call_a_stranger_would_be_seen(environment: dict[str, str], tmp_path: Path) -> None:
    assert seen(call_a_stranger, environment, tmp_path).outside == ["socket.connect 192.0.2.1"]


def test_who_did_look_for_a_network_would_be_counted(
    environment: dict[str, str], tmp_path: Path, isolated: Sequence[str]
) -> None:
    assert seen(call_a_stranger, environment, tmp_path, within=isolated).attempts == 1


@pytest.mark.model
@pytest.mark.skipif(sys.platform != "linux", reason="lists this process's sockets in /proc")
@pytest.mark.parametrize("unix", [True, False], ids=["unix", "loopback"])
def test_what_a_loaded_model_listens_on_is_local_and_answers_401_without_the_key(
    unix: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if catalog.locate("smollm2-135m") is None:
        pytest.skip("no model on this machine: run `agentkit models pull smollm2-135m`")
    if not unix:  # a path too long for a Unix socket
        deep = tmp_path / ("x" * 120)
        deep.mkdir()
        monkeypatch.setattr("tempfile.tempdir", str(deep))
    before = set(listening())
    model = asyncio.run(catalog.load("smollm2-135m", context=512, parallel=1))
    try:
        opened = set(listening()) - before
        assert len(opened) == 1
        for address in opened:
            assert address.startswith("/" if unix else "127.0.0.1:")
            transport = httpx.HTTPTransport(uds=address if unix else None)
            with httpx.Client(transport=transport, base_url=f"http://{'localhost' if unix else address}") as client:
                for path in ("/completion", "/v1/chat/completions", "/tokenize", "/apply-template"):
                    body = {"prompt": "x", "content": "x", "messages": [{"role": "user", "content": "x"}]}
                    assert client.post(path, json=body).status_code == 401
                    assert client.post(path, json=body, headers={"Authorization": "Bearer x"}).status_code == 401
    finally:
        asyncio.run(model.aclose())
    assert set(listening()) <= before


def listening() -> Iterator[str]:
    """Addresses that this process takes connections at: `host:port`, or the path of a Unix socket."""
    links = (os.readlink(f"/proc/self/fd/{entry}") for entry in os.listdir("/proc/self/fd") if alive(entry))
    own = {link.removeprefix("socket:[").rstrip("]") for link in links if link.startswith("socket:[")}
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/self/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[9] in own and fields[3] == "0A":  # LISTEN
                host, port = fields[1].split(":")
                packed = b"".join(bytes.fromhex(host[i : i + 8])[::-1] for i in range(0, len(host), 8))
                yield f"{ip_address(packed)}:{int(port, 16)}"
    for line in Path("/proc/self/net/unix").read_text().splitlines()[1:]:
        fields = line.split(maxsplit=7)
        if fields[6] in own and fields[3] == "00010000" and len(fields) == 8:  # accepts connections, has a path
            yield fields[7]


def alive(descriptor: str) -> bool:
    """Whether a descriptor is still open: the one that listed the folder isn't."""
    return os.path.lexists(f"/proc/self/fd/{descriptor}")


if __name__ == "__main__":
    main(sys.argv[1])
