"""Makes the documents of the medical example: one a subject, from the NIHSeniorHealth part of MedQuAD (CC BY 4.0).

python examples/medical/make.py ../shared/data/corpora/medquad_sample.jsonl
"""

import json
import re
import sys
from pathlib import Path

SOURCE = "NIHSeniorHealth"
DOCUMENTS = Path(__file__).parent / "documents"


def main(file: Path) -> None:
    """Write the documents; the rows are one JSON object a line."""
    subjects: dict[str, list[dict[str, str]]] = {}
    for line in file.read_text(encoding="utf-8").splitlines():
        row: dict[str, str] = json.loads(line)
        if row["source"] == SOURCE:
            subjects.setdefault(row["focus"], []).append(row)
    for subject, rows in sorted(subjects.items()):
        name = re.sub(r"[^a-z0-9]+", "-", subject.lower()).strip("-")
        parts = [f"# {subject}"]
        for row in sorted(rows, key=lambda row: (row["qtype"], row["doc"])):
            parts += [f"## {row['question'].replace(' ?', '?').replace('??', '?')}", row["answer"].strip()]
        parts.append(f"Source: {rows[0]['url']}")
        (DOCUMENTS / f"{name}.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
