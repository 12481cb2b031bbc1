"""Tools from typed functions."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from functools import partial
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from agentkit.answer import Passage
from agentkit.errors import ConfigurationError, DefinitionError, UnknownName
from agentkit.threads import run_sync
from agentkit.tools import Injected, Outcome, Part, Tool, known_tools, load_tools, to_parts, tool


@tool(pure=True)
def area(width: float, height: float = 2, unit: Literal["m", "cm"] = "m") -> str:
    """Area of a rectangle.

    Args:
        width: Left to right.
    """
    return f"{width * height:g} {unit}²"


class Suit(Enum):
    HEARTS = "hearts"


@dataclass
class Card:
    suit: Suit
    rank: int


def invoke(given: Tool, **arguments: object) -> Outcome:
    return asyncio.run(given.invoke(arguments))


def test_name_description_and_schema_come_from_the_function() -> None:
    assert (area.name, area.description) == ("area", "Area of a rectangle.")
    assert area.parameters == {
        "type": "object",
        "properties": {
            "width": {"type": "number", "description": "Left to right."},
            "height": {"type": "number", "default": 2},
            "unit": {"type": "string", "enum": ["m", "cm"], "default": "m"},
        },
        "required": ["width"],
        "additionalProperties": False,
    }


def test_a_field_says_what_a_parameter_is_wherever_it_stands() -> None:
    @tool
    def look(
        place: Annotated[str, Field(description="A town.")],
        days: Annotated[int, Field(description="Ahead.", ge=1)] = Field(3, le=9),
        unit: str = Field(max_length=1),
    ) -> str:
        """Look at the weather.

        Args:
            unit: C or F.
        """
        return f"{place} {days} {unit}"

    assert look.parameters["properties"] == {
        "place": {"type": "string", "description": "A town."},
        "days": {"type": "integer", "description": "Ahead.", "minimum": 1, "maximum": 9, "default": 3},
        "unit": {"type": "string", "description": "C or F.", "maxLength": 1},
    }
    assert look.parameters["required"] == ["place", "unit"]
    assert invoke(look, place="Graz", unit="C").parts == (Part(text="Graz 3 C"),)


def test_arguments_are_coerced_and_checked() -> None:
    assert invoke(area, width="3").parts == (Part(text="6 m²"),)
    assert invoke(area, width=3, depth=1).error == "area: depth: Extra inputs are not permitted"


def test_async_functions_are_tools_too() -> None:
    @tool
    async def later(text: str) -> str:
        """Say it later."""
        await asyncio.sleep(0)
        return text

    assert invoke(later, text="hi").parts == (Part(text="hi"),)


def test_a_plain_function_may_hand_on_what_an_async_one_does() -> None:
    async def later(text: str) -> str:
        return text

    @tool
    def say(text: str) -> Awaitable[str]:
        """Say it later."""
        return later(text)

    assert invoke(say, text="hi").parts == (Part(text="hi"),)


def test_nested_models_arrive_as_models() -> None:
    class Point(BaseModel):
        x: int
        y: int

    @tool
    def norm(points: list[Point]) -> int:
        """Sum of coordinates."""
        return sum(p.x + p.y for p in points)

    assert invoke(norm, points=[{"x": 1, "y": 2}]).parts == (Part(text="3"),)


def test_a_resource_is_filled_in_and_hidden_from_the_model() -> None:
    class Box:
        content = "gold"

    class Sizes(BaseModel):
        most: int = Field(default=2, ge=1)

    @tool
    def look(box: Injected[Box], sizes: Injected[Sizes], times: int = 1) -> str:
        """Look into the box."""
        return box.content * min(times, sizes.most)

    assert list(look.parameters["properties"]) == ["times"]
    assert look.bind().missing == ["Box"]
    assert invoke(look.bind(Box()), times=9).parts[0].text == "goldgold"
    assert invoke(look.bind(Box(), settings={"most": 3}), times=9).parts[0].text == "goldgoldgold"
    with pytest.raises(ConfigurationError, match=r"settings of tool 'look': most: .*greater than or equal to 1"):
        look.bind(Box(), settings={"most": 0})


def test_what_a_tool_raises_becomes_its_outcome() -> None:
    @tool
    def divide(a: int, b: int) -> float:
        """Divide."""
        return a / b

    assert invoke(divide, a=1, b=0).error == "divide: ZeroDivisionError: division by zero"


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        (StopIteration(), "StopIteration"),
        (SystemExit(3), "lookup: SystemExit: 3"),
        (TimeoutError("no reply from the database"), "lookup: TimeoutError: no reply from the database"),
    ],
)
def test_what_python_treats_apart_is_an_outcome_as_well(raised: BaseException, told: str) -> None:
    @tool(timeout=5)
    def lookup() -> str:
        """Look up."""
        raise raised

    @tool(timeout=5, name="lookup")
    async def asked() -> str:
        """Look up."""
        raise raised

    for given in (lookup, asked):
        outcome = invoke(given)
        assert told in outcome.error
        assert outcome.seconds < 4


def test_a_blocking_function_that_hangs_is_left_behind() -> None:
    @tool(timeout=0.05)
    def block() -> str:
        """Block."""
        time.sleep(2)
        return ""

    start = time.monotonic()
    assert "took longer than 0.05 s" in invoke(block).error
    assert time.monotonic() - start < 1.5


def test_context_variables_are_as_where_the_run_was_begun() -> None:
    customer = ContextVar("customer", default="nobody")

    @tool
    def whoami() -> str:
        """Say who asks."""
        return customer.get()

    def asked() -> tuple[Part, ...]:
        return run_sync(whoami.invoke({})).parts

    async def notebook() -> tuple[Part, ...]:
        return asked()  # where a loop runs already, the run has a thread of its own

    customer.set("Rosa")
    assert asked() == asyncio.run(notebook()) == (Part(text="Rosa"),)


@pytest.mark.parametrize(
    ("result", "parts"),
    [
        (None, ()),
        ("  ", ()),
        ([], ()),
        (Fraction(1, 3), (Part(text="1/3"),)),
        ({"ä": 1}, (Part(text='{"ä": 1}'),)),
        ([Card(suit=Suit.HEARTS, rank=7)], (Part(text='[{"suit": "hearts", "rank": 7}]'),)),
        ({"cards": (Card(suit=Suit.HEARTS, rank=7),)}, (Part(text='{"cards": [{"suit": "hearts", "rank": 7}]}'),)),
        (Suit.HEARTS, (Part(text='"hearts"'),)),
        ((n * n for n in range(3)), (Part(text="[0, 1, 4]"),)),
        (Passage(text="t", source="a.md", heading="H"), (Part(text="t", source="a.md > H"),)),
        ([Passage(text="t", source="a"), Part(text="u")], (Part(text="t", source="a"), Part(text="u"))),
    ],
)
def test_results_become_parts(result: object, parts: tuple[Part, ...]) -> None:
    assert to_parts(result) == parts


def test_a_schema_alone_makes_a_tool() -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}

    def twice(n: int) -> int:
        return n * 2

    given = Tool.from_schema("math.double", "Twice.", schema, twice)
    assert invoke(given, n=2).parts == (Part(text="4"),)
    assert "is not of type" in invoke(given, n="2").error


def test_bad_definitions_are_refused() -> None:
    def undocumented(x: int) -> int:
        return x

    def untyped(x) -> int:  # type: ignore[no-untyped-def]  # pyright: ignore[reportMissingParameterType, reportUnknownParameterType]
        """Untyped."""
        return 1

    def opaque(x: Annotated[object, threading_lock]) -> int:
        """Takes what JSON can't say."""
        return 1

    def answer() -> int:
        """Reserved."""
        return 1

    def elsewhere(x: "Unheard") -> int:  # type: ignore[name-defined]  # noqa: F821  # pyright: ignore[reportUndefinedVariable, reportUnknownParameterType]
        """Takes what only a type checker may see."""
        return 1

    def numbers() -> Iterator[int]:
        """Yield."""
        yield 1

    cases: list[tuple[Callable[..., Any], str]] = [
        (undocumented, "has no docstring"),
        (untyped, "parameter 'x' has no type"),  # pyright: ignore[reportUnknownArgumentType]
        (answer, "a tool can't be named 'answer'"),
        (elsewhere, "tool 'elsewhere': name 'Unheard' is not defined; type parameters by names"),  # pyright: ignore[reportUnknownArgumentType]
        (numbers, "tool 'numbers' yields its results one by one; return a list"),
        (partial(len), "has no name of a function: write a typed function that calls it"),
    ]
    for function, message in cases:
        with pytest.raises(DefinitionError, match=message):
            tool(function)
    assert tool(opaque).parameters["properties"] == {"x": {}}
    with pytest.raises(DefinitionError, match="is not JSON Schema"):
        Tool.from_schema("t", "d", {"type": "nonsense"}, len)


threading_lock = object()


def test_installed_tools_are_found_by_entry_point() -> None:
    assert {"calculator", "python", "retrieval"} <= known_tools().keys()
    with pytest.raises(UnknownName, match="no tool named 'abacus'; there are: calculator"):
        load_tools(["abacus"])
