"""How a student is trained: equal recipes on equal lessons give equal weights on equal machines."""

import math
from typing import Literal, Self

from pydantic import BaseModel, Field, model_validator

from agentkit.models.requantize import Format


class Recipe(BaseModel, frozen=True, extra="forbid", allow_inf_nan=False):
    """All that decides what a training run computes, besides lessons, base and machine."""

    method: Literal["lora", "full"] = "lora"
    """Low-rank changes to every linear layer (Hu et al. 2021), or all weights."""
    rank: int = Field(default=64, ge=1)
    alpha: int = Field(default=64, ge=1)
    rate: float = Field(default=1e-3, gt=0)
    """Highest learning rate; 1e-3 suits LoRA, all weights want a tenth or less."""
    warm_up: float = Field(default=0.05, ge=0, lt=1)
    """Share of the steps in which the rate rises; then it falls as a cosine to 0."""
    decay: float = Field(default=0.0, ge=0)
    """Of the weights, a step and unit of rate (Loshchilov and Hutter 2019)."""
    clip: float = Field(default=1.0, gt=0)
    """Longest gradient."""
    epochs: float = Field(default=1.0, gt=0)
    steps: int | None = Field(default=None, ge=1)
    """Steps to take, over as many epochs as it needs; the schedule is planned for them. None takes `epochs`."""
    tokens: int = Field(default=2048, ge=1)
    """Tokens that carry loss in a step, at least: gradients are summed over rows until there are so many."""
    row: int = Field(default=2048, ge=1)
    """Tokens of a packed row. Attention is computed over all of it: longer rows cost more than they save."""
    at_once: int = Field(default=2048, ge=1)
    """Tokens computed at once, padding included: as many as memory allows on a GPU."""
    context: int = Field(default=8192, ge=1)
    """Lessons longer than this are left out."""
    held_out: float = Field(default=0.02, ge=0, lt=1)
    """Share of the tasks that nothing is learned from."""
    validated: int = Field(default=200, ge=1)
    """Held-out lessons that are scored each time, at most."""
    validations: int = Field(default=10, ge=1)
    """Times that they are scored; the best weights are kept."""
    seed: int = Field(default=0, ge=0, lt=2**32)
    bf16: bool = False
    """Multiply in bfloat16."""
    format: Format | None = None
    """Compute with the weights as this number format will round them (quantization-aware training)."""
    checkpointing: bool = False
    """Compute activations twice rather than keep them: half the speed, a fraction of the memory."""
    teacher: str = ""
    """A Hugging Face folder of a model with the same tokenizer, whose distributions are learned as well."""
    weight: float = Field(default=0.5, ge=0, le=1)
    """Of the teacher's distributions in the loss; the rest is the lessons' own tokens."""
    divergence: Literal["forward", "reverse"] = "forward"
    """KL(teacher, student), which covers all that the teacher might write, or KL(student, teacher), which settles on
    what it would most likely write."""
    temperature: float = Field(default=1.0, gt=0)
    """At which distributions are compared, and decisions sampled."""
    on_policy: float = Field(default=0.0, ge=0, le=1)
    """Share of the steps whose decisions the student writes and the teacher scores (Agarwal et al. 2024)."""

    @model_validator(mode="after")
    def _taught(self) -> Self:
        if self.on_policy and not self.teacher:
            raise ValueError("on_policy needs a teacher")
        return self

    def rate_at(self, step: int, steps: int) -> float:
        """The learning rate of a step, of so many."""
        warm = max(1, round(steps * self.warm_up))
        if step < warm:
            return self.rate * (step + 1) / warm
        return self.rate * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))

    def validated_after(self, steps: int) -> frozenset[int]:
        """The steps after which the held-out lessons are scored."""
        return frozenset(round(steps * n / self.validations) for n in range(1, self.validations + 1)) - {0}
