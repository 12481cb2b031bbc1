"""Requests to a choice of tools: those of MetaTool, with the tools it describes, and the simple calls of Toolformer."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any, cast

from agentkit.checks.words import content_words
from agentkit.compress.problem import Line, Problem
from agentkit.compress.sources.calls import CHOICE, REFUSAL, SHOWN, UNFIT, answered, ended
from agentkit.compress.sources.multihop import purpose
from agentkit.compress.sources.rows import Problems, problems
from agentkit.decision import Call, GiveUp, Plan
from agentkit.errors import ConfigurationError
from agentkit.evaluate.strategies.completion import done
from agentkit.evaluate.tasks.data import Row, RowError
from agentkit.events import Step
from agentkit.tools import Tool

REFUSED = 0.3
"""Share of MetaTool's requests that are shown without the tool they are for."""
LONGEST = 240
"""Characters of a request."""
ALIKE = (
    "ResearchFinder ResearchHelper PDF&URLTool BookTool CourseTool",
    "TripTool TripAdviceTool RestaurantBookingTool local MapTool",
    "HouseRentingTool HousePurchasingTool TripTool local",
    "ProductSearch Discount Review ProductComparison ShoppingAssistant GiftTool local",
    "MediaTool MusicTool PodcastTool VideoSummarizeTool BookTool GameTool",
    "FinanceTool CompanyInfoTool ExchangeTool NewsTool",
    "NotesTool MemoryTool DataRetrievalTool CourseTool",
    "JobTool ResumeTool",
    "WebsiteTool SEOTool URLTool PDF&URLTool",
    "MediaModifyTool MemeTool ChartTool",
    "DietTool RestaurantBookingTool local",
    "NewsTool EarthquakeTool WeatherTool NASATool",
    "PolishTool ResumeTool",
    "RepoTool WebsiteTool",
)
"""Tools that a request for one of them might be meant for as well."""
LOOKING_UP = frozenset({"search", "news", "wikipedia", "wolfram"})
"""Toolformer's tools that any question might be meant for: at most one of them is shown."""
SIGNATURE = re.compile(r"^(\w+)\((\w+)\)$")
CALL = re.compile(r"(\w+)\('((?:[^'\\]|\\.)*)'\)")
TAKEN = 0.75
"""Share of an argument's words that the request must have, else what the argument should be is a guess."""


def metatool(folder: Path, chance: Random) -> Problems:
    """Requests with one to four tools, the right one among them or not."""
    described = tools_of(folder / "metatool_tools.json")
    alike = [set(group.split()) for group in ALIKE]

    def make(row: Row) -> Iterator[Problem]:
        request, wanted = row.text("Query").strip(), row.text("Tool")
        if wanted not in described or not 15 <= len(request) <= LONGEST or request.startswith("Sure"):
            return
        kin = {wanted}.union(*(group for group in alike if wanted in group))
        others = [name for name in described if name not in kin]
        verbatim = chance.random() < 0.5
        shown = chance.sample(others, chance.choice(SHOWN))
        refused = chance.random() < REFUSED
        if not refused:
            shown[chance.randrange(len(shown))] = wanted
        arguments = {"request": request} if verbatim else {}
        ending = ended(request, (1,))
        decisions = [Plan(steps=()), GiveUp(reason=UNFIT)]
        if not refused:
            step = Step(tool=wanted, purpose=purpose(spelt(wanted)))
            decisions = [Plan(steps=(step,)), Call(tool=wanted, arguments=arguments), ending]
        yield Problem(
            id=f"metatool-{row.line}",
            source="metatool_queries.jsonl",
            task=request,
            tools=[tool(name, described[name], "request" if verbatim else "") for name in shown],
            script=[*map(Line, decisions)],
            answer=None if refused else answered(request),
            kind=REFUSAL if refused else CHOICE,
        )

    yield from problems(folder / "metatool_queries.jsonl", chance, make)


def toolformer(folder: Path, chance: Random) -> Problems:
    """Requests for one call whose argument stands in the request."""

    def make(row: Row) -> Iterator[Problem]:
        head, *lines = row.text("instruction").split("\n")
        names = lines[0].removeprefix("toolformer access:").replace(" ", "").split(",") if lines else []
        places = [n for n, line in enumerate(lines) if (m := SIGNATURE.match(line)) and m[1] in names]
        if not head.startswith("toolformer") or not places or len(places) != len(names):
            raise RowError("field 'instruction' doesn't list its tools")
        given = str(row.value("input")).strip()
        task = "\n".join(part for part in ("\n".join(lines[places[-1] + 1 :]).strip(), given) if part)
        calls = CALL.findall(row.text("response"))
        parameters = signatures(lines, places)
        if len(calls) != 1 or calls[0][0] not in parameters or not task or len(task) > LONGEST:
            return
        if len(LOOKING_UP & parameters.keys()) > 1:
            return
        [(name, argument)] = calls
        argument = argument.replace("\\'", "'").strip()
        words = content_words(argument)
        if not words or len(words & content_words(task)) < TAKEN * len(words):
            return
        described = {lines[n].partition("(")[0]: lines[n - 1] for n in places}
        shown = [tool(one, described[one], parameters[one]) for one in described]
        yield Problem(
            id=f"toolformer-{row.line}",
            source="toolformer_calls.jsonl",
            task=task,
            tools=chance.sample(shown, len(shown)),
            script=[
                Line(Plan(steps=(Step(tool=name, purpose=purpose(argument)),))),
                Line(Call(tool=name, arguments={parameters[name]: argument})),
                Line(ended(task, (1,))),
            ],
            answer=answered(task),
            kind=CHOICE,
        )

    yield from problems(folder / "toolformer_calls.jsonl", chance, make)


def spelt(name: str) -> str:
    """A tool's name in words: what a plan says that it's for."""
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name.replace("Tool", ""))
    return " ".join(words).lower()


def signatures(lines: Sequence[str], places: Sequence[int]) -> dict[str, str]:
    """The parameter of each tool."""
    found = (SIGNATURE.match(lines[n]) for n in places)
    return {match[1]: match[2] for match in found if match}


def tools_of(path: Path) -> Mapping[str, str]:
    """Names and descriptions of MetaTool's tools.

    Raises:
        ConfigurationError: The file can't be read, or holds something else.
    """
    try:
        found: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path} can't be read as JSON: {error}; fetch it anew") from None
    if not isinstance(found, dict):
        raise ConfigurationError(f"{path} should hold an object of names and descriptions; fetch it anew")
    return {str(name): str(said).strip() for name, said in cast(dict[str, Any], found).items()}


def tool(name: str, description: str, parameter: str) -> Tool:
    """A tool that takes one text, or nothing, and only says that it is done."""
    described = {"request": {"type": "string", "maxLength": LONGEST, "description": "The request, word for word."}}
    properties = {parameter: described.get(parameter, {"type": "string"})} if parameter else {}
    schema = {"type": "object", "properties": properties, "required": [*properties], "additionalProperties": False}
    return Tool.from_schema(name, description, schema, done)
