"""Models behind any endpoint that speaks OpenAI's chat-completions protocol.

vLLM, llama-server, SGLang, Ollama and hosted services do: this is how agentkit outgrows one machine.
"""

import asyncio
import email.utils
import os
import random
import re
import time
import weakref
from collections.abc import Mapping, Sequence
from typing import Any, Literal, cast

import httpx
from pydantic import BaseModel, Field, ValidationError

from agentkit.answer import Usage
from agentkit.errors import ConfigurationError, ContextOverflow, EndpointError, ModelError
from agentkit.models.environment import UNUSABLE, unusable
from agentkit.models.grammar import compile_grammar
from agentkit.models.model import Completion, Grammar, Message, Model, Sampling, Session, TokenLogprob, confidence
from agentkit.models.structured import response_format, unwrap

RETRIED = frozenset({408, 409, 425, 429})
"""Statuses that mean "later", besides all from 500 on."""
LONGEST_WAIT = 30.0
"""Seconds to wait before a retry at most, whatever the server asks for."""


class OpenAI(Model):
    """A model behind an OpenAI-compatible endpoint. Everything it is given leaves this machine.

    Replies to a grammar are asked for as structured output and rewritten as the grammar writes them; a
    reply that isn't JSON comes back as it is.

    Args:
        base_url: Up to and including the version: `http://localhost:8000/v1`.
        model: What the endpoint calls the model.
        api_key: By default AGENTKIT_API_KEY or, for OpenAI's own host only, OPENAI_API_KEY.
        context: Tokens a transcript may have, since the protocol doesn't tell; None leaves it to the endpoint.
        timeout: Seconds to wait for a reply. A generation is one reply.
        retries: How often a request is repeated when the endpoint is busy, fails or drops the connection.
        backoff: Seconds before the first retry, doubled for each further one, unless the endpoint says.
        max_connections: Requests under way at once; others wait. None sets no bound.
        extra: Further members of each request's body, for options of one endpoint.

    Raises:
        ConfigurationError: The URL or the key can't be used.
    """

    def __init__(
        self,
        base_url: str,
        *,
        model: str,
        api_key: str | None = None,
        context: int | None = None,
        timeout: float = 120.0,
        retries: int = 3,
        backoff: float = 0.5,
        max_connections: int | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        self.name = f"{base_url.rstrip('/')}#{model}"
        self.context = context
        self._model = model
        self._url = _checked(base_url)
        self._key = _checked_key(api_key or _key_for(httpx.URL(self._url)))
        self._timeout = timeout
        self._retries = retries
        self._backoff = backoff
        self._limits = httpx.Limits(max_connections=max_connections, max_keepalive_connections=max_connections)
        self._extra = dict(extra or {})
        # Connections belong to the event loop that opened them, and a synchronous caller may run several.
        self._clients: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, httpx.AsyncClient] = (
            weakref.WeakKeyDictionary()
        )
        self._closed = False

    def __repr__(self) -> str:
        return f"OpenAI({self._url.removesuffix('/chat/completions')!r}, model={self._model!r})"

    def session(self, *, repeatable: bool = False) -> Session:  # noqa: ARG002 (up to the endpoint)
        return _Session(self)

    async def aclose(self) -> None:
        self._closed = True
        if client := self._clients.pop(asyncio.get_running_loop(), None):
            await client.aclose()

    async def complete(self, messages: Sequence[Message], grammar: Grammar | None, sampling: Sampling) -> Completion:
        """One request and its reply; see `Session.generate`."""
        body = self._body(messages, grammar, sampling)
        began = time.monotonic()
        reply = await self._reply(body)
        return _completion(reply, grammar, seconds=time.monotonic() - began)

    def _body(self, messages: Sequence[Message], grammar: Grammar | None, sampling: Sampling) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self._model,
            "messages": [message.model_dump() for message in messages],
            "max_tokens": sampling.max_tokens,
            "temperature": sampling.temperature,
            "seed": sampling.seed,
        }
        if grammar is not None:
            compile_grammar(grammar)
            body["response_format"] = response_format(grammar.json_schema)
        if sampling.logprobs:
            body |= {"logprobs": True, "top_logprobs": sampling.logprobs}
        return body | self._extra

    async def _reply(self, body: dict[str, Any]) -> "_Reply":
        for attempt in range(self._retries + 1):
            last = attempt == self._retries
            wait = self._backoff * 2**attempt * random.uniform(0.5, 1.0)
            try:
                response = await self._client().post(self._url, json=body)
            except (httpx.ReadTimeout, httpx.WriteTimeout) as error:  # asked again it would take as long again
                raise EndpointError(f"{self._url} gave no reply in {self._timeout:g} s; raise the time-out") from error
            except (httpx.TransportError, httpx.DecodingError) as error:
                if last or self._closed:
                    raise EndpointError(self._dropped(error, attempt + 1)) from error
            else:
                if response.is_success:
                    return self._parsed(response)
                if last or not (response.status_code in RETRIED or response.status_code >= 500):
                    raise self._refusal(response)
                if (overflow := _overflow(response)) is not None:  # llama-server has sent this as a 500
                    raise overflow
                wait = max(wait, _retry_after(response))
            await asyncio.sleep(min(wait, LONGEST_WAIT))
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _client(self) -> httpx.AsyncClient:
        if self._closed:
            raise ModelError(f"the model {self.name} is closed; load it again")
        loop = asyncio.get_running_loop()
        if loop not in self._clients:
            timeout = httpx.Timeout(self._timeout, connect=min(self._timeout, 10), pool=None)
            headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
            try:
                self._clients[loop] = httpx.AsyncClient(timeout=timeout, limits=self._limits, headers=headers)
            except UNUSABLE as error:
                raise ConfigurationError(unusable(error)) from error
        return self._clients[loop]

    def _parsed(self, response: httpx.Response) -> "_Reply":
        try:
            return _Reply.model_validate_json(response.content)
        except ValidationError as error:
            fault = error.errors()[0]
            where = ".".join(str(step) for step in fault["loc"])
            shown = self._redacted(response.text[:120])
            raise EndpointError(
                f"{self._url} answered what isn't a chat completion ({f'{where}: ' if where else ''}{fault['msg']}): "
                f"{shown!r}; check that the URL is that of an OpenAI-compatible API"
            ) from error

    def _refusal(self, response: httpx.Response) -> ModelError:
        if (overflow := _overflow(response)) is not None:
            return overflow
        hints = {
            401: "; set AGENTKIT_API_KEY to a key that it accepts",
            403: "; the key isn't allowed this",
            404: "; check the URL's path and the model's name",
        }
        status = f"{response.status_code} {response.reason_phrase}".strip()
        message = self._redacted(_message(response))
        return EndpointError(f"{self._url} answered {status}: {message}{hints.get(response.status_code, '')}")

    def _dropped(self, error: httpx.HTTPError, attempts: int) -> str:
        reason = self._redacted(str(error) or type(error).__name__)
        return f"{self._url} can't be reached or dropped the connection ({reason}), {attempts} time(s); is it running?"

    def _redacted(self, text: str) -> str:
        shown = text.replace(self._key, "…") if self._key else text
        return " ".join(shown.split())


class _Session(Session):
    """The endpoint keeps nothing between requests but its prefix cache, so neither does this."""

    def __init__(self, model: OpenAI) -> None:
        self._model = model

    async def generate(
        self,
        messages: Sequence[Message],
        *,
        grammar: Grammar | None = None,
        sampling: Sampling = Sampling(),
    ) -> Completion:
        return await self._model.complete(messages, grammar, sampling)


# --- what endpoints answer -----------------------------------------------------------------------------------


class _Alternative(BaseModel):
    token: str
    logprob: float


class _Token(_Alternative):
    top_logprobs: list[_Alternative] = []


class _Logprobs(BaseModel):
    content: list[_Token] | None = None


class _Content(BaseModel):
    content: str | None = None
    refusal: str | None = None


class _Choice(BaseModel):
    message: _Content
    finish_reason: str | None = None
    logprobs: _Logprobs | None = None


class _Details(BaseModel):
    cached_tokens: int | None = None


class _Usage(BaseModel):
    prompt_tokens: int = 0
    completion_tokens: int | None = 0
    prompt_tokens_details: _Details | None = None


class _Reply(BaseModel):
    choices: list[_Choice] = Field(min_length=1)
    usage: _Usage | None = None


def _completion(reply: _Reply, grammar: Grammar | None, *, seconds: float) -> Completion:
    choice = reply.choices[0]
    raw = choice.message.content or choice.message.refusal or ""
    logprobs = [
        TokenLogprob(token=t.token, logprob=t.logprob, alternatives=tuple((a.token, a.logprob) for a in t.top_logprobs))
        for t in (choice.logprobs and choice.logprobs.content) or ()
    ]
    text = raw
    if grammar is not None and (decision := unwrap(raw, grammar.json_schema)):
        text = decision.text
        logprobs = _within(logprobs, raw, decision.start, decision.end)
    finish: Literal["stop", "length"] = "length" if choice.finish_reason == "length" else "stop"
    return Completion(
        text=text,
        finish=finish,
        usage=_usage(reply.usage, seconds),
        logprobs=tuple(logprobs),
        confidence=confidence(logprobs),
    )


def _within(logprobs: Sequence[TokenLogprob], raw: str, start: int, end: int) -> list[TokenLogprob]:
    """The tokens of the decision itself; all of them where they don't spell the reply.

    llama-server (2026.10) has the model write a fence around JSON, and takes it off the text but not off these.
    """
    fence = "".join(t.token for t in logprobs).find(raw)
    if fence < 0:
        return list(logprobs)
    kept: list[TokenLogprob] = []
    at = -fence
    for token in logprobs:
        if at < end and at + len(token.token) > start:
            kept.append(token)
        at += len(token.token)
    return kept


def _usage(usage: _Usage | None, seconds: float) -> Usage:
    if usage is None:
        return Usage(seconds=seconds)
    details = usage.prompt_tokens_details
    return Usage(
        prompt=usage.prompt_tokens,
        cached=(details and details.cached_tokens) or 0,
        generated=usage.completion_tokens or 0,
        seconds=seconds,
    )


def _error(response: httpx.Response) -> dict[str, Any]:
    """The error object, which some servers put in `error` and others at the top."""
    try:
        body: Any = response.json()
    except ValueError:
        return {}
    while isinstance(body, list) and body:
        body = cast(list[Any], body)[0]
    if not isinstance(body, dict):
        return {}
    top = cast(dict[str, Any], body)
    inner = top.get("error", top)
    return cast(dict[str, Any], inner) if isinstance(inner, dict) else {"message": inner}


def _message(response: httpx.Response) -> str:
    error = _error(response)
    message = error.get("message") or error.get("detail") or response.text or "no message"
    return str(message)[:400]


_CONTEXT = re.compile(r"context length (?:is |of |\()(\d+)")
_TOTAL = re.compile(r"(?:requested(?: about| a total of)?|resulted in|The input \() ?(\d+)")
_INPUT = re.compile(r"has (\d+) input tokens")
_OUTPUT = re.compile(r"(?:too large: |plus )(\d+)")


def _overflow(response: httpx.Response) -> ContextOverflow | None:
    """The overflow that an error reply reports, in the words of llama-server, vLLM, SGLang or OpenAI."""
    error = _error(response)
    match error:
        case {"type": "exceed_context_size_error", "n_prompt_tokens": int(needed), "n_ctx": int(context)}:
            return ContextOverflow(needed=needed, context=context)
        case _:
            pass
    message = _message(response)
    context = _CONTEXT.search(message)
    total = _TOTAL.search(message)
    found = [total] if total else [m for m in (_INPUT.search(message), _OUTPUT.search(message)) if m]
    if context is None or not found:
        return None
    return ContextOverflow(needed=sum(int(m[1]) for m in found), context=int(context[1]))


def _retry_after(response: httpx.Response) -> float:
    """Seconds that the server asks to wait: it may give a number or a date."""
    given = response.headers.get("Retry-After", "")
    try:
        return max(float(given), 0.0)
    except ValueError:
        pass
    try:
        return max(email.utils.parsedate_to_datetime(given).timestamp() - time.time(), 0.0)
    except ValueError:
        return 0.0


# --- addresses and keys --------------------------------------------------------------------------------------


def _checked(base_url: str) -> str:
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL as error:
        raise ConfigurationError(f"{base_url!r} is no URL: {error}") from error
    if url.userinfo:  # not repeated here: it is a secret
        raise ConfigurationError("an endpoint's URL must not hold a password; put the key in AGENTKIT_API_KEY")
    if url.scheme not in ("http", "https") or not url.host:
        raise ConfigurationError(f"{base_url!r} must be like http://host:8000/v1")
    return f"{base_url.rstrip('/')}/chat/completions"


def _key_for(url: httpx.URL) -> str:
    own = os.environ.get("AGENTKIT_API_KEY", "")
    # A key for one service is nobody else's business.
    return own or (os.environ.get("OPENAI_API_KEY", "") if url.host == "api.openai.com" else "")


def _checked_key(key: str) -> str:
    key = key.strip()
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise ConfigurationError("the API key holds characters that an HTTP header can't; check AGENTKIT_API_KEY")
    return key
