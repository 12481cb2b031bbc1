"""What happens while a peer works on an item, as its worker tells the driver: one JSON object a line."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, TypeAdapter

Kind = Literal["unreadable", "unknown tool", "bad arguments", "call as text"]
"""Ways in which a call can be malformed.

unreadable: the peer couldn't read the model's reply. unknown tool: there is none of that name. bad arguments: they
don't fit the tool's schema. call as text: a call that the peer took for the answer.
"""


class Wanted(BaseModel, frozen=True):
    """A call that the model wrote, as the endpoint reports it."""

    name: str
    arguments: str


class Completion(BaseModel, frozen=True):
    """One reply of the endpoint, read off the wire: for every peer in the same way."""

    event: Literal["completion"] = "completion"
    prompt: int = 0
    cached: int = 0
    generated: int = 0
    seconds: float = 0.0
    finish: str = ""
    text: str = ""
    calls: tuple[Wanted, ...] = ()
    error: str = ""
    """Why the endpoint refused."""


class Call(BaseModel, frozen=True):
    """A call of one of the driver's tools; the driver fills in what came of it."""

    event: Literal["call"] = "call"
    name: str
    arguments: Mapping[str, Any]
    text: str = ""
    error: str = ""
    fits: bool = True
    """Whether the arguments fit the tool's schema; else the function never saw them."""
    seconds: float = 0.0


class Code(BaseModel, frozen=True):
    """A program that the peer ran itself."""

    event: Literal["code"] = "code"
    code: str
    error: str = ""


class Malformed(BaseModel, frozen=True):
    """A completion, or a call in one, that the peer could do nothing with."""

    event: Literal["malformed"] = "malformed"
    kind: Kind
    text: str = ""


class End(BaseModel, frozen=True):
    """How it ended. `raised`: by an exception of the peer's; `limit`: steps or time were used up."""

    event: Literal["end"] = "end"
    how: Literal["answered", "limit", "raised"]
    text: str = ""
    """The answer, or why there is none."""
    steps_used_up: bool = False
    """An answer that the peer asked for after its last step."""


Event = Annotated[Completion | Call | Code | Malformed | End, Field(discriminator="event")]
read: TypeAdapter[Event] = TypeAdapter(Event)
