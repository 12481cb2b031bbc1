"""The client of OpenAI-compatible endpoints, against servers that misbehave on request and a real one."""

import asyncio
import email.utils
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from agentkit.errors import ConfigurationError, ContextOverflow, EndpointError, GrammarError, ModelError
from agentkit.models.model import Completion, Grammar, Message, Sampling
from agentkit.models.openai import OpenAI
from agentkit.models.structured import response_format, unwrap

HELLO = [Message(role="system", content="Be brief."), Message(role="user", content="Hello <|im_end|>")]
KEY = "sk-secret-0123456789"

DECISION: dict[str, Any] = {
    "anyOf": [
        {
            "type": "object",
            "properties": {"calculator": {"$ref": "#/$defs/Sum"}},
            "required": ["calculator"],
            "additionalProperties": False,
        },
        {
            "type": "object",
            "properties": {
                "answer": {
                    "type": "object",
                    "properties": {
                        "evidence": {"type": "array", "items": {"type": "integer"}, "maxItems": 3},
                        "text": {"type": "string", "maxLength": 24},
                    },
                    "required": ["evidence", "text"],
                    "additionalProperties": False,
                }
            },
            "required": ["answer"],
            "additionalProperties": False,
        },
    ],
    "$defs": {
        "Sum": {
            "type": "object",
            "properties": {"expression": {"type": "string", "maxLength": 40}},
            "required": ["expression"],
            "additionalProperties": False,
        }
    },
}

Act = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """One request: recorded, then answered by the next act of its endpoint."""

    endpoint: "Endpoint"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.endpoint.seen.append((self.path, dict(self.headers), body))
        acts = self.endpoint.acts
        (acts.pop(0) if len(acts) > 1 else acts[0])(self)

    def give(self, status: int, body: str, **headers: str) -> None:
        data = body.encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


class Endpoint:
    """An endpoint that answers as it is told, request by request; the last act is repeated."""

    def __init__(self) -> None:
        self.acts: list[Act] = [says("Hi.")]
        self.seen: list[tuple[str, dict[str, str], dict[str, Any]]] = []
        self.gone = threading.Event()
        """Set once a client hung up on a request that was held."""
        handler = type("Bound", (Handler,), {"endpoint": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def ask(self, grammar: Grammar | None = None, sampling: Sampling = Sampling(), **options: Any) -> Completion:
        async def once() -> Completion:
            async with self.model(**options) as model, model.session() as session:
                return await session.generate(HELLO, grammar=grammar, sampling=sampling)

        return asyncio.run(once())

    def model(self, **options: Any) -> OpenAI:
        given: dict[str, Any] = {"model": "m", "api_key": KEY, "backoff": 0.01, **options}
        return OpenAI(self.url, **given)


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    served = Endpoint()
    yield served
    served.gone.set()
    served.server.shutdown()
    served.server.server_close()


def says(content: str | None, finish: str = "stop", **more: Any) -> Act:
    choice = {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": finish}
    choice |= {"logprobs": more.pop("logprobs", None)}
    return lambda handler: handler.give(200, json.dumps({"choices": [choice], **more}))


def refuses(status: int, body: Any = None, **headers: str) -> Act:
    text = body if isinstance(body, str) else json.dumps(body or {"error": {"message": "not now"}})
    return lambda handler: handler.give(status, text, **headers)


def drops(handler: Handler) -> None:
    """Promise more than is sent, and hang up."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"choices": [')
    handler.close_connection = True


def holds(handler: Handler) -> None:
    """Say nothing until the client hangs up."""
    handler.connection.settimeout(20)
    if handler.rfile.read(1) == b"":
        handler.endpoint.gone.set()
    handler.close_connection = True


# --- what is sent and read


def test_a_request_carries_messages_sampling_and_key(endpoint: Endpoint) -> None:
    endpoint.acts = [says("Hi.", usage={"prompt_tokens": 9, "completion_tokens": 3})]
    completion = endpoint.ask(sampling=Sampling(max_tokens=7, temperature=0.5, seed=3), extra={"min_p": 0.1})
    (path, headers, body), *_ = endpoint.seen
    assert path == "/v1/chat/completions"
    assert headers["Authorization"] == f"Bearer {KEY}"
    assert body == {
        "model": "m",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Hello <|im_end|>"},
        ],
        "max_tokens": 7,
        "temperature": 0.5,
        "seed": 3,
        "min_p": 0.1,
    }
    assert (completion.text, completion.finish) == ("Hi.", "stop")
    assert (completion.usage.prompt, completion.usage.cached, completion.usage.generated) == (9, 0, 3)
    assert completion.usage.seconds > 0


def test_cached_tokens_are_counted(endpoint: Endpoint) -> None:
    usage = {"prompt_tokens": 90, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 80}}
    endpoint.acts = [says("Hi.", usage=usage)]
    assert endpoint.ask().usage.prefilled == 10


def test_a_reply_cut_off_says_so(endpoint: Endpoint) -> None:
    endpoint.acts = [says("Hi", finish="length")]
    assert endpoint.ask().finish == "length"


def test_usage_may_be_missing(endpoint: Endpoint) -> None:
    endpoint.acts = [says(None, usage={"prompt_tokens": 4, "completion_tokens": None, "prompt_tokens_details": None})]
    completion = endpoint.ask()
    assert (completion.text, completion.usage.prompt, completion.usage.generated) == ("", 4, 0)


def test_log_probabilities_are_asked_for_and_read(endpoint: Endpoint) -> None:
    token = {"token": "Hi", "logprob": -0.5, "bytes": [72], "top_logprobs": [{"token": "Yo", "logprob": -1.5}]}
    endpoint.acts = [says("Hi", logprobs={"content": [token]})]
    (read,) = endpoint.ask(sampling=Sampling(logprobs=1)).logprobs
    assert (read.token, read.logprob, read.alternatives) == ("Hi", -0.5, (("Yo", -1.5),))
    assert endpoint.seen[0][2]["top_logprobs"] == 1


def test_several_generations_share_the_model(endpoint: Endpoint) -> None:
    async def several() -> list[Completion]:
        async with endpoint.model(max_connections=2) as model:
            return await asyncio.gather(*(model.session().generate(HELLO) for _ in range(6)))

    assert [c.text for c in asyncio.run(several())] == ["Hi."] * 6


def test_a_model_outlives_an_event_loop(endpoint: Endpoint) -> None:
    model = endpoint.model(retries=0)

    async def once() -> str:
        return (await model.session().generate(HELLO)).text

    async def last() -> str:
        try:
            return await once()
        finally:
            await model.aclose()

    async def first() -> str:
        text = await once()
        await asyncio.gather(*(client.aclose() for client in model._clients.values()))  # pyright: ignore[reportPrivateUsage]  # its sockets would warn
        return text

    assert asyncio.run(first()) == asyncio.run(last()) == "Hi."


# --- structured output


def test_a_grammar_becomes_a_wrapped_schema_and_comes_back_canonical(endpoint: Endpoint) -> None:
    endpoint.acts = [says('{ "decision" : {"answer": {"text": "Zürich, 1.50", "evidence": [1, 2]} } }\n')]
    completion = endpoint.ask(grammar=Grammar(json_schema=DECISION))
    assert completion.text == '{"answer":{"evidence":[1,2],"text":"Zürich, 1.50"}}'
    sent = endpoint.seen[0][2]["response_format"]
    assert sent["json_schema"]["strict"] is True
    schema = sent["json_schema"]["schema"]
    assert (schema["type"], schema["required"], schema["additionalProperties"]) == ("object", ["decision"], False)
    assert schema["$defs"] == DECISION["$defs"]
    assert schema["properties"]["decision"] == {"anyOf": DECISION["anyOf"]}


def test_a_wrapped_schema_means_what_the_schema_meant() -> None:
    wrapped = jsonschema_rs.validator_for(response_format(DECISION)["json_schema"]["schema"])
    plain = jsonschema_rs.validator_for(DECISION)
    for value in (
        {"calculator": {"expression": "1+1"}},
        {"calculator": {"expression": 1}},
        {"answer": {"evidence": [1], "text": "x"}},
        {"answer": {"evidence": ["1"], "text": "x"}},
        {},
    ):
        assert wrapped.is_valid({"decision": value}) == plain.is_valid(value)


def test_references_to_the_root_follow_it_when_it_is_wrapped() -> None:
    tree = {"anyOf": [{"type": "integer"}, {"type": "array", "items": {"$ref": "#"}}]}
    wrapped = jsonschema_rs.validator_for(response_format(tree)["json_schema"]["schema"])
    assert wrapped.is_valid({"decision": [1, [2, [3]]]})
    assert not wrapped.is_valid({"decision": [1, ["2"]]})


def test_an_object_schema_is_sent_as_it_is() -> None:
    schema = {"type": "object", "properties": {"b": {"type": "integer"}, "a": {"type": "number"}}}
    assert response_format(schema)["json_schema"]["schema"] == schema
    decision = unwrap(' {"a": 1.10, "b": 2}', schema)
    assert decision is not None
    assert decision.text == '{"b":2,"a":1.10}'


@pytest.mark.parametrize(
    "reply",
    [
        "The answer is 4.",
        "",
        "null",
        '{"decision": {"answer"',
        '{"answer":{"evidence":[],"text":"not wrapped"}}',
        '{"decision": {}, "decision": {}}',
        '{"decision": {}, "more": 1}',
        '{"decision": NaN}',
        '{"decision": 1} trailing',
        '{"decision": ' + "[" * 100_000 + "]" * 100_000 + "}",
    ],
)
def test_what_is_not_the_wrapped_json_comes_back_as_it_is(endpoint: Endpoint, reply: str) -> None:
    endpoint.acts = [says(reply)]
    assert endpoint.ask(grammar=Grammar(json_schema=DECISION)).text == reply


def test_numbers_keep_their_digits() -> None:
    exact = "3.14159265358979323846264338327950288"
    decision = unwrap(f'{{"decision": [{exact}, 1e400, -0.0, 10000000000000000000001]}}', {"type": "array"})
    assert decision is not None
    assert decision.text == f"[{exact},1e400,-0.0,10000000000000000000001]"


def test_log_probabilities_of_the_wrapper_are_left_out(endpoint: Endpoint) -> None:
    tokens = ['{"', "decision", '":', " [", "1", "]", "}"]
    fenced = ["```", "json", "\n", *tokens, "\n", "```", ""]
    endpoint.acts = [
        says("".join(tokens), logprobs={"content": [{"token": token, "logprob": -1.0} for token in spelled]})
        for spelled in (tokens, fenced)
    ]
    schema = {"type": "array", "items": {"type": "integer"}}
    for _ in ("as they stand", "in a fence"):
        completion = endpoint.ask(grammar=Grammar(json_schema=schema), sampling=Sampling(logprobs=1))
        assert completion.text == "[1]"
        assert [t.token for t in completion.logprobs] == [" [", "1", "]"]


def test_a_grammar_that_does_not_compile_is_never_sent(endpoint: Endpoint) -> None:
    with pytest.raises(GrammarError):
        endpoint.ask(grammar=Grammar(json_schema={"type": "no-such-type"}))
    assert endpoint.seen == []


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


# --- addresses and keys


def test_a_key_goes_only_where_it_belongs(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.delenv("AGENTKIT_API_KEY", raising=False)
    endpoint.ask(api_key=None)
    assert "Authorization" not in endpoint.seen[0][1]
    monkeypatch.setenv("AGENTKIT_API_KEY", "own-key\n")
    endpoint.ask(api_key=None)
    assert endpoint.seen[1][1]["Authorization"] == "Bearer own-key"


def test_neither_repr_nor_name_shows_the_key() -> None:
    model = OpenAI("http://localhost:8000/v1/", model="m", api_key=KEY)
    assert repr(model) == "OpenAI('http://localhost:8000/v1', model='m')"
    assert model.name == "http://localhost:8000/v1#m"


@pytest.mark.parametrize(
    "url", ["localhost:8000", "ftp://host/v1", "http://", "http://host:port/v1", "http://u:hunter2@h/v1"]
)
def test_what_is_no_endpoint_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        OpenAI(url, model="m")
    assert "hunter2" not in str(caught.value)


def test_a_key_that_no_header_can_hold_is_refused_without_showing_it() -> None:
    with pytest.raises(ConfigurationError) as caught:
        OpenAI("http://localhost/v1", model="m", api_key="sk-geheim\nX-Evil: 1")
    assert "geheim" not in str(caught.value)


# --- a real server


@pytest.fixture(scope="module")
def llama_server(model_path: Path) -> Iterator[str]:
    """llama.cpp's own HTTP server, which wants a key."""
    import xllamacpp

    engine: Any = xllamacpp
    params: Any = engine.CommonParams()
    params.model.path = str(model_path)
    params.n_ctx, params.n_parallel, params.verbosity, params.use_jinja = 1024, 1, -1, True
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 2
    params.api_keys = [KEY]
    server: Any = engine.Server(params)
    yield f"{server.listening_address}/v1"
    del server


@pytest.mark.model
def test_a_real_server_decides_under_a_grammar(llama_server: str) -> None:
    async def decide() -> tuple[Completion, Completion]:
        async with OpenAI(llama_server, model="any", api_key=KEY) as model, model.session() as session:
            grammar = Grammar(json_schema=DECISION)
            sampling = Sampling(max_tokens=80, logprobs=2)
            first = await session.generate(HELLO, grammar=grammar, sampling=sampling)
            return first, await session.generate(HELLO, grammar=grammar, sampling=sampling)

    first, second = asyncio.run(decide())
    assert jsonschema_rs.is_valid(DECISION, json.loads(first.text))
    assert first.text == json.dumps(json.loads(first.text), separators=(",", ":"), ensure_ascii=False)
    assert first.text == second.text
    assert first.finish == "stop"
    assert first.usage.prompt > 0
    assert first.usage.generated > 0
    assert second.usage.cached > 0
    assert all(len(token.alternatives) == 2 for token in first.logprobs)
    spelled = "".join(token.token for token in first.logprobs)
    assert "".join(first.text.split()) in "".join(spelled.split())


@pytest.mark.model
def test_a_real_server_refuses_a_wrong_key(llama_server: str) -> None:
    async def ask() -> None:
        async with OpenAI(llama_server, model="any", api_key="wrong") as model:
            await model.session().generate(HELLO)

    with pytest.raises(EndpointError, match="401 Unauthorized: Invalid API Key"):
        asyncio.run(ask())


@pytest.mark.model
def test_a_real_server_reports_an_overflow(llama_server: str) -> None:
    async def ask() -> None:
        async with OpenAI(llama_server, model="any", api_key=KEY) as model:
            await model.session().generate([Message(role="user", content="word " * 1500)])

    with pytest.raises(ContextOverflow) as caught:
        asyncio.run(ask())
    assert caught.value.context == 1024
    assert caught.value.needed > 1500
