"""Tools about a house, and what a model may write to call them."""

from collections.abc import Sequence
from enum import Enum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from agentkit import grammars, protocol
from agentkit.events import Told
from agentkit.tools import Example, load_tools, tool


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Part(BaseModel):
    name: str = Field(max_length=20)
    colour: Colour
    spare: "Part | None" = None


class Tree(BaseModel):
    label: Literal["leaf", "branch"]
    children: list["Tree"] = []


@tool(
    pure=True,
    examples=[
        Example(
            task="Find the lamp.",
            purpose="where the lamp is",
            arguments={"words": ["lamp"], "limit": 1},
            result="The lamp is in the hall.\nIt is new.",
            source="house.md",
            answer="In the hall.",
        ),
        Example(task="Find the key.", purpose="where it is", arguments={"words": ["key"]}, result="A lock.", answer=""),
    ],
)
def find(words: list[str], limit: int = 3, kind: Literal["room", "thing"] | None = None) -> str:
    """Find things in the house.

    Args:
        words: What to look for.
    """
    return " ".join(words) * limit + str(kind)


@tool
def build(part: Part, tree: Tree, mixed: int | str | None = None, sizes: dict[str, float] | None = None) -> str:
    """Build it."""
    return f"{part}{tree}{mixed}{sizes}"


@tool
def paint(part: Annotated[Colour, Field(description="The description of a part.")], description: str) -> str:
    """Paint it; another tool's schema names a Colour as well."""
    return f"{part}{description}"


@tool
def ring() -> str:
    """Ring the bell; takes nothing."""
    return "ding"


TOOLS = (find, build, paint, ring)
SHIPPED = load_tools(["calculator", "python", "retrieval"])
PART: dict[str, Any] = {"name": "lid", "colour": "red", "spare": {"name": "cap", "colour": "blue", "spare": None}}
TREE: dict[str, Any] = {
    "label": "branch",
    "children": [{"label": "leaf", "children": []}, {"label": "leaf", "children": []}],
}


def written(value: object) -> str:
    return protocol.compact(value)


def said_by(told: Sequence[Told], role: str) -> list[str]:
    return [message.content for message in told if message.role == role]


ANSWER = {"answer": {"evidence": [1], "text": "It is in the hall."}}
GIVES_UP = {"give_up": {"reason": grammars.GIVE_UP[0]}}
