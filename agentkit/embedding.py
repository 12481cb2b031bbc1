"""The embedder of the catalog, for whoever needs one."""

from agentkit.errors import ConfigurationError
from agentkit.knowledge.embedder import Embedder
from agentkit.models import catalog


def open_embedder(need: str = "searching documents and comparing questions need") -> Embedder:
    """The embedder of the catalog.

    Args:
        need: How the complaint begins that it isn't there.

    Raises:
        ConfigurationError: It isn't on this machine.
    """
    folder = catalog.locate(catalog.EMBEDDER)
    if folder is None:
        raise ConfigurationError(
            f"{need} the embedder {catalog.EMBEDDER}; fetch it: agentkit models pull {catalog.EMBEDDER}"
        )
    return Embedder.load(folder)
