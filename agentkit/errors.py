"""What can go wrong, as one tree.

AgentkitError
├── ConfigurationError      the caller asked for something that can't be: exit code 2, one line
│   ├── MissingExtra        an optional part isn't installed; names the command that installs it
│   ├── UnknownName         no such model, tool, check, tier …; lists the names there are
│   └── DefinitionError     a tool or check is declared in a way that can't work
├── ModelError              a model can't be loaded or stopped answering
│   ├── ContextOverflow     the transcript no longer fits the model's context window
│   ├── EndpointError       a remote endpoint refused, timed out or answered nonsense
│   ├── GrammarError        a grammar doesn't compile: never sent to a model
│   └── DownloadError       weights couldn't be fetched or failed their hash
├── ToolError               a tool failed; becomes an observation with a hint, the run goes on
│   ├── ToolTimeout         … because it ran out of time
│   └── SandboxRefused      … because no tier of the sandbox may or can run the code
├── ExpressionError         an arithmetic expression is malformed, too large or undefined
├── CorpusError             documents can't be read, indexed or searched
└── TraceError              a trace file is damaged, from another version, or differs on replay

Every message names what was wrong, with which value, and what to do.
"""

from collections.abc import Iterable


class AgentkitError(Exception):
    """Base of every error that agentkit raises on purpose."""


class ConfigurationError(AgentkitError):
    """The caller asked for something that can't be."""


class MissingExtra(ConfigurationError):
    """An optional part isn't installed."""

    def __init__(self, what: str, *, extra: str) -> None:
        super().__init__(f"{what} needs the extra '{extra}': pip install 'agentkit[{extra}]'")
        self.what = what
        self.extra = extra


class UnknownName(ConfigurationError):
    """A name that isn't among the known ones."""

    def __init__(self, kind: str, name: str, known: Iterable[str], *, hint: str = "") -> None:
        names = ", ".join(known) or "none"
        super().__init__(f"no {kind} named {name!r}; there are: {names}{'; ' + hint if hint else ''}")


class DefinitionError(ConfigurationError):
    """A tool or check is declared in a way that can't work."""


class ModelError(AgentkitError):
    """A model can't be loaded or stopped answering."""


class ContextOverflow(ModelError):
    """The transcript no longer fits the model's context window."""

    def __init__(self, *, needed: int, context: int) -> None:
        super().__init__(
            f"the transcript needs {needed} tokens but the model's context holds {context}; "
            "shorten the task, retrieve fewer passages or load the model with a larger context"
        )
        self.needed = needed
        self.context = context


class EndpointError(ModelError):
    """A remote endpoint refused, timed out or answered nonsense."""


class GrammarError(ModelError):
    """A grammar doesn't compile."""


class DownloadError(ModelError):
    """Weights couldn't be fetched or failed their hash."""


class ToolError(AgentkitError):
    """A tool failed; the model sees the message and the hint as an observation."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class ToolTimeout(ToolError):
    """A tool ran out of time."""


class SandboxRefused(ToolError):
    """No tier of the sandbox may or can run the code."""


class ExpressionError(AgentkitError):
    """An arithmetic expression is malformed, too large or undefined."""


class CorpusError(AgentkitError):
    """Documents can't be read, indexed or searched."""


class TraceError(AgentkitError):
    """A trace file is damaged, from another version, or differs on replay."""
