"""Any model of a Hugging Face folder, run by torch in this process, on a CPU or on CUDA."""

import asyncio
import codecs
import os
import random
import threading
import weakref
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, TypeVar

from agentkit.errors import ConfigurationError, ModelError
from agentkit.models.adapter import folder_protocol
from agentkit.models.choosing import Guide, Vocabulary, choose, logprob
from agentkit.models.local import LocalSession, Written
from agentkit.models.loops import circling
from agentkit.models.model import Message, Model, Sampling, TokenLogprob
from agentkit.models.network import CHUNK, Kept, Network, Stopped, Wanted
from agentkit.models.scheduler import Scheduler, Steps
from agentkit.models.slots import Slots
from agentkit.models.template import shared_prefix
from agentkit.models.tokenizer import HFTokenizer
from agentkit.models.transcript import Transcript

T = TypeVar("T")
_WORKER = "agentkit-torch"


class Transformers(Model):
    """A model of a Hugging Face folder, loaded. Make one with `load`.

    Up to `parallel` sessions generate at a time, and what they write is computed together, in left-padded batches.
    Computed one after the other are long prompts, and all of models that keep more of a transcript than keys and values
    or can't be told where a token stands; and so are repeatable sessions: what they write depends on nobody else, bit
    by bit.
    """

    def __init__(self, network: Network, tokenizer: HFTokenizer, *, name: str, context: int, parallel: int) -> None:
        self.name = name
        self.context = context
        self._engine = _Engine(network, tokenizer, context=context, parallel=parallel)
        # Also when nobody closes it: the thread must not outlive the interpreter.
        self._finalizer = weakref.finalize(self, self._engine.close)

    @classmethod
    async def load(
        cls,
        path: str | os.PathLike[str],
        *,
        name: str | None = None,
        context: int = 8192,
        parallel: int = 2,
        threads: int | None = None,
        device: str = "auto",
        dtype: str | None = None,
    ) -> Self:
        """Load a folder, off the event loop.

        Args:
            path: Has config.json, tokenizer.json and weights in safetensors.
            name: As the catalog would find it again; the path by default.
            context: Tokens each run may have; no more than the model was trained for.
            parallel: Sessions that can generate at the same time, and whose keys and values are kept; others wait, and
                compute their transcript anew.
            threads: CPU threads that compute, of the whole process; as torch is set by default.
            device: `cpu`, `cuda`, `cuda:1` …; `auto` takes CUDA where there is one.
            dtype: `float32`, `float16` or `bfloat16`; by default bfloat16 on CUDA and float32 on a CPU.

        Raises:
            MissingExtra: torch or transformers isn't installed.
            ConfigurationError: A number is less than 1, or the folder lacks a file.
            ModelError: The weights can't be loaded.
        """
        for option, value in {
            "context": context,
            "parallel": parallel,
            "threads": 1 if threads is None else threads,
        }.items():
            if value < 1:
                raise ConfigurationError(f"{option} is {value} but must be at least 1")
        folder = Path(path)

        def open_model() -> Self:
            tokenizer = HFTokenizer(folder)
            network = Network(folder, device=device, dtype=dtype, threads=threads)
            longest = min(context, network.trained or context)
            model = cls(network, tokenizer, name=name or str(path), context=longest, parallel=parallel)
            model.protocol = folder_protocol(folder)
            model.taught = bool(model.protocol)
            model.place = folder
            return model

        return await asyncio.to_thread(open_model)

    def session(self, *, repeatable: bool = False) -> "TransformersSession":
        engine = self._engine
        transcript = Transcript(engine.tokenizer.tokenize, engine.tokenizer.template)
        return TransformersSession(self, engine, engine.slots, transcript, repeatable=repeatable)

    async def aclose(self) -> None:
        await asyncio.to_thread(self._finalizer)


class _Engine:
    """What the sessions of a model share: the weights, the vocabulary, the threads, the kept transcripts."""

    def __init__(self, network: Network, tokenizer: HFTokenizer, *, context: int, parallel: int) -> None:
        self.network = network
        self.tokenizer = tokenizer
        self.context = context
        self.slots = Slots(parallel)
        self.kept: dict[int, Kept] = {}
        """By the slot's number."""
        self.vocabulary = Vocabulary(tokenizer)
        self.closing = threading.Event()
        self._control = frozenset(self.vocabulary.special_token_ids)
        self.scheduler = Scheduler(network, thread_name=f"{_WORKER}-computing")
        self._workers = ThreadPoolExecutor(max_workers=parallel, thread_name_prefix=_WORKER)

    def submit(self, job: Callable[[], T]) -> Future[T]:
        if self.closing.is_set():
            raise ModelError("the model is closed; load it again")
        return self._workers.submit(job)

    def spell(self, token: int) -> bytes:
        """The bytes of a token; none of one that the vocabulary lacks."""
        return self.vocabulary.tokens[token] if token < self.tokenizer.size else b""

    def written(self, token: int) -> bytes:
        """The bytes of a token as text: none of a control token."""
        return b"" if token in self._control else self.spell(token)

    def close(self) -> None:
        """Stop what runs, wait for it and let the weights go; may be called again."""
        self.closing.set()
        # The last reference to a model may be a finished job's: a worker can't wait for itself.
        wait = not threading.current_thread().name.startswith(_WORKER)
        self._workers.shutdown(wait=wait)
        self.scheduler.close(wait=wait)
        self.kept.clear()
        for name in ("network", "scheduler"):  # what has the weights
            self.__dict__.pop(name, None)


class TransformersSession(LocalSession[_Engine]):
    """One run's transcript, its keys and values kept in a slot."""

    def _write(
        self,
        messages: Sequence[Message],  # noqa: ARG002 (llama.cpp's needs them)
        prompt: tuple[int, ...],
        lark: str | None,
        sampling: Sampling,
        stop: threading.Event,
    ) -> Written | None:
        engine = self._workers
        guide = Guide(engine.vocabulary, lark) if lark else None
        with engine.slots.acquire(self, prompt) as slot:
            kept = engine.kept.setdefault(slot.id, engine.network.fresh())
            cached = self._reuse(kept, prompt)
            writing = _Writing(engine, kept, prompt, guide, sampling)

            def stopped() -> bool:
                return stop.is_set() or engine.closing.is_set()

            try:
                engine.scheduler.run(writing.write(), stopped=stopped, alone=self._repeatable)
            except Stopped:
                return None
            finally:
                slot.tokens = kept.tokens
        return Written(
            text=writing.text,
            tokens=tuple(writing.tokens),
            generated=len(writing.tokens) + writing.ended,  # the token that ends it counts, as in llama.cpp
            cached=cached,
            ended=writing.ended,
            logprobs=tuple(writing.logprobs),
        )

    def _reuse(self, kept: Kept, prompt: Sequence[int]) -> int:
        """Keep of a transcript what the prompt begins with; how many tokens that is.

        A repeatable session takes of others only whole chunks: their keys and values come out the same, bit by bit,
        whoever computes them.
        """
        shared = min(shared_prefix(kept.tokens, prompt), len(prompt) - 1)  # the last token's logits are needed
        if self._repeatable and not (kept.by and kept.by() is self):
            shared = min(shared // CHUNK * CHUNK, kept.whole)
        self._workers.network.cut(kept, shared)
        kept.by = weakref.ref(self)
        return len(kept.tokens)


@dataclass(eq=False)
class _Writing:
    """One generation."""

    engine: _Engine
    kept: Kept
    prompt: Sequence[int]
    guide: Guide | None
    sampling: Sampling
    tokens: list[int] = field(default_factory=list[int])
    logprobs: list[TokenLogprob] = field(default_factory=list[TokenLogprob])
    ended: bool = False
    """Whether it came to its end, and wasn't cut off."""

    def __post_init__(self) -> None:
        self._source = random.Random(self.sampling.seed)
        self._characters = codecs.getincrementaldecoder("utf-8")("replace")
        self.text = ""

    def write(self) -> Steps:
        """Write until the end, until there are `max_tokens`, or until it goes round in circles.

        What the grammar forces is taken without asking the model, and computed together with what follows it, or if
        nothing does, not at all: the next generation computes it as part of its prompt.
        """
        most = self.sampling.max_tokens
        unscored = 0
        while True:
            if self.guide:
                forced = self.guide.forced(most - len(self.tokens))
                self.tokens += forced
                unscored += len(forced)
                self.ended = self.guide.over
            if self.ended or len(self.tokens) == most or circling(self.tokens):
                break
            logits = yield self._wanted(len(self.tokens), unscored + 1)
            self._tell(logits, unscored)
            unscored = 0
            token = self._chosen(logits[-1])
            if token in self.engine.tokenizer.ends:
                self.ended = True
                return
            self.tokens.append(token)
            self._tell(logits[-1:], 1)
        if unscored and self.sampling.logprobs:
            self._tell((yield self._wanted(len(self.tokens) - 1, unscored)), unscored)
        elif unscored:
            self._tell((), unscored)

    def _wanted(self, written: int, rows: int) -> Wanted:
        """The logits after so many of its tokens and, where they are reported, after those before."""
        tokens = (*self.prompt, *self.tokens[:written])
        return Wanted(self.kept, tokens, rows if self.sampling.logprobs else 1)

    def _chosen(self, logits: Any) -> int:
        if self.guide:
            allowed = self.guide.allowed(self.engine.network.torch, len(logits)).to(logits.device)
            logits = logits.masked_fill(~allowed, float("-inf"))
        token = choose(logits, temperature=self.sampling.temperature, source=self._source)
        if self.guide and token not in self.engine.tokenizer.ends:
            self.guide.take(token)
        return token

    def _tell(self, logits: Sequence[Any], count: int) -> None:
        """Take in the text of the last tokens, and what the model thought of them."""
        for row, token in enumerate(self.tokens[len(self.tokens) - count :]):
            text = self._characters.decode(self.engine.written(token))
            self.text += text
            if self.sampling.logprobs:
                told = logprob(logits[row], token, text, self.sampling.logprobs, self._alternative)
                self.logprobs.append(told)

    def _alternative(self, token: int) -> str:
        return self.engine.spell(token).decode(errors="replace")
