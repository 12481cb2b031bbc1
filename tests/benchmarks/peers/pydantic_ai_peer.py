"""pydantic-ai: an Agent with a text as its output, with its own (empty) prompt."""

# pyright: basic, reportMissingImports=false, reportMissingModuleSource=false

import asyncio
from collections.abc import Callable
from typing import Any

import httpx2
from openai import AsyncOpenAI
from peers.worker import Line, ToolFailed
from pydantic_ai import Agent, ModelRetry, Tool, UsageLimitExceeded
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.settings import ModelSettings
from pydantic_ai.usage import UsageLimits

KINDS = {"unknown_tool": "unknown tool", "validation_error": "bad arguments", "no_output": "unreadable"}
"""What is malformed, by pydantic-ai's own causes of a retry. A further one, model_retry, is the driver's to judge."""


def answerer(line: Line, options: dict[str, Any]) -> Callable[[str, list[dict[str, Any]]], None]:
    """What answers one item after the other."""

    def answer(question: str, tools: list[dict[str, Any]]) -> None:
        asyncio.run(work(line, options, question, tools))

    return answer


def remote(line: Line, described: dict[str, Any]) -> Tool[Any]:
    """A tool that the driver has."""

    def call(**arguments: Any) -> str:
        try:
            return line.call(described["name"], arguments)
        except ToolFailed as error:
            raise ModelRetry(str(error)) from None

    return Tool.from_schema(call, described["name"], described["description"], described["parameters"])


async def work(line: Line, options: dict[str, Any], question: str, tools: list[dict[str, Any]]) -> None:
    """Answer one item."""

    async def completed(response: httpx2.Response) -> None:
        body = await response.aread()
        line.completed(response.status_code, body, response.elapsed.total_seconds())

    async with httpx2.AsyncClient(event_hooks={"response": [completed]}, timeout=None, trust_env=False) as http:
        client = AsyncOpenAI(base_url=options["url"], api_key=options["key"], http_client=http, max_retries=0)
        agent = Agent(
            OpenAIChatModel(options["model"], provider=OpenAIProvider(openai_client=client)),
            tools=[remote(line, described) for described in tools],
            # As often as there are steps; its default, once, would end most runs at a second mistake.
            retries=options["steps"],
            model_settings=ModelSettings(
                temperature=0.0, max_tokens=options["max_tokens"], extra_body={"max_tokens": options["max_tokens"]}
            ),
        )
        try:
            async with agent.iter(question, usage_limits=UsageLimits(request_limit=options["steps"])) as run:
                async for node in run:
                    if Agent.is_model_request_node(node):
                        tell(line, node.request.parts)
        except UsageLimitExceeded as error:
            line.tell("end", how="limit", text=f"UsageLimitExceeded: {error}")
            return
        line.tell("end", how="answered", text=str(run.result.output) if run.result else "")


def tell(line: Line, parts: Any) -> None:
    """Tell what the model is asked to do again."""
    for part in parts:
        retry = getattr(part, "retry", None)
        if retry is not None and (kind := KINDS.get(retry.cause)):
            line.tell("malformed", kind=kind, text=str(part.content)[:600])
