"""Are function calls the ones that were asked for? Judged by structure: nothing is run.

The rules are those of the Berkeley Function Calling Leaderboard's own checker for Python (bfcl_eval 2026.3.23,
eval_checker/ast_eval/ast_checker.py, Apache-2.0; Patil et al. 2025), oddities included; `bfcl_agreement.py` in
tests/benchmarks compares the two call by call. The gold answer is a list of calls, each `{name: {argument: [values]}}`:
any of the values is right, and an empty text among them says that the argument may be left out.

* Texts are compared without case, spaces and `,./-_*^`, also as elements of a list or values of an object, not
  deeper.
* An integer does for a number, but 5.0 doesn't for an integer. A value of another type than the schema says is right
  only if it is the type of the gold values; it must then be equal to one of them to the letter.
* An argument that is an empty list is right where it may be left out.
* Several calls are right in any order. They are paired off one after the other, in the order of the gold answer.

Where the official checker crashes (an object wanted inside a list and something else given) the call is wrong here.
"""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, cast

from agentkit.evaluate.item import Called, Function, Item, Reply, Score

IGNORED = re.compile(r"[ ,./\-_*^]")
"""What is left out of a text before it is compared."""
PYTHON: Mapping[str | None, type] = {
    "string": str,
    "integer": int,
    "number": float,
    "boolean": bool,
    "array": list,
    "object": dict,
    None: str,  # any type at all
}
"""What values of JSON Schema's types are in Python."""

Gold = Mapping[str, Mapping[str, Sequence[Any]]]
"""One call that was asked for: a name, and for each argument its right values."""


async def score_calls(item: Item, reply: Reply) -> Score:
    """Right if the calls are those of the gold answer, all and no more; with no gold calls, if none was made.

    The reason begins with `right`, `malformed`, `no call`, `wrong tool`, `wrong arguments`, `too many calls` or
    `called the irrelevant`. A call that only repeats an earlier one or was refused by the
    loop never reached the function and isn't judged.
    """
    asked = cast(Sequence[Gold], item.gold)
    made = [call for call in reply.calls if not (call.repeated or call.refused)]
    mistake = objection(item.functions, asked, made)
    if mistake and reply.malformed and not made:
        mistake = f"malformed: no call among {reply.completions} completions, {reply.malformed} couldn't be read"
    return Score(right=not mistake, value=float(not mistake), reason=mistake or "right")


def objection(functions: Sequence[Function], asked: Sequence[Gold], made: Sequence[Called]) -> str:
    """What is wrong with the calls; empty when nothing is."""
    if not asked:
        return f"called the irrelevant: {made[0].name}" if made else ""
    if len(made) < len(asked):
        return "no call" if not made else f"no call: {len(made)} made, {len(asked)} asked for"
    if len(made) > len(asked):
        return f"too many calls: {len(made)} made, {len(asked)} asked for"
    schemas = {function.name: function.parameters for function in functions}
    left = list(made)
    failed: list[str] = []
    for gold in asked:
        [(name, right)] = gold.items()
        mistakes = {
            number: mistaken(schemas[name], right, call.arguments)
            for number, call in enumerate(left)
            if call.name == name
        }
        fitting_one = next((number for number, mistake in mistakes.items() if not mistake), None)
        if fitting_one is None:
            failed += list(mistakes.values())[:1]
        else:
            left.pop(fitting_one)
    if not left:
        return ""
    names = Counter(name for gold in asked for name in gold)
    if strangers := Counter(call.name for call in made) - names:
        return f"wrong tool: {', '.join(strangers)} instead of {', '.join(names - Counter(c.name for c in made))}"
    return f"wrong arguments: {failed[0]}"


def mistaken(schema: Mapping[str, Any], gold: Mapping[str, Sequence[Any]], arguments: Mapping[str, Any]) -> str:
    """What is wrong with the arguments of a call; empty when nothing is."""
    properties: Mapping[str, Any] = schema.get("properties", {})
    for name in schema.get("required", ()):
        if name not in arguments:
            return f"{name} is missing"
    for name, value in arguments.items():
        if name not in properties or name not in gold:
            return f"{name} is not asked for"
        if not admitted(properties[name], value, gold[name]):
            return f"{name} is {shown(value)}, not one of {shown(gold[name])}"
    return next((f"{name} is missing" for name in gold if name not in arguments and "" not in gold[name]), "")


def admitted(schema: Mapping[str, Any], value: Any, gold: Sequence[Any]) -> bool:
    """Whether an argument has one of its right values."""
    wanted = PYTHON[schema.get("type")]
    given = [right for right in gold if right != ""]
    other = bool(given) and type(given[0]) is not wanted
    if wanted is float and type(value) is int:
        value = float(value)
    if type(value) is not wanted:
        return bool(given) and type(value) is type(given[0]) and value in gold
    if wanted is list and not fitting(schema, cast(list[Any], value), gold):
        return False
    if other:
        return value in gold
    if wanted is dict:
        return any(same_object(value, right) for right in given)
    if wanted is list and PYTHON[schema.get("items", {}).get("type")] is dict:
        return any(same_objects(value, right) for right in gold)
    if wanted is list:
        return [*map(spelt, value)] in [[*map(spelt, right)] for right in gold]
    return spelt(value) in map(spelt, gold)


def fitting(schema: Mapping[str, Any], values: list[Any], gold: Sequence[Any]) -> bool:
    """Whether the elements of a list have the schema's type or that of a gold list's elements."""
    wanted = PYTHON[schema.get("items", {}).get("type")]

    def fit(right: list[Any]) -> bool:
        others: list[type] = [type(element) for element in right if element != ""]
        return all(type(value) in (wanted, *others[:1]) for value in values)

    return any(not isinstance(right, list) or fit(cast(list[Any], right)) for right in gold)


def same_object(value: Any, gold: Mapping[str, Sequence[Any]]) -> bool:
    """Whether an object has the right keys, each with one of its right values."""
    if not isinstance(value, dict):
        return False
    given = cast(Mapping[str, Any], value)
    known = all(key in gold and spelt(one) in map(spelt, gold[key]) for key, one in given.items())
    return known and all(key in given or "" in right for key, right in gold.items())


def same_objects(values: list[Any], gold: Sequence[Any]) -> bool:
    """Whether a list holds the right objects in the right order."""
    return len(values) == len(gold) and all(map(same_object, values, gold))


def spelt(value: Any) -> Any:
    """A text as it is compared: `April 1, 2024` and `april 1 2024` are the same; anything else as it is."""
    return IGNORED.sub("", value).lower().replace("'", '"') if isinstance(value, str) else value


def shown(value: Any) -> str:
    """A value in a reason, not too long."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 120 else f"{text[:119]}…"
