"""Bringing a store in line with files: what is new or changed is read, split, embedded and stored, batch by batch."""

import dataclasses
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from agentkit.errors import MissingExtra
from agentkit.knowledge import chunks, formats, language
from agentkit.knowledge.chunks import Chunk
from agentkit.knowledge.documents import File, Skipped
from agentkit.knowledge.embedder import Embedder
from agentkit.knowledge.encodable import encodable
from agentkit.knowledge.formats.content import Content, NotNow, Unreadable
from agentkit.knowledge.formats.parser import Parser
from agentkit.knowledge.store import Entry, Store, Stored

TOGETHER = 96
"""Passages that are embedded together, which keeps all cores busy, and stored together: what a stopped run loses."""

T = TypeVar("T")
Progress = Callable[[int, int, int, str], None]
"""Told of files done, files in all, passages stored, and the file at hand."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Report:
    """What came of bringing a corpus in line with its files."""

    added: int = 0
    changed: int = 0
    removed: int = 0
    unchanged: int = 0
    kept: int = 0
    """Known documents whose files couldn't be looked at, on a drive that isn't mounted say."""
    passages: int = 0
    """Embedded and stored this time."""
    skipped: tuple[Skipped, ...] = ()
    """Files that are left out, with the reason."""
    notices: tuple[str, ...] = ()
    """What the user should know about the documents that were read."""

    @property
    def documents(self) -> int:
        """That are in the corpus now."""
        return self.added + self.changed + self.unchanged + self.kept


def made_with(embedder: Embedder) -> str:
    """What chunks and vectors depend on besides the files; made with something else they are made anew."""
    return f"{embedder.name} chunks-{chunks.VERSION} formats-{formats.VERSION}"


def update(
    store: Store, found: Iterable[File | Skipped], embedder: Embedder, *, progress: Progress | None = None
) -> Report:
    """Store what is new or changed of the files found, and forget documents whose files are gone.

    Stopped at any point it goes on there the next time, also within a document. To be done under `indexing`.

    Raises:
        CorpusError: The store can't be written.
    """
    listed = list(found)
    files = [item for item in listed if isinstance(item, File)]
    with Parser() as parser:
        known = store.documents()
        work = _Work(store=store, parser=parser, known=known, skipped=[i for i in listed if isinstance(i, Skipped)])
        there = {file.source for file in files}
        gone = work.gone(there)
        store.remove(gone)
        passages = 0
        for batch in _batches(work.entries(files), TOGETHER):
            if progress:
                progress(work.done, len(files), passages, batch[0].source)
            store.write(batch, embedder.embed([f"{entry.context}\n{entry.chunk.text}" for entry in batch]))
            passages += len(batch)
        if progress:
            progress(len(files), len(files), passages, "")
    return Report(
        added=work.added,
        changed=work.changed,
        removed=sum(not known[source].refused for source in gone),
        unchanged=work.unchanged,
        kept=sum(not known[source].refused for source in known.keys() - there - set(gone)),
        passages=passages,
        skipped=tuple(work.skipped),
        notices=tuple(work.notices),
    )


@dataclasses.dataclass(kw_only=True)
class _Work:
    """One update: what is known, what is read, what is counted."""

    store: Store
    parser: Parser
    known: Mapping[str, Stored]
    skipped: list[Skipped]
    notices: list[str] = dataclasses.field(default_factory=list[str])
    done: int = 0
    added: int = 0
    changed: int = 0
    unchanged: int = 0

    def gone(self, there: set[str]) -> list[str]:
        """Documents whose files are gone, as far as can be seen."""
        hidden = tuple("" if item.path == "." else f"{item.path}/" for item in self.skipped if item.unknown)
        return [source for source in self.known if source not in there and not f"{source}/".startswith(hidden)]

    def entries(self, files: Sequence[File]) -> Iterator[Entry]:
        """Every chunk that is to be stored."""
        for file in files:
            yield from self._of(file)
            self.done += 1

    def _of(self, file: File) -> Iterator[Entry]:
        before = self.known.get(file.source)
        try:
            data = file.read()
        except Unreadable as error:
            self._leave_out(file, str(error))
            return
        except FileNotFoundError:
            self._leave_out(file, "vanished while the others were read")
            return
        except OSError as error:
            self._not_now(file, before, f"can't be read: {error.strerror}")
            return
        digest = hashlib.sha256(data).hexdigest()
        if before is not None and before.digest == digest and before.complete:
            self._keep(file, before)
            return
        try:
            content = self.parser.parse(data, file.format)
            if not (pieces := list(_chunks(content))):
                raise Unreadable("holds no text")
        except (NotNow, MissingExtra) as error:
            self._not_now(file, before, str(error))
        except Unreadable as error:
            self.store.refuse(file.source, digest, str(error))
            self.skipped.append(Skipped(path=file.source, reason=str(error)))
        else:
            yield from self._new(file, digest, before, content.notice, pieces)

    def _new(
        self, file: File, digest: str, before: Stored | None, notice: str, pieces: Sequence[Chunk]
    ) -> Iterator[Entry]:
        if tongue := language.foreign([piece.text for piece in pieces]):
            said = f"seems to be {tongue}: the embedder knows English, so its words find it rather than its meaning"
            notice = f"{notice}; {said}" if notice else said
        if notice:
            self.notices.append(f"{file.source} {notice}")
        if before is None or before.refused or not before.complete:
            self.added += 1
        else:
            self.changed += 1
        resumed = before.chunks if before is not None and before.digest == digest and not before.complete else 0
        for position, piece in enumerate(pieces):
            if position >= resumed:
                yield Entry(
                    source=file.source,
                    digest=digest,
                    notice=notice,
                    position=position,
                    chunk=piece,
                    context=_context(piece, file.source),
                    last=position == len(pieces) - 1,
                )

    def _keep(self, file: File, before: Stored) -> None:
        if before.refused:
            self.skipped.append(Skipped(path=file.source, reason=before.refused))
            return
        self.unchanged += 1
        if before.notice:
            self.notices.append(f"{file.source} {before.notice}")

    def _not_now(self, file: File, before: Stored | None, reason: str) -> None:
        """Keep what is known; the file is looked at again the next time."""
        kept = before is not None and not before.refused
        self.unchanged += kept
        self.skipped.append(
            Skipped(path=file.source, reason=f"{reason}; what is known of it is kept" if kept else reason)
        )

    def _leave_out(self, file: File, reason: str) -> None:
        if file.source in self.known:
            self.store.remove([file.source])
        self.skipped.append(Skipped(path=file.source, reason=reason))


def _chunks(content: Content) -> Iterator[Chunk]:
    """The passages of a document, each with where it stands."""
    for section in content.sections:
        for part in chunks.split(section.text, markdown=section.markdown):
            heading = " > ".join(filter(None, (section.heading, part.heading)))
            columns = {encodable(name): encodable(value) for name, value in section.columns.items()}
            yield Chunk(text=encodable(part.text), heading=encodable(heading), page=section.page, columns=columns)


def _context(chunk: Chunk, source: str) -> str:
    """What a chunk is indexed under besides its text: its headings or, without any, its file's name."""
    return chunk.heading or re.sub(r"[\W_]+", " ", Path(source).stem).strip()


def _batches(items: Iterable[T], length: int) -> Iterator[list[T]]:
    batch: list[T] = []
    for item in items:
        batch.append(item)
        if len(batch) == length:
            yield batch
            batch = []
    if batch:
        yield batch
