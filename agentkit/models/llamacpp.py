"""Any GGUF model, run by llama.cpp in this process."""

import asyncio
import os
import threading
import time
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Self

from agentkit.answer import Usage
from agentkit.errors import ConfigurationError, ContextOverflow, ModelError
from agentkit.models.gguf_header import taught_protocol, trained_context
from agentkit.models.grammar import admits, compile_grammar
from agentkit.models.llama_server import Generated, LlamaServer
from agentkit.models.model import Completion, Grammar, Message, Model, Sampling, Session
from agentkit.models.slots import Slot, Slots
from agentkit.models.template import Template
from agentkit.models.transcript import Transcript
from agentkit.models.worker import finished


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
            model.protocol = taught_protocol(file)
            model.taught = bool(model.protocol)
            return model

        return await asyncio.to_thread(open_model)

    def session(self, *, repeatable: bool = False) -> "LlamaSession":
        return LlamaSession(self, self._server, self._template, self._slots, repeatable=repeatable)

    async def aclose(self) -> None:
        await asyncio.to_thread(self._finalizer)


class LlamaSession(Session):
    """One run's transcript, token by token."""

    def __init__(
        self, model: LlamaCpp, server: LlamaServer, template: Template, slots: Slots, *, repeatable: bool = False
    ) -> None:
        self._model = model  # keeps it from being finalized
        self._server = server
        self._transcript = Transcript(server.tokenize, template)
        self._slots = slots
        self._repeatable = repeatable
        self._turn = asyncio.Lock()

    async def generate(
        self,
        messages: Sequence[Message],
        *,
        grammar: Grammar | None = None,
        sampling: Sampling = Sampling(),
    ) -> Completion:
        async with self._turn:
            stop = threading.Event()
            job = self._server.submit(lambda: self._generate(tuple(messages), grammar, sampling, stop))
            return await finished(job, stop)

    def prompt(self, messages: Sequence[Message]) -> tuple[int, ...]:
        """The tokens that the model would be given for these messages."""
        return self._transcript.prompt(messages)

    async def aclose(self) -> None:
        self._slots.release(self)

    def _generate(
        self, messages: Sequence[Message], grammar: Grammar | None, sampling: Sampling, stop: threading.Event
    ) -> Completion:
        """Generate, in a worker thread."""
        start = time.monotonic()
        lark = compile_grammar(grammar) if grammar else None
        prompt = self._transcript.prompt(messages)
        if len(prompt) + sampling.max_tokens > self._server.context:
            raise ContextOverflow(needed=len(prompt) + sampling.max_tokens, context=self._server.context)
        with self._slots.acquire(self, prompt) as slot:
            request = _request(prompt, sampling) | {"id_slot": slot.id}
            if lark:
                request["grammar"] = f"%llguidance {{}}\n{lark}"
            if self._repeatable and not self._transcript.begun:
                self._settle(self._transcript.before_last(messages), slot, stop)
            result = self._server.complete(request, stop)
            if result.finish is None:
                raise ModelError(f"{self._model.name} was closed while it was generating; load it again")
            tokens = self._tokens_of(result)
            slot.tokens = (*prompt, *tokens)
        self._transcript.wrote(messages, result.text, tokens)
        return Completion(
            text=result.text,
            finish=_finish(result, grammar),
            usage=Usage(
                prompt=len(prompt),
                cached=result.cached,
                generated=result.generated,
                seconds=time.monotonic() - start,
            ),
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
        if self._server.complete(request, stop).cached < len(prefix) - 1:
            self._server.complete(request, stop)
        slot.tokens = prefix

    def _tokens_of(self, result: Generated) -> tuple[int, ...]:
        """The tokens of a generation. Of a character spread over several, llama.cpp tells only the last."""
        tokens: list[int] = []
        for text, last in result.chunks:
            spread = () if text.isascii() else self._server.tokenize(text, control=False)
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


def _finish(result: Generated, grammar: Grammar | None) -> Literal["stop", "length"]:
    """How a generation ended: one that is complete as its last token is spent isn't cut off."""
    complete = grammar is not None and admits(grammar, result.text)
    if grammar is not None and result.finish == "stop" and not complete:
        raise ModelError(f"llama.cpp left the grammar and wrote {result.text[:200]!r}; please report the schema")
    return "stop" if complete or result.finish == "stop" else "length"


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
