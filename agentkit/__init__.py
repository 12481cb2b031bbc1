"""agentkit: a small local language model that plans, calls tools, checks itself and says when it doesn't know.

    from agentkit import Agent

    agent = Agent("qwen2.5-coder-1.5b", tools=["calculator"])
    print(agent.run("What is 15% of 80?").text)

Every public name is here and is imported when it is first used.
"""

from typing import TYPE_CHECKING

from agentkit.lazy import lazy

if TYPE_CHECKING:
    from agentkit.agent import Agent as Agent
    from agentkit.answer import Answer as Answer
    from agentkit.answer import Evidence as Evidence
    from agentkit.answer import Finding as Finding
    from agentkit.answer import Passage as Passage
    from agentkit.answer import Usage as Usage
    from agentkit.assistant import Assistant as Assistant
    from agentkit.checks import Check as Check
    from agentkit.checks import Draft as Draft
    from agentkit.checks import default_checks as default_checks
    from agentkit.conversation import Conversation as Conversation
    from agentkit.errors import AgentkitError as AgentkitError
    from agentkit.errors import ConfigurationError as ConfigurationError
    from agentkit.errors import ModelError as ModelError
    from agentkit.errors import ToolError as ToolError
    from agentkit.events import Event as Event
    from agentkit.events import Turn as Turn
    from agentkit.knowledge.corpus import Corpus as Corpus
    from agentkit.knowledge.embedder import Embedder as Embedder
    from agentkit.limits import Limits as Limits
    from agentkit.models.catalog import load as load_model
    from agentkit.models.model import Grammar as Grammar
    from agentkit.models.model import Message as Message
    from agentkit.models.model import Model as Model
    from agentkit.models.model import Sampling as Sampling
    from agentkit.models.scripted import ScriptedModel as ScriptedModel
    from agentkit.tools import Example as Example
    from agentkit.tools import Injected as Injected
    from agentkit.tools import Tool as Tool
    from agentkit.tools import tool as tool
    from agentkit.trace import TraceWriter as TraceWriter
    from agentkit.trace import read_trace as read_trace

_HOMES = {
    "agentkit.agent": ["Agent"],
    "agentkit.answer": ["Answer", "Evidence", "Finding", "Passage", "Usage"],
    "agentkit.assistant": ["Assistant"],
    "agentkit.checks": ["Check", "Draft", "default_checks"],
    "agentkit.conversation": ["Conversation"],
    "agentkit.errors": ["AgentkitError", "ConfigurationError", "ModelError", "ToolError"],
    "agentkit.events": ["Event", "Turn"],
    "agentkit.knowledge.corpus": ["Corpus"],
    "agentkit.knowledge.embedder": ["Embedder"],
    "agentkit.limits": ["Limits"],
    "agentkit.models.catalog": ["load_model=load"],
    "agentkit.models.model": ["Grammar", "Message", "Model", "Sampling"],
    "agentkit.models.scripted": ["ScriptedModel"],
    "agentkit.tools": ["Example", "Injected", "Tool", "tool"],
    "agentkit.trace": ["TraceWriter", "read_trace"],
}
__getattr__, __dir__ = lazy(__name__, _HOMES)

__all__ = [  # pyright: ignore[reportUnsupportedDunderAll]
    "Agent",
    "AgentkitError",
    "Answer",
    "Assistant",
    "Check",
    "ConfigurationError",
    "Conversation",
    "Corpus",
    "Draft",
    "Embedder",
    "Event",
    "Evidence",
    "Example",
    "Finding",
    "Grammar",
    "Injected",
    "Limits",
    "Message",
    "Model",
    "ModelError",
    "Passage",
    "Sampling",
    "ScriptedModel",
    "Tool",
    "ToolError",
    "TraceWriter",
    "Turn",
    "Usage",
    "default_checks",
    "load_model",
    "read_trace",
    "tool",
]
