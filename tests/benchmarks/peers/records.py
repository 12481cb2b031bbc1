"""From what a peer did to what agentkit's evaluation keeps of an item."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from keyword import iskeyword
from typing import Any

from peers.events import Call, Code, Completion, End, Event, Kind, Malformed

from agentkit.answer import Usage
from agentkit.evaluate.item import Called, Reply

OWN_INTERPRETER = "python_interpreter"
"""What smolagents calls the running of the code that a model wrote."""


def reply(events: Sequence[Event], names: Mapping[str, str], *, seconds: float, programs: bool = True) -> Reply:
    """A peer's run as the reply it is.

    Calls are those that reached a tool, as agentkit's own are: what the peer refused is among the malformed.

    Args:
        events: Of one item, in order, the end last.
        names: The tools' own names by those that the peer knows them by.
        programs: Whether code that the peer ran itself counts as a call; not where calls are what is judged.
    """
    end = events[-1]
    assert isinstance(end, End)
    completions = [e for e in events if isinstance(e, Completion)]
    answered = end.how == "answered"
    return Reply(
        status="unchecked" if answered else "exhausted",
        text=end.text if answered else None,
        calls=tuple(
            called(e, names) for e in events if (programs and isinstance(e, Code)) or (isinstance(e, Call) and e.fits)
        ),
        malformed=sum(malformed(events, names).values()),
        completions=len(completions),
        reason="" if answered else end.text,
        usage=Usage(
            prompt=sum(c.prompt for c in completions),
            cached=sum(c.cached for c in completions),
            generated=sum(c.generated for c in completions),
            seconds=sum(c.seconds for c in completions),
        ),
        seconds=seconds,
        tool_seconds=sum(e.seconds for e in events if isinstance(e, Call)),
    )


def called(event: Call | Code, names: Mapping[str, str]) -> Called:
    """A call as it is kept."""
    if isinstance(event, Code):
        return Called(name=OWN_INTERPRETER, arguments={"code": event.code}, error=event.error)
    return Called(name=names[event.name], arguments=plain(event.arguments), error=event.error)


def malformed(events: Sequence[Event], names: Iterable[str]) -> Counter[Kind]:
    """Malformed calls by kind."""
    found: Counter[Kind] = Counter(e.kind for e in events if isinstance(e, Malformed))
    found["bad arguments"] += sum(isinstance(e, Call) and not e.fits for e in events)
    found["call as text"] += taken_for_answer(events, names)
    return +found


def taken_for_answer(events: Sequence[Event], names: Iterable[str]) -> bool:
    """Whether the peer's answer is a call that the model wrote as text."""
    last = next((e for e in reversed(events) if isinstance(e, Completion)), None)
    match events[-1]:
        case End(how="answered", text=text) if last is not None and not last.calls:
            return last.text.strip() == text.strip() and call_as_text(text, names)
        case _:
            return False


def call_as_text(text: str, names: Iterable[str]) -> bool:
    """Whether a text holds an object that is a call of one of these tools."""
    spelt = "|".join(map(re.escape, names))
    named = re.search(rf"\"name\"\s*:\s*\"({spelt})\"", text) if spelt else None
    return named is not None and re.search(r"\"(arguments|parameters)\"\s*:", text) is not None


def known_as(name: str) -> str:
    """A tool's name for the peers: OpenAI's protocol allows no dots in it, and a CodeAgent's is a Python function."""
    spelt = re.sub(r"\W", "_", name, flags=re.ASCII)
    return f"_{spelt}" if iskeyword(spelt) or spelt[:1].isdigit() else spelt


def plain(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments as JSON has them: a program's tuples are lists, what JSON can't write is text."""
    return json.loads(json.dumps(dict(arguments), default=repr), parse_constant=str)
