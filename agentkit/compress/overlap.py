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
from hashlib import blake2b
from importlib import import_module
from itertools import chain, islice
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
BATCH = 1024
"""Texts that are read at a time: numpy takes as long for a few words as for many."""
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
        numpy = self._numpy = library()
        self._words = Masked(names=False), Masked(names=True)
        files = [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.name.startswith(".")]
        if folder.is_file():
            folder, files = folder.parent, [folder]
        if not files:
            raise ConfigurationError(f"{folder} has no files to compare with: name the evaluation data's by --eval")
        # What the protocol always says is nobody's.
        own = self.sequences(message.content for message in protocol.opening((), (), "", plan=True))
        self.files: dict[str, Any] = {}
        """For each file, its sequences as sorted hashes."""
        for path in files:
            there = self.sequences(texts(path))
            self.files[str(path.relative_to(folder))] = there[~self.among(there, own)]
        self._all = numpy.sort(numpy.concatenate([*self.files.values()]))

    def overlaps(self, lessons: Sequence[Lesson]) -> list[tuple[str, ...]]:
        """For each lesson, the files that it overlaps with."""
        each = [tuple(said(lesson)) for lesson in lessons]
        found: dict[str, set[str]] = {text: set() for said_by in each for text in said_by}
        for batch in batches(found):
            for hashes, of in self.hashed(batch):
                order = hashes.argsort()  # so that what is looked for next is near in memory
                hits = order[self.among(hashes[order], self._all)]
                few, whose = hashes[hits], of[hits]  # only these are looked for in every file
                for name, there in self.files.items():
                    for number in set(whose[self.among(few, there)].tolist()):
                        found[batch[number]].add(name)
        return [tuple(sorted({name for text in said_by for name in found[text]})) for said_by in each]

    def among(self, hashes: Any, there: Any) -> Any:
        """Which of some hashes are among sorted ones."""
        numpy = self._numpy
        if not len(there):
            return numpy.zeros(len(hashes), dtype=bool)
        return there[numpy.searchsorted(there, hashes) % len(there)] == hashes

    def sequences(self, given: Iterable[str]) -> Any:
        """The sequences of texts as sorted hashes of 64 bits."""
        numpy = self._numpy
        parts = [hashes for batch in batches(given) for hashes, _ in self.hashed(batch)]
        return numpy.sort(numpy.concatenate([numpy.zeros(0, dtype=numpy.uint64), *parts]))

    def hashed(self, given: Sequence[str]) -> Iterator[tuple[Any, Any]]:
        """The hashes of the sequences of texts, and the number of the text that each is of.

        A text's sequences are its 13 words in a row, or all of its words where it has fewer; the latter only with
        names as they are.
        """
        numpy = self._numpy
        found = [WORD.findall(text) for text in given]
        by_length: dict[int, list[int]] = {}
        for number, words in enumerate(found):
            by_length.setdefault(min(len(words), LENGTH), []).append(number)
        for length, numbers in by_length.items():
            if length < SHORTEST:
                continue
            sizes = numpy.fromiter((len(found[number]) for number in numbers), numpy.int64, len(numbers))
            of = numpy.repeat(numpy.arange(len(numbers)), sizes - length + 1)
            # Where each begins: no sequence goes on from the end of one text to the next.
            begins = numpy.arange(len(of)) + of * (length - 1)
            for masked in self._words if length == LENGTH else self._words[:1]:
                words = chain.from_iterable(found[number] for number in numbers)
                spread = numpy.fromiter(map(masked.__getitem__, words), numpy.uint64, int(sizes.sum()))
                yield polynomial(spread, length, numpy)[begins], numpy.asarray(numbers)[of]


def batches(given: Iterable[str]) -> Iterator[list[str]]:
    """Texts, so many at a time."""
    left = iter(given)
    while batch := list(islice(left, BATCH)):
        yield batch


class Masked(dict[str, int]):
    """A number of 64 bits for each word, the same for those that are masked alike."""

    def __init__(self, *, names: bool) -> None:
        super().__init__()
        self._names = names

    def __missing__(self, word: str) -> int:
        masked = NUMBER if word[0].isdigit() else NAME if self._names and word[0].isupper() else word.lower()
        self[word] = number = int.from_bytes(blake2b(masked.encode(), digest_size=8).digest())
        return number


def polynomial(words: Any, length: int, numpy: Any) -> Any:
    """The hashes of all sequences of so many words: polynomials of their numbers, modulo 2^64."""
    count = len(words) - length + 1
    total = numpy.full(count, length, dtype=numpy.uint64)
    for at in range(length):
        total = total * numpy.uint64(6364136223846793005) + words[at : at + count]
    return total


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
