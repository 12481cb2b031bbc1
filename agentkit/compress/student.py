"""The model that learns."""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from agentkit.compress.network import Network, chosen, library, open_model
from agentkit.compress.packing import Row, passes
from agentkit.compress.recipe import Recipe
from agentkit.compress.rounding import Rounding
from agentkit.errors import ConfigurationError
from agentkit.models.adapter import Adapter

Loss = Callable[[Sequence[Row], Any, Any], Any]
"""From the rows, the student's logits at the targets and the targets' ids to their loss, summed."""


class Student(Network):
    """A Hugging Face model of which the recipe's part is trained."""

    def __init__(self, folder: Path, recipe: Recipe, *, device: str = "auto") -> None:
        """Load it.

        Args:
            folder: Configuration and weights; nothing is fetched.
            device: `cpu`, `cuda`, or the best there is.

        Raises:
            ConfigurationError: The folder can't be read.
            MissingExtra: torch, transformers or peft isn't installed.
        """
        torch = library("torch")
        torch.manual_seed(recipe.seed)
        model = open_model(folder)
        if recipe.method == "lora":
            model = low_rank(model, recipe)
        if recipe.checkpointing:
            # The first is the name since transformers 5.23.
            enable = getattr(model, "activation_checkpointing_enable", None) or model.gradient_checkpointing_enable
            enable({"use_reentrant": False})
        super().__init__(model, device=chosen(device), bf16=recipe.bf16)
        self.recipe = recipe
        self.rounding = Rounding(self.model, recipe.format) if recipe.format else None
        self.round_anew()
        self.context = min(recipe.context, int(model.config.max_position_embeddings))
        self.trained: dict[str, Any] = {
            name.replace(".default.", "."): parameter
            for name, parameter in self.model.named_parameters()
            if parameter.requires_grad
        }
        self.optimizer: Any = torch.optim.AdamW(self.trained.values(), lr=recipe.rate, weight_decay=recipe.decay)

    @property
    def size(self) -> int:
        """How many weights are trained."""
        return sum(parameter.numel() for parameter in self.trained.values())

    @property
    def targets(self) -> tuple[str, ...]:
        """The kinds of layers that low-rank changes were added to."""
        return tuple(sorted({name.split(".lora_")[0].rpartition(".")[2] for name in self.trained if ".lora_" in name}))

    def learn(self, rows: Sequence[Row], *, rate: float, loss: Loss | None = None) -> float:
        """Take one step; returns the loss a learned token.

        Args:
            loss: Instead of the cross-entropy of the rows' own tokens.

        Raises:
            ConfigurationError: The loss or its gradient is no finite number; no weight has changed then.
        """
        self.model.train()
        count = sum(len(row.targets) for row in rows)
        total: Any = 0.0  # read at the end: a GPU would have to be waited for
        self.optimizer.zero_grad(set_to_none=True)
        for batch in passes(rows, self.recipe.at_once):
            summed = (loss or self.cross_entropy)(batch, self.logits(batch), self.wanted(batch))
            (summed / count).backward()
            total += summed.detach().double()
        total = float(total)
        length = float(self.torch.nn.utils.clip_grad_norm_(self.trained.values(), self.recipe.clip))
        if not (math.isfinite(total) and math.isfinite(length)):
            raise ConfigurationError(
                f"the loss ({total / count:g}) or its gradient is no finite number any more; begin anew with a --rate "
                f"below {self.recipe.rate:g}"
            )
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()
        self.round_anew()
        return total / count

    def cross_entropy(self, _rows: Sequence[Row], logits: Any, wanted: Any) -> Any:
        """Of the rows' own tokens."""
        return self.torch.nn.functional.cross_entropy(logits, wanted, reduction="sum")

    def score(self, rows: Sequence[Row]) -> tuple[float, dict[str, tuple[int, int]]]:
        """The loss a learned token, and for each kind how many decisions it would take just so, of how many.

        A decision whose every token is the likeliest one after those before it is what greedy decoding writes.
        """
        self.model.eval()
        total, count = 0.0, 0
        taken: dict[str, tuple[int, int]] = {}
        with self.torch.no_grad():
            for batch in passes(rows, self.recipe.at_once):
                logits, wanted = self.logits(batch), self.wanted(batch)
                total += float(self.cross_entropy(batch, logits, wanted))
                count += len(wanted)
                likeliest = iter((logits.argmax(-1) == wanted).tolist())
                for row in batch:
                    wrong = {target.decision for target in row.targets if not next(likeliest)}
                    for decision, kind in enumerate(row.kinds):
                        right, of = taken.get(kind, (0, 0))
                        taken[kind] = right + (decision not in wrong), of + 1
        return total / count, taken

    def write(self, prompts: Sequence[Sequence[int]], *, longest: int, ends: Sequence[int]) -> list[list[int]]:
        """What the student samples after each prompt, at the recipe's temperature, its end of turn included."""
        torch, transformers = self.torch, library("transformers")
        self.model.eval()
        width = max(map(len, prompts))
        ids = torch.tensor([[ends[0]] * (width - len(p)) + list(p) for p in prompts], device=self.device)
        mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts], device=self.device)
        how = transformers.GenerationConfig(
            do_sample=True,
            temperature=self.recipe.temperature,
            top_k=0,
            top_p=1.0,
            max_new_tokens=longest,
            eos_token_id=list(ends),
            pad_token_id=ends[0],
        )
        with torch.no_grad(), self.precision():
            written = self.model.generate(input_ids=ids, attention_mask=mask, generation_config=how)[:, width:]
        return [cut(tokens, ends) for tokens in written.tolist()]

    def tensors(self) -> dict[str, Any]:
        """A copy of what was trained, by name."""
        return {name: parameter.detach().cpu().clone() for name, parameter in self.trained.items()}

    def take_up(self, taught: Adapter) -> None:
        """Go on from an adapter's changes.

        Raises:
            ConfigurationError: The recipe trains others than these.
        """
        card, recipe = taught.card, self.recipe
        if recipe.method != "lora" or (card.rank, card.alpha) != (recipe.rank, recipe.alpha):
            raise ConfigurationError(
                f"{card.name} has changes of rank {card.rank} and alpha {card.alpha}; "
                f"go on from it with --method lora --rank {card.rank} --alpha {card.alpha}"
            )
        if taught.tensors.keys() != self.trained.keys():
            raise ConfigurationError(f"{card.name} changes {', '.join(card.targets)}, not {', '.join(self.targets)}")
        self.put({name: self.torch.tensor(array) for name, array in taught.tensors.items()})

    def put(self, tensors: Mapping[str, Any]) -> None:
        """Set what is trained."""
        with self.torch.no_grad():
            for name, parameter in self.trained.items():
                parameter.copy_(tensors[name])
        self.round_anew()

    def round_anew(self) -> None:
        """Have the rounded weights follow the precise ones, where there are such."""
        if self.rounding:
            self.rounding.refresh()


def cut(tokens: Sequence[int], ends: Sequence[int]) -> list[int]:
    """Up to the first end of turn."""
    return list(tokens[: next((at + 1 for at, token in enumerate(tokens) if token in ends), len(tokens))])


def low_rank(model: Any, recipe: Recipe) -> Any:
    """The model with low-rank changes, which alone are trained, to every linear layer but the output."""
    torch, peft = library("torch"), library("peft")
    if recipe.bf16:
        model = model.to(torch.bfloat16)
    config = peft.LoraConfig(r=recipe.rank, lora_alpha=recipe.alpha, target_modules="all-linear")
    model = peft.inject_adapter_in_model(config, model)
    if recipe.bf16:
        for module in model.modules():
            if hasattr(module, "cast_input_dtype_enabled"):
                module.cast_input_dtype_enabled = False  # to single precision, and back for the product
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()  # small steps would be lost in bfloat16
    return model
