"""The embedder of the catalog and the grounding model on it, for whoever needs them."""

from agentkit.errors import ConfigurationError
from agentkit.knowledge.embedder import Embedder
from agentkit.knowledge.grounding.shipped import ShippedGrounding
from agentkit.knowledge.grounding.weights import SHIPPED
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


def open_grounding() -> list[ShippedGrounding]:
    """The grounding model that ships, as a resource of checks; none where its base, the embedder, isn't here."""
    folder = catalog.locate(catalog.EMBEDDER)
    return [ShippedGrounding(folder)] if folder is not None and SHIPPED.is_file() else []
