"""How well does closeness to listed questions tell a topic? For the threshold of `agentkit.topics`.

    python tests/benchmarks/calibrate_topics.py METATOOL_QUERIES [--like 5]

The requests of train/metatool_queries are grouped by tool: a tool stands for a topic. Of each, some are listed, others
should be refused; requests of other tools should not, once drawn at random and once those of the tool whose requests
are closest on average, as a topic's neighbour is where it goes wrong.
"""

import argparse
import json
import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from agentkit.knowledge.embedder import Embedder
from agentkit.models import catalog

TOPICS, HELD_OUT = 40, 20


def requests(file: Path) -> dict[str, list[str]]:
    """Those of the tools that have enough."""
    grouped: dict[str, list[str]] = {}
    for line in file.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        grouped.setdefault(row["Tool"], []).append(row["Query"])
    return {tool: queries for tool, queries in grouped.items() if len(queries) >= 2 * HELD_OUT}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--like", type=int, default=5)
    options = parser.parse_args()
    folder = catalog.locate(catalog.EMBEDDER)
    if folder is None:
        raise SystemExit(f"the embedder isn't here: agentkit models pull {catalog.EMBEDDER}")
    draw = random.Random(0)
    grouped = requests(options.file)
    tools = draw.sample(sorted(grouped), TOPICS)
    drawn = {tool: draw.sample(grouped[tool], options.like + HELD_OUT) for tool in tools}
    embedder = Embedder.load(folder)
    rows = {tool: embedder.embed(queries) for tool, queries in drawn.items()}
    own: list[float] = []
    others: list[float] = []
    neighbours: list[float] = []
    for tool in tools:
        listed = rows[tool][: options.like]

        def closest(to: str, listed: np.ndarray = listed) -> Sequence[float]:
            return [float(c) for c in (rows[to][options.like :] @ listed.T).max(axis=1)]

        own += closest(tool)
        rest = [other for other in tools if other != tool]
        neighbour = max(rest, key=lambda other: float(np.mean(closest(other))))
        neighbours += closest(neighbour)
        others += [draw.choice(closest(other)) for other in rest]
    print(
        f"{TOPICS} topics, {options.like} questions listed of each; {len(own)}, {len(others)}, {len(neighbours)} pairs"
    )
    print("threshold  refused of the topic  of others  of its neighbour")
    for threshold in (0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8):
        shares = [sum(c >= threshold for c in found) / len(found) for found in (own, others, neighbours)]
        print(f"{threshold:9.2f}  {shares[0]:20.1%}  {shares[1]:9.1%}  {shares[2]:16.1%}")


if __name__ == "__main__":
    main()
