"""Makes the documents of the science example: one sheet an element, from the data of mendeleev (MIT).

    pip install --no-deps mendeleev==1.3.0
    python examples/science/make.py

Only the package's database is read; what else it depends on isn't needed.
"""

import sqlite3
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

DOCUMENTS = Path(__file__).parent / "documents"
QUERY = """
SELECT e.*, s.name AS series, p.melting_point, p.boiling_point FROM elements e
LEFT JOIN series s ON s.id = e.series_id
LEFT JOIN phasetransitions p ON p.atomic_number = e.atomic_number AND p.allotrope IS NULL
ORDER BY e.atomic_number
"""


def sheet(row: Any) -> Iterator[str]:
    """The paragraphs of an element's sheet: short sentences, as a small model reads them best."""
    name = row["name"]
    yield f"# {name}"
    weight = f"{row['atomic_weight']:g}"
    numbers = f"the atomic number {row['atomic_number']} and the atomic weight {weight}"
    yield f"{name} has the symbol {row['symbol']}, {numbers}."
    place = f"period {row['period']}" + (f", group {row['group_id']}" if row["group_id"] else "")
    yield f"{name} stands in {place}. It belongs to the series: {row['series'].lower()}."
    if row["density"]:
        yield f"The density of {name.lower()} is {format(row['density'], '.7f').rstrip('0').rstrip('.')} g/cm³."
    if row["melting_point"]:
        yield f"The melting point of {name.lower()} is {row['melting_point']:g} K."
    if row["boiling_point"]:
        yield f"The boiling point of {name.lower()} is {row['boiling_point']:g} K."
    if row["discoverers"]:
        year = f" Year of discovery: {row['discovery_year']}." if row["discovery_year"] else ""
        yield f"{name} was discovered by: {row['discoverers'].rstrip('. ')}.{year}"
    if row["name_origin"]:
        yield f"Origin of the name: {row['name_origin'].rstrip('. ')}."
    if row["uses"]:
        yield f"Uses: {' '.join(row['uses'].split()).rstrip('. ')}."


def main() -> None:
    """Write the sheets."""
    package = find_spec("mendeleev")
    if package is None or package.origin is None:
        sys.exit("mendeleev isn't installed: pip install --no-deps mendeleev==1.3.0")
    database = sqlite3.connect(Path(package.origin).with_name("elements.db"))
    database.row_factory = sqlite3.Row
    for row in database.execute(QUERY).fetchall():
        text = "\n\n".join(sheet(row)) + "\n"
        (DOCUMENTS / f"{row['atomic_number']:03}-{row['name'].lower()}.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
