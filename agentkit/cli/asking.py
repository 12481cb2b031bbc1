"""The agent that a file of questions is asked of: an assistant, or the one that `ask` would make of documents."""

from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    from agentkit.agent import Agent
    from agentkit.assistant import Profile
    from agentkit.settings import Settings


def profile_of(assistant: Path | None, given: Mapping[str, object]) -> "Profile | None":
    """The assistant's profile, if one is named.

    Args:
        given: What else was given on the command line, by flag, of what a profile says itself.

    Raises:
        ConfigurationError: Something was, or the profile can't be read.
    """
    if assistant is None:
        return None
    from agentkit.assistant import Profile
    from agentkit.errors import ConfigurationError

    profile = Profile.read(assistant)
    if clash := [flag for flag, value in given.items() if value is not None]:
        raise ConfigurationError(
            f"the profile {profile.file} says what {clash[0]} would; leave it out or edit the profile"
        )
    return profile


@contextmanager
def asked(profile: "Profile | None", settings: "Settings", view: "Console") -> "Generator[Agent[Any]]":
    """The agent with its documents, and with a model in name only: who teaches or measures one brings it."""
    from agentkit.cli import chat
    from agentkit.cli.screen import Screen
    from agentkit.models.scripted import ScriptedModel

    with ExitStack() as stack:
        screen = stack.enter_context(Screen(view=view, out=None))
        if profile:
            make = chat.assisted(profile, settings, screen, stack, yes=False)
        else:
            make = chat.plain(None, settings, screen, stack, yes=False)
        screen.rest()
        yield make(ScriptedModel([]))
