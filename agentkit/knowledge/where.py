"""Narrowing a search to some of a corpus: by source, page, heading and, for rows, columns."""

import dataclasses
from collections.abc import Mapping

from agentkit.knowledge.encodable import encodable


@dataclasses.dataclass(frozen=True, kw_only=True)
class Where:
    """What passages must have to be found; what isn't given may be anything."""

    source: str = ""
    """Pattern of the document's path, with `*`, `?` and `[…]`; a `*` also stands for slashes."""
    heading: str = ""
    """Some text of the headings above, in upper or lower case."""
    page: int | None = None
    columns: Mapping[str, str] = dataclasses.field(default_factory=dict[str, str])
    """Of a row, values by column, which is named as in the file; in values, upper and lower case are alike."""

    def __bool__(self) -> bool:
        return self != Where()

    def sql(self) -> tuple[str, list[str | int]]:
        """A condition on chunks and documents, and its parameters."""
        conditions: list[str] = []
        values: list[str | int] = []
        if self.source:
            conditions.append("documents.source GLOB ?")
            values.append(encodable(self.source))
        if self.heading:
            conditions.append("instr(casefold(chunks.heading), ?) > 0")
            values.append(encodable(self.heading).casefold())
        if self.page is not None:
            conditions.append("chunks.page = ?")
            values.append(self.page)
        for name, value in self.columns.items():
            cell = "SELECT 1 FROM json_each(chunks.columns) AS cell WHERE cell.key = ? AND casefold(cell.value) = ?"
            conditions.append(f"EXISTS ({cell})")
            values += [encodable(name), encodable(value).casefold()]
        return " AND ".join(conditions) or "1", values
