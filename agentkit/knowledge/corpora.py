"""Named corpora: where each is kept, and the paths that it was made of.

A corpus is a folder in agentkit's cache with `corpus.json` (what it is made of, written as a whole or not at all) and
the store, which can be made anew from these paths.
"""

import contextlib
import dataclasses
import os
import re
import shutil
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from pydantic import BaseModel, ValidationError

from agentkit.errors import CorpusError
from agentkit.knowledge.database import INDEXING_LOCK, indexing, lock
from agentkit.knowledge.documents import File, Skipped, find
from agentkit.knowledge.embedder import Embedder
from agentkit.knowledge.encodable import encodable
from agentkit.knowledge.formats import ENDINGS, INSTEAD
from agentkit.knowledge.ingest import Progress, Report, made_with, update
from agentkit.knowledge.store import Damaged, Outdated, Store, Stored
from agentkit.settings import expanded

FILE = "corpus.json"
STORE = "corpus.sqlite"
_ENDINGS = ", ".join(sorted(ENDINGS))
_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,63}", re.ASCII)


class Origin(BaseModel, frozen=True):
    """A folder or file that a corpus is made of."""

    path: Path
    label: str
    """What its documents' sources begin with."""

    @property
    def there(self) -> bool:
        return self.path.exists()


class Recipe(BaseModel, frozen=True):
    """What a corpus is made of: the content of `corpus.json`."""

    origins: tuple[Origin, ...] = ()

    def with_paths(self, paths: Iterable[Path]) -> "Recipe":
        """The same with more paths. One that is read as a part of another adds nothing."""
        origins = list(self.origins)
        for path in paths:
            whole = _kept(path)
            if any(_covers(origin.path, whole) for origin in origins):
                continue
            origins = [origin for origin in origins if not _covers(whole, origin.path)]
            origins.append(Origin(path=whole, label=_label(whole, {origin.label for origin in origins})))
        return Recipe(origins=tuple(origins))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Stats:
    """What is in a corpus."""

    name: str
    folder: Path
    origins: tuple[Origin, ...]
    documents: int
    passages: int
    unfinished: int
    """Documents whose indexing was interrupted."""
    bytes: int
    """On disk, the vector index included."""
    refused: dict[str, str]
    """Files that couldn't be read, with the reason."""
    notices: dict[str, str]
    """What was unusual in documents."""


def cache() -> Path:
    """Agentkit's cache: AGENTKIT_CACHE, else its folder in the user's."""
    own, users = os.environ.get("AGENTKIT_CACHE"), os.environ.get("XDG_CACHE_HOME")
    return Path(own) if own else (Path(users) if users else Path.home() / ".cache") / "agentkit"


def names() -> list[str]:
    """Every corpus there is."""
    return sorted(path.parent.name for path in _home().glob(f"*/{FILE}"))


def folder_of(name: str) -> Path:
    """Where a corpus is or would be kept.

    Raises:
        CorpusError: It can't have such a name.
    """
    if not _NAME.fullmatch(name):
        raise CorpusError(f"a corpus can't be named {name!r}; take letters, digits, '.', '-' and '_', 64 at most")
    return _home() / name


def recipe(name: str) -> Recipe:
    """What a corpus is made of.

    Raises:
        CorpusError: There is no such corpus, or its file is damaged.
    """
    file = folder_of(name) / FILE
    try:
        return Recipe.model_validate_json(file.read_bytes())
    except FileNotFoundError:
        there = f"there are: {', '.join(names())}" if names() else "there is none yet"
        raise CorpusError(f"no corpus named {name!r}; {there}; make it: agentkit ingest PATH --corpus {name}") from None
    except (OSError, ValidationError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is damaged"
        raise CorpusError(f"{file} can't be read: {why}; delete the corpus: agentkit corpus rm {name}") from None


def ingest(name: str, paths: Sequence[Path], embedder: Embedder, *, progress: Progress | None = None) -> Report:
    """Add paths to a corpus, which is made if there is none, and bring all of it in line with its files.

    Interrupted at any point it goes on there the next time. Several processes may do so at once. A new corpus of which
    no document can be read isn't kept; the report says why.

    Raises:
        CorpusError: A path is missing or a folder that is added has no document, the corpus can't be written, or it
            would have to be made anew while a part of its documents can't be seen.
    """
    folder = folder_of(name)
    for path in paths:
        if not (whole := _whole(path)).exists():
            raise CorpusError(f"there is no {path}; check the path")
        if whole.is_file() and (ending := path.suffix.lower()) not in ENDINGS:
            if ending in INSTEAD:
                raise CorpusError(f"{path} is of a kind that isn't read; save it as {INSTEAD[ending]}")
            raise CorpusError(f"{path} is of no kind that is read; it may end in {_ENDINGS}")
        if whole.is_dir() and not any(find(whole)):
            raise CorpusError(f"there is nothing to read in {path}; it reads files that end in {_ENDINGS}")
        if (shown := encodable(kept := str(_kept(path)))) != kept:
            raise CorpusError(f"{shown} is not UTF-8, and such a path can't be kept; rename the file or folder")
    if not paths:
        recipe(name)  # what isn't there isn't made
    with indexing(folder):
        new = bool(paths) and not (folder / FILE).exists()
        made = (Recipe() if new else recipe(name)).with_paths(paths)
        found = list(_found(made))
        _check_remaking(name, found, embedder)
        if paths:
            _remember(folder, made)
        store, damaged = Store.open(folder / STORE, fingerprint=made_with(embedder))
        with contextlib.closing(store):
            report = update(store, found, embedder, progress=progress)
        if new and not report.documents:
            (folder / FILE).unlink()
            shutil.rmtree(folder)
    return dataclasses.replace(report, notices=(damaged, *report.notices)) if damaged else report


def forget(name: str, paths: Sequence[Path]) -> int:
    """Take paths out of a corpus, with their documents; returns how many documents these were.

    Raises:
        CorpusError: There is no such corpus, or it isn't made of such a path.
    """
    recipe(name)
    folder = folder_of(name)
    with indexing(folder):
        made = recipe(name)
        gone = [_origin(name, made, path) for path in paths]
        _remember(folder, Recipe(origins=tuple(origin for origin in made.origins if origin not in gone)))
        labels = [origin.label for origin in gone]
        sources = [s for s in _documents(folder) if any(s == label or s.startswith(f"{label}/") for label in labels)]
        if sources:
            store, _ = Store.open(folder / STORE)
            with contextlib.closing(store):
                store.remove(sources)
    return len(sources)


def remove(name: str) -> str:
    """Delete a corpus; the documents it was made of stay. Returns what a Chroma server knows it by, if that is known.

    Raises:
        CorpusError: There is no such corpus, it is being indexed, or it can't be deleted.
    """
    folder = folder_of(name)
    if not (folder / FILE).exists():
        recipe(name)
    try:
        if (held := lock(folder / INDEXING_LOCK)) is None:
            raise CorpusError(f"corpus {name!r} is being indexed; wait for it or end it")
        with contextlib.closing(held):
            key = _key(folder)
            (folder / FILE).unlink(missing_ok=True)  # from here on it isn't there
            shutil.rmtree(folder)
    except (OSError, sqlite3.Error) as error:
        raise CorpusError(f"can't delete {folder}: {error}; make it writable or delete the folder by hand") from None
    return key


def stats(name: str) -> Stats:
    """Count what is in a corpus.

    Raises:
        CorpusError: There is no such corpus, or it can't be read.
    """
    made, folder = recipe(name), folder_of(name)
    documents = _documents(folder)
    read = {source: stored for source, stored in documents.items() if not stored.refused}
    return Stats(
        name=name,
        folder=folder,
        origins=made.origins,
        documents=len(read),
        passages=sum(stored.chunks for stored in read.values()),
        unfinished=sum(not stored.complete for stored in read.values()),
        bytes=_size(folder),
        refused={source: stored.refused for source, stored in documents.items() if stored.refused},
        notices={source: stored.notice for source, stored in read.items() if stored.notice},
    )


def _documents(folder: Path) -> dict[str, Stored]:
    """What is stored; nothing, if that is of another version or damaged: then it is made anew with the next ingest."""
    try:
        store, _ = Store.open(folder / STORE)
    except Outdated:
        return {}
    with contextlib.closing(store):
        return store.documents()


def _origin(name: str, made: Recipe, path: Path) -> Origin:
    """The path among those that a corpus is made of."""
    whole = _whole(path)
    match = next((origin for origin in made.origins if origin.path in (whole, whole.resolve())), None)
    if match is None:
        known = ", ".join(str(origin.path) for origin in made.origins)
        raise CorpusError(f"corpus {name!r} isn't made of {path}; it is made of: {known}")
    return match


def _check_remaking(name: str, found: Iterable[File | Skipped], embedder: Embedder) -> None:
    """Refuse to make a store anew, which empties it, without all that it was made of."""
    store = folder_of(name) / STORE
    hidden = next((item.path for item in found if isinstance(item, Skipped) and item.unknown), None)
    if hidden is None or not store.exists():
        return
    try:
        opened, _ = Store.open(store, fingerprint=made_with(embedder), make=False)
    except Damaged:  # nothing of it could be kept
        return
    except Outdated as error:
        raise CorpusError(
            f"corpus {name!r} has to be made anew, as {error}; but {hidden} can't be seen now: make it so (mount it), "
            f"or take it out: agentkit corpus rm {name} PATH"
        ) from None
    opened.close()


def _size(folder: Path) -> int:
    """Bytes of all files below; what vanishes meanwhile, as SQLite's logs do, counts nothing."""
    total = 0
    for at, _, names in os.walk(folder):
        for file in names:
            with contextlib.suppress(FileNotFoundError):
                total += os.lstat(os.path.join(at, file)).st_size
    return total


def _key(folder: Path) -> str:
    try:
        store, _ = Store.open(folder / STORE)
    except CorpusError:  # it is to be deleted, damaged or not
        return ""
    with contextlib.closing(store):
        return store.key


def _home() -> Path:
    return _whole(cache()) / "corpora" / "named"


def _whole(path: Path) -> Path:
    """A path in full."""
    return expanded(path).absolute()


def _kept(path: Path) -> Path:
    """A path as a recipe has it: the links that lead to it are followed, not one that it is itself."""
    whole = _whole(path)
    return whole.parent.resolve() / whole.name if whole.is_symlink() else whole.resolve()


def _covers(above: Path, path: Path) -> bool:
    """Whether `find` comes upon a path in a folder above it: it passes by what is hidden and follows no link."""
    if not path.is_relative_to(above):
        return False
    steps = [path, *path.parents][: len(path.parts) - len(above.parts)]
    return not any(step.name.startswith(".") or step.is_symlink() for step in steps)


def _found(made: Recipe) -> Iterator[File | Skipped]:
    """The files of a corpus. A folder that is gone, a drive that isn't mounted say, takes no document with it.

    Nor does it take a file that was in it and was named itself; one that is gone from its folder was deleted.
    """
    for origin in made.origins:
        if origin.path.is_file() or origin.path.is_dir():
            yield from find(origin.path, label=origin.label)
        elif origin.path.suffix.lower() not in ENDINGS or not origin.path.parent.is_dir():
            reason = "is gone; what is known of it is kept; agentkit corpus rm NAME PATH takes it out"
            yield Skipped(path=origin.label, reason=reason, unknown=True)


def _label(path: Path, taken: set[str]) -> str:
    """A short name for the sources of a path that no other path of the corpus has."""
    name = os.fsencode(path.name or "root").decode("utf-8", "replace")
    stem, dot, ending = name.rpartition(".") if path.is_file() else (name, "", "")
    spare = (f"{stem}-{number}{dot}{ending}" for number in range(2, len(taken) + 3))
    return name if name not in taken else next(label for label in spare if label not in taken)


def _remember(folder: Path, made: Recipe) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        partial = folder / f"{FILE}.{os.getpid()}"
        partial.write_text(made.model_dump_json(indent=1), encoding="utf-8")
        partial.replace(folder / FILE)
    except OSError as error:
        raise CorpusError(
            f"can't keep a corpus in {str(folder)!r}: {error.strerror}; "
            "make room, make it writable or set AGENTKIT_CACHE to another folder"
        ) from None
