"""An agent of one's own is evaluated as it is: with its tools, its instructions, its refusals and its limits."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from agentkit.agent import Agent
from agentkit.errors import ConfigurationError
from agentkit.evaluate.tasks import load_task
from agentkit.limits import Limits
from agentkit.models.model import Grammar, Message
from agentkit.models.scripted import ScriptedModel

from .making import run, sums


def adds(messages: Sequence[Message], grammar: Grammar | None) -> Any:
    if "'plan'" in str(grammar and grammar.json_schema):
        return {"plan": [{"for": "add them", "tool": "calculator"}]}
    if messages[-1].content.startswith("[1] "):
        return {"answer": {"evidence": [1], "text": "It is 4."}}
    return {"tool": "calculator", "arguments": {"expression": "2 + 2"}}


def agent(**changes: Any) -> Agent[Any]:
    def refuse(task: str) -> str:
        return "I don't talk of war." if "war" in task else ""

    given: dict[str, Any] = {"tools": ["calculator"], "instructions": "You are Bo.", "refuse": refuse}
    return Agent(ScriptedModel([]), **(given | changes))


def test_it_is_asked_with_its_own_tools_instructions_limits_and_refusals(tmp_path: Path) -> None:
    file = tmp_path / "mine.jsonl"
    rows = [{"question": "What is 2 + 2?", "answer": "4"}, {"question": "Who won the war?", "answerable": False}]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    task, model = load_task(str(file), form="text"), ScriptedModel(adds)
    bo = agent(limits=Limits(steps=5), record={"assistant": "bo.toml"})
    header, records = run(task, model, tmp_path / "run", agent=bo)
    assert {record.id: record.score and record.score.right for record in records} == {"mine-1": True, "mine-2": True}
    assert all("You are Bo." in call.messages[0].content for call in model.calls)
    assert not any("war" in call.messages[-1].content for call in model.calls)
    assert (header.settings["instructions"], header.settings["assistant"]) == ("You are Bo.", "bo.toml")
    assert (header.settings["limits.steps"], header.settings["limits.seconds"]) == (5, None)


def test_what_does_not_go_with_an_agent_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="the strategy direct runs no agent"):
        run(sums(1, form="text"), ScriptedModel([]), tmp_path / "a", agent=agent(), strategy="direct")
    with pytest.raises(ConfigurationError, match="load it as form='text'"):
        run(sums(1), ScriptedModel([]), tmp_path / "b", agent=agent())
    assert not list(tmp_path.iterdir())
