"""A user's own questions, answered by an agent from the user's own documents."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, cast

from agentkit.agent import Agent
from agentkit.answer import Evidence, Passage
from agentkit.compress.problem import Line, Problem, Unusable, general
from agentkit.compress.sources import Problems, Source
from agentkit.compress.sources.multihop import keywords, purpose
from agentkit.compress.sources.reading import READING, REFUSAL
from agentkit.decision import Call, Decision, GiveUp, Plan, Proposal
from agentkit.errors import ConfigurationError
from agentkit.evaluate.item import Item
from agentkit.evaluate.scorers.text import contained, tokens
from agentkit.evaluate.tasks import files
from agentkit.events import Step
from agentkit.grammars import GIVE_UP
from agentkit.tools import Tool

TOOL = "retrieval"


def own(file: Path, agent: Agent[Any], *, licence: str = "your own") -> Source:
    """Lessons of questions that an agent is to answer from its documents, an assistant say.

    Each is searched for, and answered with what the file says, citing what was found; one that is marked as not
    `answerable` is searched for and given up. The agent's tools, settings, checks and instructions are those of the
    lessons, so that a student reads in them what it will be given by this agent. Its model isn't asked.

    Args:
        file: As `agentkit evaluate` takes it. The answer (the first, where there are several) is what will be said,
            word for word; `source` names the document that has it, as `agentkit search` does, where the answer doesn't
            stand in it literally.
        licence: Of the questions and the documents, for the card of what is trained on them.

    Raises:
        ConfigurationError: The agent searches no documents.
    """
    searching = next((tool for tool in agent.tools if tool.name == TOOL), None)
    if searching is None:
        raise ConfigurationError(f"this agent has no tool {TOOL}: give it documents that its answers can stand on")
    return Source(partial(asked, file, agent, searching), licence, (str(file.absolute()),))


def asked(file: Path, agent: Agent[Any], searching: Tool, _folder: Path, chance: Random) -> Problems:
    """The questions of a file in an order drawn by chance, and those that can't be used.

    Raises:
        ConfigurationError: The file can't be read, or holds no question.
    """
    task = files.load(file, form="text")
    for problem in task.problems:
        place, _, reason = problem.partition(" ")
        yield Unusable(id=place, reason=general(reason), detail=problem)
    for item in chance.sample(list(task.items), len(task.items)):
        yield made(item, file.name, agent, searching)


def made(item: Item, file: str, agent: Agent[Any], searching: Tool) -> Problem | Unusable:
    """A question with the search that finds its answer."""
    if agent.refuse is not None and agent.refuse(item.question):
        return Unusable(item.id, "it is refused before any model is asked", item.question)
    queries = [query for query in (keywords(item.question), item.question.rstrip("?! .")) if query]
    if item.answerable:
        queries = [query for query in queries if any(holds(p, item) for p in found(searching, query))]
    if not queries:
        why = "no search finds its answer; `source` names the document where it isn't there literally"
        return Unusable(item.id, why, item.question)
    query, answer = queries[0], answers_of(item)[0] if item.answerable else None
    script: list[Decision | Callable[[Sequence[Evidence]], Decision]] = [
        Plan(steps=(Step(tool=TOOL, purpose=purpose(query)),)),
        Call(tool=TOOL, arguments={"query": query}),
        partial(citing, item, answer) if answer else GiveUp(reason=GIVE_UP[0]),
    ]
    return Problem(
        id=item.id,
        source=file,
        task=item.question,
        script=[*map(Line, script)],
        tools=agent.tools,
        checks=agent.checks,
        instructions=agent.instructions,
        limits=agent.limits.model_copy(update={"seconds": None}),
        answer=answer,
        kind=READING if answer else REFUSAL,
    )


def found(searching: Tool, query: str) -> list[Passage]:
    """What the tool will report, by its own settings."""
    return searching.function(**searching.validate({"query": query}), **searching.bound)


def holds(passage: Passage | Evidence, item: Item) -> bool:
    """Whether a passage is where the answer stands: of a document that the file names, else by its words."""
    if sources := cast(Mapping[str, Sequence[str]], item.gold).get("sources"):
        return passage.source.partition(" > ")[0] in sources
    return any(contained(tokens(answer), tokens(passage.text)) for answer in answers_of(item))


def answers_of(item: Item) -> Sequence[str]:
    """All that are right, the one to be said first."""
    return cast(Mapping[str, Sequence[str]], item.gold)["answers"]


def citing(item: Item, answer: str, evidence: Sequence[Evidence]) -> Decision:
    """The answer, with what was found of it."""
    return Proposal(text=answer, cited=tuple(e.id for e in evidence if holds(e, item)))
