"""A task's documents as a corpus on this machine."""

import hashlib
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from agentkit import embedding, protocol
from agentkit.knowledge.corpus import Corpus
from agentkit.knowledge.embedder import Embedder
from agentkit.models import catalog


@dataclass(frozen=True)
class TaskCorpus:
    """The documents of a task, indexed, and what the task calls each file."""

    corpus: Corpus
    files: Mapping[str, str]

    def source(self, file: str) -> str:
        """The task's name of the document that a passage or piece of evidence came from."""
        return self.files.get(file.partition(" > ")[0], file)

    @classmethod
    def open(cls, documents: Mapping[str, str], embedder: Embedder) -> "TaskCorpus":
        """Write the documents into agentkit's cache, unless they are there, and index them."""
        digest = hashlib.sha256(repr(sorted(documents.items())).encode()).hexdigest()[:16]
        folder = catalog.cache() / "evaluate" / digest
        files = {f"{number:06d}.md": source for number, source in enumerate(sorted(documents))}
        title = protocol.one_line
        write(folder, {file: f"# {title(source)}\n\n{documents[source]}\n" for file, source in files.items()})
        return cls(Corpus.open(folder, embedder=embedder), files)

    def close(self) -> None:
        """Give the index back."""
        self.corpus.close()


def open_embedder() -> Embedder:
    """The embedder of the catalog.

    Raises:
        ConfigurationError: It isn't on this machine.
    """
    return embedding.open_embedder("this task has passages, to search and check answers against, which needs")


def write(folder: Path, texts: Mapping[str, str]) -> None:
    """Write a folder of files, all or nothing."""
    if folder.is_dir():
        return
    partial = folder.with_name(f"{folder.name}.{os.getpid()}")
    try:
        partial.mkdir(parents=True, exist_ok=True)
        for file, text in texts.items():
            (partial / file).write_text(text, encoding="utf-8")
        partial.rename(folder)
    except OSError:
        if not folder.is_dir():  # another process was faster
            raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)
