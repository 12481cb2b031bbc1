"""Strategies that answer in one completion: `direct`, `cot` (chain of thought) and `program`.

Each is decoded under a grammar, as an agent's decisions are: what is compared is the way to the answer, not who keeps
to a format.
"""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from agentkit import grammars, protocol, sandbox
from agentkit.answer import Evidence, Passage
from agentkit.errors import ToolError
from agentkit.evaluate.item import Called, Item, Reply
from agentkit.evaluate.strategies.bench import PYTHON, Bench, Strategy, certain
from agentkit.events import Observed
from agentkit.models.grammar import admits
from agentkit.models.model import Completion, Grammar, Message, Sampling
from agentkit.threads import in_thread
from agentkit.tools import Tool

REASONING_CHARS = 900
CODE_CHARS = 2400
PROGRAM_CHARS = 1200
CALLS = 8
"""Most calls of one reply."""
MAX_TOKENS = 900

# JSON is shown as the grammars have it, without white space: shown `{"answer": ...}`, the 0.5B had its next token
# taken from it and wrote null to 20 of 20 questions; shown `{"answer":...}` it answered.
DIRECT = 'You answer questions. Reply with one JSON object: {"answer":%s}.'
COT = 'You answer questions step by step. Reply with one JSON object: {"reasoning":"the steps, in short","answer":%s}.'
PROGRAM = (
    "You answer questions by writing a Python program that prints the answer and nothing else. "
    'Reply with one JSON object: {"program":"..."}.'
)
SUM = "A crate holds 14 jars. Of the jars in 6 crates, 5 are broken. How many jars are whole?"
WEIGHT = "Which weighs more, a kilogram of iron or two kilograms of feathers?"
SUM_PROGRAM = {"program": "jars = 14 * 6\nwhole = jars - 5\nprint(whole)\n"}
SUM_REASONED = {"reasoning": "6 crates hold 14 * 6 = 84 jars. Of these 84 - 5 = 79 are whole.", "answer": 79}
WEIGHT_REASONED = {
    "reasoning": "The iron weighs 1 kilogram, the feathers weigh 2. 2 is more than 1.",
    "answer": "two kilograms of feathers",
}
"""Both methods are few-shot ones: without an example the 0.5B wrote prose for a program, 12 times of 12."""
CALL = (
    'Call the function that the request needs. Reply {"calls":[{"tool":"NAME","arguments":{...}}]}, '
    'or {"calls":[]} if none of the functions can help. The functions:\n'
)
"""Asked for a list, "empty if none fits", the 0.5B never called anything (0 of 16 requests of train/metatool)."""
UNKNOWN = ' If the answer can\'t be known, reply {"answer":null}.'


def direct(bench: Bench) -> Strategy:
    """The answer and nothing else."""

    async def answer(item: Item) -> Reply:
        return await complete(bench, item, {}, DIRECT)

    return answer


def cot(bench: Bench) -> Strategy:
    """Reasoning first, then the answer (Wei et al. 2022, Chain-of-Thought Prompting)."""

    async def answer(item: Item) -> Reply:
        reasoning = {"reasoning": {"type": "string", "maxLength": REASONING_CHARS}}
        example = (SUM, SUM_REASONED) if bench.task.form == "number" else (WEIGHT, WEIGHT_REASONED)
        return await complete(bench, item, reasoning, COT, example=example)

    return answer


def program(bench: Bench) -> Strategy:
    """One program, run in the sandbox; what it prints last is the answer (Gao et al. 2023, PAL)."""

    async def answer(item: Item) -> Reply:
        schema = {"program": {"type": "string", "minLength": 1, "maxLength": PROGRAM_CHARS}}
        start = time.monotonic()
        shown = bench.shown(item)
        searched = time.monotonic() - start
        completion, value = await write(
            bench,
            asked(bench, item, PROGRAM, shown, (SUM, SUM_PROGRAM)),
            Grammar(json_schema=grammars.closed_object(schema)),
        )
        reply = Reply(
            status="abstained",
            completions=1,
            usage=completion.usage,
            confidence=certain(completion.confidence),
            tool_seconds=searched,
            sources=bench.sources([p.source for p in shown]) if bench.corpus else (),
        )
        if value is None:
            return reply.model_copy(update={"malformed": 1, "reason": "cut off", "seconds": time.monotonic() - start})
        ran = time.monotonic()
        text, failed = await printed(value["program"], bench.tool_settings.get(PYTHON, {}))
        return reply.model_copy(
            update={
                "status": "abstained" if failed else "unchecked",
                "text": None if failed else text,
                "drafts": () if failed else (text,),
                "calls": (Called(name="python", arguments={"code": value["program"]}, error=failed),),
                "reason": failed,
                "seconds": time.monotonic() - start,
                "tool_seconds": searched + time.monotonic() - ran,
            }
        )

    return answer


async def printed(code: str, settings: Mapping[str, Any]) -> tuple[str, str]:
    """The last line that a program printed, and why there is none; run as the settings of the tool for programs say."""
    bounds = dict(settings)
    tier = bounds.pop("tier", sandbox.AUTO)
    try:
        result = await in_thread(lambda: sandbox.run(code, tier=tier, limits=sandbox.SandboxLimits(**bounds)))
    except ToolError as error:
        return "", str(error)
    lines = result.text.strip().splitlines()
    if result.error or result.limit:
        return "", result.error or f"stopped at its limit of {result.limit}"
    return (lines[-1].strip(), "") if lines else ("", "the program printed nothing")


async def complete(
    bench: Bench,
    item: Item,
    before: Mapping[str, Any],
    rules: str,
    *,
    example: tuple[str, Mapping[str, Any]] | None = None,
) -> Reply:
    """One completion of an object that ends with the answer; `before` are the fields written ahead of it."""
    start = time.monotonic()
    if bench.task.form == "calls":
        rules, name = CALL + "\n".join(protocol.describe(tool) for tool in functions(item)), "calls"
    else:
        rules = rules % ("NUMBER" if bench.task.form == "number" else '"..."')
        rules, name = rules + UNKNOWN * bench.task.abstain, "answer"
    schema = grammars.closed_object({**before, name: answer_schema(bench, item)})
    shown = bench.shown(item)
    searched = time.monotonic() - start
    messages = asked(bench, item, rules, shown, None if bench.task.form == "calls" else example)
    completion, value = await write(bench, messages, Grammar(json_schema=schema))
    reply = Reply(
        status="abstained",
        completions=1,
        usage=completion.usage,
        confidence=certain(completion.confidence),
        seconds=time.monotonic() - start,
        tool_seconds=searched,
        sources=bench.sources([p.source for p in shown]) if bench.corpus else (),
    )
    if value is None:
        return reply.model_copy(update={"malformed": 1, "reason": "cut off"})
    if name == "calls":
        made = tuple(Called(name=call["tool"], arguments=call["arguments"]) for call in value["calls"])
        return reply.model_copy(update={"status": "unchecked", "text": "", "calls": made})
    if value["answer"] is None:
        return reply.model_copy(update={"reason": "said that it can't be known"})
    text = plain(value["answer"])
    return reply.model_copy(update={"status": "unchecked", "text": text, "drafts": (text,)})


def asked(
    bench: Bench,
    item: Item,
    rules: str,
    shown: Sequence[Passage],
    example: tuple[str, Mapping[str, Any]] | None = None,
) -> list[Message]:
    """Rules, a worked example, then passages and question, written as an agent's task is."""
    seen = ""
    if shown:
        given = tuple(
            Evidence(id=i, tool=protocol.GIVEN, call=0, text=p.text, source=p.heading or p.source)
            for i, p in enumerate(shown, start=1)
        )
        limit = bench.limits.passage_chars
        text, _ = protocol.observation(Observed(call=0, evidence=given), tool=protocol.GIVEN, limit=limit)
        seen = f"{text}\n"
    demonstrated: list[Message] = []
    if example:
        question, reply = example
        demonstrated = [
            Message(role="user", content=f"Question: {question}"),
            Message(role="assistant", content=protocol.compact(reply)),
        ]
    return [
        Message(role="system", content=rules),
        *demonstrated,
        Message(role="user", content=f"{seen}Question: {bench.question(item)}"),
    ]


async def write(bench: Bench, messages: list[Message], grammar: Grammar) -> tuple[Completion, Any]:
    """A completion and the object it is; None if it was cut off or isn't one."""
    sampling = Sampling(max_tokens=MAX_TOKENS, temperature=bench.temperature, seed=bench.seed, logprobs=1)
    async with bench.model.session() as session:
        completion = await session.generate(messages, grammar=grammar, sampling=sampling)
    readable = completion.finish == "stop" and admits(grammar, completion.text)
    return completion, json.loads(completion.text) if readable else None


def answer_schema(bench: Bench, item: Item) -> dict[str, Any]:
    """What an answer of the task's form may be."""
    match bench.task.form:
        case "calls":
            defs: dict[str, Any] = {}
            options = [grammars.call_schema(tool, defs) for tool in functions(item)]
            return {"type": "array", "items": {"anyOf": options}, "maxItems": CALLS}
        case "number":
            schema: dict[str, Any] = grammars.bounded({"type": "number"})
        case "choice":
            schema = {"enum": list(item.choices)}
        case "code":
            schema = {"type": "string", "minLength": 1, "maxLength": CODE_CHARS}
        case "text":
            schema = {"type": "string", "minLength": 1, "maxLength": grammars.ANSWER_CHARS}
    return {"anyOf": [schema, {"type": "null"}]} if bench.task.abstain else schema


def functions(item: Item) -> list[Tool]:
    """The item's functions as tools that do nothing, so that a call made again is known from the first time."""
    made = (Tool.from_schema(f.name, f.description, f.parameters, done) for f in item.functions)
    return [replace(tool, pure=True) for tool in made]


def done(**_arguments: Any) -> str:
    """What every function of an item reports."""
    return "done"


def plain(value: Any) -> str:
    """A decoded value as the text that a scorer reads."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
