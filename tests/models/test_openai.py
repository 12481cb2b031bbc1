"""The client of OpenAI-compatible endpoints: what it sends, reads and refuses."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from agentkit.errors import ConfigurationError, ContextOverflow, EndpointError, GrammarError
from agentkit.models.model import Completion, Grammar, Message, Sampling
from agentkit.models.openai import OpenAI
from agentkit.models.structured import response_format, unwrap

from .endpoint import DECISION, HELLO, KEY, Endpoint, says

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
        {"tool": "calculator", "arguments": {"expression": "1+1"}},
        {"tool": "calculator", "arguments": {"expression": 1}},
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
        '{"decision": "\\ud83d"}',
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
