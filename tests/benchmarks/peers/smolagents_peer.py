"""smolagents: ToolCallingAgent and CodeAgent, with their own prompts."""

# pyright: basic, reportMissingImports=false, reportMissingModuleSource=false

from collections.abc import Callable
from typing import Any

import httpx2
from peers.worker import Line
from smolagents import CodeAgent, LogLevel, OpenAIModel, Tool, ToolCallingAgent
from smolagents.memory import ActionStep, FinalAnswerStep
from smolagents.utils import (
    AgentError,
    AgentMaxStepsError,
    AgentParsingError,
    AgentToolCallError,
    AgentToolExecutionError,
)


class Remote(Tool):
    """A tool that the driver has."""

    skip_forward_signature_validation = True
    output_type = "string"

    def __init__(self, line: Line, described: dict[str, Any]) -> None:
        self.name, self.description = described["name"], described["description"]
        schema = described["parameters"]
        self.required = schema.get("required", [])
        self.inputs = {
            name: {"type": "any", "description": "", **node} | ({} if name in self.required else {"nullable": True})
            for name, node in schema.get("properties", {}).items()
        }
        self.line = line
        super().__init__()

    def forward(self, *args: Any, **kwargs: Any) -> str:
        if len(args) > len(self.inputs):
            raise TypeError(f"{self.name} takes {len(self.inputs)} arguments, not {len(args)}")
        arguments = {**dict(zip(self.inputs, args, strict=False)), **kwargs}
        # smolagents lets a model write null for what may be left out.
        given = {k: v for k, v in arguments.items() if v is not None or k in self.required}
        return self.line.call(self.name, given)


def answerer(line: Line, options: dict[str, Any]) -> Callable[[str, list[dict[str, Any]]], None]:
    """What answers one item after the other."""

    def completed(response: httpx2.Response) -> None:
        body = response.read()
        line.completed(response.status_code, body, response.elapsed.total_seconds())

    kind = CodeAgent if options["peer"] == "smolagents-code" else ToolCallingAgent
    model = OpenAIModel(
        options["model"],
        api_base=options["url"],
        api_key=options["key"],
        client_kwargs={
            "http_client": httpx2.Client(event_hooks={"response": [completed]}, timeout=None, trust_env=False),
            "max_retries": 0,  # the same request would fail in the same way
        },
        temperature=0.0,
        max_tokens=options["max_tokens"],
        **({} if kind is CodeAgent else {"tool_choice": "auto"}),  # why: see command.py
    )

    def answer(question: str, tools: list[dict[str, Any]]) -> None:
        agent = kind(
            tools=[Remote(line, described) for described in tools],
            model=model,
            max_steps=options["steps"],
            verbosity_level=LogLevel.OFF,
        )
        told: set[int] = set()  # the last step comes twice when steps are used up
        text = ""
        for step in agent.run(question, stream=True):
            if isinstance(step, ActionStep) and step.step_number not in told:
                told.add(step.step_number)
                tell(line, step)
            elif isinstance(step, FinalAnswerStep):
                text = str(step.output)
        last = agent.memory.steps[-1]
        used_up = isinstance(getattr(last, "error", None), AgentMaxStepsError)
        line.tell("end", how="answered", text=text, steps_used_up=used_up)

    return answer


def tell(line: Line, step: ActionStep) -> None:
    """Tell what went wrong in a step, and which code was run."""
    said = " ".join(str(step.error.message).split())[:600] if step.error else ""
    if step.error and (kind := malformed(step.error, said)):
        line.tell("malformed", kind=kind, text=said)
    elif step.code_action:
        line.tell("code", code=step.code_action, error=said)


def malformed(error: AgentError, said: str) -> str:
    """How the step's reply was malformed; empty if it wasn't."""
    if isinstance(error, AgentParsingError) or "Code parsing failed" in said:
        return "unreadable"
    if isinstance(error, AgentToolCallError):
        return "bad arguments"
    if isinstance(error, AgentToolExecutionError) and said.startswith("Unknown tool"):
        return "unknown tool"
    if "Forbidden function evaluation" in said:  # a CodeAgent's call of what there isn't
        return "unknown tool"
    return ""
