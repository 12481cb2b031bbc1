"""Which lessons have words in common with evaluation data, in the order of both.

Two texts overlap if they share 13 words in a row (the size that Brown et al. 2020, appendix C, settle on), compared in
lower case, with every number masked; once as they are and once with capitalised words masked too, which are names
mostly: another name in the same story doesn't make it another story. A text of fewer words overlaps if all of it
stands in the other as a text of its own.
"""

import gzip
import json
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from agentkit import protocol
from agentkit.compress.lesson import Lesson
from agentkit.errors import ConfigurationError, MissingExtra
from agentkit.evaluate.tasks.tables import csv_rows

LENGTH = 13
"""Words."""
SHORTEST = 6
"""Words of a text that is compared whole; shorter ones (`How old is he?`) are alike by chance."""
WORD = re.compile(r"\d+(?:[.,:/]\d+)*|[^\W\d_]+(?:['’][^\W\d_]+)*")
NUMBER, NAME = "#", "@"


class Evaluation:
    """The word sequences of a folder's files, or of one file."""

    def __init__(self, folder: Path) -> None:
        """Read every file of a folder, or the one that is named.

        Raises:
            ConfigurationError: There are none, or one can't be read.
            MissingExtra: numpy isn't installed.
        """
        self._numpy = library()
        self._ids: dict[str, int] = {}
        files = [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.name.startswith(".")]
        if folder.is_file():
            folder, files = folder.parent, [folder]
        if not files:
            raise ConfigurationError(f"{folder} has no files to compare with: name the evaluation data's by --eval")
        # What the protocol always says is nobody's.
        own = self.sequences(message.content for message in protocol.opening((), (), "", plan=True))
        self.files: dict[str, Any] = {
            str(path.relative_to(folder)): self._numpy.setdiff1d(self.sequences(texts(path)), own) for path in files
        }
        """For each file, its sequences as sorted hashes."""

    def overlaps(self, lessons: Sequence[Lesson]) -> list[tuple[str, ...]]:
        """For each lesson, the files that it overlaps with."""
        found: list[tuple[str, ...]] = []
        known: dict[str, Any] = {}
        for lesson in lessons:
            files: set[str] = set()
            for text in said(lesson):
                if text not in known:
                    known[text] = self.having(self.sequences([text]))
                files |= known[text]
            found.append(tuple(sorted(files)))
        return found

    def having(self, sequences: Any) -> frozenset[str]:
        """The files that have one of some sequences."""
        numpy = self._numpy
        return frozenset(
            name
            for name, there in self.files.items()
            if len(there)
            and len(sequences)
            and numpy.any(there[numpy.searchsorted(there, sequences) % len(there)] == sequences)
        )

    def sequences(self, given: Iterable[str]) -> Any:
        """The sequences of texts as sorted hashes of 64 bits, each once."""
        numpy = self._numpy
        parts = [part for text in given for view in views(text) for part in self.hashed(view)]
        return numpy.unique(numpy.concatenate(parts)) if parts else numpy.zeros(0, dtype=numpy.uint64)

    def hashed(self, words: Sequence[str]) -> Iterator[Any]:
        """The hashes of one text's sequences of 13 words, or of all of its words where it has fewer."""
        numpy = self._numpy
        if len(words) < SHORTEST:
            return
        ids = numpy.fromiter((self._ids.setdefault(w, len(self._ids) + 1) for w in words), numpy.uint64, len(words))
        length = min(LENGTH, len(words))
        count = len(words) - length + 1
        total = numpy.full(count, length, dtype=numpy.uint64)
        for at in range(length):
            # A polynomial modulo 2^64; an id is spread first, as neighbours would differ in few bits.
            total = total * numpy.uint64(6364136223846793005) + mixed(ids[at : at + count], numpy)
        yield total


def mixed(ids: Any, numpy: Any) -> Any:
    """Ids with their bits spread, as the finaliser of splitmix64 does (Steele et al. 2014)."""
    ids = (ids ^ (ids >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
    ids = (ids ^ (ids >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
    return ids ^ (ids >> numpy.uint64(31))


def views(text: str) -> Iterator[list[str]]:
    """A text's words with numbers masked; then with names masked too, where there are any."""
    found = WORD.findall(text)
    plain = [NUMBER if word[0].isdigit() else word.lower() for word in found]
    yield plain
    masked = [NUMBER if word[0].isdigit() else NAME if word[0].isupper() else word.lower() for word in found]
    if masked != plain and len(masked) >= LENGTH:
        yield masked


def said(lesson: Lesson) -> Iterator[str]:
    """What a lesson's messages say: its task, its evidence and its decisions, each text of a decision on its own."""
    for message in lesson.messages:
        if message.role == "assistant":
            try:
                yield from leaves(json.loads(message.content))
            except ValueError:  # no decision of this agentkit's, but a text all the same
                yield message.content
        else:
            yield from (line.removeprefix("Task: ") for line in message.content.splitlines())
            yield message.content


def texts(path: Path) -> Iterator[str]:
    """Every text of a file, whatever holds it: JSON, JSON lines, CSV, plain text, each also compressed by gzip.

    Raises:
        ConfigurationError: It can't be read.
    """
    try:
        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise ConfigurationError(f"{path} can't be read, so nothing can be compared with it: {error}") from None
    content = raw.decode("utf-8", errors="replace")
    if path.suffix == ".csv":
        yield from leaves([dict(row.values) for row in csv_rows(str(path), raw).rows])
    try:
        yield from leaves(json.loads(content))
        return
    except ValueError:
        pass
    for line in content.splitlines():
        try:
            yield from leaves(json.loads(line))
        except ValueError:
            yield line


def leaves(value: object) -> Iterator[str]:
    """All text inside a JSON value; the items of a list of texts also together, as the sentences of a passage are."""
    match value:
        case str():
            yield value
        case Mapping():
            for item in cast(Mapping[str, object], value).values():
                yield from leaves(item)
        case list():
            items = cast(list[object], value)
            parts = [item for item in items if isinstance(item, str)]
            if len(parts) > 1:
                yield " ".join(parts)
            for item in items:
                yield from leaves(item)
        case _:
            pass


def library() -> Any:
    """numpy, which compares millions of sequences in seconds."""
    try:
        return import_module("numpy")
    except ImportError:
        raise MissingExtra("comparing lessons with evaluation data", extra="quantize") from None
