"""The files of the built-in tasks: where they are, where they come from, and their rows."""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError

from agentkit.errors import ConfigurationError
from agentkit.evaluate.item import Item
from agentkit.settings import expanded

VARIABLE = "AGENTKIT_DATA"
"""Names the folder of the files below, or one that has them in its folder `eval`."""

ORIGINS: Mapping[str, str] = {
    "gsm8k_": "GSM8K (openai/grade-school-math on GitHub, MIT)",
    "svamp": "SVAMP (arkilpatel/SVAMP on GitHub, MIT)",
    "math500": "MATH-500 (openai/prm800k on GitHub, MIT)",
    "hotpotqa_": "HotpotQA (hotpotqa/hotpot on GitHub, CC BY-SA 4.0)",
    "strategyqa_": "StrategyQA (eladsegal/strategyqa on GitHub, MIT)",
    "xquad_": "XQuAD (google-deepmind/xquad on GitHub, CC BY-SA 4.0)",
    "policyqa_": "PolicyQA (wasiahmad/PolicyQA on GitHub, for research only)",
    "pubmedqa_": "PubMedQA (pubmedqa/pubmedqa on GitHub, MIT)",
    "bfcl_": "the Berkeley Function-Calling Leaderboard v4 (ShishirPatil/gorilla on GitHub, Apache-2.0)",
    "selfaware": "SelfAware (yinzhangyue/SelfAware on GitHub, CC BY-SA 4.0)",
    "truthfulqa_": "TruthfulQA (sylinrl/TruthfulQA on GitHub, Apache-2.0)",
    "grounding_wice_": "WiCE (ryokamoi/wice on GitHub, ODC-BY)",
    "grounding_summedits": "SummEdits (salesforce/factualNLG on GitHub, Apache-2.0)",
    "grounding_begin_": "BEGIN (google/BEGIN-dataset on GitHub, Apache-2.0)",
    "grounding_halueval_": "HaluEval (RUCAIBox/HaluEval on GitHub, MIT)",
    "mistakes_": "BIG-Bench Mistake (WHGTyen/BIG-Bench-Mistake on GitHub, Apache-2.0)",
    "bbh_": "BIG-Bench Hard (suzgunmirac/BIG-Bench-Hard on GitHub, MIT)",
    "humaneval": "HumanEval (openai/human-eval on GitHub, MIT)",
    "mbpp": "MBPP in MultiPL-E's form (nuprl/MultiPL-E on GitHub; CC BY 4.0)",
}
"""Source and licence by how a file's name starts."""


class RowError(ValueError):
    """A row doesn't hold what it should."""


@dataclass(frozen=True)
class Row:
    """One record of a file."""

    line: int
    """Where it starts, from 1; for a record of a JSON list, which one it is."""
    values: Mapping[str, Any]

    def value(self, field: str) -> Any:
        """What a field holds.

        Raises:
            RowError: There's no such field.
        """
        if field not in self.values:
            raise RowError(f"has no field {field!r}")
        return self.values[field]

    def text(self, field: str) -> str:
        """The text of a field, which may not be empty.

        Raises:
            RowError: It's missing, empty or something else.
        """
        value = self.value(field)
        if not isinstance(value, str):
            raise RowError(f"field {field!r} should hold text, not {shortened(value)}")
        if not value.strip():
            raise RowError(f"field {field!r} is empty")
        return value

    def texts(self, field: str) -> list[str]:
        """The texts of a field that holds a list of them, one or more.

        Raises:
            RowError: It's missing, empty or something else.
        """
        value: object = self.value(field)
        if not isinstance(value, list) or not all(isinstance(v, str) for v in cast(list[object], value)):
            raise RowError(f"field {field!r} should hold a list of texts, not {shortened(cast(object, value))}")
        if not value:
            raise RowError(f"field {field!r} is an empty list")
        return cast(list[str], value)

    def flag(self, field: str) -> bool:
        """The truth value of a field, 0 and 1 included.

        Raises:
            RowError: It's missing or something else.
        """
        value = self.value(field)
        if value not in (0, 1):
            raise RowError(f"field {field!r} should be true or false, not {shortened(value)}")
        return bool(value)


@dataclass(frozen=True)
class Rows:
    """What was read of a file."""

    file: str
    rows: Sequence[Row]
    problems: tuple[str, ...]
    """Lines that couldn't be read, each with its reason."""
    digest: str
    """SHA-256 of the file."""

    def items(self, make: Callable[[Row], Item]) -> tuple[list[Item], tuple[str, ...]]:
        """The item that each row makes, and the problems with those that make none.

        Raises:
            ConfigurationError: Not one row makes an item.
        """
        found: dict[str, Item] = {}
        problems: list[str] = []
        for row in self.rows:
            try:
                item = make(row)
                if item.id in found:
                    raise RowError(f"the id {shortened(item.id)} is that of an earlier row")
            except RowError as error:
                problems.append(f"{self.file}:{row.line} {error}")
            except ValidationError as error:
                problems.append(f"{self.file}:{row.line} {error.errors()[0]['loc'][0]}: {error.errors()[0]['msg']}")
            else:
                found[item.id] = item
        problems = [*self.problems, *problems]
        if not found:
            first = f"; the first problem: {problems[0]}" if problems else ""
            raise ConfigurationError(f"{self.file} holds no row that can be used{first}")
        return list(found.values()), tuple(problems)


def folder(data: Path | None, *files: str) -> Path:
    """The folder that has the files of a built-in task.

    Raises:
        ConfigurationError: One of them isn't on this machine; says where it comes from.
    """
    named = os.environ.get(VARIABLE, "")
    top = data or (Path(named) if named else None)
    if top is None:
        raise ConfigurationError(
            f"no folder of evaluation data is set, so {files[0]} can't be read: "
            f"set {VARIABLE} or pass --data with the folder that has it{origin(files[0])}"
        )
    top = expanded(top).absolute()
    found = top if (top / files[0]).is_file() else top / "eval"
    for file in files:
        if not (found / file).is_file():
            raise ConfigurationError(
                f"{file} isn't in {top}: set {VARIABLE} or pass --data with the folder that has it{origin(file)}"
            )
    return found


def origin(file: str) -> str:
    """Where a file comes from, as the end of a message."""
    return next((f"; the data is from {origin}" for start, origin in ORIGINS.items() if file.startswith(start)), "")


def read(path: Path) -> Rows:
    """The rows of a JSON-lines file.

    Raises:
        ConfigurationError: It can't be opened.
    """
    return json_lines(path.name, content_of(path))


def json_lines(file: str, content: bytes) -> Rows:
    """The rows of JSON lines; lines that aren't an object are told as problems."""
    rows: list[Row] = []
    problems: list[str] = []
    for number, line in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            rows.append(Row(number, parsed(line)))
        except RowError as error:
            problems.append(f"{file}:{number} {error}")
    return Rows(file, rows, tuple(problems), hashlib.sha256(content).hexdigest())


def json_list(path: Path) -> Rows:
    """The rows of a file that is one JSON list of objects.

    Raises:
        ConfigurationError: It can't be opened, or isn't such a list.
    """
    content = content_of(path)
    try:
        found: object = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"{path} isn't JSON: {' '.join(str(error).split())[:100]}") from None
    if not isinstance(found, list):
        raise ConfigurationError(f"{path} should hold a list, not {shortened(found)}")
    rows: list[Row] = []
    problems: list[str] = []
    for number, value in enumerate(cast(list[object], found), start=1):
        if isinstance(value, dict):
            rows.append(Row(number, cast(dict[str, Any], value)))
        else:
            problems.append(f"{path.name}:{number} should be an object, not {shortened(value)}")
    return Rows(path.name, rows, tuple(problems), hashlib.sha256(content).hexdigest())


def parsed(line: bytes) -> dict[str, Any]:
    """The object that a line is.

    Raises:
        RowError: It's something else.
    """
    try:
        value = json.loads(line.decode("utf-8"), parse_constant=no_constant)
    except UnicodeDecodeError as error:
        raise RowError(f"isn't UTF-8: byte 0x{line[error.start]:02x} at {error.start + 1}") from None
    except json.JSONDecodeError as error:
        raise RowError(f"isn't JSON: {error.msg} at column {error.colno}") from None
    except (ValueError, RecursionError) as error:
        raise RowError(f"isn't JSON that can be read: {' '.join(str(error).split())[:100]}") from None
    if not isinstance(value, dict):
        raise RowError(f"should be an object in braces, not {shortened(value)}")
    return cast(dict[str, Any], value)


def no_constant(name: str) -> float:
    raise ValueError(f"{name} is no number of JSON")


def content_of(path: Path) -> bytes:
    """The bytes of a file.

    Raises:
        ConfigurationError: It can't be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{path} can't be read: {error.strerror}") from None


def together(parts: Iterable[Rows]) -> str:
    """One digest of several files."""
    return hashlib.sha256("".join(part.digest for part in parts).encode()).hexdigest()


def numbered(task: str, row: Row) -> str:
    """The id of a row that has none of its own."""
    return f"{task}-{row.line}"


def fingerprint(text: str) -> str:
    """A short name of a context that several items share."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def shortened(value: object) -> str:
    """A value for a message."""
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."
