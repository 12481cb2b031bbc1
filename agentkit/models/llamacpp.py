"""Any GGUF model, run by llama.cpp in this process."""

import asyncio
import os
import threading
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from agentkit.errors import ConfigurationError
from agentkit.models.gguf_header import taught_protocol, trained_context
from agentkit.models.llama_server import Generated, LlamaServer
from agentkit.models.local import LocalSession, Written
from agentkit.models.model import Message, Model, Sampling
from agentkit.models.slots import Slot, Slots
from agentkit.models.template import Template
from agentkit.models.transcript import Transcript


class LlamaCpp(Model):
    """A GGUF model, loaded. Make one with `load`."""

    def __init__(self, server: LlamaServer, *, name: str) -> None:
        self.name = name
        self.context = server.context
        self._server = server
        self._template = Template(server.apply_template)
        self._slots = Slots(server.parallel)
        # Also when nobody closes it: llama.cpp's threads must not outlive the interpreter.
        self._finalizer = weakref.finalize(self, server.close)

    @classmethod
    async def load(
        cls,
        path: str | os.PathLike[str],
        *,
        name: str | None = None,
        context: int = 8192,
        parallel: int = 2,
        threads: int | None = None,
    ) -> Self:
        """Load a GGUF file, off the event loop.

        Args:
            path: The file.
            name: As the catalog would find it again; the path by default.
            context: Tokens each run may have; no more than the model was trained for.
            parallel: Runs that can generate at the same time, each with a context of its own.
            threads: Threads that compute; one a physical core by default.

        Raises:
            ModelError: The file isn't there, isn't GGUF, is damaged, or doesn't fit into memory.
            ConfigurationError: A number is less than 1, or xllamacpp isn't installed.
        """
        threads = physical_cores() if threads is None else threads
        for option, value in {"context": context, "parallel": parallel, "threads": threads}.items():
            if value < 1:
                raise ConfigurationError(f"{option} is {value} but must be at least 1")
        file = Path(path)

        def open_model() -> Self:
            server = LlamaServer(
                file,
                context=min(context, trained_context(file) or context),
                parallel=parallel,
                threads=threads,
            )
            model = cls(server, name=name or str(path))
            model.place = file
            model.protocol = taught_protocol(file)
            model.taught = bool(model.protocol)
            return model

        return await asyncio.to_thread(open_model)

    def session(self, *, repeatable: bool = False) -> "LlamaSession":
        transcript = Transcript(self._server.tokenize, self._template)
        return LlamaSession(self, self._server, self._slots, transcript, repeatable=repeatable)

    async def aclose(self) -> None:
        await asyncio.to_thread(self._finalizer)


class LlamaSession(LocalSession[LlamaServer]):
    """One run's transcript, in a slot of llama.cpp's."""

    def _write(
        self,
        messages: Sequence[Message],
        prompt: tuple[int, ...],
        lark: str | None,
        sampling: Sampling,
        stop: threading.Event,
    ) -> Written | None:
        with self._slots.acquire(self, prompt) as slot:
            request = _request(prompt, sampling) | {"id_slot": slot.id}
            if lark:
                request["grammar"] = f"%llguidance {{}}\n{lark}"
            if self._repeatable and not self._transcript.begun:
                self._settle(self._transcript.before_last(messages), slot, stop)
            result = self._workers.complete(request, stop)
            if result.finish is None:
                return None
            tokens = self._tokens_of(result)
            slot.tokens = (*prompt, *tokens)
        return Written(
            text=result.text,
            tokens=tokens,
            generated=result.generated,
            cached=result.cached,
            ended=result.finish == "stop",
            logprobs=tuple(result.logprobs) if sampling.logprobs else (),
        )

    def _settle(self, prefix: tuple[int, ...], slot: Slot, stop: threading.Event) -> None:
        """Bring the slot to where it always is before a first last message, whatever it held.

        llama.cpp computes at least the last token of a prompt: it is computed twice unless all before it was there. Not
        more often: a model of a kind whose prefixes can't be reused computes everything anew each time.
        """
        if not prefix:
            return
        request = _request(prefix, Sampling(max_tokens=1)) | {"id_slot": slot.id, "n_predict": 0}
        if self._workers.complete(request, stop).cached < len(prefix) - 1:
            self._workers.complete(request, stop)
        slot.tokens = prefix

    def _tokens_of(self, result: Generated) -> tuple[int, ...]:
        """The tokens of a generation. Of a character spread over several, llama.cpp tells only the last."""
        tokens: list[int] = []
        for text, last in result.chunks:
            spread = () if text.isascii() else self._workers.tokenize(text, control=False)
            tokens += spread if spread[-1:] == (last,) else (last,)
        return tuple(tokens)


def _request(prompt: Sequence[int], sampling: Sampling) -> dict[str, Any]:
    """A request in llama.cpp's terms; above temperature 0 with its usual truncation of the distribution."""
    return {
        "prompt": list(prompt),
        "n_predict": sampling.max_tokens,
        "temperature": sampling.temperature,
        "top_k": 40,
        "top_p": 0.95,
        "min_p": 0.05,
        "seed": sampling.seed % 2**31,
        "cache_prompt": True,
        # Token ids come only along with probabilities. Those after sampling cost nothing; those before, which
        # are the model's own and so what a caller wants, a pass over the vocabulary.
        "n_probs": max(1, sampling.logprobs),
        "post_sampling_probs": sampling.logprobs == 0,
    }


def physical_cores() -> int:
    """Cores this process may use, not counting a core's second hardware thread: it slows matrix products."""
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set(range(os.cpu_count() or 1))
    cores: set[str] = set()
    for cpu in allowed:
        try:
            cores.add(Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list").read_text())
        except OSError:
            cores.add(str(cpu))
    return len(cores)
