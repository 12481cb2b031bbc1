"""From settings to parts: the model, the tools, the documents, the agent of a recorded run."""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from agentkit.errors import ConfigurationError
from agentkit.settings import Settings
from agentkit.tools import Tool, configured, known_tools, load_tools, reads_documents

if TYPE_CHECKING:
    from agentkit.assistant import Profile
    from agentkit.checks import Check
    from agentkit.knowledge.corpus import Corpus
    from agentkit.knowledge.embedder import Embedder
    from agentkit.models.model import Model


def load_settings(flags: Mapping[str, Any] | None = None, profile: "Profile | None" = None) -> Settings:
    """The settings in force. A cache folder that they name counts for this process and its children."""
    settings = Settings.load(flags, profile=(profile.settings, str(profile.file)) if profile else None)
    if settings.cache:
        os.environ["AGENTKIT_CACHE"] = str(settings.cache.absolute())
    return settings


def check_model(settings: Settings) -> None:
    """Complain of a model that isn't there before anything slow is done.

    Raises:
        ConfigurationError: It can't be used as it stands.
    """
    from agentkit import protocol
    from agentkit.models import catalog

    source = catalog.resolve(settings.model or catalog.DEFAULT)
    if source.protocol:
        protocol.require(source.protocol, of=source.name)


def leaving(settings: Settings) -> list[str]:
    """What leaves this machine, if anything does: a file in some folder may have said so."""
    told: list[str] = []
    if host := elsewhere(settings.model):
        told.append(f"task and evidence go to {host} (model from {settings.origin('model')})")
    if host := elsewhere(settings.chroma):
        told.append(f"vectors of documents and of queries go to {host} (chroma from {settings.origin('chroma')})")
    return told


def elsewhere(address: str) -> str:
    """The other machine whose address it is; empty for this one, and for what is no address: that is refused later."""
    try:
        url = urlsplit(address)
    except ValueError:
        return ""
    there = url.scheme in ("http", "https") and url.hostname not in ("localhost", "127.0.0.1", "::1")
    return (url.hostname or "") if there else ""


async def open_model(settings: Settings) -> "Model":
    """The model that the settings name, loaded for one run at a time."""
    from agentkit.models import catalog

    spec = settings.model or catalog.DEFAULT
    return await catalog.load(spec, context=settings.context, threads=settings.threads, parallel=1)


def open_tools(names: Iterable[str], settings: Settings) -> list[Tool]:
    """The named tools with their settings; resources are still to be bound.

    Raises:
        UnknownName: No such tool is installed, or settings are there for one that isn't.
        ConfigurationError: A tool has no such setting.
    """
    from agentkit.errors import UnknownName

    known = known_tools()
    for name in settings.tools:
        if name not in known:
            raise UnknownName("tool", name, known, hint=f"[tools.{name}] is set in the settings")
    return [configured(tool, settings.tools.get(tool.name, {})) for tool in load_tools(names)]


def needs_documents(tools: Sequence[Tool]) -> bool:
    """Whether one of the tools reads documents; if so they must have been named."""
    return any(map(reads_documents, tools))


def open_documents(settings: Settings) -> "tuple[Corpus, Embedder]":
    """The documents, indexed, and the embedder, which the checks use as well.

    Raises:
        ConfigurationError: No folder or corpus was named, or the embedder isn't on this machine.
        CorpusError: They can't be read.
    """
    from agentkit.embedding import open_embedder
    from agentkit.knowledge.corpus import Corpus

    docs, corpus = documents_of(settings)
    if not docs and not corpus:
        raise ConfigurationError("retrieval needs documents: name their folder with --docs DIR, or --corpus NAME")
    if docs and not docs.is_dir():
        raise ConfigurationError(f"there is no folder {docs}; name one with --docs DIR")
    embedder = open_embedder()
    if docs:
        return Corpus.open(docs, embedder=embedder, chroma=settings.chroma), embedder
    return Corpus.load(corpus, embedder=embedder, chroma=settings.chroma), embedder


def documents_of(settings: Settings) -> tuple[Path | None, str]:
    """The folder or the corpus to answer from; of the two, the one that was named closer to the command.

    Raises:
        ConfigurationError: Both were named in the same place.
    """
    if not settings.docs or not settings.corpus:
        return settings.docs, settings.corpus
    docs, corpus = (closeness(settings.origin(key)) for key in ("docs", "corpus"))
    if docs == corpus:
        raise ConfigurationError(
            f"both the folder {settings.docs} and the corpus {settings.corpus!r} are named; keep one of them"
        )
    return (settings.docs, "") if docs > corpus else (None, settings.corpus)


def closeness(origin: str) -> int:
    """Flags lie closer to a command than variables, these closer than files."""
    return 2 if origin.startswith("--") else 1 if origin.startswith("AGENTKIT_") else 0


def open_checks(names: Sequence[str], resources: Sequence[object]) -> "list[Check]":
    """The checks that ship, and the named ones of other packages."""
    from agentkit.checks import default_checks, load_checks

    return [*default_checks(resources), *load_checks(names)]


def record(settings: Settings, names: Sequence[str]) -> dict[str, Any]:
    """What a trace's header says besides what the agent knows, so that the run can be rebuilt."""
    docs, corpus = documents_of(settings)
    return {
        "docs": str(docs.absolute()) if docs else None,
        **({"corpus": corpus} if corpus else {}),
        "tools": {name: table for name, table in settings.tools.items() if name in names},
        "checks": settings.checks,
    }
