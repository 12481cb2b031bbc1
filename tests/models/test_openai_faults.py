"""The client of OpenAI-compatible endpoints, against servers that misbehave on request."""

import asyncio
import email.utils
import sys
import time
from typing import Any

import pytest

from agentkit.errors import ConfigurationError, ContextOverflow, EndpointError, ModelError
from agentkit.models.openai import OpenAI

from .endpoint import HELLO, KEY, Endpoint, drops, holds, refuses, says

# --- faults that pass


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504])
def test_a_fault_that_may_pass_is_tried_again(endpoint: Endpoint, status: int) -> None:
    endpoint.acts = [refuses(status), refuses(status), says("Hi.")]
    assert endpoint.ask().text == "Hi."
    assert len(endpoint.seen) == 3


def test_a_connection_dropped_in_mid_reply_is_tried_again(endpoint: Endpoint) -> None:
    endpoint.acts = [drops, says("Hi.")]
    assert endpoint.ask().text == "Hi."


@pytest.mark.parametrize("given", ["0.4", "date"])
def test_the_server_says_how_long_to_wait(endpoint: Endpoint, given: str) -> None:
    value = email.utils.formatdate(time.time() + 2, usegmt=True) if given == "date" else given
    endpoint.acts = [refuses(429, Retry_After=value), says("Hi.")]
    began = time.monotonic()
    assert endpoint.ask().text == "Hi."
    assert time.monotonic() - began >= 0.4


def test_a_wait_without_end_is_cut_short(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agentkit.models.openai.LONGEST_WAIT", 0.05)
    endpoint.acts = [refuses(429, Retry_After="86400"), says("Hi.")]
    assert endpoint.ask().text == "Hi."


# --- faults that stay


def test_a_fault_that_stays_is_given_up_with_the_servers_words(endpoint: Endpoint) -> None:
    endpoint.acts = [refuses(503, {"error": {"message": "loading\nmodel"}})]
    with pytest.raises(EndpointError, match=r"/v1/chat/completions answered 503 Service Unavailable: loading model$"):
        endpoint.ask(retries=2)
    assert len(endpoint.seen) == 3


def test_a_refused_key_is_not_tried_again_nor_repeated(endpoint: Endpoint) -> None:
    endpoint.acts = [refuses(401, {"error": {"message": f"Incorrect API key provided: {KEY}"}})]
    with pytest.raises(EndpointError, match="401 Unauthorized: Incorrect API key provided: …; set AGENTKIT_API_KEY"):
        endpoint.ask()
    assert len(endpoint.seen) == 1


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ({"error": "model 'm' not found"}, "model 'm' not found"),
        ({"object": "error", "message": "no such model"}, "no such model"),
        ({"detail": "Not Found"}, "Not Found"),
        ([{"error": {"message": "listed"}}], "listed"),
        ("<html>nginx</html>", "<html>nginx</html>"),
    ],
)
def test_every_servers_way_to_say_no_is_understood(endpoint: Endpoint, body: Any, shown: str) -> None:
    endpoint.acts = [refuses(404, body)]
    with pytest.raises(EndpointError, match=f"404 Not Found: {shown}; check the URL's path and the model's name"):
        endpoint.ask()


@pytest.mark.parametrize("body", ["<html>hello</html>", "{}", '{"choices": []}', '{"choices": [{"message": 3}]}', ""])
def test_a_reply_that_is_no_completion_is_an_error(endpoint: Endpoint, body: str) -> None:
    endpoint.acts = [lambda handler: handler.give(200, body)]
    with pytest.raises(EndpointError, match="isn't a chat completion") as caught:
        endpoint.ask()
    assert "\n" not in str(caught.value)


def test_a_connection_that_always_drops_is_an_error(endpoint: Endpoint) -> None:
    endpoint.acts = [drops]
    with pytest.raises(EndpointError, match=r"dropped the connection .*, 2 time\(s\)"):
        endpoint.ask(retries=1)


def test_nobody_listening_is_an_error() -> None:
    async def ask() -> None:
        async with OpenAI("http://127.0.0.1:9/v1", model="m", retries=1, backoff=0.01) as model:
            await model.session().generate(HELLO)

    with pytest.raises(EndpointError, match=r"http://127\.0\.0\.1:9/v1/chat/completions can't be reached"):
        asyncio.run(ask())


@pytest.mark.parametrize(
    ("name", "value"), [("ALL_PROXY", "socks5://127.0.0.1:9"), ("HTTPS_PROXY", "ftp://x"), ("SSL_CERT_FILE", "/none")]
)
def test_an_environment_that_cannot_be_used_is_one_clear_line(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    monkeypatch.setitem(sys.modules, "socksio", None)  # what a proxy of this kind needs
    with pytest.raises(ConfigurationError, match=r"that the environment names can't be used: .*; correct ALL_PROXY, "):
        endpoint.ask()


def test_a_silent_server_runs_into_the_time_out(endpoint: Endpoint) -> None:
    endpoint.acts = [holds]
    with pytest.raises(EndpointError, match=r"gave no reply in 0\.2 s"):
        endpoint.ask(timeout=0.2)
    assert len(endpoint.seen) == 1


def test_cancelling_hangs_up(endpoint: Endpoint) -> None:
    endpoint.acts = [holds]

    async def cancel() -> None:
        async with endpoint.model() as model:
            task = asyncio.ensure_future(model.session().generate(HELLO))
            while not endpoint.seen:
                await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await asyncio.to_thread(endpoint.gone.wait, 5)

    asyncio.run(cancel())


def test_closing_ends_what_is_under_way(endpoint: Endpoint) -> None:
    endpoint.acts = [holds]

    async def close() -> None:
        model = endpoint.model()
        task = asyncio.ensure_future(model.session().generate(HELLO))
        while not endpoint.seen:
            await asyncio.sleep(0.01)
        await model.aclose()
        with pytest.raises(ModelError):
            await asyncio.wait_for(task, 5)
        with pytest.raises(ModelError, match="is closed"):
            await model.session().generate(HELLO)

    asyncio.run(close())


@pytest.mark.parametrize(
    ("status", "error", "needed", "context"),
    [
        (400, {"type": "exceed_context_size_error", "message": "…", "n_prompt_tokens": 1407, "n_ctx": 256}, 1407, 256),
        (500, {"type": "exceed_context_size_error", "message": "…", "n_prompt_tokens": 1407, "n_ctx": 256}, 1407, 256),
        (
            400,
            {
                "message": "This model's maximum context length is 16384 tokens. However, you requested 122946 tokens "
                "(112946 in the messages, 10000 in the completion). Please reduce the length of the messages.",
            },
            122946,
            16384,
        ),
        (
            400,
            {
                "message": "This model's maximum context length is 2048 tokens. However, your request has 8 input "
                "tokens plus 2045 'max_tokens'. Please reduce one or the other."
            },
            2053,
            2048,
        ),
        (
            400,
            {
                "message": "'max_tokens' or 'max_completion_tokens' is too large: 4000. This model's maximum context "
                "length is 2048 tokens and your request has 100 input tokens (4000 > 2048 - 100)."
            },
            4100,
            2048,
        ),
        (
            400,
            {"message": "The input (61709 tokens) is longer than the model's context length (40960 tokens)."},
            61709,
            40960,
        ),
        (
            400,
            {
                "message": "This model's maximum context length is 8192 tokens. However, your messages resulted in "
                "9001 tokens.",
                "code": "context_length_exceeded",
            },
            9001,
            8192,
        ),
    ],
)
def test_an_overflow_is_recognised(
    endpoint: Endpoint, status: int, error: dict[str, Any], needed: int, context: int
) -> None:
    endpoint.acts = [refuses(status, {"error": error})]
    with pytest.raises(ContextOverflow) as caught:
        endpoint.ask()
    assert (caught.value.needed, caught.value.context) == (needed, context)
    assert len(endpoint.seen) == 1
