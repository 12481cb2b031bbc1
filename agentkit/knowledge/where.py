"""Narrowing a search to some of a corpus: by source, page, heading and, for rows, columns."""

import dataclasses
from collections.abc import Mapping


@dataclasses.dataclass(frozen=True, kw_only=True)
class Where:
    """What passages must have to be found; what isn't given may be anything."""

    source: str = ""
    """Pattern of the document's path, with `*`, `?` and `[…]`; a `*` also stands for slashes."""
    heading: str = ""
    """Some text of the headings above, in upper or lower case."""
    page: int | None = None
    columns: Mapping[str, str] = dataclasses.field(default_factory=dict[str, str])
    """Of a row, values by column; upper and lower case are alike."""

    def __bool__(self) -> bool:
        return self != Where()

    def sql(self) -> tuple[str, list[str | int]]:
        """A condition on chunks and documents, and its parameters."""
        conditions: list[str] = []
        values: list[str | int] = []
        if self.source:
            conditions.append("documents.source GLOB ?")
            values.append(self.source)
        if self.heading:
            conditions.append("instr(lower(chunks.heading), lower(?)) > 0")
            values.append(self.heading)
        if self.page is not None:
            conditions.append("chunks.page = ?")
            values.append(self.page)
        for name, value in self.columns.items():
            conditions.append("lower(json_extract(chunks.columns, ?)) = lower(?)")
            values += ['$."' + name.replace('"', "") + '"', value]
        return " AND ".join(conditions) or "1", values
