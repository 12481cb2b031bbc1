"""A model that was taught a protocol is used with that one only."""

from typing import Any

import pytest

from agentkit import protocol
from agentkit.agent import Agent
from agentkit.errors import ConfigurationError
from agentkit.models.scripted import ScriptedModel

ANSWER: dict[str, Any] = {"answer": {"evidence": [], "text": "Hello."}}


def test_a_model_of_another_protocol_is_refused_before_it_is_asked() -> None:
    model = ScriptedModel([ANSWER], name="smollm2-135m+sums")
    model.protocol = "old"
    with pytest.raises(ConfigurationError, match=r"smollm2-135m\+sums was taught protocol old, but this agentkit"):
        Agent(model).run("Say hello.")
    assert model.calls == []


def test_a_model_of_this_protocol_is_used() -> None:
    model = ScriptedModel([ANSWER])
    model.protocol = protocol.fingerprint()
    Agent(model).run("Say hello.")
    assert len(model.calls) == 1
