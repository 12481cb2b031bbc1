"""A user's own questions and answers, in JSON lines or CSV, as a task."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from pydantic import JsonValue

from agentkit.answer import Passage
from agentkit.errors import ConfigurationError
from agentkit.evaluate.item import AnswerForm, Item
from agentkit.evaluate.scorers.choice import ChoiceScorer
from agentkit.evaluate.scorers.numbers import NumberScorer, written
from agentkit.evaluate.scorers.text import TextScorer
from agentkit.evaluate.task import Scorer, Task
from agentkit.evaluate.tasks.choices import BALANCED, options
from agentkit.evaluate.tasks.data import Row, RowError, Rows, shortened
from agentkit.evaluate.tasks.tables import rows_of

SUFFIXES = (".jsonl", ".csv")
QUESTION, ANSWER = "question", "answer"
FORMS = ("number", "text", "choice")


@dataclass(frozen=True)
class Entry:
    """A row that can be asked, before it's known what kind of answers the file has."""

    id: str
    question: str
    answers: tuple[str, ...]
    passages: tuple[Passage, ...]
    choices: tuple[str, ...]
    cluster: str
    answerable: bool
    sources: tuple[str, ...] = ()


def is_file(name: str) -> bool:
    """Whether a task's name is the path of a file."""
    return name.lower().endswith(SUFFIXES)


def load(path: Path, *, question: str = "", answer: str = "", form: AnswerForm | None = None) -> Task:
    """The task of a file: UTF-8, one JSON object a line, or CSV with a line of column names.

    Besides question and answer (a list stands for several that are right) a row may have: `id`; `passages` or
    `context`, a text or a list of texts; `choices`, a list, in CSV set apart by `|`; `cluster`, equal for rows that
    aren't independent; `answerable`, false where no answer is right; `source`, the
    document or documents that have a text's answer, of which the share that was found is reported. In CSV, passages
    and choices may be JSON lists.

    Answers are numbers if all of them are, choices if there is a column of them, else text. Rows that can't be used
    are in `Task.problems`.

    Raises:
        ConfigurationError: The file can't be read, a column is missing, the form doesn't fit or no row can be used.
    """
    if form is not None and form not in FORMS:
        raise ConfigurationError(f"a file's answers can be of the form {', '.join(FORMS)}, not {form!r}")
    rows = rows_of(path)
    asked, wanted = column(rows, question, QUESTION), column(rows, answer, ANSWER)
    entries: dict[str, Entry] = {}
    lines: dict[str, int] = {}
    problems: list[str] = list(rows.problems)
    for row in rows.rows:
        try:
            entry = entry_of(row, asked, wanted, path.stem)
            if entry.id in entries:
                raise RowError(f"the id {shortened(entry.id)} is that of line {lines[entry.id]}")
        except RowError as error:
            problems.append(f"{path}:{row.line} {error}")
        else:
            entries[entry.id], lines[entry.id] = entry, row.line
    form = form or form_of(list(entries.values()))
    answers = dict.fromkeys(a for e in entries.values() for a in e.answers) if form == "choice" else {}
    items: list[Item] = []
    for entry in entries.values():
        try:
            items.append(item_of(entry, form, tuple(answers)))
        except RowError as error:
            problems.append(f"{path}:{lines[entry.id]} {error}")
    if not items:
        first = f"; the first problem: {problems[0]}" if problems else ""
        raise ConfigurationError(f"{path} holds no row that can be used{first}")
    scorers: Mapping[str, Scorer] = {"number": NumberScorer(), "text": TextScorer(), "choice": ChoiceScorer()}
    unanswerable = not all(item.answerable for item in items)
    return Task(
        name=path.stem,
        items=items,
        scorer=scorers[form],
        form=form,
        tools=("calculator", "python") if form == "number" else (),
        abstain=unanswerable,
        metric=BALANCED if unanswerable else "accuracy",
        digest=hashlib.sha256(f"{rows.digest} {asked} {wanted} {form}".encode()).hexdigest(),
        problems=tuple(problems),
    )


def column(rows: Rows, name: str, default: str) -> str:
    """The column that was asked for, else the one of the default name.

    Raises:
        ConfigurationError: No row has it.
    """
    wanted = name or default
    there = dict.fromkeys(key for row in rows.rows for key in row.values)
    if wanted not in there and rows.rows:
        known = ", ".join(shortened(key) for key in list(there)[:40]) or "none"
        raise ConfigurationError(f"{rows.file} has no column {wanted!r}; there are: {known}; pass --{default} COLUMN")
    return wanted


def entry_of(row: Row, question: str, answer: str, stem: str) -> Entry:
    """What a row asks.

    Raises:
        RowError: It can't be used.
    """
    answerable = truth(row.values.get("answerable"))
    answers = tuple(dict.fromkeys(texts(row.values.get(answer), answer)))
    if answerable and not answers:
        raise RowError(f"has no answer in column {answer!r}")
    asked = row.values.get(question)
    if not isinstance(asked, str) or not asked.strip():
        raise RowError(f"has no question in column {question!r}")
    given = row.values.get("passages") or row.values.get("context")
    entry = Entry(
        id="".join(texts(row.values.get("id"), "id")) or f"{stem}-{row.line}",
        question=asked.strip(),
        answers=answers,
        passages=tuple(passage(part, n) for n, part in enumerate(unpacked(given), start=1)),
        choices=tuple(dict.fromkeys(texts(unpacked(row.values.get("choices"), "|"), "choices"))),
        cluster="".join(texts(row.values.get("cluster"), "cluster")),
        answerable=answerable,
        sources=tuple(dict.fromkeys(texts(row.values.get("source"), "source"))),
    )
    for text in (entry.id, entry.question, *answers, *entry.choices, entry.cluster, *(p.text for p in entry.passages)):
        checked(text)
    return entry


def texts(value: object, name: str) -> list[str]:
    """The texts of a field that holds one or a list; numbers and truth values count as what they're written as.

    Raises:
        RowError: It holds something else.
    """
    found: list[str] = []
    for part in cast(list[object], value) if isinstance(value, list) else [value]:
        if isinstance(part, bool):
            found.append("yes" if part else "no")
        elif isinstance(part, int | float | str):
            found.append(str(part).strip())
        elif part is not None:
            raise RowError(f"column {name!r} should hold text or numbers, not {shortened(part)}")
    return [text for text in found if text]


def unpacked(value: object, apart: str = "") -> list[object]:
    """A list that CSV has as text: as JSON, or set apart by a character."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            parsed: object = json.loads(value)
        except (ValueError, RecursionError):
            parsed = None
        if isinstance(parsed, list):
            return cast(list[object], parsed)
    if isinstance(value, list):
        return cast(list[object], value)
    if value is None or value == "":
        return []
    return list(value.split(apart)) if isinstance(value, str) and apart else [value]


def truth(value: object) -> bool:
    """Whether an answer is to be given; by default it is.

    Raises:
        RowError: It's neither true nor false.
    """
    if value is None or value == "":
        return True
    word = str(value).strip().lower()
    if word not in ("true", "false", "yes", "no", "1", "0"):
        raise RowError(f"column 'answerable' should be true or false, not {shortened(value)}")
    return word in ("true", "yes", "1")


def passage(part: object, number: int) -> Passage:
    """A text, or an object with a text and its source.

    Raises:
        RowError: It's something else.
    """
    if isinstance(part, dict):
        fields = cast(dict[str, Any], part)
        text, source = fields.get("text"), fields.get("source") or f"passage {number}"
        if isinstance(text, str) and isinstance(source, str):
            return Passage(text=text, source=checked(source))
    elif isinstance(part, str):
        return Passage(text=part, source=f"passage {number}")
    shown = shortened(cast(object, part))
    raise RowError(f"a passage should be text, or an object with text and source, not {shown}")


def checked(text: str) -> str:
    """A text that a model can be given and a file can hold.

    Raises:
        RowError: It isn't one.
    """
    if "\0" in text:
        raise RowError(f"holds a NUL character, in {shortened(text)}")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        code = ord(text[error.start])
        what = f"byte 0x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else f"half a character (\\u{code:04x})"
        raise RowError(f"isn't UTF-8: {what} in {shortened(text)}; save the file as UTF-8") from None
    return text


def form_of(entries: Sequence[Entry]) -> AnswerForm:
    """What a file's answers look like."""
    if any(entry.choices for entry in entries):
        return "choice"
    answers = [answer for entry in entries for answer in entry.answers]
    return "number" if answers and all(written(answer) for answer in answers) else "text"


def item_of(entry: Entry, form: AnswerForm, answers: Sequence[str]) -> Item:
    """The item of a row, for answers of this form; `answers` are those of the whole file.

    Raises:
        RowError: The row doesn't fit the form.
    """
    question, choices = entry.question, entry.choices
    gold: JsonValue = {"answers": list(entry.answers)}
    if entry.sources:
        gold["sources"] = list(entry.sources)
    if form != "text":
        if len(entry.answers) > 1:
            raise RowError(f"has {len(entry.answers)} answers; a {form} can only be one")
        gold = entry.answers[0] if entry.answers else None
    if form == "number" and gold is not None and written(str(gold)) is None:
        raise RowError(f"the answer {shortened(gold)} is no number; pass form='text'")
    if form == "choice":
        choices = choices or tuple(answers)
        if gold is not None and gold not in choices:
            raise RowError(f"the answer {shortened(gold)} is none of its choices {shortened(list(choices))}")
        if len(choices) < 2:
            raise RowError("has fewer than two choices")
        if not all(choice in question for choice in choices):
            question = options(question, choices)
    return Item(
        id=entry.id,
        question=question,
        gold=gold,
        passages=entry.passages,
        choices=choices if form == "choice" else (),
        answerable=entry.answerable,
        cluster=entry.cluster,
    )
