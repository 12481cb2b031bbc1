"""What is wrong with an agent or its task before a model is asked, told with what to write instead."""

from typing import Any

import pytest

from agentkit.agent import Agent
from agentkit.errors import ConfigurationError
from agentkit.models.scripted import ScriptedModel

from .making import double, run


def test_an_empty_task_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="the task is empty"):
        run([], "  ")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"tools": "calculator"}, r"write tools=\['calculator'\]"),
        ({"checks": ["numbers"]}, "'numbers' is no check: .*load_checks"),
        ({"limits": {"steps": 3}}, "write limits=Limits"),
        (
            {"tools": ["calculator"], "tool_settings": {"pyhton": {"seconds": 1}}},
            "no tool named 'pyhton'; there are: calculator; `tool_settings` has settings for it",
        ),
    ],
)
def test_what_is_no_tool_check_limit_or_setting_is_refused_with_what_to_write(given: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        Agent(ScriptedModel([]), **given)


def test_two_tools_of_one_name_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="two tools are named double"):
        run([], tools=[double, double])
