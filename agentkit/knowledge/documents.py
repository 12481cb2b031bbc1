"""Finding documents: which files there are, what is in them as bytes, which are left out and why."""

import dataclasses
import os
import stat
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from agentkit.errors import CorpusError
from agentkit.knowledge.formats import BY_ENDING, ENDINGS, INSTEAD, Format
from agentkit.knowledge.formats.content import Unreadable


@dataclasses.dataclass(frozen=True, kw_only=True)
class Skipped:
    """A file that isn't part of the corpus, though its name says it should be; or all of a kind that isn't read."""

    path: str
    """As its source would be; `*.xlsx` for all of a kind."""
    reason: str
    unknown: bool = False
    """It can't be looked at for now, a folder or a file on a drive that is away: what was known of it still holds."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class File:
    """A file that is to be part of a corpus."""

    path: Path
    source: str
    """What the corpus calls it: its path from the corpus's folder, with forward slashes."""

    @property
    def format(self) -> Format:
        """By its ending."""
        return BY_ENDING[self.path.suffix.lower()]

    def read(self) -> bytes:
        """Its bytes.

        Raises:
            Unreadable: It is too large, a link or no regular file.
            OSError: It can't be read.
        """
        if self.path.is_symlink():
            raise Unreadable("is a symbolic link, which is not followed")
        status = self.path.stat(follow_symlinks=False)
        if not stat.S_ISREG(status.st_mode):  # opening a pipe would wait for ever
            raise Unreadable("is not a regular file")
        limit = self.format.max_bytes
        with self.path.open("rb") as file:
            data = b"" if status.st_size > limit else file.read(limit + 1)
        if max(status.st_size, len(data)) > limit:
            raise Unreadable(
                f"is larger than {limit // 1_000_000} MB, the most that is read of {self.format.name}; "
                "split it into smaller files"
            )
        return data


def find(root: Path, *, label: str = "") -> Iterator[File | Skipped]:
    """The documents at a path, a folder's in the order of their paths; `label` stands before their sources.

    Hidden files and folders are left out. Symbolic links are named, never followed: they may leave the
    folder or lead back into it. Documents of kinds that aren't read are named together.
    """
    if root.is_file():
        yield File(path=root, source=label or _text(root.name))
        return

    def source(path: Path) -> str:
        below = path.relative_to(root).as_posix()
        return _text("/".join(part for part in (label, below) if part not in ("", "."))) or "."

    unlisted: list[Skipped] = []
    unread = Counter[str]()

    def refused(error: OSError) -> None:
        path = Path(str(error.filename))
        unlisted.append(Skipped(path=source(path), reason=f"can't be listed: {error.strerror}", unknown=True))

    for at, folders, names in os.walk(root, onerror=refused):
        yield from unlisted
        unlisted.clear()
        here = Path(at)
        for name in sorted(folders):
            if (here / name).is_symlink() and not name.startswith("."):
                yield Skipped(path=source(here / name), reason="is a symbolic link, which is not followed")
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            ending = Path(name).suffix.lower()
            if not name.startswith(".") and ending in ENDINGS:
                yield File(path=here / name, source=source(here / name))
            elif ending in INSTEAD and not name.startswith((".", "~$")):  # the second are office programs' locks
                unread[ending] += 1
    yield from unlisted
    for ending, count in unread.items():
        files = "1 file is" if count == 1 else f"{count:,} files are"
        reason = f"{files} of a kind that isn't read; save as {INSTEAD[ending]}"
        yield Skipped(path=source(root / f"*{ending}"), reason=reason)


def check_folder(folder: Path) -> None:
    """See that there is a folder whose documents can be found.

    Raises:
        CorpusError: It is missing, isn't one, or can't be listed.
    """
    if not folder.exists():
        raise CorpusError(f"no folder of documents at {str(folder)!r}; check the path")
    if not folder.is_dir():
        raise CorpusError(f"{str(folder)!r} is a file, not a folder of documents; name the folder it is in")
    try:
        os.scandir(folder).close()
    except OSError as error:
        raise CorpusError(f"can't list the folder {str(folder)!r}: {error.strerror}") from None


def _text(path: str) -> str:
    """A path as text that can be stored and shown, also when the file's name isn't valid text.

    What isn't is written as `\\xe9`: one question mark for all would make one document of two files.
    """
    return os.fsencode(path).decode("utf-8", "backslashreplace")
