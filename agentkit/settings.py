"""What a user has set: flags, then environment, then `agentkit.toml`, then defaults.

    # agentkit.toml
    model = "qwen2.5-coder-0.5b"
    docs = "handbook"

    [limits]
    steps = 12

    [tools.python]
    tier = "monty"

Of the files, the one in the working folder counts, else the one in the user's configuration folder. Every
value knows where it came from, so that an error, and `agentkit doctor`, can say.
"""

import difflib
import os
import tomllib
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar, cast, get_args

from pydantic import BaseModel, Field, PrivateAttr, TypeAdapter, ValidationError

from agentkit.errors import ConfigurationError

FILE = "agentkit.toml"
PREFIX = "AGENTKIT_"
TABLES = frozenset({"limits", "tools"})
"""Settings that are tables; keys of several sources add up in them."""
PATHS = frozenset({"docs", "cache", "data"})
"""Settings that are paths; in a file they are relative to it."""

NOT_SETTINGS = ("AGENTKIT_API_KEY", "AGENTKIT_SHARED", "AGENTKIT_TEST_")
"""What variables start with that are agentkit's but no settings: a secret has no place in a file or a flag."""
UNBOUNDED = "none"
"""How a file or a variable says that a limit is off; TOML has no null."""

MOST_LEVELS = 30
"""Of tables and lists in each other in a file: what is nested as deep as it parses, no message can show."""

M = TypeVar("M", bound=BaseModel)

Key = tuple[str, ...]
"""Where a value stands: `("limits", "steps")`, shown as `limits.steps`."""


class Settings(BaseModel, frozen=True, extra="forbid"):
    """Everything that can be set outside the code. Make one with `load`."""

    model: str = ""
    """A catalog name, a path to a GGUF or a folder, or `http(s)://…#model`; empty takes the catalog's default."""
    docs: Path | None = None
    """Folder of documents to answer from."""
    corpus: str = ""
    """Corpus to answer from, as `agentkit ingest` has made it; where docs are set as well, what is set later counts."""
    chroma: str = ""
    """URL of a Chroma server to keep vectors on, for several processes; by default they are kept in the cache."""
    cache: Path | None = None
    """Folder of weights and indexes; by default agentkit's in the user's cache."""
    data: Path | None = None
    """Folder of the data that built-in evaluation tasks read."""
    threads: int | None = Field(default=None, ge=1)
    """CPU threads that compute; one a physical core by default."""
    context: int | None = Field(default=None, ge=256)
    """Tokens a transcript may have."""
    seed: int = Field(default=0, ge=0)
    temperature: float = Field(default=0.0, ge=0)
    """0 always takes the likeliest token."""
    unchecked: bool = False
    """Hand over answers that no check applies to."""
    checks: list[str] = []
    """Names of installed checks to run besides those that ship."""
    limits: dict[str, Any] = {}
    """Bounds on one run, by the names of `agentkit.Limits`."""
    tools: dict[str, dict[str, Any]] = {}
    """For each tool's name, its settings."""

    _origins: dict[Key, str] = PrivateAttr(default_factory=dict[Key, str])

    @classmethod
    def load(
        cls,
        flags: Mapping[str, Any] | None = None,
        *,
        profile: tuple[Mapping[str, Any], str] | None = None,
        environ: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> Self:
        """Gather the settings in force.

        Args:
            flags: By dotted key (`limits.steps`), as values or as text; a None was not given.
            profile: What an assistant's profile sets, and its file: above `agentkit.toml`, below the environment.
            environ: The process's own by default.
            folder: The working folder by default.

        Raises:
            ConfigurationError: A file can't be read, or a key or value in it, in the environment or in the
                flags is wrong.
        """
        environ = os.environ if environ is None else environ
        values: dict[Key, Any] = {}
        origins: dict[Key, str] = {}
        if file := find_file(environ, folder or Path.cwd()):
            for key, value in _flat(_read(file), str(file)):
                values[key], origins[key] = _placed(key, value, file.parent), str(file)
        if profile:
            for key, value in _flat(*profile):
                values[key], origins[key] = value, profile[1]
        for key, name, text in _from_environment(environ):
            values[key], origins[key] = _parsed(key, text, name), name
        for flag, value in (flags or {}).items():
            if value is not None:
                key, name = tuple(flag.split(".", 2)), f"--{flag.rpartition('.')[2].replace('_', '-')}"
                values[key] = _parsed(key, value, name) if isinstance(value, str) else value
                origins[key] = name
        try:
            settings = cls.model_validate(_nested(values), strict=True)
        except ValidationError as error:
            raise ConfigurationError(_blame(error, values, origins)) from None
        settings._origins.update(origins)
        return settings

    def origin(self, *key: str) -> str:
        """Where a value came from: a file, a variable, a flag, or 'default'."""
        return self._origins.get(key, "default")

    def in_force(self) -> Iterator[tuple[str, Any, str]]:
        """Every dotted key with its value and origin; of the tables, what was set."""
        for key in type(self).model_fields:
            if key not in TABLES:
                yield key, getattr(self, key), self.origin(key)
        for place, origin in self._origins.items():
            if place[0] in TABLES:
                yield _shown(place), _looked_up(self, place), origin

    def table(self, name: str, kind: type[M]) -> M:
        """A table, `limits` say, as the model that it configures.

        Raises:
            ConfigurationError: A key or value in it is wrong.
        """
        given: dict[str, Any] = getattr(self, name)
        for key in given.keys() - kind.model_fields.keys():
            raise ConfigurationError(_from((name, key), self._origins) + _unknown((name, key), kind))
        try:
            return kind.model_validate({k: None if v == UNBOUNDED else v for k, v in given.items()})
        except ValidationError as error:
            values = {(name, key): value for key, value in given.items()}
            raise ConfigurationError(_blame(error, values, self._origins, above=name)) from None


def load_toml(file: Path, kind: type[M]) -> M:
    """A TOML file as what it describes, an assistant's profile say.

    Raises:
        ConfigurationError: It can't be read, or a key or value in it is wrong.
    """
    data = _read(file)
    try:
        return kind.model_validate(data, strict=True)
    except ValidationError as error:
        raise ConfigurationError(f"{file}: {_misfit(error, data, kind)}") from None


def find_file(environ: Mapping[str, str], folder: Path) -> Path | None:
    """The `agentkit.toml` that counts, if there is one."""
    users = environ.get("XDG_CONFIG_HOME")
    configuration = Path(users) if users else Path(environ.get("HOME") or Path.home()) / ".config"
    for candidate in (folder / FILE, configuration / "agentkit" / FILE):
        if candidate.exists():
            return candidate
    return None


def expanded(path: str | Path) -> Path:
    """A path with the user's home for `~`.

    Unlike `Path.expanduser`, this leaves what names no user as it is: whoever opens it says that it isn't there.
    """
    return Path(os.path.expanduser(path))


def unknown_variables(environ: Mapping[str, str]) -> list[str]:
    """Variables that look like settings but are none: ignored, as other programs may own them."""
    known = {name for _, name, _ in _from_environment(environ)}
    ours = (name for name in environ if name.startswith(PREFIX) and not name.startswith(NOT_SETTINGS))
    return sorted(name for name in ours if name not in known and environ[name])


def _read(file: Path) -> dict[str, Any]:
    try:
        data = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"can't read {file}: {error.strerror}; make it readable or remove it") from None
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{file} is not UTF-8 (byte {error.start}); save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{file} is not TOML: {error}") from None
    except RecursionError:
        raise ConfigurationError(f"{file} is nested too deeply to be read; make it flatter") from None
    for key, value in data.items():
        if _deeper(value, MOST_LEVELS):
            raise ConfigurationError(f"{file}: {key} is nested more than {MOST_LEVELS} levels deep; make it flatter")
    return data


def _deeper(value: object, levels: int) -> bool:
    """Whether tables and lists stand in each other on more than so many levels."""
    if not isinstance(value, dict | list):
        return False
    inner = cast(Collection[object], value.values() if isinstance(value, dict) else value)
    return levels == 0 or any(_deeper(each, levels - 1) for each in inner)


def _flat(data: Mapping[str, Any], origin: str) -> Iterator[tuple[Key, Any]]:
    """A file's values by key: one level below `limits`, two below `tools`."""
    for key, value in data.items():
        if key not in TABLES:
            yield (key,), value
            continue
        for name, inner in _table(value, key, origin).items():
            if key == "limits":
                yield (key, name), inner
            else:
                for option, setting in _table(inner, f"{key}.{name}", origin).items():
                    yield (key, name, option), setting


def _table(value: object, key: str, origin: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ConfigurationError(f"{origin}: {key} = {value!r} must be a table: write [{key}] and its keys below")
    return cast(dict[str, Any], value)


def _nested(values: Mapping[Key, Any]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for (*above, last), value in values.items():
        node = nested
        for part in above:
            node = node.setdefault(part, {})
        node[last] = value
    return nested


def _looked_up(settings: Settings, key: Key) -> Any:
    node = getattr(settings, key[0])
    for part in key[1:]:
        node = node[part]
    return node


def _placed(key: Key, value: Any, folder: Path) -> Any:
    """A path that stands in a file is relative to the file."""
    return folder / expanded(value) if key[0] in PATHS and isinstance(value, str) else value


def _from_environment(environ: Mapping[str, str]) -> Iterator[tuple[Key, str, str]]:
    """Key, variable and text of what the environment sets. An empty variable sets nothing."""
    for name, text in environ.items():
        if not name.startswith(PREFIX) or not text:
            continue
        key = name.removeprefix(PREFIX).lower()
        if key in Settings.model_fields and key not in TABLES:
            yield (key,), name, text
        elif key.startswith("limits_"):
            yield ("limits", key.removeprefix("limits_")), name, text


def _parsed(key: Key, text: str, origin: str) -> Any:
    """A variable's or flag's text as the type of its setting; a tool's settings are for the tool to judge."""
    if key[0] == "tools":
        return text
    if key[0] in PATHS:
        return expanded(text)
    if key[0] == "checks":
        return [name.strip() for name in text.split(",") if name.strip()]
    if key[0] == "limits" and text == UNBOUNDED:
        return text
    annotation: Any = int | float if key[0] == "limits" else Settings.model_fields[key[0]].annotation
    try:
        return TypeAdapter[Any](annotation).validate_strings(text)
    except ValidationError as error:
        raise ConfigurationError(f"{origin}={text!r}: {_said(error)}") from None


def _blame(error: ValidationError, values: Mapping[Key, Any], origins: Mapping[Key, str], *, above: str = "") -> str:
    """The first thing wrong, with its key, its value and where it was set."""
    first = error.errors()[0]
    path = (*([above] if above else []), *map(str, first["loc"]))
    key = next((k for k in values if path[: len(k)] == k), path)
    if first["type"] == "extra_forbidden":
        return _from(key, origins) + _unknown(key, Settings)
    shown = str(values[key]) if isinstance(values.get(key), Path) else repr(values.get(key))
    if origins.get(key, "").startswith("--"):
        return f"{origins[key]} {shown} {_said(error)}"
    return f"{_from(key, origins)}{_shown(key)} = {shown} {_said(error)}"


def _misfit(error: ValidationError, data: Mapping[str, Any], kind: type[BaseModel]) -> str:
    """The first thing wrong with nested data, with its key and value: `refuse[0].topic = 3 should be …`."""
    first = error.errors()[0]
    value: Any = data
    shown = ""
    for part in first["loc"]:
        shown += f"[{part}]" if isinstance(part, int) else f"{'.' if shown else ''}{part}"
        value = value[part] if first["type"] != "missing" or part != first["loc"][-1] else None
    if first["type"] == "extra_forbidden":
        return _unknown((*shown.split(".")[:-1], str(first["loc"][-1])), _kind_at(kind, first["loc"][:-1]))
    if first["type"] == "missing":
        return f"{shown} is missing; add it"
    return f"{shown} = {value!r} {_said(error)}" if shown else _said(error)


def _kind_at(kind: type[BaseModel], place: Sequence[str | int]) -> type[BaseModel]:
    """The model that describes a place in nested data."""
    for part in place:
        if isinstance(part, str):
            annotation = kind.model_fields[part].annotation
            kind = next(
                a for a in (annotation, *get_args(annotation)) if isinstance(a, type) and issubclass(a, BaseModel)
            )
    return kind


def _from(key: Key, origins: Mapping[Key, str]) -> str:
    return f"{origins[key]}: " if key in origins else ""


def _unknown(key: Key, kind: type[BaseModel]) -> str:
    """That there is no such key, and which one may have been meant."""
    names = list(kind.model_fields)
    close = difflib.get_close_matches(key[-1], names, n=1)
    advice = f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(names)}"
    return f"no setting is called {_shown(key)!r}; {advice}"


def _shown(key: Key) -> str:
    return ".".join(key)


def _said(error: ValidationError) -> str:
    """Pydantic's complaint as the end of a sentence."""
    message = error.errors()[0]["msg"].removeprefix("Input ")
    return message[:1].lower() + message[1:]
