"""What sessions of models in this process have in common: the transcript, the turn, the worker, the completion."""

import asyncio
import threading
import time
from abc import abstractmethod
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from agentkit.answer import Usage
from agentkit.errors import ContextOverflow, ModelError
from agentkit.models.grammar import admits, compile_grammar
from agentkit.models.model import Completion, Grammar, Message, Model, Sampling, Session, TokenLogprob, confidence
from agentkit.models.slots import Slots
from agentkit.models.transcript import Transcript
from agentkit.models.worker import finished


class Workers(Protocol):
    """Where generations run, one a thread."""

    context: int

    def submit(self, job: Callable[[], Completion], /) -> Future[Completion]:
        """Run a job in a worker."""
        ...


W = TypeVar("W", bound=Workers)


@dataclass(frozen=True)
class Written:
    """What an engine wrote."""

    text: str
    tokens: tuple[int, ...]
    generated: int
    """Tokens, the one that ends it included."""
    cached: int
    """Of the prompt, reused."""
    ended: bool
    """Whether it came to its end, and wasn't cut off."""
    logprobs: tuple[TokenLogprob, ...] = ()


class LocalSession(Session, Generic[W]):
    """One run's transcript, token by token."""

    def __init__(self, model: Model, workers: W, slots: Slots, transcript: Transcript, *, repeatable: bool) -> None:
        self._model = model  # keeps it from being finalized
        self._workers = workers
        self._slots = slots
        self._transcript = transcript
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
            job = self._workers.submit(lambda: self._generate(tuple(messages), grammar, sampling, stop))
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
        if len(prompt) + sampling.max_tokens > self._workers.context:
            raise ContextOverflow(needed=len(prompt) + sampling.max_tokens, context=self._workers.context)
        written = self._write(messages, prompt, lark, sampling, stop)
        if written is None:  # or nobody waits for this any more
            raise ModelError(f"{self._model.name} was closed while it was generating; load it again")
        self._transcript.wrote(messages, written.text, written.tokens)
        return Completion(
            text=written.text,
            # One that is complete as its last token is spent isn't cut off.
            finish="stop" if complete(written, grammar) or written.ended else "length",
            usage=Usage(
                prompt=len(prompt),
                cached=written.cached,
                generated=written.generated,
                seconds=time.monotonic() - start,
            ),
            logprobs=written.logprobs,
            confidence=confidence(written.logprobs),
        )

    @abstractmethod
    def _write(
        self,
        messages: Sequence[Message],
        prompt: tuple[int, ...],
        lark: str | None,
        sampling: Sampling,
        stop: threading.Event,
    ) -> Written | None:
        """Go on from the prompt, which is that of the messages; None if it was stopped."""


def complete(written: Written, grammar: Grammar | None) -> bool:
    """Whether it is all that the grammar wants.

    Raises:
        ModelError: It came to its end and isn't: the engine left the grammar.
    """
    whole = grammar is not None and admits(grammar, written.text)
    if grammar is not None and written.ended and not whole:
        raise ModelError(f"the engine left the grammar and wrote {written.text[:200]!r}; please report the schema")
    return whole
