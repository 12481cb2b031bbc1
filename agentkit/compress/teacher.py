"""Learning a teacher's distributions: over the lessons' tokens, and over what the student itself writes."""

import json
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

from agentkit.compress.examples import Example
from agentkit.compress.network import Network, open_model
from agentkit.compress.packing import Row
from agentkit.compress.student import Student
from agentkit.errors import ConfigurationError

ROOM = 16
"""Tokens that a sampled decision may be longer than the lesson's own."""


class Teacher:
    """A model with the student's tokenizer, which scores what the student reads and writes.

    Kullback-Leibler divergence at the learned tokens, at a temperature T and times its square, so that its gradient
    keeps its size (Hinton et al. 2015, section 2).
    """

    def __init__(self, folder: Path, student: Student, tokens: Path) -> None:
        """Load it.

        Args:
            tokens: Folder of the student's tokenizer.

        Raises:
            ConfigurationError: It can't be read, or its tokenizer is another one.
        """
        same_tokenizer(folder, tokens)
        self.student = student
        self.recipe = student.recipe
        model = open_model(folder).requires_grad_(False).eval()
        if student.bf16:
            model = model.to(student.torch.bfloat16)
        self._network = Network(model, device=student.device, bf16=student.bf16)

    def mixed(self, rows: Sequence[Row], logits: Any, wanted: Any) -> Any:
        """The lessons' own tokens and the teacher's distributions over them."""
        weight = self.recipe.weight
        own = self.student.cross_entropy(rows, logits, wanted)
        return (1 - weight) * own + weight * self.divergence(rows, logits, wanted)

    def divergence(self, rows: Sequence[Row], logits: Any, _wanted: Any = None) -> Any:
        """How far the student's distributions are from the teacher's, summed over the targets."""
        torch, recipe = self.student.torch, self.recipe
        with torch.no_grad():
            taught = self._network.logits(rows)
        known = min(taught.shape[-1], logits.shape[-1])  # vocabularies are padded to different sizes
        one, other = (
            torch.log_softmax(each[:, :known] / recipe.temperature, dim=-1)
            for each in ((taught, logits) if recipe.divergence == "forward" else (logits, taught))
        )
        return (one.exp() * (one - other)).sum() * recipe.temperature**2

    def rewritten(self, examples: Sequence[Example], *, chance: Random, ends: Sequence[int]) -> list[Example]:
        """Each example up to one of its decisions, which the student writes itself, under no grammar."""
        chosen = [chance.choice(example.decisions) for example in examples]
        longest = max(end - start for start, end in chosen) + ROOM
        prompts = [example.ids[:start] for example, (start, _) in zip(examples, chosen, strict=True)]
        written = self.student.write(prompts, longest=longest, ends=ends)
        return [
            Example(
                id=example.id,
                kind=example.kind,
                task=example.task,
                ids=(*prompt, *tokens),
                decisions=((len(prompt), len(prompt) + len(tokens)),),
                opening=example.opening,
            )
            for example, prompt, tokens in zip(examples, prompts, written, strict=True)
        ]


def same_tokenizer(one: Path, other: Path) -> None:
    """Refuse models whose token ids mean different texts.

    Raises:
        ConfigurationError: They differ, or one can't be read.
    """
    if vocabulary(one) != vocabulary(other):
        raise ConfigurationError(
            f"the teacher in {one} has another tokenizer than the student; its distributions can't be learned. "
            "Name a teacher of the same family, or collect lessons from it instead"
        )


def vocabulary(folder: Path) -> dict[str, int]:
    """Each token's id, from the folder's tokenizer.json."""
    try:
        content: Any = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
        return dict(content["model"]["vocab"]) | {t["content"]: t["id"] for t in content.get("added_tokens", ())}
    except (OSError, ValueError, KeyError, TypeError) as error:
        why = error.strerror if isinstance(error, OSError) else type(error).__name__
        raise ConfigurationError(f"can't read {folder / 'tokenizer.json'}: {why}; name a Hugging Face folder") from None
