"""From a name to a model: the known ones, a GGUF file or a folder by its path, an endpoint by its URL, a script.

Only `pull` downloads. Everything else looks at what is on this machine.
"""

import asyncio
import os
import re
import shutil
from importlib import import_module
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel

from agentkit.errors import ConfigurationError, DownloadError, MissingExtra, ModelError, UnknownName
from agentkit.models import adapters, download
from agentkit.models.cache import cache, writing
from agentkit.models.download import File, Progress
from agentkit.models.known import DEFAULT, EMBEDDER, KNOWN, Entry
from agentkit.models.model import Model
from agentkit.models.requantize import requantize
from agentkit.settings import expanded

__all__ = [
    "DEFAULT",
    "EMBEDDER",
    "KNOWN",
    "Entry",
    "Listed",
    "Source",
    "cache",
    "listing",
    "load",
    "locate",
    "pull",
    "resolve",
]

GGUF_MAGIC = b"GGUF"
SCRIPTED = "scripted:"
"""`scripted:FILE` is a model that writes the lines of a file, one a decision: for demonstrations and tests."""
HUB_ID = re.compile(r"[\w-][\w.-]*/[\w.-]+")


class Listed(BaseModel, frozen=True):
    """An entry as `agentkit models` shows it."""

    name: str
    kind: Literal["model", "embedder", "adapter"]
    bytes: int
    """On disk if it is installed, else to be fetched."""
    licence: str
    description: str
    path: Path | None
    """Where it is; None if it isn't on this machine."""


class Source(BaseModel, frozen=True):
    """What a spec stands for: an engine and what to give it."""

    engine: Literal["llamacpp", "transformers", "openai", "scripted"]
    name: str
    """As `resolve` would find it again."""
    path: Path | None = None
    """The GGUF file, for llamacpp; the folder, for transformers; the text of replies, for scripted."""
    adapter: Path | None = None
    """What is to be merged into the file at `path`."""
    protocol: str = ""
    """Fingerprint of the protocol that the adapter was taught."""
    url: str = ""
    """The endpoint, for openai."""
    model: str = ""
    """What the endpoint calls the model."""


def locate(name: str) -> Path | None:
    """Where a known model's file, or an embedder's folder, is; None if it isn't on this machine."""
    entry = _entry(name)
    if (rewritten := _rewritten(entry)) and rewritten.is_file():
        return rewritten
    path = _path(entry)
    return path if all(_present(_file(entry, f), f) for f in entry.files) else None


def pull(name: str, progress: Progress | None = None, *, again: bool = False) -> Path:
    """Fetch a known model, unless it is on this machine, and return where it is.

    The official source is tried first, then the mirror. Interrupted, it goes on where it stopped; several
    processes may pull at once. A model whose entry names a format is rewritten in it, once, and only the
    rewritten file is kept; without the extra 'quantize' the publisher's file is used as it is.

    Args:
        again: Fetch it even if it is there, as when the file there is damaged.

    Raises:
        UnknownName: No such model.
        DownloadError: It can't be had, or isn't what it should be, or the disk is full.
    """
    entry = _entry(name)
    tell = progress or _silent
    work = cache() / "partial" / entry.name
    if not again and (there := _installed(entry)):
        return there
    try:
        with download.locked(
            work.with_name(f"{entry.name}.lock"),
            waiting=lambda: tell(0, entry.bytes, f"waiting for another pull of {name}"),
        ):
            if not again and (there := _installed(entry)):
                return there  # the other one's
            if again or not _intact(entry):
                _install(entry, download.fetch(entry.files, work, progress=progress))
                shutil.rmtree(work)
            return _rewrite(entry, tell)
    except OSError as error:
        raise DownloadError(f"can't keep {name} in {cache()}: {error.strerror or error}") from error


def listing() -> list[Listed]:
    """Every known model, and whether it is here; then the adapters."""
    known = [
        Listed(
            name=entry.name,
            kind=entry.kind,
            bytes=_size(path) if path else entry.bytes,
            licence=entry.licence,
            description=entry.description,
            path=path,
        )
        for entry in KNOWN.values()
        for path in (locate(entry.name),)
    ]
    return known + [_listed(name, path) for name, path in adapters.installed().items()]


def resolve(spec: str) -> Source:
    """Say what a spec stands for.

    An adapter's name stands for its base with it, and so does `base+adapter`. A base that has an adapter shipped with
    it is used with that one; `base+none` is the base alone.

    Args:
        spec: A known name, a path to a GGUF file or to a Hugging Face folder, the id (owner/name) of a model in the
            local cache of Hugging Face's hub, http(s)://host/v1#model, or scripted:FILE.

    Raises:
        UnknownName: It is none of these.
        ConfigurationError: It is one of these but can't be used as it stands; the message says what to do.
    """
    base, _, adapter = spec.partition("+")
    if base in KNOWN and not spec.endswith(".gguf"):  # base+adapter-Q4_0.gguf is a file: quantize calls it so
        adapter = adapter or adapters.SHIPPED.get(base, adapters.NONE)
        return _known(KNOWN[base]) if adapter == adapters.NONE else _adapted(adapter, base)
    if spec in adapters.installed():
        return _adapted(spec)
    if spec.startswith(("http://", "https://")):
        return _endpoint(spec)
    if spec.startswith(SCRIPTED):
        return Source(engine="scripted", name=spec, path=_script(expanded(spec.removeprefix(SCRIPTED))))
    path = expanded(spec)
    if spec.endswith(".gguf") or path.is_file():
        return Source(engine="llamacpp", name=spec, path=_checked(path))
    if path.is_dir():
        return Source(engine="transformers", name=spec, path=_folder(path))
    if HUB_ID.fullmatch(spec):
        return Source(engine="transformers", name=spec, path=_folder(_hub(spec)))
    raise UnknownName(
        "model", spec, _models(), hint="or a path to a .gguf file or a Hugging Face folder, or http(s)://host/v1#model"
    )


async def load(
    spec: str, *, context: int | None = None, parallel: int | None = None, threads: int | None = None
) -> Model:
    """Open the model that a spec stands for, with the engine that runs it.

    Args:
        context: Tokens a transcript may have.
        parallel: Sessions that may generate at once.
        threads: CPU threads of an engine in this process.

    Raises:
        ConfigurationError: The spec can't be used; see `resolve`.
        ModelError: The engine can't open it.
    """
    source = resolve(spec)
    if source.engine == "scripted" and source.path:
        from agentkit.models.scripted import ScriptedModel

        return ScriptedModel(_replies(source.path), name=source.name)
    if source.path is None:
        from agentkit.models.openai import OpenAI

        return OpenAI(source.url, model=source.model, context=context, max_connections=parallel)
    given = {"context": context, "parallel": parallel, "threads": threads}
    options: dict[str, Any] = {option: value for option, value in given.items() if value is not None}
    if source.engine == "transformers":
        from agentkit.models.transformers import Transformers

        return await Transformers.load(source.path, name=source.name, **options)
    from agentkit.models.llamacpp import LlamaCpp

    path = await asyncio.to_thread(adapters.merged, source.adapter, source.path) if source.adapter else source.path
    return await LlamaCpp.load(path, name=source.name, **options)


def _silent(_done: int, _total: int, _message: str) -> None:
    pass


def _entry(name: str) -> Entry:
    if name not in KNOWN:
        raise UnknownName("model", name, KNOWN)
    return KNOWN[name]


def _models() -> list[str]:
    return [*(entry.name for entry in KNOWN.values() if entry.kind == "model"), *adapters.installed()]


def _listed(name: str, path: Path) -> Listed:
    try:
        card = adapters.read_card(path)
        adapters.known(card)
        licence, told = KNOWN[card.base].licence, f"adapter: {card.base} taught with {card.lessons} lessons"
    except ConfigurationError as error:  # one bad file mustn't hide the others
        licence, told = "", str(error)
    return Listed(name=name, kind="adapter", bytes=_size(path), licence=licence, description=told, path=path)


def _adapted(name: str, base: str = "") -> Source:
    path, card = adapters.find(name)
    if base and card.base != base:
        raise ConfigurationError(f"adapter {name} is for {card.base}, not for {base}; use {card.base}+{name}")
    known = _known(KNOWN[card.base])
    return known.model_copy(update={"name": f"{card.base}+{name}", "adapter": path, "protocol": card.protocol})


def _known(entry: Entry) -> Source:
    if entry.kind != "model":
        raise ConfigurationError(f"{entry.name} is an embedder and can't write; choose one of: {', '.join(_models())}")
    path = locate(entry.name)
    if path is None:
        raise ConfigurationError(
            f"model {entry.name} isn't on this machine; fetch it: agentkit models pull {entry.name}"
        )
    return Source(engine="llamacpp", name=entry.name, path=_checked(path))


def _endpoint(spec: str) -> Source:
    url, _, model = spec.partition("#")
    try:
        parts = urlsplit(url)
    except ValueError as error:
        shown = spec.rpartition("@")[2]  # what stands before is a secret
        raise ConfigurationError(f"{shown!r} is no URL: {error}; write it as http://localhost:8000/v1#model") from None
    if "@" in parts.netloc:  # not repeated here: it is a secret
        raise ConfigurationError("an endpoint's URL must not hold a password; put the key in AGENTKIT_API_KEY")
    if not parts.hostname or not model:
        raise ConfigurationError(f"{spec!r} must name a host and a model, as in http://localhost:8000/v1#model")
    return Source(engine="openai", name=spec, url=url.rstrip("/"), model=model)


def _checked(path: Path) -> Path:
    try:
        with path.open("rb") as stream:
            magic = stream.read(len(GGUF_MAGIC))
    except OSError as error:
        raise ConfigurationError(f"{path} can't be read: {error.strerror}; name a GGUF file that exists") from error
    if magic != GGUF_MAGIC:
        raise ConfigurationError(f"{path} isn't a GGUF file: it starts with {magic!r}; convert it, or name another")
    return path


def _folder(path: Path) -> Path:
    if not (path / "config.json").is_file():
        raise ConfigurationError(
            f"{path} isn't a Hugging Face folder: it has no config.json; name one that has, a .gguf file, or one of: "
            f"{', '.join(_models())}"
        )
    return path


def _hub(spec: str) -> Path:
    """Where the hub's local cache has a model; nothing is fetched."""
    try:
        hub: Any = import_module("huggingface_hub")
    except ImportError as error:
        raise MissingExtra("running Hugging Face models", extra="transformers") from error
    try:
        return Path(hub.snapshot_download(spec, local_files_only=True))
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"model {spec} isn't in this machine's cache of the Hugging Face hub, and nothing is fetched from there; "
            "download it first, or name a folder, a .gguf file, http(s)://host/v1#model, or one of: "
            f"{', '.join(_models())}"
        ) from error


def _script(path: Path) -> Path:
    if os.path.isfile(path) or not os.path.exists(path):  # a pipe can be read only once
        _replies(path)
    return path


def _replies(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigurationError(f"can't read the script {path}: {reason}; give a text, one reply a line") from None
    return [line for line in lines if line.strip()]


def _path(entry: Entry) -> Path:
    """The publisher's file or folder, whether it is there or not."""
    models = cache() / "models"
    return models / (entry.files[0].name if entry.kind == "model" else entry.name)


def _file(entry: Entry, file: File) -> Path:
    return _path(entry) if entry.kind == "model" else _path(entry) / file.name


def _rewritten(entry: Entry) -> Path | None:
    return cache() / "models" / f"{entry.name}-{entry.format.lower()}.gguf" if entry.format else None


def _present(path: Path, file: File) -> bool:
    return path.is_file() and path.stat().st_size == file.bytes


def _installed(entry: Entry) -> Path | None:
    """Where it is, if there is nothing left to do for it."""
    path = locate(entry.name)
    return path if path == (_rewritten(entry) or path) else None


def _intact(entry: Entry) -> bool:
    """Whether the publisher's files are here and right."""
    return all(_present(path := _file(entry, f), f) and download.sha256(path) == f.sha256 for f in entry.files)


def _install(entry: Entry, ready: Path) -> None:
    target = _path(entry)
    target.parent.mkdir(parents=True, exist_ok=True)
    if entry.kind == "model":
        os.replace(ready / entry.files[0].name, target)
        return
    if target.exists():  # incomplete or damaged
        shutil.rmtree(target)
    os.replace(ready, target)


def _rewrite(entry: Entry, tell: Progress) -> Path:
    source, target = _path(entry), _rewritten(entry)
    if target is None or entry.format is None:
        return source
    label = f"rewriting {entry.name} as {entry.format}"

    def told(done: int, of: int) -> None:
        tell(entry.bytes * done // of, entry.bytes, label)

    try:
        with writing(target.parent):
            requantize(source, target, entry.format, progress=told)
    except MissingExtra as error:
        tell(entry.bytes, entry.bytes, f"kept in the publisher's format, since {error}")
        return source
    except ModelError as error:
        raise DownloadError(f"{entry.name} can't be rewritten as {entry.format}: {error}") from error
    source.unlink()
    return target


def _size(path: Path) -> int:
    return sum(f.stat().st_size for f in path.rglob("*") if f.is_file()) if path.is_dir() else path.stat().st_size
