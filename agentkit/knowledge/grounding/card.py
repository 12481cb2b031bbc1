"""The model card that is written next to the weights."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING

from agentkit.knowledge.grounding.weights import Card

if TYPE_CHECKING:
    from agentkit.knowledge.grounding.train import Recipe

TEMPLATE = """\
# Grounding model

Says how well a passage supports a claim, from 0 to 1. A cross-encoder: all-MiniLM-L6-v2 (Apache-2.0, 22.7 M
parameters) with low-rank changes (LoRA, rank {rank}) to its linear layers and a linear head; {megabytes:.1f} MB in half
precision. Computed by onnxruntime, without torch. English only.

* **For**: the check of citations, which objects to scores below {threshold}: 95 % of supported held-out claims have
  more. From {balanced} on support is likelier than not. Also for ranking passages anew.
* **Not for**: judging whether a claim is true; other languages; decisions about people.
* **Known limits**: a claim is read up to 120 words; a long passage is read in windows of 200 words, so support that is
  spread over more than its best excerpt is missed; sums and dates worked out from a passage aren't in it.

## Training

{commands}

Seed {seed}; the weights are those after step {steps}, the best on held-out pairs. {recipe}. Base SHA-256 {base}.
{pairs} pairs (fingerprint {fingerprint}):

| file | licence |
|---|---|
{data}

From HotpotQA come sentences of its paragraphs, half of them with a planted fault (a number, a name or the roles of two
names swapped, a negation, a sentence of another text), and its questions with right and wrong answers. Supported claims
of FEVER, SNLI, MNLI and SummEdits come a second time with a number, a name or two roles swapped. SQuAD's questions,
with a sentence that answers them and one that doesn't, are no claims: they are for ranking passages, and don't move the
thresholds.

## Scores

Balanced accuracy on held-out pairs of the training data (all in-domain; no passage is on both sides). The thresholds
were calibrated on the same pairs, and they chose among {validations} states of the weights, which flatters a little:

| source | balanced accuracy at {balanced} |
|---|---|
{scores}

For test sets, in and out of domain, with intervals and next to baselines: `tests/benchmarks/results/grounding.md`,
made with `python tests/benchmarks/bench_grounding.py`.
"""


def written(card: Card, recipe: "Recipe", *, size: int) -> str:
    """The text of the model card."""
    fields = card.model_dump(exclude={"data", "scores"})
    return TEMPLATE.format(
        **fields,
        commands="\n".join(f"    {command}" for command in (*card.before, card.command)),
        megabytes=size / 1e6,
        recipe=", ".join(f"{name} {value}" for name, value in asdict(recipe).items() if name not in ("rank", "seed")),
        validations=recipe.validations,
        data=_rows(card.data),
        scores=_rows({name: f"{score:.3f}" for name, score in card.scores.items()}),
    )


def _rows(cells: Mapping[str, str]) -> str:
    return "\n".join(f"| {name} | {value} |" for name, value in cells.items())
