"""Teach the smallest model to drive an assistant: your questions, your documents, one adapter.

    pip install 'agentkit[distil,retrieval,evaluate]'
    agentkit models pull smollm2-135m all-minilm-l6-v2
    python examples/distil_assistant.py examples/science --run runs/elements

The folder has the assistant's profile and two files of questions with answers, or marked as not `answerable`:
`taught.jsonl` to learn from, `held_out.jsonl` to be asked before and after. The real loop searches the assistant's
documents for each question to be taught and answers it, citing what it found, or gives up; what passes the checks is a
lesson. Killed, the same command goes on. What it leaves in `--run`:

* `adapter.safetensors`, which `agentkit models add` takes; a profile then says `model = "elements"`.
* `taught.gguf`, the same merged into its base; a profile may name this file instead.
"""

import argparse
import asyncio
import shlex
import sys
from pathlib import Path

from agentkit import AgentkitError, Assistant, load_model
from agentkit.compress.base import open_base
from agentkit.compress.collect import collect
from agentkit.compress.curate import LESSONS, curate
from agentkit.compress.export import export
from agentkit.compress.recipe import Recipe
from agentkit.compress.sources.own import own
from agentkit.compress.train import Conditions, train
from agentkit.evaluate import Comparison, compare, evaluate, load_task
from agentkit.evaluate.comparison import Run

COMMAND = shlex.join(["python", *sys.argv])
"""For the card of what is taught."""


async def distil(folder: Path, run: Path, base: str, recipe: Recipe, minutes: float | None = None) -> Comparison:
    """How an assistant answers held-out questions, before and after a model was taught on the others."""
    taught, held_out = folder / "taught.jsonl", folder / "held_out.jsonl"
    async with Assistant.load(folder / "assistant.toml") as assistant:
        await collect("own", source=own(taught, assistant), run=run)
        lessons = curate(run, evaluation=held_out, shares={"reading": 1.0, "refusal": 1.0})
        conditions = Conditions(out=run, command=COMMAND, licences=lessons.licences, minutes=minutes)
        train(run / LESSONS, open_base(base), recipe, conditions)
        card = export(run, run / "taught.gguf")
        task, runs = load_task(str(held_out), form="text"), list[Run]()
        for name, spec in {"before": base, f"after-{card.steps}": str(run / "taught.gguf")}.items():
            async with await load_model(spec) as model:
                runs.append(await evaluate(task, model, agent=assistant, folder=run / name, resume=True))
    return compare(*runs)


def main() -> None:
    """Read the command line, and tell what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--run", type=Path, default=Path("runs/assistant"), help="names the adapter, too")
    parser.add_argument("--base", default="smollm2-135m+driver", help="a model of the catalog, or a GGUF file")
    parser.add_argument("--steps", type=int, default=60, help="of training, at about seven lessons a step")
    parser.add_argument("--minutes", type=float, help="of training, at most; the same command goes on")
    given = parser.parse_args()
    recipe = Recipe(steps=given.steps, tokens=512)
    try:
        found = asyncio.run(distil(given.folder, given.run, given.base, recipe, given.minutes))
    except AgentkitError as error:
        parser.exit(2, f"{error}\n")
    print(f"{found.n} held-out questions: {found.a.score.value:.0%} right before, {found.b.score.value:.0%} after")


if __name__ == "__main__":
    main()
