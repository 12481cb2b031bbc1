"""An endpoint that answers, refuses and misbehaves as it is told."""

import asyncio
import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from agentkit.models.model import Completion, Grammar, Message, Sampling
from agentkit.models.openai import OpenAI

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
