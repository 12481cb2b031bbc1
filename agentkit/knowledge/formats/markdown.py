"""Markdown: text whose headings, tables, lists and code the splitter knows."""

from agentkit.knowledge.formats import text
from agentkit.knowledge.formats.content import Content, Section


def read(data: bytes) -> Content:
    """Markdown in any encoding that text may have."""
    decoded, notice = text.decode(data)
    return Content(sections=(Section(text=decoded, markdown=True),), notice=notice)
