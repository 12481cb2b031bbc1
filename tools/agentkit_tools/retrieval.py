"""The retrieval tool: passages of the corpus that the agent was given."""

from pydantic import BaseModel, Field

from agentkit.answer import Passage
from agentkit.errors import CorpusError, ToolError
from agentkit.knowledge.corpus import FLOOR, Corpus
from agentkit.tools import Example, Injected, tool


class RetrievalSettings(BaseModel, frozen=True):
    """How much to retrieve, and how far from the query it may be."""

    passages: int = Field(default=2, ge=1, le=20)
    """Passages of one call. A small model reads each at the cost of about a hundred tokens."""
    floor: float = Field(default=FLOOR, ge=-1, le=1.7)
    """Least relevance: cosine to the query plus 0.7 times the share of its words; -1 lets everything pass."""


_YARD = "The lime tree in the school yard is 17 metres tall, the oak 21 metres. Both were planted in 1931."


@tool(
    pure=True,
    examples=[
        Example(
            task="How tall is the oak in the school yard?",
            purpose="height of the oak",
            arguments={"query": "height of the oak in the school yard"},
            result=_YARD,
            source="garden.md > Trees",
            answer="The oak is 21 metres tall.",
        ),
    ],
)
def retrieval(query: str, corpus: Injected[Corpus], settings: Injected[RetrievalSettings]) -> list[Passage]:
    """Look up in the documents what the task does not say: people, prices, sizes, dates, rules.

    Args:
        query: What to look for, in a few words.
    """
    if not query.strip():
        raise ToolError("retrieval: the query is empty", hint="say in a few words what to look for")
    try:
        return corpus.search(query, settings.passages, floor=settings.floor)
    except CorpusError as error:
        raise ToolError(str(error)) from error
