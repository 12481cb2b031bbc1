"""How a run is written for a model, the grammar of each decision, and how a decision is read back.

Every decision is one JSON object: `{"plan": […]}`, `{"tool": "calculator", "arguments": {…}}`, `{"answer": {…}}` or
`{"give_up": {…}}`. Evidence is numbered at the start of a line and its
further lines are indented, so no document can forge a number. The same code writes the prompts of a run
and the examples that a driver is trained on.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, cast

from agentkit.answer import Evidence
from agentkit.decision import Call as Call
from agentkit.decision import Decision as Decision
from agentkit.decision import GiveUp as GiveUp
from agentkit.decision import Malformed as Malformed
from agentkit.decision import Plan as Plan
from agentkit.decision import Proposal as Proposal
from agentkit.decision import compact as compact
from agentkit.decision import leaves as leaves
from agentkit.decision import read as read
from agentkit.events import Observed, Step, Told, Turn
from agentkit.models.model import Grammar
from agentkit.tools import Example, Tool

Kind = Literal["plan", "act", "answer", "redraft"]

ANSWER_CHARS = 500
"""Longest answer text; a small model that writes more is rambling."""
STRING_CHARS = 600
"""Characters that the strings of a call may have together, unless its schema says otherwise."""
SHORTEST = 60
"""Characters that a string may have however many there are."""
PLAN_STEPS = 4
PURPOSE = r"^[^(){}=*+<>\"\\]{3,60}$"
"""Words: a plan says what a step is for; small models would put the code or the sum there."""
GIVE_UP = ("the evidence does not tell", "no tool fits the task", "the tools failed")
"""Why a model may give up. A reason of its own would be one more claim that nobody checks."""
ITEMS = 8
"""Longest list argument whose schema sets no bound of its own."""
LARGEST = 10**15
FINEST = 1e-6
"""Bounds on numbers: a model that has begun to write zeros doesn't stop by itself."""
DIGITS = r"^[0-9]{0,40}([^0-9]+[0-9]{1,40})*[^0-9]*$"
"""A string's digits stand in runs of 40 at most, for the same reason: the 135M wrote 600 zeros into programs."""
ANYTHING: dict[str, Any] = {
    "anyOf": [
        {"type": "string", "maxLength": SHORTEST},
        {"type": "number", "minimum": -LARGEST, "maximum": LARGEST, "multipleOf": FINEST},
        {"type": "boolean"},
        {"type": "null"},
    ]
}
"""What a value may be whose schema doesn't say."""

SYSTEM = """\
You solve a task in small steps. Each reply is one JSON object: first a plan, then one tool call at a time. \
Worked examples come first, your task last.
{tools}
{{"answer":{{"evidence":[1],"text":"..."}}}} ends the task: name the numbered evidence used, then answer in one short \
sentence with units.
{{"give_up":{{"reason":"the evidence does not tell"}}}} ends it without an answer. Never guess.
Every fact and number comes from the task or from evidence: look up what the task does not say, then compute."""

NEXT = "Next step."
GIVEN = "given"
"""In the place of a tool's name where evidence came with the task."""


# What the model reads


def opening(
    tools: Sequence[Tool],
    history: Iterable[Turn],
    task: str,
    *,
    plan: bool,
    given: Sequence[Evidence] = (),
    limit: int = 0,
    instructions: str = "",
) -> list[Told]:
    """The transcript up to the first decision: rules, a worked example a tool, earlier turns, the task.

    An assistant's instructions stand below the rules. Evidence that is given with the task stands before it, in at
    most `limit` characters: tasks over the same passages then share what a model has computed of them.
    """
    rules = SYSTEM.format(tools="\n".join(describe(t) for t in tools))
    told = [Told(role="system", content=f"{rules}\n{instructions}" if instructions else rules)]
    for tool, example in worked(tools):
        told += demonstrate(tool, example, plan=plan)
    for turn in history:
        told += [
            Told(role="user", content=f"Task: {turn.task}"),
            Told(role="assistant", content=compact({"answer": {"evidence": [], "text": turn.answer}})),
        ]
    seen = f"{observation(Observed(call=0, evidence=tuple(given)), tool=GIVEN, limit=limit)[0]}\n" if given else ""
    return [*told, Told(role="user", content=f"{seen}Task: {task}")]


def describe(tool: Tool) -> str:
    """A tool as the model is told of it: how a call looks, what it is for, what its arguments mean.

    Calls were keyed by the tool's name once, `{"calculator": {…}}`. Among three tools without worked examples the
    1.5B then mostly took whichever stood first (5 of 12 right); written this way it read what they are for (11 of 12,
    the 0.5B 10 instead of 5; requests of train/metatool_queries).
    """
    properties: Mapping[str, Any] = tool.parameters.get("properties", {})
    required = tool.parameters.get("required", [])
    shape = ",".join(
        f'"{name}":{kind_of(schema)}{"" if name in required else " (optional)"}' for name, schema in properties.items()
    )
    notes = [f"  {name}: {schema['description']}" for name, schema in properties.items() if schema.get("description")]
    call = f'{{"tool":"{tool.name}","arguments":{{{shape}}}}}'
    return "\n".join([f"{call} {tool.description}", *notes])


def kind_of(schema: Mapping[str, Any]) -> str:
    """A JSON Schema in a word or two."""
    if "enum" in schema:
        return "|".join(json.dumps(v, ensure_ascii=False) for v in schema["enum"])
    match schema.get("type"):
        case "array":
            return f"[{kind_of(schema.get('items', {}))}]"
        case str(kind):
            return kind
        case list():
            return "|".join(cast(list[str], schema["type"]))
        case _:
            options = schema.get("anyOf", [])
            return "|".join(kind_of(o) for o in options) or "object"


def worked(tools: Sequence[Tool]) -> list[tuple[Tool, Example]]:
    """The worked examples of all tools, from the longest call to the shortest, in whatever order the tools are named.

    A small model leans towards what it saw last: behind a program the 0.5B wrote programs for plain sums. Of 30 word
    problems of training data it got 11 right that way; with the calculator last, and a second sum shown, 21.
    """
    shown = [(tool, example) for tool in tools for example in tool.examples]
    return sorted(shown, key=lambda pair: -len(compact(dict(pair[1].arguments))))


def demonstrate(tool: Tool, example: Example, *, plan: bool) -> list[Told]:
    """A worked example as the turns that it would have been."""
    shown = Evidence(id=1, tool=tool.name, call=1, text=example.result, source=example.source)
    end = (
        {"answer": {"evidence": [1], "text": example.answer}} if example.answer else {"give_up": {"reason": GIVE_UP[0]}}
    )
    seen, _ = observation(Observed(call=1, evidence=(shown,)), tool=tool.name, limit=len(example.result))
    planned = [("assistant", compact({"plan": [{"for": example.purpose, "tool": tool.name}]})), ("user", NEXT)]
    turns = [
        ("user", f"Task: {example.task}"),
        *(planned if plan else ()),
        ("assistant", compact({"tool": tool.name, "arguments": dict(example.arguments)})),
        ("user", seen),
        ("assistant", compact(end)),
    ]
    return [Told.model_validate({"role": role, "content": content}) for role, content in turns]


def observation(observed: Observed, *, tool: str, limit: int) -> tuple[str, int]:
    """What the model reads after a call, and how many characters of it were left out."""
    lines: list[str] = []
    cut = 0
    for evidence in observed.evidence:
        room = max(limit - sum(len(line) for line in lines), 0)
        text = evidence.text[:room]
        missing = len(evidence.text) - len(text)
        cut += missing
        mark = f" …({missing} characters left out)" if missing else ""
        title = f"{tool} ({evidence.source})" if evidence.source else tool
        lines.append(f"[{evidence.id}] {one_line(title)}: {indented(text)}{mark}")
    if observed.known:
        lines.append(f"Found before: {', '.join(f'[{n}]' for n in observed.known)}.")
    if observed.error:
        hint = f" Hint: {one_line(observed.hint)}" if observed.hint else ""
        lines.append(f"{tool} failed: {indented(observed.error[:limit])}{hint}")
    return "\n".join(lines) or f"{tool}: nothing found.", cut


def reminder(left: Iterable[Step]) -> str:
    """What the model reads when it answers before its plan is through; small models forget the end of a task."""
    steps = ", ".join(f"{one_line(step.purpose)} ({step.tool})" for step in left)
    return f"The plan still has: {steps}. Do that if the task needs it, or answer again."


def upcoming(step: Step) -> str:
    """What the plan has next, told along with an observation: small models lose sight of a plan, or do it in one go."""
    return f"Next in the plan: {one_line(step.purpose)} ({step.tool})."


def complaint(reason: str) -> str:
    """What the model reads when its draft failed."""
    return f"That answer failed a check: {indented(reason)} Answer again using only the evidence, or give up."


def unreadable(reason: str) -> str:
    """What the model reads when its reply couldn't be read."""
    return f"That reply could not be read ({reason}). Reply again, shorter."


def indented(text: str) -> str:
    """Continuation lines never start at the margin, where evidence numbers stand."""
    return "\n  ".join(text.strip().splitlines())


def one_line(text: str) -> str:
    """White space folded."""
    return " ".join(text.split())


# What the model may write


def plan_grammar(tools: Sequence[Tool]) -> Grammar:
    """A list of steps, each its purpose, then a tool; empty when no tool is needed.

    The purpose comes first: a small model that has to say what is missing chooses the tool better.
    """
    purpose = {"type": "string", "pattern": PURPOSE}
    step = closed_object({"for": purpose, "tool": {"enum": [tool.name for tool in tools]}})
    return Grammar(json_schema=keyed("plan", {"type": "array", "items": step, "maxItems": PLAN_STEPS}))


def act_grammar(
    tools: Sequence[Tool],
    evidence: Sequence[int],
    *,
    answer: bool = True,
    output: Mapping[str, Any] | None = None,
    numbers: Sequence[str] | None = None,
) -> Grammar:
    """A call of one of the tools, an answer (unless there can't be one yet), or giving up.

    `numbers`, when given, are the only ones that the answer's text may contain. `output` is the JSON
    Schema of the agent's output type; then the answer has a `value` instead of a `text`.
    """
    defs: dict[str, Any] = {}
    options = [call_schema(tool, defs) for tool in tools]
    cited: dict[str, Any] = {"type": "array", "items": {"enum": list(evidence)}, "maxItems": min(len(evidence), 6)}
    if not evidence:
        cited = {"type": "array", "maxItems": 0}
    said = {"text": text_schema(numbers)} if output is None else {"value": bounded(hoisted(output, "answer", defs))}
    if answer:
        options.append(keyed("answer", closed_object({"evidence": cited, **said})))
    options.append(keyed("give_up", closed_object({"reason": {"enum": list(GIVE_UP)}})))
    schema: dict[str, Any] = {"anyOf": options}
    return Grammar(json_schema={**schema, "$defs": defs} if defs else schema)


def call_schema(tool: Tool, defs: dict[str, Any]) -> dict[str, Any]:
    """A call of a tool; what its parameters refer to is put into `defs`."""
    arguments = bounded(hoisted(tool.parameters, tool.name, defs))
    return closed_object({"tool": {"const": tool.name}, "arguments": arguments})


def text_schema(numbers: Sequence[str] | None) -> dict[str, Any]:
    """An answer's text; with `numbers`, no digits but these."""
    if numbers is None:
        return {"type": "string", "minLength": 1, "maxLength": ANSWER_CHARS}
    words = r"[^0-9]{1,120}"
    if not numbers:
        return {"type": "string", "pattern": f"^{words}$"}
    allowed = "|".join(re.escape(n) for n in sorted(set(numbers), key=lambda n: (-len(n), n)))
    return {"type": "string", "pattern": f"^({words})?(({allowed}){words}){{0,6}}({allowed})?$"}


def keyed(name: str, value: Mapping[str, Any]) -> dict[str, Any]:
    """An object with just this key."""
    return closed_object({name: value})


def closed_object(properties: Mapping[str, Any]) -> dict[str, Any]:
    """An object with all of these keys and no others."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


def bounded(schema: Any, chars: int | None = None) -> Any:
    """The schema with a bound on every string, number and list that has none, and closed objects.

    Without it a small model that starts repeating itself runs into the token limit in mid-string. The
    strings of one call share `STRING_CHARS`.
    """
    if isinstance(schema, list):
        return [bounded(item, chars) for item in cast(list[Any], schema)]
    if not isinstance(schema, dict):
        return schema
    given = cast(dict[str, Any], schema)
    share = chars or max(STRING_CHARS // max(strings_in(given), 1), SHORTEST)
    # Descriptions and defaults are for the prompt; a default is also what leaving the argument out means.
    result = {k: bounded(v, share) for k, v in given.items() if k not in ("description", "default", "properties")}
    if "enum" in given or "const" in given:
        return {k: given[k] for k in ("enum", "const", "type") if k in given}
    if "properties" in given:
        result["properties"] = {k: bounded(v, share) for k, v in given["properties"].items()}
        result.setdefault("additionalProperties", False)
    match given.get("type"):
        case "string" if not {"pattern", "format"} & given.keys():
            result = {"maxLength": share, "pattern": DIGITS, **result}
        case "array":
            result.setdefault("maxItems", ITEMS)
            result.setdefault("items", ANYTHING)
        case "integer" | "number" as kind:
            result = {"minimum": -LARGEST, "maximum": LARGEST, **result}
            if kind == "number":
                result.setdefault("multipleOf", FINEST)
        case "object" if "properties" not in given:
            result = {"additionalProperties": ANYTHING, "maxProperties": ITEMS, **result}
            if result["additionalProperties"] is True:
                result["additionalProperties"] = ANYTHING
        case None if not given.keys() - {"description", "default", "title"}:
            return ANYTHING
        case _:
            pass
    return result


def strings_in(schema: Any) -> int:
    """How many strings a value of this schema can have at most, lists counted in full."""
    if isinstance(schema, list):
        return sum(map(strings_in, cast(list[Any], schema)))
    if not isinstance(schema, dict):
        return 0
    given = cast(dict[str, Any], schema)
    inner = sum(strings_in(v) for k, v in given.items() if k not in ("description", "default", "enum", "const"))
    times = min(given.get("maxItems", ITEMS), ITEMS) if given.get("type") == "array" else 1
    return (inner + (given.get("type") == "string" and "enum" not in given)) * times


def hoisted(schema: Mapping[str, Any], prefix: str, defs: dict[str, Any]) -> dict[str, Any]:
    """The schema with its `$defs` moved into `defs`, under names of their own."""

    def renamed(node: Any) -> Any:
        if isinstance(node, list):
            return [renamed(n) for n in cast(list[Any], node)]
        if not isinstance(node, dict):
            return node
        given = cast(dict[str, Any], node)
        return {
            k: v.replace("#/$defs/", f"#/$defs/{prefix}.") if k == "$ref" else renamed(v)
            for k, v in given.items()
            if k != "$defs"
        }

    for name, definition in schema.get("$defs", {}).items():
        defs[f"{prefix}.{name}"] = bounded(renamed(definition))
    return cast(dict[str, Any], renamed(dict(schema)))


def fingerprint() -> str:
    """Changes whenever a run would be written differently for a model: a trained driver fits one protocol."""
    example = Example(task="t", purpose="p", arguments={"x": 1}, result="r\nr", source="s", answer="a")
    tool = Tool(
        name="tool",
        description="Does.",
        parameters={
            "type": "object",
            "properties": {
                "x": {"type": "integer", "description": "d"},
                "y": {"type": "array", "items": {"type": "string"}},
                "z": {},
            },
            "required": ["x"],
        },
        function=len,
        examples=(example, example.model_copy(update={"answer": ""})),
    )
    said = [m.model_dump_json() for m in opening([tool], [Turn(task="t", answer="a")], "t", plan=True)]
    said.append(
        opening([], [], "t", plan=False, given=[Evidence(id=1, tool=GIVEN, call=0, text="e")], limit=9)[-1].content
    )
    said += [
        observation(Observed(call=1, known=(1,), error="e", hint="h"), tool="t", limit=9)[0],
        reminder([Step(tool="t", purpose="p")]),
        upcoming(Step(tool="t", purpose="p")),
        complaint("c"),
        unreadable("u"),
        NEXT,
    ]
    said += [plan_grammar([tool]).lark, act_grammar([tool], [1]).lark, act_grammar([], [1], numbers=["1"]).lark]
    return hashlib.sha256("\n".join(said).encode()).hexdigest()[:12]
