"""What each check catches of planted faults: python tests/benchmarks/planted_faults.py [--data DIR] [--limit N]

True claims come from training data, and each again with one fault in it: a number or a name swapped, the verb negated,
a sentence of another text joined to it, another passage cited, a word of a quotation changed, a sum that doesn't come
out, a result misreported, a second derivation that comes to something else, an answer without the number asked for.
Every check judges every claim, so a table says which fault is caught by which check, which by any, and how often each
objects to a true one; `results` never objects, so of it a line says what it supports. The pairs on passages are those
held out from the training of the grounding model. Nothing is tuned on this.
"""

import asyncio
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Annotated, Any, Literal

import typer
from calibrate_checks import Cosines, rows
from rich.console import Console
from rich.table import Table

from agentkit.answer import Evidence
from agentkit.checks import Check, Draft, agreement, default_checks, judge, results, spelled
from agentkit.checks.answerability import focus
from agentkit.events import Called
from agentkit.knowledge.embedder import Embedder
from agentkit.knowledge.grounding import data
from agentkit.knowledge.grounding.faults import FAULTS, swapped_number
from agentkit.knowledge.sentences import sentences
from agentkit.models import catalog

SHARED = Path(__file__).parents[2] / "../shared/data/train"
TRUE = "none"
NUMBER = re.compile(r"\d[\d,.]*")
MARK = re.compile(r"<<([^<>=]+)=([^<>=]+)>>")

Verdict = Literal["failed", "supported"]


@dataclass(frozen=True)
class Planted:
    """A draft, and the fault that is in it."""

    kind: str
    """`passage`, `quotation`, `question`, `count`, `computation`, `equation`, `derived twice` or `report`."""
    fault: str
    draft: Draft


def passages(folder: Path, limit: int) -> Iterator[Planted]:
    """Sentences of a paragraph, as they are and with a fault, citing it; and the same in quotation marks."""
    texts = {t: [s.strip() for s in parts] for row in rows(folder, "hotpotqa_passages") for t, parts in row["context"]}
    held_out = [t for t, parts in sorted(texts.items()) if data.Pair("", " ".join(parts), True, "").held_out]
    chance = Random("planted faults")
    chance.shuffle(held_out)
    for title in held_out[:limit]:
        passage = " ".join(texts[title])
        own = [s for s in sentences(passage) if len(s.split()) >= data.SHORTEST]
        other = chance.choice([t for t in held_out if t != title])
        elsewhere = [s for s in texts[other] if len(s.split()) >= data.SHORTEST]
        if not own or not elsewhere:
            continue
        claim = chance.choice(own)
        around = [*texts[title], chance.choice(elsewhere)]
        yield Planted("passage", TRUE, cited(claim, title, passage))
        yield Planted("passage", "wrong passage", cited(claim, other, " ".join(texts[other])))
        yield Planted("quotation", TRUE, cited(quoted(claim), title, passage))
        for fault, plant in FAULTS.items():
            if changed := plant(claim, around, chance):
                yield Planted("passage", fault, cited(changed, title, passage))
                if fault != "joined":
                    yield Planted("quotation", fault, cited(quoted(changed), title, passage))


def computations(folder: Path, limit: int) -> Iterator[Planted]:
    """First steps of worked solutions, as results and as equations, as they are and with a number swapped."""
    chance = Random("planted sums")
    for row in rows(folder, "gsm8k_train")[:limit]:
        if marks := MARK.findall(row["solution"]):
            expression, value = marks[0]  # the later ones stand on what the earlier ones came to
            for fault, told in ((TRUE, value), ("swapped number", swapped_number(value, [], chance))):
                if told:
                    task = row["question"]
                    yield Planted("computation", fault, computed(f"The result is {told}.", task, expression, value))
                    yield Planted("equation", fault, computed(f"{expression} = {told}.", task, expression, value))


def questions(folder: Path, limit: int) -> Iterator[Planted]:
    """Questions with the sentence that answers them, and with one of another text; and without the number asked for."""
    asking = [row for row in rows(folder, "squad_question_sentence") if focus(row["question"])]
    chance = Random("planted questions")
    chance.shuffle(asking)
    for row in asking[:limit]:
        for fault, passage in ((TRUE, row["sentence"]), ("wrong passage", chance.choice(asking)["sentence"])):
            yield Planted("question", fault, answering(row["question"], passage, passage))
    counting = [row for row in asking if "how many" in row["question"] and NUMBER.search(row["sentence"])]
    for row in counting[:limit]:
        answer = row["sentence"]
        yield Planted("count", TRUE, answering(row["question"], answer, answer))
        without = NUMBER.sub(" ", spelled.without(answer, spelled.spelled(answer)))
        yield Planted("count", "number left out", answering(row["question"], without, answer))


def derivations(folder: Path, limit: int) -> Iterator[Planted]:
    """First steps of worked solutions derived a second time; that comes to something else, or the claim says so."""
    chance = Random("planted derivations")
    for row in rows(folder, "gsm8k_train")[:limit]:
        marks = MARK.findall(row["solution"])
        if marks and (other := swapped_number(marks[0][1], [], chance)):
            task, (expression, value) = row["question"], marks[0]
            for fault, told, again in (
                (TRUE, value, value),
                ("second result differs", value, other),
                ("misreported", other, value),
            ):
                first = computed(f"The result is {told}.", task, expression, value)
                call = Called(call=2, tool="python", arguments={"code": f"print({expression})"}, again=True)
                evidence = (*first.evidence, Evidence(id=2, tool="python", call=2, text=again))
                calls = (*first.calls, call)
                yield Planted("derived twice", fault, first.model_copy(update={"evidence": evidence, "calls": calls}))


def reports(folder: Path, limit: int) -> Iterator[Planted]:
    """What a program said of a yes-or-no question, told as it is and the other way round, with a fact for a reason."""
    for row in rows(folder, "strategyqa")[:limit]:
        for fault, yes in ((TRUE, row["answer"]), ("misreported", not row["answer"])):
            text = f"{'Yes' if yes else 'No'}, as {row['facts'][0]}"
            said = Evidence(id=1, tool="python", call=1, text=str(row["answer"]))
            fact = Evidence(id=2, tool="retrieval", call=2, text=row["facts"][0], source="facts.md")
            draft = Draft(text=text, cited=(1, 2), task=row["question"], evidence=(said, fact))
            yield Planted("report", fault, draft)


def quoted(claim: str) -> str:
    """The claim as a quotation."""
    bare = claim.rstrip(".").replace('"', "'")
    return f'The text says "{bare}".'


def cited(text: str, title: str, passage: str) -> Draft:
    """A draft that cites a passage."""
    evidence = Evidence(id=1, tool="retrieval", call=1, text=passage, source=f"{title}.md")
    return Draft(text=text, cited=(1,), task=f"Tell me about {title}.", evidence=(evidence,))


def answering(task: str, text: str, passage: str) -> Draft:
    """A draft that answers a question from a passage."""
    evidence = Evidence(id=1, tool="retrieval", call=1, text=passage, source="document.md")
    return Draft(text=text, cited=(1,), task=task, evidence=(evidence,))


def computed(text: str, task: str, expression: str, value: str) -> Draft:
    """A draft that stands on a calculation."""
    call = Called(call=1, tool="calculator", arguments={"expression": expression})
    evidence = Evidence(id=1, tool="calculator", call=1, text=f"{expression} = {value}")
    return Draft(text=text, cited=(1,), task=task, evidence=(evidence,), calls=(call,))


def objections(
    planted: Sequence[Planted], checks: Sequence[Check], verdict: Verdict = "failed"
) -> dict[tuple[str, str], list[set[str]]]:
    """For each kind and fault, the names of the checks that object to each draft, or that support it."""

    async def judged() -> dict[tuple[str, str], list[set[str]]]:
        found: dict[tuple[str, str], list[set[str]]] = defaultdict(list)
        for one in planted:
            _, findings = await judge(one.draft, checks)
            found[one.kind, one.fault].append({f.check for f in findings if f.verdict == verdict})
        return found

    return asyncio.run(judged())


def share(found: Sequence[set[str]], check: str = "") -> float:
    """Of the drafts, the share that a check, or any, objects to, or supports."""
    return sum(check in names if check else bool(names) for names in found) / len(found)


def resources() -> list[Any]:
    """What checks are bound to: the embedder, and the grounding model if one ships."""
    from agentkit.knowledge.grounding import Grounding
    from agentkit.knowledge.grounding.weights import SHIPPED

    folder = catalog.locate(catalog.EMBEDDER)
    if folder is None:
        raise SystemExit(f"no embedder on this machine: run `agentkit models pull {catalog.EMBEDDER}`")

    class Embedding:
        similarity = Cosines(Embedder.load(folder)).__call__

    return [Embedding(), *([Grounding.load(folder)] if SHIPPED.is_file() else [])]


def main(
    folder: Annotated[Path, typer.Option("--data", help="Folder of the training data.")] = SHARED,
    limit: Annotated[int, typer.Option(min=1, help="Paragraphs, and word problems.")] = 400,
) -> None:
    """Print the table."""
    checks = [*default_checks(resources()), agreement]
    names = ["numbers", "equations", "quotations", "citations", "answerability", "refusals", "agreement"]
    kinds = (passages, questions, computations, derivations, reports)
    found = objections([planted for kind in kinds for planted in kind(folder, limit)], checks)
    table = Table("claim", "fault", "n", "any", *names, title="share of drafts that a check objects to")
    for (kind, fault), objected in sorted(found.items(), key=lambda kv: (kv[0][0], kv[0][1] != TRUE, kv[0][1])):
        shown = [f"{share(objected, name):.0%}" if share(objected, name) else "" for name in names]
        label = "none (false alarms)" if fault == TRUE else fault
        table.add_row(kind, label, str(len(objected)), f"{share(objected):.0%}", *shown)
    console = Console(width=140)
    console.print(table)
    for (_, fault), supported in objections(list(reports(folder, limit)), [results], "supported").items():
        told = "reported rightly" if fault == TRUE else fault
        console.print(f"results supports {share(supported):.0%} of {len(supported)} reports {told}")


if __name__ == "__main__":
    typer.run(main)
