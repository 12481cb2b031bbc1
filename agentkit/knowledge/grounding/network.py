"""The grounding model in torch, for training; `scorer` computes the same in numpy."""

import json
import math
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from agentkit.errors import ConfigurationError, MissingExtra
from agentkit.knowledge.encoder import WEIGHTS, Encoding, Tokenizer
from agentkit.knowledge.grounding.scorer import LONGEST
from agentkit.knowledge.grounding.weights import BIAS, DOWN, HEAD, UP


class Network:
    """all-MiniLM-L6-v2 with low-rank changes to every linear layer and a linear head.

    The head reads the state of [CLS], the mean v of the claim's states, and |u - v| and u * v with u the mean of the
    passage's: the features of Reimers and Gurevych (2019, section 3), which start from what the base is good at.
    """

    def __init__(self, folder: Path, *, rank: int, seed: int, bf16: bool = True) -> None:
        try:
            self.torch: Any = import_module("torch")
            transformers: Any = import_module("transformers")
            safetensors: Any = import_module("safetensors.torch")
            tokenizers: Any = import_module("tokenizers")
        except ImportError as error:
            raise MissingExtra(f"training the grounding model ({error.name})", extra="transformers") from None
        torch = self.torch
        try:
            config = transformers.BertConfig(**json.loads((folder / "config.json").read_text(encoding="utf-8")))
            stored = safetensors.load_file(folder / WEIGHTS)
            tokenizer: Any = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
        except Exception as error:  # the native readers raise bare Exceptions for a bad file
            raise ConfigurationError(
                f"can't read the base model in {str(folder)!r} ({error}); fetch it: "
                "agentkit models pull all-minilm-l6-v2"
            ) from None
        tokenizer.no_padding()
        tokenizer.enable_truncation(min(LONGEST, config.max_position_embeddings))
        self.tokenizer = cast(Tokenizer, tokenizer)
        self.bf16 = bf16
        self.bert: Any = transformers.BertModel(config, add_pooling_layer=False)
        self.bert.load_state_dict({name.removeprefix("bert."): t for name, t in stored.items()}, strict=False)
        self.bert.requires_grad_(False)
        torch.manual_seed(seed)
        self.changes: dict[str, Any] = {}
        for name, module in list(self.bert.encoder.named_modules()):
            if isinstance(module, torch.nn.Linear):
                change = low_rank(torch, *module.weight.shape, rank)
                torch.nn.utils.parametrize.register_parametrization(module, "weight", change)
                self.changes[f"encoder.{name}"] = change
        self.head: Any = torch.nn.Linear(4 * config.hidden_size, 1)
        torch.nn.init.zeros_(self.head.bias)
        self.parameters = [*self.head.parameters(), *(p for c in self.changes.values() for p in c.parameters())]
        self.optimizer: Any = torch.optim.AdamW(self.parameters, weight_decay=0.01)

    @property
    def size(self) -> int:
        """How many weights are trained."""
        return sum(p.numel() for p in self.parameters)

    def encode(self, claim: str, passage: str) -> Encoding:
        return self.tokenizer.encode(passage, claim)

    def logits(self, encoded: Sequence[Encoding]) -> Any:
        """One number a pair, above 0 for support."""
        torch = self.torch
        longest = max(len(e.ids) for e in encoded)
        ids = torch.tensor([e.ids + [0] * (longest - len(e.ids)) for e in encoded])
        types = torch.tensor([e.type_ids + [0] * (longest - len(e.ids)) for e in encoded])
        mask = torch.tensor([[1] * len(e.ids) + [0] * (longest - len(e.ids)) for e in encoded])
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.bf16):
            x = self.bert(ids, token_type_ids=types, attention_mask=mask).last_hidden_state
        x = x.float()

        def mean(of: Any) -> Any:
            return (x * of[:, :, None]).sum(1) / of.sum(1, keepdim=True)

        passage, claim = mean(mask * (1 - types)), mean(mask * types)
        return self.head(torch.cat([x[:, 0], claim, (passage - claim).abs(), passage * claim], dim=1))[:, 0]

    def learn(self, encoded: Sequence[Encoding], supported: Sequence[bool], *, rate: float, seed: int) -> float:
        """One step on a batch; returns its loss. The seed is of the dropout, so that any step can be done again."""
        torch = self.torch
        torch.manual_seed(seed)
        self.bert.train()
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        target = torch.tensor([float(s) for s in supported])
        loss = torch.nn.functional.binary_cross_entropy_with_logits(self.logits(encoded), target)
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimizer.step()
        return float(loss.item())

    def scores(self, encoded: Sequence[Encoding], *, batch: int = 32) -> list[float]:
        """The probability of support, a pair each."""
        self.bert.eval()
        order = sorted(range(len(encoded)), key=lambda i: len(encoded[i].ids))
        found = [0.0] * len(encoded)
        with self.torch.no_grad():
            for start in range(0, len(order), batch):
                part = order[start : start + batch]
                for i, logit in zip(part, self.logits([encoded[i] for i in part]).tolist(), strict=True):
                    found[i] = 1 / (1 + math.exp(-logit))
        return found

    def tensors(self) -> dict[str, Any]:
        """What was trained, as arrays by the names of the weights' file."""
        named = {HEAD: self.head.weight, BIAS: self.head.bias}
        for name, change in self.changes.items():
            named |= {name + UP: change.up, name + DOWN: change.down}
        return {name: tensor.detach().numpy().copy() for name, tensor in named.items()}

    def state(self) -> dict[str, Any]:
        """All that the next steps depend on."""
        changes = {name: change.state_dict() for name, change in self.changes.items()}
        return {"head": self.head.state_dict(), "changes": changes, "optimizer": self.optimizer.state_dict()}

    def restore(self, state: dict[str, Any]) -> None:
        self.head.load_state_dict(state["head"])
        for name, change in self.changes.items():
            change.load_state_dict(state["changes"][name])
        self.optimizer.load_state_dict(state["optimizer"])


def low_rank(torch: Any, rows: int, columns: int, rank: int) -> Any:
    """A change of a matrix that starts as none: LoRA (Hu et al. 2021, section 4.1) with alpha equal to the rank."""

    class LowRank(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.up = torch.nn.Parameter(torch.zeros(rows, rank))
            self.down = torch.nn.Parameter(torch.randn(rank, columns) / columns**0.5)

        def forward(self, weight: Any) -> Any:
            return weight + self.up @ self.down

    return LowRank()
