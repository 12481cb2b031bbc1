"""A run's folder: `run.json` says what the run is, `items.jsonl` has a line for each item that is done."""

import os
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from pydantic import ValidationError

from agentkit.errors import ConfigurationError
from agentkit.evaluate.item import Header, Record
from agentkit.knowledge.database import alone

HEADER = "run.json"
RECORDS = "items.jsonl"
LOCK = "lock.sqlite"
INCIDENTAL = frozenset({"machine", "command", "parallel", "limit", "ids", "problems"})
"""Fields of a header in which a resumed run may differ from its beginning. A sample may be enlarged; problems name the
file as it was named, and whether its content is the same `data` says."""


class RunFolder:
    """Records of a run, each on disk before the next item begins."""

    def __init__(self, path: Path, header: Header, records: dict[str, Record], held: ExitStack) -> None:
        self.path = path
        self.header = header
        self.records = records
        """What is done, by item."""
        self._held = held
        self._file = (path / RECORDS).open("a", encoding="utf-8")

    @classmethod
    def open(cls, path: Path, header: Header, *, resume: bool = False) -> Self:
        """Begin a run, or go on with one.

        Raises:
            ConfigurationError: The folder has another run, or one that wasn't to be resumed, or is in use.
        """
        with ExitStack() as held:
            held.enter_context(alone(path, LOCK))
            records: dict[str, Record] = {}
            if (path / HEADER).is_file():
                if not resume:
                    raise ConfigurationError(f"{path} has a run already: go on with it by --resume, or name another")
                there, done = read_run(path)
                header = resumed(path, there, header)
                records = {record.id: record for record in done}
            elif whole_lines(path / RECORDS):
                raise ConfigurationError(
                    f"{path} has {RECORDS} but no {HEADER}, which says what it is of: name another folder"
                )
            mend(path / RECORDS)
            replace_file(path / HEADER, header.model_dump_json(indent=1) + "\n")
            return cls(path, header, records, held.pop_all())

    def add(self, record: Record) -> None:
        """Keep what came of an item."""
        self._file.write(record.model_dump_json() + "\n")
        self._file.flush()
        self.records[record.id] = record

    def in_order(self) -> list[Record]:
        """The records in the order of the run's items."""
        return [self.records[id_] for id_ in self.header.ids if id_ in self.records]

    def close(self) -> None:
        self._file.close()
        self._held.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def read_run(path: Path) -> tuple[Header, list[Record]]:
    """A run's header and its records, in the order of the items. A line half written by a killed process is left out.

    Raises:
        ConfigurationError: There is no run, or it is damaged.
    """
    try:
        header = Header.model_validate_json((path / HEADER).read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"{path} has no run: {HEADER}: {error.strerror}; name a run's folder") from None
    except (ValidationError, UnicodeDecodeError) as error:
        first = str(error).splitlines()[0]
        raise ConfigurationError(f"{path / HEADER} can't be read: {first}; run it anew in another folder") from None
    records: dict[str, Record] = {}
    place = {id_: number for number, id_ in enumerate(header.ids)}
    for number, line in enumerate(whole_lines(path / RECORDS), start=1):
        try:
            record = Record.model_validate_json(line)
        except ValidationError:
            raise ConfigurationError(
                f"{path / RECORDS}:{number} is no record: {line[:60]!r}; remove the line"
            ) from None
        if record.id not in place:
            raise ConfigurationError(
                f"{path / RECORDS}:{number} is of {record.id!r}, which isn't in this run; remove it"
            )
        records.setdefault(record.id, record)
    return header, sorted(records.values(), key=lambda record: place[record.id])


def find_runs(paths: Sequence[Path]) -> list[Path]:
    """The run folders among and below some folders, each once: in the order named, below one of them by path."""
    found = dict.fromkeys(
        run
        for path in paths
        for run in ([path] if (path / HEADER).is_file() else sorted(map(parent, path.rglob(HEADER))))
    )
    if not found:
        raise ConfigurationError(
            f"no run in {', '.join(map(str, paths))}: name a folder that `agentkit evaluate` wrote"
        )
    return list(found)


def parent(path: Path) -> Path:
    return path.parent


def whole_lines(path: Path) -> list[str]:
    """A file's lines that were written to their end."""
    data = path.read_bytes() if path.is_file() else b""
    return data[: data.rfind(b"\n") + 1].decode("utf-8", errors="replace").split("\n")[:-1]


def mend(path: Path) -> None:
    """Cut off a line that a killed process left half written."""
    if path.is_file():
        data = path.read_bytes()
        os.truncate(path, data.rfind(b"\n") + 1)


def resumed(path: Path, there: Header, wanted: Header) -> Header:
    """The header of a run that goes on: as it began, with the items that are wanted now.

    Raises:
        ConfigurationError: What is wanted is another run; says in what.
    """
    was, now = decisive(there), decisive(wanted)
    for name in {**was, **now}:
        one, other = was.get(name), now.get(name)
        if one != other:
            told = f"{name} was {one!r}, is now {other!r}" if len(f"{one}{other}") < 200 else f"its {name} are others"
            raise ConfigurationError(
                f"{path} has another run: {told}; repeat its options and settings or name another folder"
            )
    if there.weights and wanted.weights != there.weights:
        raise ConfigurationError(
            f"{path} has a run of other weights called {there.model} (SHA-256 {there.weights[:12]}…, now "
            f"{wanted.weights[:12]}…): name another folder, or delete this one"
        )
    if wanted.ids[: len(there.ids)] != there.ids:
        raise ConfigurationError(
            f"{path} has a run of {len(there.ids)} items, which aren't the first of these {len(wanted.ids)}: "
            "repeat its --limit, take a larger one, or name another folder"
        )
    parallel = max(there.parallel, wanted.parallel)
    # A run that began before weights were recorded is taken for one of these from now on.
    taken = {"limit": wanted.limit, "ids": wanted.ids, "parallel": parallel, "weights": wanted.weights}
    return there.model_copy(update=taken)


def decisive(header: Header) -> dict[str, object]:
    """What decides a run's records, by name."""
    apart = INCIDENTAL | {"settings", "weights"}
    fields = {name: getattr(header, name) for name in Header.model_fields if name not in apart}
    return {**fields, **header.settings}


def replace_file(path: Path, text: str) -> None:
    """Write a file, all or nothing: what stood there is replaced at once.

    Raises:
        OSError: It can't be written.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        partial.write_text(text, encoding="utf-8", errors="replace", newline="\n")
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
