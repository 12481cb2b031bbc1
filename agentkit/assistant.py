"""A domain assistant: a TOML profile that becomes an Agent.

    # assistant.toml
    name = "Element desk"
    purpose = "You tell what the element sheets say."
    corpora = ["documents"]             # folders beside this file, or corpora that `agentkit ingest` has made
    tools = ["retrieval", "calculator"]

    [checks]
    require = ["citations"]             # what no passage supports is withheld

    [[refuse]]
    topic = "making explosives"
    words = ["explosive", "bomb"]
    say = "I don't help with explosives."

Everything that a profile can say is a field of `Profile`. What it says of purpose, style and refusals is told to the
model; refusals don't depend on that (`agentkit.topics`).
"""

import dataclasses
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self, cast

from pydantic import BaseModel, Field, PrivateAttr, field_validator, model_validator

from agentkit.agent import Agent, Approve
from agentkit.checks import OBJECTING, Check, Required, default_checks, load_checks, name_of
from agentkit.checks.citations import similarity_of
from agentkit.embedding import open_embedder, open_grounding
from agentkit.errors import ConfigurationError, CorpusError, MissingExtra, ToolError, UnknownName
from agentkit.knowledge import corpora
from agentkit.knowledge.corpus import Corpus
from agentkit.knowledge.embedder import Embedder
from agentkit.knowledge.joined import JoinedCorpus
from agentkit.limits import Limits
from agentkit.models import catalog
from agentkit.models.model import Model
from agentkit.settings import UNBOUNDED, Settings, expanded, load_toml
from agentkit.tools import Example, Tool, configured, load_tools, reads_documents
from agentkit.topics import Topic, TopicGuard


class Worked(Example, frozen=True, extra="forbid"):
    """A worked example of a tool, from the assistant's field."""

    tool: str


class Strictness(BaseModel, frozen=True, extra="forbid"):
    """What answers are held against besides the checks that ship, which always run."""

    add: list[str] = []
    """Names of further installed checks."""
    require: list[str] = []
    """Names of checks that must support every claim, so not of those that only object; by default any check may."""


class Bounds(Limits, frozen=True, extra="forbid"):
    """The limits of a run, in a file: `"none"` is unbounded, as TOML has no null."""

    @model_validator(mode="before")
    @classmethod
    def _unbounded(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        return {key: None if value == UNBOUNDED else value for key, value in cast(dict[str, Any], given).items()}


class Profile(BaseModel, frozen=True, extra="forbid"):
    """What an assistant is, as its file says."""

    name: str = Field(min_length=1, max_length=60)
    purpose: str = Field(min_length=1, max_length=300)
    """What it is for, told to the model. Short: a small model pays for each word."""
    style: str = Field(default="", max_length=200)
    """How it answers, told to the model."""
    notice: str = Field(default="", max_length=500)
    """Shown to the user before the first question."""
    corpora: list[str] = []
    """What it answers from: folders, relative to the file, or names of corpora."""
    tools: dict[str, dict[str, Any]] = {}
    """Names of its tools, or for each name a table of settings; by default calculator and, with corpora, retrieval."""
    checks: Strictness = Strictness()
    unchecked: bool = False
    """Hand over answers that no check applies to."""
    refuse: list[Topic] = []
    examples: list[Worked] = []
    """They take the place of those that their tool comes with."""
    model: str = ""
    """A catalog name, a path to a GGUF or a folder, or `http(s)://…#model`; empty takes the catalog's default."""
    limits: Bounds = Bounds()

    _origin: list[Path] = PrivateAttr(default_factory=lambda: [Path("assistant.toml").absolute()])

    @field_validator("tools", mode="before")
    @classmethod
    def _names(cls, given: Any) -> Any:
        if not isinstance(given, list):
            return given
        names = cast(list[Any], given)
        tables: dict[Any, Any] = {name: {} for name in names if isinstance(name, str)}
        return tables if len(tables) == len(names) else names

    @classmethod
    def read(cls, file: Path) -> Self:
        """Read a profile.

        Raises:
            ConfigurationError: It can't be read, or a key or value in it is wrong.
        """
        if file.is_dir():
            raise ConfigurationError(f"{file} is a folder; name the profile in it: {file / 'assistant.toml'}")
        if not file.exists():
            raise ConfigurationError(f"there is no profile {file}; check the path")
        profile = load_toml(file, cls)
        profile._origin.append(file.absolute())
        return profile

    @property
    def file(self) -> Path:
        """Where it was read from."""
        return self._origin[-1]

    @property
    def settings(self) -> dict[str, Any]:
        """What it sets of what `agentkit.toml` can set as well."""
        given: dict[str, Any] = {
            "model": self.model,
            "unchecked": self.unchecked,
            "limits": self.limits.model_dump(exclude_unset=True),
            "tools": {name: table for name, table in self.tools.items() if table},
        }
        return {key: value for key, value in given.items() if value}

    def under(self, settings: Settings) -> Self:
        """The same with what the settings in force say, which were loaded with this profile among them."""
        tables = {name: settings.tools.get(name, {}) for name in self.tables}
        add = dict.fromkeys([*self.checks.add, *settings.checks])
        return self.model_copy(
            update={
                "model": settings.model,
                "unchecked": settings.unchecked,
                "limits": settings.table("limits", Bounds),
                "tools": tables,
                "checks": self.checks.model_copy(update={"add": list(add)}),
            }
        )

    @property
    def tables(self) -> dict[str, dict[str, Any]]:
        """For each of its tools, the settings."""
        return self.tools or {**({"retrieval": {}} if self.corpora else {}), "calculator": {}}

    @property
    def instructions(self) -> str:
        """What the model is told of it, one line each."""
        topics = "; ".join(topic.topic for topic in self.refuse)
        lines = [
            f"You are {self.name}. {self.purpose}",
            f"Style: {self.style}" if self.style else "",
            f"Give up on: {topics}" if topics else "",
        ]
        return "\n".join(" ".join(line.split()) for line in lines if line)

    @contextmanager
    def at(self, key: str, value: object) -> Generator[None]:
        """Say which key of the file an error is about."""
        try:
            yield
        except MissingExtra:
            raise
        except (ConfigurationError, CorpusError, ToolError, ValueError) as error:
            raise ConfigurationError(f"{self.file}: {key} = {value!r}: {error}") from None

    def open(self, embedder: Embedder | None = None, *, chroma: str = "") -> list[object]:
        """The corpora, as one, and the embedder that searches and checks need; indexes what is new in folders.

        Raises:
            ConfigurationError: A tool or a check is wrong, which is told before anything is indexed; a corpus is
                missing or has nothing to read, or the embedder isn't on this machine.
        """
        self.open_tools()
        self.open_checks(())
        if not self.corpora and not any(topic.like for topic in self.refuse):
            return [embedder] if embedder else []
        embedder = embedder or open_embedder()
        if not self.corpora:
            return [embedder]
        with ExitStack() as stack:
            names = list(dict.fromkeys(self.corpora))
            opened = [stack.enter_context(self._open(name, embedder, chroma)) for name in names]
            corpus = opened[0] if len(opened) == 1 else JoinedCorpus(opened, names=names)
            stack.pop_all()  # all are there: they stay open
        return [corpus, embedder, *open_grounding()]

    def _open(self, name: str, embedder: Embedder, chroma: str) -> Corpus:
        folder = self.file.parent / expanded(name)
        with self.at("corpora", name):
            if folder.exists() or "/" in name:
                return Corpus.open(folder, embedder=embedder, chroma=chroma)
            if name not in corpora.names():
                raise CorpusError(
                    f"there is neither a folder {folder} nor a corpus of this name; make one of them: "
                    f"agentkit ingest PATH --corpus {name}"
                )
            return Corpus.load(name, embedder=embedder, chroma=chroma)

    def open_tools(self) -> list[Tool]:
        """Its tools with their settings and examples; resources are still to be bound.

        Raises:
            ConfigurationError: A tool, a setting or an example is wrong.
        """
        opened: list[Tool] = []
        for name, table in self.tables.items():
            with self.at("tools", name):
                tool = configured(load_tools([name])[0], table)
                if reads_documents(tool) and not self.corpora:
                    raise ConfigurationError('it reads documents and there are none; add corpora = ["FOLDER"]')
            worked = tuple(example for example in self.examples if example.tool == name)
            for example in worked:
                with self.at("examples", dict(example.arguments)):
                    tool.validate(example.arguments)
            opened.append(dataclasses.replace(tool, examples=worked or tool.examples))
        for example in self.examples:
            if example.tool not in self.tables:
                with self.at("examples", example.tool):
                    raise UnknownName("tool of this assistant", example.tool, self.tables)
        return opened

    def open_checks(self, resources: Sequence[object]) -> list[Check]:
        """The checks that ship and those that it adds; the ones that it requires are stricter.

        Raises:
            ConfigurationError: There is no such check, or one is required that never supports anything.
        """
        with self.at("checks.add", self.checks.add):
            checks = [*default_checks(resources), *load_checks(self.checks.add)]
        supporting = [name for check in checks if (name := name_of(check)) not in OBJECTING]
        for name in self.checks.require:
            with self.at("checks.require", name):
                if name in OBJECTING:
                    told = f"it only objects, so nothing would pass; one can require: {', '.join(supporting)}"
                    raise ConfigurationError(told)
                if name not in supporting:
                    raise UnknownName("check", name, supporting)
        return [Required(c) if name_of(c) in self.checks.require else c for c in checks]


class Assistant(Agent[Any]):
    """An agent as a profile describes it.

        assistant = Assistant.load("examples/science/assistant.toml")
        print(assistant.run("What is the density of iron?").text)

    It is used as any `Agent`. What it refuses ends as `abstained`, with the profile's words as the reason.

    Args:
        model: In the place of the profile's.
        resources: What `Profile.open` gave; a corpus among them is closed with the assistant.
        approve: Asked before a call of a tool that acts on the world.
        record: What else the header of a trace should say.

    Raises:
        ConfigurationError: The profile names what isn't there.
    """

    def __init__(
        self,
        profile: Profile,
        *,
        model: Model | str | None = None,
        resources: Sequence[object] = (),
        seed: int = 0,
        temperature: float = 0.0,
        approve: Approve | None = None,
        record: Mapping[str, Any] | None = None,
    ) -> None:
        self.profile = profile
        self.corpus = next((r for r in resources if isinstance(r, Corpus)), None)
        """What it answers from."""
        super().__init__(
            model or profile.model or catalog.DEFAULT,
            tools=profile.open_tools(),
            resources=resources,
            checks=profile.open_checks(resources),
            limits=profile.limits,
            seed=seed,
            temperature=temperature,
            unchecked=profile.unchecked,
            approve=approve,
            instructions=profile.instructions,
            refuse=TopicGuard(profile.refuse, similarity=similarity_of(resources)) if profile.refuse else None,
            record={
                "assistant": str(profile.file),
                "tools": profile.tables,
                "checks": profile.checks.add,
                **(record or {}),
            },
        )

    @classmethod
    def load(cls, path: str | Path, *, model: Model | str | None = None, embedder: Embedder | None = None) -> Self:
        """The assistant that a profile describes; its folders of documents are indexed where that is to be done.

        Args:
            path: The profile.
            model: In the place of the profile's.
            embedder: In the place of the catalog's.

        Raises:
            ConfigurationError: The profile can't be read, something in it is wrong, or what it names isn't there.
        """
        profile = Profile.read(Path(path))
        return cls(profile, model=model, resources=profile.open(embedder))

    async def aclose(self) -> None:
        """Close the model, if the assistant loaded it, and the corpora."""
        await super().aclose()
        if self.corpus is not None:
            self.corpus.close()
