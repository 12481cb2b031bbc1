"""llama.cpp in this process: the one place that touches xllamacpp, which is untyped.

xllamacpp generates in process but tokenizes and renders templates only over HTTP. Its HTTP server listens
on a Unix socket in a folder that only this user can enter, or where that can't be, on a loopback port;
either way it answers nobody without a key that never leaves this process.
"""

import math
import os
import re
import secrets
import shutil
import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, Protocol, TypeVar, cast

import httpx

from agentkit.errors import ConfigurationError, ModelError
from agentkit.models.decoy import decoy
from agentkit.models.loops import SPAN, circling
from agentkit.models.model import Message, TokenLogprob

T = TypeVar("T")

BATCH = 128
"""Prompt tokens computed at a time: a prompt being read can be cancelled only between batches, and other
runs wait that long for their next token. On two busy cores no other size measured reliably faster
(tests/benchmarks/bench_llamacpp.py)."""

_TAG = re.compile(r"<[^<>]+>|\[[^\[\]]+\]")
_WORKER = "agentkit-llama"
FIELDS: Mapping[str, Any] = MappingProxyType(
    {
        "n_batch": BATCH,
        "n_ubatch": BATCH,
        "kv_unified": False,  # else the runs compete for one context
        "cache_ram_mib": 0,  # slots are chosen by `Slots`; llama.cpp's own cache of prompts would be in the way
        "fit_params": False,
        "use_jinja": True,
        "verbosity": -1,
        "ui": False,
        "endpoint_slots": False,
        "endpoint_props": False,
        "endpoint_metrics": False,
    }
)
"""How llama.cpp is set whatever the model, as fields of xllamacpp's CommonParams."""
_UNIX_PATH = 100
"""Longest path of a Unix socket that every system takes."""
_masked = threading.Event()
"""Whether llama.cpp has masked by a grammar in this process, whatever the model: see `_forget_vocabulary`."""


class _Llama(Protocol):
    listening_address: str

    def handle_completions(self, request: dict[str, Any], callback: Callable[[dict[str, Any]], bool]) -> object: ...


@dataclass
class Generated:
    """What one request to llama.cpp gave, filled in while it runs."""

    text: str = ""
    chunks: list[tuple[str, int]] = field(default_factory=list[tuple[str, int]])
    """The pieces of the text as they came, each with its last token: a character may take several."""
    logprobs: list[TokenLogprob] = field(default_factory=list[TokenLogprob])
    finish: Literal["stop", "length"] | None = None
    read: int = 0
    """Prompt tokens computed or reused so far."""
    cached: int = 0
    generated: int = 0
    decode: float = 0.0
    """Tokens written a second."""
    prefill: float = 0.0
    """Prompt tokens computed a second."""
    error: str = ""

    def take(self, chunk: dict[str, Any]) -> None:
        """Take in one chunk of the stream."""
        if "error" in chunk:
            self.error = str(chunk["error"].get("message", chunk["error"]))
            return
        if progress := chunk.get("prompt_progress"):
            self.read = int(progress["processed"])
            self.cached = int(progress.get("cache", 0))
        choice = chunk["choices"][0]
        text = str(choice["text"])
        self.text += text
        reported: list[dict[str, Any]] = choice["logprobs"]["content"] if choice.get("logprobs") else []
        for token in reported:
            if text:  # the token that ends a generation has none
                self.chunks.append((text, int(token["id"])))
                self.logprobs.append(_logprob(text, token))
        if choice.get("finish_reason"):
            self.finish = "length" if choice["finish_reason"] == "length" else "stop"
            timings = chunk["timings"]
            self.cached = int(timings["cache_n"])
            self.decode, self.prefill = float(timings["predicted_per_second"]), float(timings["prompt_per_second"])
            self.generated = int(chunk["usage"]["completion_tokens"])
        elif circling([token for _, token in self.chunks[-SPAN:]]):
            self.finish = "length"
            self.generated = len(self.chunks)


def _logprob(text: str, token: dict[str, Any]) -> TokenLogprob:
    """From llama.cpp's notation; with `post_sampling_probs` it reports probabilities instead."""
    if "logprob" not in token:
        return TokenLogprob(token=text, logprob=math.log(max(float(token["prob"]), sys.float_info.min)))
    alternatives = tuple(
        (bytes(other["bytes"]).decode(errors="replace"), float(other["logprob"])) for other in token["top_logprobs"]
    )
    return TokenLogprob(token=text, logprob=float(token["logprob"]), alternatives=alternatives)


class LlamaServer:
    """A loaded model with `parallel` slots, each of which keeps one transcript's keys and values."""

    def __init__(
        self, path: Path, *, context: int, parallel: int, threads: int, tuning: Mapping[str, Any] | None = None
    ) -> None:
        """Load the file; `tuning` sets further fields of xllamacpp's CommonParams, for measurements."""
        self.parallel = parallel
        self._closing = threading.Event()
        self._workers = ThreadPoolExecutor(max_workers=parallel, thread_name_prefix=_WORKER)
        self.folder = Path(tempfile.mkdtemp(prefix="agentkit-"))
        self.socket = _unix_socket(self.folder / "llama.sock")
        key = secrets.token_urlsafe(32)
        fields = {
            "n_ctx": context * parallel,  # llama.cpp divides it among the slots
            "n_parallel": parallel,
            "hostnames": [str(self.socket or "127.0.0.1")],
            "api_keys": [key],
            "n_threads_http": parallel + 1,
            **(tuning or {}),
        }
        try:
            self._llama: _Llama | None = _load(path, threads=threads, fields=fields)
            if _masked.is_set():
                _forget_vocabulary(self.folder)
            self.url = "http://localhost" if self.socket else self._llama.listening_address
            self._http = httpx.Client(
                transport=httpx.HTTPTransport(
                    uds=str(self.socket) if self.socket else None,
                    # The server hangs up on idle connections whenever it likes.
                    limits=httpx.Limits(max_keepalive_connections=0),
                ),
                base_url=self.url,
                headers={"Authorization": f"Bearer {key}"},
                timeout=60.0,
            )
            self.context = int(self._ask("GET", "/v1/models")["data"][0]["meta"]["n_ctx"])
        except BaseException:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise
        self.tokenize = lru_cache(maxsize=2048)(self._tokenize)

    def submit(self, job: Callable[[], T]) -> Future[T]:
        """Run a job in a worker; at most one a slot runs at a time, the others wait."""
        if self._closing.is_set():
            raise ModelError("the model is closed; load it again")
        return self._workers.submit(job)

    def complete(self, request: dict[str, Any], stop: threading.Event) -> Generated:
        """Generate until the end, or until `stop` is set or the server closes: `finish` is None then.

        A model that goes round in circles is cut off, if the request asks for its tokens (`n_probs`).

        Raises:
            ModelError: llama.cpp refused the request.
        """
        result = Generated()
        failures: list[Exception] = []

        def on_chunk(chunk: dict[str, Any]) -> bool:
            try:
                result.take(chunk)
            except Exception as error:  # raised below: llama.cpp would swallow it
                failures.append(error)
            return bool(failures or result.finish) or stop.is_set() or self._closing.is_set()

        if self._llama is None or stop.is_set() or self._closing.is_set():
            return result
        if "grammar" in request:
            _masked.set()
        self._llama.handle_completions({**request, "stream": True, "return_progress": True}, on_chunk)
        if failures:
            raise ModelError(f"llama.cpp answered in a way not understood: {failures[0]!r}") from failures[0]
        if result.error:
            raise ModelError(f"llama.cpp refused the request: {result.error}")
        return result

    def apply_template(self, messages: Sequence[Message]) -> str:
        """Render messages with the model's own chat template (ChatML if it has none), to be continued.

        Raises:
            ModelError: The template doesn't take these messages.
        """
        body = {
            "messages": [message.model_dump() for message in messages],
            "chat_template_kwargs": {"enable_thinking": False},
        }
        return str(self._ask("POST", "/apply-template", body)["prompt"])

    def _tokenize(self, text: str, *, control: bool, first: bool = False) -> tuple[int, ...]:
        """Token ids of a text; only control text may give control tokens, the first piece what opens a text."""
        body = {"content": text, "parse_special": control, "add_special": first, "with_pieces": not control}
        answer = self._ask("POST", "/tokenize", body)["tokens"]
        if control:
            return tuple(answer)
        # Some vocabularies have tags, <tool_call> say, that llama.cpp doesn't count among the control tokens.
        pieces = [token["piece"] for token in answer]
        tags = {piece for piece in pieces if isinstance(piece, str) and _TAG.fullmatch(piece)}
        if tags:
            inside = "|".join(f"(?<={re.escape(tag[0])})(?={re.escape(tag[1:])})" for tag in tags)
            answer = self._ask("POST", "/tokenize", body | {"content": re.split(inside, text)})["tokens"]
        return tuple(token["id"] for token in answer)

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        try:
            response = self._http.request(method, path, json=body)
        except (httpx.HTTPError, RuntimeError) as error:  # RuntimeError: the client is closed
            raise ModelError(f"llama.cpp doesn't answer at {path}: {error}; load the model again") from error
        answer = cast(dict[str, Any], response.json())
        if response.is_error:
            message = " ".join(str(answer.get("error", {}).get("message", answer)).split())
            raise ModelError(f"llama.cpp refused {path}: {message}")
        return answer

    def close(self) -> None:
        """Stop what runs, wait for it and free the model; may be called again."""
        self._closing.set()
        # The last reference to a model may be a finished job's: a worker can't wait for itself.
        self._workers.shutdown(wait=not threading.current_thread().name.startswith(_WORKER))
        self._http.close()
        self._llama = None
        shutil.rmtree(self.folder, ignore_errors=True)


def _unix_socket(address: Path) -> Path | None:
    """The address; None where there can be no socket."""
    return address if hasattr(socket, "AF_UNIX") and len(bytes(address)) <= _UNIX_PATH else None


def _load(path: Path, *, threads: int, fields: Mapping[str, Any]) -> _Llama:
    xllamacpp = load_library()
    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    for name, value in {**FIELDS, **fields}.items():
        setattr(params, name, value)
    try:
        return xllamacpp.Server(params)
    except RuntimeError as error:
        raise ModelError(
            f"{path} can't be loaded: it is cut off or damaged, of an architecture that this llama.cpp doesn't know, "
            f"or too large for the memory with {fields['n_ctx']} tokens of context in all; "
            "fetch it again, or load it with a smaller context"
        ) from error


def _forget_vocabulary(folder: Path) -> None:
    """Have llama.cpp forget whose vocabulary it masked last; to be called when a model has been loaded.

    For grammars it keeps the vocabulary of the model that had the last one, known only by its place in memory, and
    longer than the model lives (llama_sampler_llg_new_tokenizer in common/llguidance.cpp). A model that comes to
    lie in the same place is masked by the other's vocabulary, or where their sizes differ, an assertion aborts the
    process: two tiny ones, loaded by turns, met it after 7 to 50 loads, after 2 to 7 where MALLOC_ARENA_MAX is 1.

    So one more model is loaded, which lies elsewhere than the one there is now, and has the last grammar before
    that. It may lie where the one that is gone did, too: what it gets is no grammar, and nothing is asserted then.
    """
    path = folder / "decoy.gguf"
    path.write_bytes(decoy())
    fields = {
        "n_ctx": 256,
        "n_parallel": 1,
        "hostnames": [str(_unix_socket(folder / "decoy.sock") or "127.0.0.1")],
        "api_keys": [secrets.token_urlsafe(32)],
        "n_threads_http": 1,
        "warmup": False,
    }
    request = {"prompt": [1], "n_predict": 1, "stream": True, "grammar": "%llguidance {}\nno grammar"}
    _load(path, threads=1, fields=fields).handle_completions(request, lambda _: False)


def load_library() -> Any:
    """xllamacpp, with its OpenMP threads told to wait awake for a short while only, then to sleep.

    By default they spin so long that on cores which something else wants too, a model all but stops. Sleeping
    at once costs as much when nothing does. Tokens a second written by the 135M with two threads on two
    cores, nothing else running / four busy processes beside it (GOMP_SPINCOUNT): 300000, its
    default, 115-142 / 5-11, passive 45-56, 300 124 / 13-27, 1000 132 / 7-31, 3000 132 / 19-36;
    a single thread 124 / 44-47.

    OpenMP reads this once, when it is first loaded. Whoever sets OMP_WAIT_POLICY or GOMP_SPINCOUNT is obeyed.
    """
    own = {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"}.isdisjoint(os.environ)
    if own:
        os.environ["GOMP_SPINCOUNT"] = "3000"
    try:
        import xllamacpp
    except ImportError as error:
        raise ConfigurationError("running GGUF models needs xllamacpp: pip install xllamacpp") from error
    finally:
        if own:
            del os.environ["GOMP_SPINCOUNT"]
    return cast(Any, xllamacpp)
