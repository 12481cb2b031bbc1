"""How a run is written for a model, and how a decision is read back; what it may be is in `agentkit.grammars`.

Every decision is one JSON object: `{"plan": […]}`, `{"tool": "calculator", "arguments": {…}}`, `{"answer": {…}}` or
`{"give_up": {…}}`. Evidence is numbered at the start of a line and its
further lines are indented, so no document can forge a number. The same code writes the prompts of a run
and the examples that a driver is trained on.
"""

import hashlib
import json
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
from agentkit.errors import ConfigurationError
from agentkit.events import Observed, Step, Told, Turn
from agentkit.grammars import GIVE_UP, act_grammar, plan_grammar
from agentkit.tools import Example, Tool

AGAINST_CHARS = 600
"""Of the evidence that is shown again when it speaks against a draft."""
HEADING_CHARS = 300
"""Of what a passage stands under: one that is a whole text would leave no room for the passages."""
Kind = Literal["plan", "act", "answer", "redraft", "again"]

SYSTEM = """\
You solve a task in small steps. Each reply is one JSON object: first a plan, then one tool call at a time.\
{examples}
{tools}
{{"answer":{{"evidence":[1],"text":"..."}}}} ends the task: name the numbered evidence used, then answer in one short \
sentence with units.
{{"give_up":{{"reason":"the evidence does not tell"}}}} ends it without an answer. Never guess.
Every fact and number comes from the task or from evidence: look up what the task does not say, then compute."""

EXAMPLES = " Worked examples come first, your task last."
NEXT = "Next step."
GIVEN = "given"
"""In the place of a tool's name where evidence came with the task."""
READINGS = (
    Example(
        task="How tall is the oak in the school yard?",
        purpose="",
        arguments={},
        result="The lime tree in the school yard is 17 metres tall, the oak 21 metres. Both were planted in 1931.",
        source="garden.md > Trees",
        answer="The oak is 21 metres tall.",
    ),
    Example(
        task="How much is a ticket for the swimming pool?",
        purpose="",
        arguments={},
        result="The swimming pool at Marsh Lane opens at 7 in the morning. Tickets are sold at the gate.",
        source="pool.md",
    ),
)
"""Worked examples of tasks that come with evidence; without them the 0.5B gave up or not as if by chance. Of 15
questions of training data with the sentence that answers them it now answers 15 (before: 12), of 15 with another
sentence 10 (11). Shown the other way round, it gave up all 30."""


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
    examples: bool = True,
) -> list[Told]:
    """The transcript up to the first decision: rules, a worked example a tool, earlier turns, the task.

    An assistant's instructions stand below the rules. Evidence that is given with the task stands before it, in at
    most `limit` characters: tasks over the same passages then share what a model has computed of them. So does that of
    each earlier turn, numbered for this run. A model that was taught the protocol is shown no examples.
    """
    rules = SYSTEM.format(tools="\n".join(describe(t) for t in tools), examples=EXAMPLES if examples else "")
    told = [Told(role="system", content=f"{rules}\n{instructions}" if instructions else rules)]
    for example in READINGS if given and examples else ():
        told += demonstrate_reading(example, plan=plan and bool(tools))
    for tool, example in worked(tools) if examples else ():
        told += demonstrate(tool, example, plan=plan)
    shown: set[int] = set()
    for turn in history:
        new = [e for e in turn.evidence if e.id not in shown]
        shown.update(e.id for e in new)
        answer = {"evidence": [e.id for e in turn.evidence], "text": turn.answer}
        told += [asking(turn.task, new, limit), Told(role="assistant", content=compact({"answer": answer}))]
    return [*told, asking(task, given, limit)]


def asking(task: str, given: Sequence[Evidence], limit: int) -> Told:
    """A task as the user puts it, below the evidence that comes with it."""
    seen = f"{observation(Observed(call=0, evidence=tuple(given)), tool=GIVEN, limit=limit)[0]}\n" if given else ""
    return Told(role="user", content=f"{seen}Task: {task}")


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
    seen, end = outcome(example, tool.name, call=1)
    planned = {"plan": [{"for": example.purpose, "tool": tool.name}]}
    return [
        Told(role="user", content=f"Task: {example.task}"),
        *(replied(planned, NEXT) if plan else ()),
        *replied({"tool": tool.name, "arguments": dict(example.arguments)}, seen),
        Told(role="assistant", content=end),
    ]


def demonstrate_reading(example: Example, *, plan: bool) -> list[Told]:
    """A worked example of a task that comes with evidence."""
    seen, end = outcome(example, GIVEN, call=0)
    return [
        Told(role="user", content=f"{seen}\nTask: {example.task}"),
        *(replied({"plan": []}, NEXT) if plan else ()),
        Told(role="assistant", content=end),
    ]


def outcome(example: Example, tool: str, *, call: int) -> tuple[str, str]:
    """What is reported in a worked example, and the decision that ends it."""
    shown = Evidence(id=1, tool=tool, call=call, text=example.result, source=example.source)
    seen, _ = observation(Observed(call=call, evidence=(shown,)), tool=tool, limit=len(example.result))
    answer = {"answer": {"evidence": [1], "text": example.answer}}
    return seen, compact(answer if example.answer else {"give_up": {"reason": GIVE_UP[0]}})


def replied(decision: Mapping[str, Any], told: str) -> list[Told]:
    """A decision and what is said to it."""
    return [Told(role="assistant", content=compact(decision)), Told(role="user", content=told)]


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
        title = f"{tool} ({heading(evidence)})" if evidence.source else tool
        lines.append(f"[{evidence.id}] {one_line(title)}: {indented(text)}{mark}")
    if observed.known:
        lines.append(f"Found before: {', '.join(f'[{n}]' for n in observed.known)}.")
    if observed.error:
        hint = f" Hint: {one_line(observed.hint)}" if observed.hint else ""
        lines.append(f"{tool} failed: {indented(observed.error[:limit])}{hint}")
    return "\n".join(lines) or f"{tool}: nothing found.", cut


def heading(evidence: Evidence) -> str:
    """Where a passage stands, without the middle of what is too long: a file begins it, the nearest title ends it."""
    source, half = evidence.source, HEADING_CHARS // 2
    return source if len(source) <= HEADING_CHARS else f"{source[:half]} … {source[-half:]}"


def reminder(left: Iterable[Step]) -> str:
    """What the model reads when it answers before its plan is through; small models forget the end of a task."""
    steps = ", ".join(f"{one_line(step.purpose)} ({step.tool})" for step in left)
    return f"The plan still has: {steps}. Do that if the task needs it, or answer again."


def upcoming(step: Step) -> str:
    """What the plan has next, told along with an observation: small models lose sight of a plan, or do it in one go."""
    return f"Next in the plan: {one_line(step.purpose)} ({step.tool})."


def complaint(reason: str, against: Sequence[Evidence] = (), again: Sequence[Tool] = ()) -> str:
    """What the model reads when its draft failed: the evidence that speaks against it, why, and what it may do now."""
    room = AGAINST_CHARS // max(len(against), 1)
    seen = [f"[{e.id}] {one_line(heading(e))}: {indented(e.text[:room])}" for e in against]
    search = f"search again with {' or '.join(tool.name for tool in again)}, " if again else ""
    said = f"That answer failed a check: {indented(reason)} Answer again using only the evidence, {search}or give up."
    return "\n".join([*seen, said])


def again(tools: Sequence[Tool]) -> str:
    """What the model reads when it is to derive its result a second time."""
    return f"Check it another way: solve the task again with {' or '.join(tool.name for tool in tools)}."


def unreadable(reason: str) -> str:
    """What the model reads when its reply couldn't be read."""
    return f"That reply could not be read ({reason}). Reply again, shorter."


def indented(text: str) -> str:
    """Continuation lines never start at the margin, where evidence numbers stand."""
    return "\n  ".join(text.strip().splitlines())


def one_line(text: str) -> str:
    """White space folded."""
    return " ".join(text.split())


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
    given = opening([], [], "t", plan=False, given=[Evidence(id=1, tool=GIVEN, call=0, text="e")], limit=9)
    said += [m.content for m in given]
    said += [m.content for m in opening([tool], [], "t", plan=True, examples=False)]
    said += [
        observation(Observed(call=1, known=(1,), error="e", hint="h"), tool="t", limit=9)[0],
        reminder([Step(tool="t", purpose="p")]),
        upcoming(Step(tool="t", purpose="p")),
        complaint("c", [Evidence(id=1, tool="t", call=1, text="e", source="s")], [tool]),
        again([tool]),
        unreadable("u"),
        NEXT,
    ]
    said += [plan_grammar([tool]).lark, act_grammar([tool], [1]).lark, act_grammar([], [1], numbers=["1"]).lark]
    return hashlib.sha256("\n".join(said).encode()).hexdigest()[:12]


def require(taught: str, *, of: str) -> None:
    """Refuse a model that was taught to read and write runs otherwise than they are written now.

    Raises:
        ConfigurationError: It was taught another protocol.
    """
    if taught != (now := fingerprint()):
        raise ConfigurationError(
            f"{of} was taught protocol {taught}, but this agentkit writes {now}; train it anew (agentkit distil), "
            "get the agentkit that it was made with, or use its base"
        )
