"""The interface that every engine offers."""

import json
import math
import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from pydantic import BaseModel, Field

from agentkit.answer import Usage
from agentkit.models.identity import weights_hash

Role = Literal["system", "user", "assistant"]


class Message(BaseModel, frozen=True):
    """One turn of a transcript. The content is data: control tokens spelled in it stay text."""

    role: Role
    content: str


class Grammar(BaseModel, frozen=True):
    """What a generation may be: a JSON value of this schema, without white space between tokens."""

    json_schema: dict[str, Any]

    @property
    def lark(self) -> str:
        """The same language in llguidance's Lark notation, for local engines."""
        options = {"x-guidance": {"whitespace_flexible": False}}
        return f"start: %json {json.dumps({**self.json_schema, **options})}"


class Sampling(BaseModel, frozen=True):
    """How tokens are chosen."""

    max_tokens: int = Field(default=256, ge=1)
    temperature: float = Field(default=0.0, ge=0)
    """0 is greedy."""
    seed: int = 0
    logprobs: int = Field(default=0, ge=0)
    """How many alternatives to report for each token; 0 reports none."""


class TokenLogprob(BaseModel, frozen=True):
    """A generated token with its log-probability (natural) and the likeliest alternatives."""

    token: str
    logprob: float
    alternatives: tuple[tuple[str, float], ...] = ()


class Completion(BaseModel, frozen=True):
    """What one generation gave."""

    text: str
    finish: Literal["stop", "length"]
    """`length`: cut off at `max_tokens`, or as it went round in circles."""
    usage: Usage = Usage()
    logprobs: tuple[TokenLogprob, ...] = ()
    confidence: float | None = None
    """The geometric mean of its tokens' probabilities, from 0 to 1; None where they weren't asked for or told."""


def confidence(logprobs: Sequence[TokenLogprob]) -> float | None:
    """The geometric mean of some tokens' probabilities; None of no tokens."""
    if not logprobs:
        return None
    return math.exp(sum(min(token.logprob, 0.0) for token in logprobs) / len(logprobs))


def overall(completions: Sequence[Completion]) -> float | None:
    """The geometric mean over the tokens of several completions; None where one of them doesn't tell."""
    told = [(c.confidence, max(1, c.usage.generated)) for c in completions if c.confidence is not None]
    if not told or len(told) < len(completions):
        return None
    logs = sum(math.log(max(sure, sys.float_info.min)) * tokens for sure, tokens in told)
    return math.exp(logs / sum(tokens for _, tokens in told))


class Session(ABC):
    """One run's conversation with a model: isolated from other sessions, keeps what it has computed.

    The transcript only grows: each call's messages start with the last call's, and the engine reuses
    the keys and values of everything it has seen. Cancelling the awaiting task stops the generation.
    """

    @abstractmethod
    async def generate(
        self,
        messages: Sequence[Message],
        *,
        grammar: Grammar | None = None,
        sampling: Sampling = Sampling(),
    ) -> Completion:
        """Write the next assistant message.

        Raises:
            ContextOverflow: The messages and `max_tokens` don't fit the context window.
            GrammarError: The grammar doesn't compile.
            ModelError: The engine failed.
        """

    async def aclose(self) -> None:
        """Give back what the session holds."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


class Model(ABC):
    """A language model, loaded and ready."""

    name: str
    """As the catalog would find it again."""
    protocol: str = ""
    """Fingerprint of the protocol that it was taught; empty if it was taught none."""
    context: int | None = None
    """Tokens a transcript may have, the generated ones included; None if the engine doesn't say."""
    taught: bool = False
    """It was taught the protocol, so it needs no worked examples."""
    place: Path | None = None
    """The GGUF file or the folder that it was loaded from; None if it runs elsewhere, or is no network."""

    @cached_property
    def weights(self) -> str:
        """SHA-256 of its weights; empty where there is no `place`. Half a second for 500 MB, the first time."""
        return weights_hash(self.place) if self.place else ""

    @abstractmethod
    def session(self, *, repeatable: bool = False) -> Session:
        """Open a session; several may be open at once.

        Args:
            repeatable: Whether what is computed may depend on this session's messages alone. Reusing what other
                sessions have computed splits a prompt into other batches, which shifts probabilities by a
                rounding error and, rarely, the likeliest token.
        """

    async def aclose(self) -> None:
        """Shut the engine down; running generations are cancelled first."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()
